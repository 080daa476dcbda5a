"""What every stage may use: errors, files, the registry, settings, the frozen records, the machine and its arithmetic.

Nothing here knows what a recipe, a run or a network is.
"""
