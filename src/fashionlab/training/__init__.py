"""Training: takes a recipe, gives the folder of a run with weights, logs and a resumable checkpoint.

`session.start` and `session.resume` do everything around the loop, which is `trainer.Trainer.fit`; what a recipe may
ask of it besides its steps is a part (`parts`), and what leaves it goes through `output`.
The test split is sealed while this stage works (`fashionlab.data.seal`).
"""
