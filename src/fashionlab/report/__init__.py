"""Reports: takes finished runs (`evaluation.results.RunResults`), gives figures, HTML pages and model cards.

The only stage that draws. It never trains and never judges: every number on a page is read from the run's records.
"""
