"""fashionlab: from pictures of clothing to a classifier that can be trusted and shipped.

Stages, each a package, pass frozen records (`fashionlab.records`) downwards:

    bytes --data--> PictureSet, Split --augment--> batches --models--> logits
          --training--> Run --evaluation--> Predictions, scores
"""

__version__ = "0.2.0"
