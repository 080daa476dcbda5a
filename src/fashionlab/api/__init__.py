"""The front door: what `import fashionlab as fl` offers, and what every command calls.

Takes names, paths, dictionaries, arrays and PIL pictures, as people have them; gives `Run`, `Classifier`, `Prediction`,
`Comparison` and `StudyResults`. `fashionlab/__init__.py` names what is public and imports it when it is first used.
"""
