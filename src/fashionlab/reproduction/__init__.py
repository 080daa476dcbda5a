"""The reference systems: what their texts claim, what this project measured, and the word for it.

A reference system is a built-in recipe with `expected`. Measurements are JSON files, one a system; those that the
project stands for are committed under results/reproduce/.
"""
