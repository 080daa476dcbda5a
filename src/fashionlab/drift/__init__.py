"""Whether pictures and answers still look like those that the model was made with. Numpy alone.

`monitor.DriftMonitor` takes the monitored figures of each answered picture (`ArtifactClassifier.observe`) and compares
the latest of them with the artifact's reference. `scan` does so for a whole set of pictures, `statistics` compares,
`limits` says from where on a difference is no longer chance.
"""
