"""Forms in which data sets lie on a disk: one file each, which recognises, reads and writes its own.

A service looks here for what a file may be: when they are imported, modules load no more than requirements-serving.txt
lists, and the rest within their functions.
"""

from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts, lone_file, recognise

__all__ = ["FORMATS", "DataFormat", "LoneFile", "Parts", "lone_file", "recognise"]
