"""What the service says of how its model's pictures are prepared."""

from __future__ import annotations

from fashionlab.deploy.artifact import Description
from fashionlab.serve import schema

FASHION_MNIST = "fashion-mnist"  # how all artifacts of before there was a choice are asked
_AS_THEY_ARE = {
    "letterbox": "The whole photo is scaled into {side} pixels, {colour}; what is transparent or stays empty becomes "
                 "{background}.",
    "crop": "The middle of a photo is scaled to {side} pixels, {colour}, and what is over at its longer side cut off; "
            "what is transparent becomes {background}.",
    "squash": "A photo is scaled to {side} pixels, {colour}, whatever its shape; what is transparent becomes "
              "{background}.",
}
_NAMES = {"#000000": "black", "#ffffff": "white"}


def preparation_of(description: Description) -> schema.Preparation:
    """How the model's pictures are prepared, in figures and in words."""
    kept = getattr(description, "preparation", None)
    way = kept.way if kept else FASHION_MNIST
    background = "#" + bytes(kept.background if kept else (0, 0, 0)).hex()
    size, channels = description.image_size, description.channels
    return schema.Preparation(way=way, size=size, channels=channels, background=background,
                              photos=_photos(way, size, channels, background), pixels=_pixels(way, size, channels))


def _photos(way: str, size: int, channels: int, background: str) -> str:
    side = f"{size} x {size}"
    if way == FASHION_MNIST:
        form = "made light on black" if channels == 1 else "kept in its colours"
        return (f"The garment is looked for in a photo, {form}, and fills {side} pixels. One object on a plain "
                "background does best.")
    text = _AS_THEY_ARE[way].format(side=side, colour="grey" if channels == 1 else "in colour",
                                    background=_NAMES.get(background, background))
    return f"{text} Photos like those of training do best."


def _pixels(way: str, size: int, channels: int) -> str:
    shape = " x ".join(map(str, (size, size) if channels == 1 else (channels, size, size)))
    if way == FASHION_MNIST:
        return f"{shape}, " + ("light on black" if channels == 1 else "the object filling the frame")
    return f"{shape}, as bright as in the photo (0 is black, 255 white)"
