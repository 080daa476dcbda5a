"""What a person sees of a training: what the caller hands in, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fashionlab import recipes
from fashionlab.training import session
from fashionlab.training.logs import Epoch
from fashionlab.training.progress import Bar, Lines, Progress, on_stderr

EPOCH = Epoch(epoch=2, train_loss=0.51234, train_accuracy=0.8, val_loss=None, val_accuracy=None, lr=0.05, seconds=2.0,
              images_per_second=12345.0, data_seconds=0.1, pictures=24690)


class Recorder(Progress):
    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def begin(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        self.events.append(("begin", epochs, steps_per_epoch, done))

    def step(self, epoch: int, done: int, loss: float, rate: float) -> None:
        assert loss > 0 and rate > 0
        self.events.append(("step", epoch, done))

    def end_epoch(self, epoch: Epoch) -> None:
        self.events.append(("epoch", epoch.epoch))

    def close(self) -> None:
        self.events.append(("close",))


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_handed_in_sees_every_step_unless_quiet(quiet: bool, toy_data: Path, tmp_path: Path,
                                              capfd: pytest.CaptureFixture[str]) -> None:
    recipe = recipes.load("three-linear", [f"data.dataset={toy_data}", "data.limit=100", "data.validation=100",
                                           "batch_size=50", "epochs=2"])
    options, recorder = session.Options(device="cpu", quiet=quiet), Recorder()
    run = session.start(recipe, tmp_path / "run", options, progress=recorder)
    expected = [("begin", 2, 2, 0), ("step", 1, 1), ("step", 1, 2), ("epoch", 1), ("step", 2, 3), ("step", 2, 4),
                ("epoch", 2), ("close",)]
    assert recorder.events == ([] if quiet else expected)
    again = Recorder()
    session.resume(run.path, None, options, progress=again)
    assert again.events == ([] if quiet else [("begin", 2, 2, 4), ("close",)])
    assert capfd.readouterr() == ("", ""), "by itself a training shows nothing"


@pytest.mark.parametrize("kind", [Lines, Bar])
def test_an_epoch_is_a_line_on_stderr(kind: type[Progress], capsys: pytest.CaptureFixture[str]) -> None:
    shown = kind()
    shown.begin(epochs=3, steps_per_epoch=10, done=10)
    shown.step(2, 11, 0.5, 1000.0)
    shown.end_epoch(EPOCH)
    shown.say("a line")
    shown.close()
    captured = capsys.readouterr()
    words = [" ".join(line.split()) for line in captured.err.splitlines()]
    line = "epoch 2/3 loss 0.5123 train 80.00% val - lr 0.05 2.0 s 12,345 pictures/s"
    assert line in " ".join(words) and "a line" in words
    assert captured.out == ""


def test_a_bar_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, kind in ((True, Bar), (False, Lines)):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal, raising=False)
        assert type(on_stderr()) is kind
