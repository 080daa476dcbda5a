"""What a data set may hold by mistake: class names that are spelled alike, pictures that are nearly black."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from fashionlab.common.mapped import release, rows_at_once
from fashionlab.common.records import PictureSet

_DARK = 32  # of 255: the brightest value of pictures that have another scale, such as 0 to 16, or are masks


def doubts(pictures: PictureSet) -> list[str]:
    """Sentences; empty where there is nothing to ask about."""
    return [*_alike(pictures.classes), *_nearly_black(pictures.images)]


def _alike(classes: Sequence[str]) -> list[str]:
    spelled = defaultdict[str, list[str]](list)
    for name in classes:
        spelled[_letters(name)].append(name)
    return [f"classes {' and '.join(f'“{name}”' for name in names)} are spelled alike: if they are one, give them one "
            "name" for names in spelled.values() if len(names) > 1]


def _letters(name: str) -> str:
    """Without what people and systems write in different ways: case, composed accents, spaces, hyphens. A name that
    has no letter or digit is itself."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_-]+", "", plain) if any(one.isalnum() for one in plain) else name


def _nearly_black(images: np.ndarray) -> list[str]:
    """images: uint8 [N, C, H, W]. Looked at until one is bright."""
    brightest, step = 0, rows_at_once(images)
    for start in range(0, len(images), step):
        brightest = max(brightest, int(images[start : start + step].max()))
        release(images)
        if brightest >= _DARK:
            return []
    return [f"no pixel is brighter than {brightest} of 255: if {brightest} stands for white, scale the pictures to 0 "
            "to 255, or other pictures are not seen as these are"]
