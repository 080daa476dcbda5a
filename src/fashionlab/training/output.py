"""What leaves a training: the files of its run, and progress."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from fashionlab.recipes import Recipe
from fashionlab.runs.checkpoint import save_checkpoint
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.weights import save_weights
from fashionlab.training.logs import Epoch, TensorBoard, write_history
from fashionlab.training.progress import Progress


class Output:
    """That of every process but the first: nothing is written, nothing is shown."""

    def __init__(self) -> None:
        self.progress = Progress()

    def begin(self, epochs: int, steps_per_epoch: int, step: int) -> None:
        """Before the first step. step: steps of earlier sessions."""

    def status(self, state: str, **details: Any) -> None:
        """How the run stands (`RunFolder.set_status`)."""

    def weights(self, kind: str, state: dict[str, Tensor]) -> None:
        """A state dict for `RunFolder.weights(kind)`."""

    def checkpoint(self, recipe: Recipe, state: dict[str, Any]) -> None:
        """Where training stands (`Trainer.state_dict`)."""

    def end_epoch(self, epoch: Epoch) -> None:
        """A finished epoch, after its checkpoint."""

    def metrics(self, summary: Metrics) -> None:
        """The training's part of metrics.json."""

    def close(self) -> None:
        """Training ended, however it did."""


class RunOutput(Output):
    """The first process's: the folder of a run, and what is handed in to show progress."""

    def __init__(self, run: RunFolder, progress: Progress) -> None:
        self.run, self.progress = run, progress
        self._board: TensorBoard | None = None

    def begin(self, epochs: int, steps_per_epoch: int, step: int) -> None:
        self._board = TensorBoard(self.run, step // steps_per_epoch + 1)
        self.progress.begin(epochs, steps_per_epoch, step)

    def status(self, state: str, **details: Any) -> None:
        self.run.set_status(state, **details)

    def weights(self, kind: str, state: dict[str, Tensor]) -> None:
        save_weights(state, self.run.weights(kind))

    def checkpoint(self, recipe: Recipe, state: dict[str, Any]) -> None:
        write_history(self.run, state["history"])
        save_checkpoint(self.run.last, recipe, state)

    def end_epoch(self, epoch: Epoch) -> None:
        if self._board:
            self._board.add(epoch)
        self.progress.end_epoch(epoch)

    def metrics(self, summary: Metrics) -> None:
        # A resume that had nothing left to do leaves what was found out about the weights.
        further = not self.run.metrics.exists() or getattr(self.run.read_metrics(), "steps", None) != summary.steps
        self.run.update_metrics(summary, anew=further)

    def close(self) -> None:
        if self._board:
            self._board.close()
        self.progress.close()
