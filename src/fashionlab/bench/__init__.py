"""What the project claims about speed: our way beside the plain way, in alternating rounds of one process.

Takes nothing; gives a plain dictionary with both sides' figures and `ratio`. The plain ways live here too, so that an
installed package can be measured against them; `benchmarks/` holds the scripts that write `results/`.
"""
