"""The ways from a decoded picture to what a network sees, one file each."""

from fashionlab.preparation.ways.base import WAYS, Way

__all__ = ["WAYS", "Way"]
