"""From a run to something that can be shipped, and back to answers.

`export` takes the folder of a run and gives an artifact: a folder or a zip with the network as a graph, what turns its
logits into probabilities, sets and warnings, a reference for drift, the model card, and a sum of every file.
`opening.open_classifier` takes a run, an artifact or the bundled model's name and answers pictures.

What answering needs (`artifact`, `classifier`, `reference`, `rules`, `session`) is numpy and ONNX Runtime: neither
torch nor scipy nor scikit-learn is imported there, so that a service starts at once and stays small.
"""
