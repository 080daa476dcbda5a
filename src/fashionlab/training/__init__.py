"""Training: takes a recipe, gives the folder of a run with weights, logs and a resumable checkpoint.

`session.start` and `session.resume` do everything around the loop, which is `trainer.Trainer.fit`.
The test split is sealed while this stage works (`fashionlab.data.seal`).
"""
