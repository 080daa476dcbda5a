"""From a file to pixels, one way for all: training, evaluation, predictions, the service and the pages.

Takes a picture file, its bytes, or a decoded picture, and a `Preparation`: a part of the model, chosen when its
training starts (`choose`). Gives uint8 [channels, size, size]. numpy and Pillow only.

`files` opens whatever Pillow reads, safely; `ways` has one file a way; `garment` finds the garment in a photo.
"""

from fashionlab.preparation.choose import PictureFacts, choose, in_words
from fashionlab.preparation.prepare import Preparations, prepare, prepare_array, prepare_arrays
from fashionlab.preparation.ways import WAYS

__all__ = ["WAYS", "PictureFacts", "Preparations", "choose", "in_words", "prepare", "prepare_array", "prepare_arrays"]
