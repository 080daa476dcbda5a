"""A model that answers pictures: an artifact, the bundled model, or the network of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fashionlab.api.pictures import Pictures, inputs_of
from fashionlab.common.arguments import PathLike, as_optional_path, as_path, as_text, check_count
from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.progress import progress
from fashionlab.common.records import LeftOut
from fashionlab.deploy.artifact import Artifact
from fashionlab.deploy.artifact_classifier import ArtifactClassifier
from fashionlab.deploy.inputs import Input, Unreadable, note_left_out
from fashionlab.deploy.opening import open_classifier
from fashionlab.deploy.predict import predict
from fashionlab.deploy.prediction import Prediction

TOP = 3


class Classifier:
    """Answers pictures, with calibrated probabilities, prediction sets and warnings of pictures unlike the training's.

    source: a run's folder, an artifact's folder or zip, or "default", the bundled model. threads: None for one a usable
    core. Raises DataError when there is nothing there, or something broken.
    """

    def __init__(self, source: PathLike, threads: int | None = None) -> None:
        self.source = as_text(source, "source")
        if threads is not None:
            check_count(threads, "threads")
        self._model = open_classifier(self.source, threads)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names in label order."""
        return self._model.classes

    @property
    def channels(self) -> int:
        """1 for grey pictures, 3 for colour."""
        return self._model.channels

    @property
    def image_size(self) -> int:
        """The side in pixels of the pictures that the network sees."""
        return self._model.image_size

    @property
    def artifact(self) -> Artifact | None:
        """What was exported; None for a run."""
        return self._model.artifact if isinstance(self._model, ArtifactClassifier) else None

    def predict(self, pictures: Pictures, *, top: int | None = None) -> list[Prediction]:
        """One Prediction a picture, in order.

        pictures: one or several of: a file, a folder, a pattern, an IDX, CSV or NPZ set; a uint8 array [H, W],
        [H, W, 3], [N, H, W], [N, H, W, 3] or [N, C, H, W]; a PIL picture. Arrays of exactly the network's size and
        channels are taken as they are; everything else is prepared as a photo. top: how many classes each lists,
        by default three, or two where there are no more.

        Raises DataError that names every picture which cannot be read, and UsageError for a wrong `top`.
        """
        answers = list(self.stream(pictures, top=top))
        unreadable = [one for one in answers if isinstance(one, Unreadable)]
        if unreadable:
            raise DataError("\n".join(f"{one.file}: {one.reason}" for one in unreadable))
        return [one for one in answers if isinstance(one, Prediction)]

    def stream(self, pictures: Pictures, *, top: int | None = None, quiet: bool = True
               ) -> Iterator[Prediction | Unreadable]:
        """As `predict`, each answer as soon as it is there, and Unreadable (file, reason) for what cannot be read.

        quiet: neither progress nor what is no picture on stderr.
        """
        top = min(TOP, len(self.classes)) if top is None else top
        if top not in range(1, len(self.classes) + 1):
            raise UsageError(f"top {top!r}: expected 1 to {len(self.classes)}, the number of the model's classes")
        left_out: list[LeftOut] = []
        inputs = inputs_of(pictures, left_out)
        if not quiet:
            note_left_out(left_out)
        return self._stream(inputs, top, quiet)

    def _stream(self, inputs: list[Input], top: int, quiet: bool) -> Iterator[Prediction | Unreadable]:
        if quiet:
            yield from predict(self._model, inputs, top)
            return
        with progress("looking at pictures", len(inputs)) as advance:
            yield from predict(self._model, inputs, top, advance)

    def web_page(self, target: PathLike, *, runtime: PathLike | None = None) -> Path:
        """Write a folder with a page that answers pictures in the browser, which any server of files can offer.

        target: a folder, or a file that ends in .zip; what is there is replaced if it is such a folder or an artifact.
        runtime: npm's package onnxruntime-web, where it cannot be fetched. Raises UsageError for a run, which has to
        be exported first, and for what browsers cannot answer with, DataError where the runtime is not to be had.
        """
        from fashionlab.deploy.export import check_target
        from fashionlab.deploy.web import write_page

        if not isinstance(self._model, ArtifactClassifier):
            raise UsageError(f"{self.source} is a run; make an artifact of it first: `fashionlab export {self.source}`")
        folder = as_path(target, "target")
        check_target(folder)
        write_page(self._model, folder, as_optional_path(runtime, "runtime"))
        return folder

    def __repr__(self) -> str:
        return f"Classifier({self.source!r}, {len(self.classes)} classes)"
