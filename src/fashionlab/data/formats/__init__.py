"""Forms in which data sets lie on a disk: one file each, which recognises, reads and writes its own.

Free of torch: a service looks here for what a file may be.
"""

from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts, lone_file, recognise

__all__ = ["FORMATS", "DataFormat", "LoneFile", "Parts", "lone_file", "recognise"]
