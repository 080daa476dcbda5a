"""Runs: takes the folder of a run, gives what is in it, and the trained network to be asked.

`folder` knows where everything is, `metrics` is the record that metrics.json holds, `results` reads both, `held_out`
opens the test split and `readings` records that, `checkpoint` and `weights` hold what training leaves, `model` builds
the network again, `predict` and `features` ask it about pictures. Nothing here trains or judges.
"""
