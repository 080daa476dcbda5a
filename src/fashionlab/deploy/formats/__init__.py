"""Forms in which a network is exported: one file each, which names, makes and opens its own.

Importing them loads neither torch nor onnx: reading an artifact looks here for the names of its files.
"""

from fashionlab.deploy.formats.base import BASE, FORMATS, GraphFormat

__all__ = ["BASE", "FORMATS", "GraphFormat"]
