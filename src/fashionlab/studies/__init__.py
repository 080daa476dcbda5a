"""Studies: takes a declared question (arms x seeds), trains the runs that are missing, gives a verdict for each arm.

`statistics` needs numpy, scipy and statsmodels alone; it knows nothing of runs.
"""
