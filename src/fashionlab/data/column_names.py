"""What the columns of tables are usually called."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fashionlab.common.naming import some_of

_SHOWN = 12
LABEL = frozenset({
    "label", "labels", "class", "classes", "classname", "classlabel", "classid", "labelname", "labelid", "labeltext",
    "category", "categoryname", "categoryid", "categorylabel", "target", "targets", "y", "groundtruth"})
INDEX = frozenset({"", "index", "idx", "id", "row", "rowid", "no", "nr", "number", "unnamed"})


def normal(name: str) -> str:
    """A column's name without case, spaces, signs and digits that spell it: "Image_ID" and "imageId" are one."""
    return re.sub(r"[^\w]|_", "", name.casefold())


def listed(names: Iterable[str]) -> str:
    """Names of columns in a message, not all of hundreds and none at length."""
    return some_of([repr(name[:40]) for name in names], _SHOWN)


# The better a name says that it is a file's, the earlier its set.
FILE: tuple[frozenset[str], ...] = (
    frozenset({"file", "files", "filename", "filenames", "filepath", "filepaths", "path", "paths", "imagepath",
               "imgpath", "imagefile", "imgfile", "imagefilename", "imagefilepath", "picturepath", "picturefile",
               "photopath", "photofile", "relativepath", "relpath"}),
    frozenset({"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "imagename", "imgname",
               "picturename", "photoname", "imageid", "imgid", "pictureid", "photoid"}),
    frozenset({"id", "name", "productid", "itemid", "sku", "uuid"}),
)
# Columns of catalogues that are classes where none is called a label.
CLASS_LIKE = frozenset({"articletype", "producttype", "mastercategory", "subcategory", "maincategory", "type", "kind",
                        "tag", "tags", "garment", "garmenttype", "species", "breed", "emotion", "style"})
NO_LABEL = frozenset({"url", "link", "md5", "sha1", "sha256", "hash", "caption", "text", "description", "title",
                      "comment", "width", "height", "size", "bbox", "source", "license", "author", "date"})
SPLIT = frozenset({"split", "splits", "part", "set", "subset", "partition", "usage", "phase", "datasplit", "splitname",
                   "setname", "traintest"})
