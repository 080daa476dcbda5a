"""What the columns of tables are usually called."""

from __future__ import annotations

import re

LABEL = frozenset({
    "label", "labels", "class", "classes", "classname", "classlabel", "classid", "labelname", "labelid", "labeltext",
    "category", "categoryname", "categoryid", "categorylabel", "target", "targets", "y", "groundtruth"})
INDEX = frozenset({"", "index", "idx", "id", "row", "rowid", "no", "nr", "number", "unnamed"})


def normal(name: str) -> str:
    """A column's name without case, spaces, signs and digits that spell it: "Image_ID" and "imageId" are one."""
    return re.sub(r"[^\w]|_", "", name.casefold())
