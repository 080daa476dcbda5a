"""Transfer learning: what learns when and how fast, frozen statistics, cached features, and resuming between phases."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from fashionlab import models, recipes
from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.data import ResidentPictures
from fashionlab.models.backbone import Backbone
from fashionlab.optimizers import build_optimizer
from fashionlab.recipes import Recipe
from fashionlab.runs.checkpoint import read_checkpoint
from fashionlab.runs.folder import ModelSpec, RunFolder
from fashionlab.runs.model import load_model
from fashionlab.runs.weights import load_weights
from fashionlab.training import session
from fashionlab.training.callbacks import Callbacks
from fashionlab.training.distributed import World
from fashionlab.training.inputs import CachedFeatures
from fashionlab.training.logs import Epoch
from fashionlab.training.output import RunOutput
from fashionlab.training.progress import Progress
from fashionlab.training.signals import StopRequest
from fashionlab.training.trainer import Trainer
from fashionlab.training.transfer import HeadOfFeatures, distances_from_head, lr_scales, phases
from toys import toy_pictures

# The network itself is a much smaller one of the same family, which timm keeps for tests.
BASE = ["model={name: efficientnet-lite0, dropout: 0.0}", "data={validation: 20, normalise: half}", "batch_size=20",
        "epochs=2", "optimizer={name: sgd, lr: 0.01, momentum: 0.9}", "precision=float32"]
TWO_PHASES = "transfer={head_epochs: 1, head_lr: 0.1}"
HEAD = {"network.classifier.weight", "network.classifier.bias"}


def recipe_of(*overrides: str) -> Recipe:
    return recipes.load("three-linear", [*BASE, *overrides])


def trainer_of(*overrides: str, uneven: bool = False) -> Trainer:
    """A trainer of a tiny EfficientNet on 40 pictures, 20 held out. uneven: of three classes, half of one of them."""
    recipe = recipe_of(*overrides)
    pictures, labels = toy_pictures(60, seed=5)
    labels = labels % 4 % 3 if uneven else labels
    cpu = torch.device("cpu")
    train, validation = (ResidentPictures(torch.from_numpy(pictures[part])[:, None],
                                          torch.from_numpy(labels[part]).long(), cpu)
                         for part in (slice(40), slice(40, 60)))
    spec = ModelSpec(recipe.model.name, recipe.model.arguments, tuple("0123456789"), 1, 28, (0.5,), (0.5,), 1)
    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet", num_classes=10, drop_rate=recipe.model.arguments["dropout"])
    model = Backbone(network, repeat=3, resize=None).to(memory_format=torch.channels_last)
    return Trainer(recipe, model, train, validation, spec, runtime.choose("cpu", "float32", threads=1), World())


class Watcher(Progress):
    """A progress that keeps the weights and the checkpoint of every epoch, and can ask to stop after a step."""

    def __init__(self, trainer: Trainer, run: RunFolder, stop_after: int | None = None) -> None:
        self.trainer, self.run, self.stop_after = trainer, run, stop_after
        self.stop = StopRequest()
        self.weights = [_copy(trainer.model)]
        self.checkpoints: list[Path] = []

    def step(self, epoch: int, done: int, loss: float, rate: float) -> None:
        if done == self.stop_after:
            self.stop.signal_number = signal.SIGTERM

    def end_epoch(self, epoch: Epoch) -> None:
        self.weights.append(_copy(self.trainer.model))
        self.checkpoints.append(self.run.path / f"{epoch.epoch}.pt")
        shutil.copy(self.run.last, self.checkpoints[-1])


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def fit(trainer: Trainer, folder: Path, stop_after: int | None = None) -> Watcher:
    watcher = Watcher(trainer, RunFolder(folder), stop_after)
    trainer.fit(RunOutput(RunFolder(folder), watcher), watcher.stop)
    return watcher


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_head_learns_first_then_everything_but_the_statistics(tmp_path: Path) -> None:
    trainer = trainer_of(TWO_PHASES)
    first, second, third = fit(trainer, tmp_path).weights
    assert changed(first, second) == HEAD
    parameters = {name for name, _ in trainer.model.named_parameters()}
    assert changed(second, third) == parameters
    assert [epoch.lr for epoch in trainer.history] == pytest.approx([0.1, 0.01])


def test_statistics_move_if_they_may(tmp_path: Path) -> None:
    trainer = trainer_of("transfer={head_epochs: 1, freeze_batch_norm: false}")
    first, second, third = fit(trainer, tmp_path).weights
    assert changed(first, second) == HEAD, "a frozen backbone keeps its statistics all the same"
    assert changed(second, third) == set(first)


def test_only_the_last_layers_are_fine_tuned(tmp_path: Path) -> None:
    trainer = trainer_of("transfer={last_layers: 1, freeze_batch_norm: false}", "epochs=1")
    before, after = fit(trainer, tmp_path).weights
    last = tuple(f"network.{layer}" for layer in ("blocks.4.0", "conv_head", "bn2", "classifier"))
    assert changed(before, after) == {name for name in before if name.startswith(last)}


def test_depthwise_convolutions_may_stay(tmp_path: Path) -> None:
    trainer = trainer_of("transfer={freeze_depthwise: true}", "epochs=1")
    before, after = fit(trainer, tmp_path).weights
    kept = {name for name in before if "conv_dw" in name}
    for name in list(kept):  # and the normalisation behind each
        block = name.removesuffix("conv_dw.weight")
        norm = block + ("bn2" if f"{block}conv_pwl.weight" in before else "bn1")
        kept |= {f"{norm}.weight", f"{norm}.bias"}
    parameters = {name for name, _ in trainer.model.named_parameters()}
    assert kept and changed(before, after) == parameters - kept


@pytest.mark.parametrize("frozen", [True, False])
def test_the_twin_that_computes_gradients_has_the_weights_of_the_model(frozen: bool) -> None:
    trainer = trainer_of(f"transfer={{head_epochs: 0, freeze_batch_norm: {str(frozen).lower()}}}")
    assert (trainer.wrapped is not trainer.model) == frozen, "statistics that move are no part of the weights"
    assert {id(one) for one in trainer.wrapped.parameters()} == {id(one) for one in trainer.model.parameters()}


def test_without_transfer_a_models_own_frozen_weights_are_its_own_business() -> None:
    recipe = recipes.load("quick")
    model = models.build("fast", classes=10, channels=1, image_size=28, **recipe.model.arguments)
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    (phase,) = phases(recipe, model)
    phase.begin()
    assert frozen and frozen == [name for name, p in model.named_parameters() if not p.requires_grad]
    assert (phase.start, phase.end, phase.lr_factor, phase.fixed) == (0, recipe.epochs, 1.0, ())


def test_every_phase_goes_through_the_schedule_once(tmp_path: Path) -> None:
    trainer = trainer_of("transfer={head_epochs: 2, head_lr: 0.1}", "epochs=4", "schedule={name: linear, final: 0}",
                         "data.validation=0")
    rates = []
    for epoch in range(4):
        trainer.position.epoch, trainer.position.step = epoch, 2 * epoch
        if epoch == trainer.phase.end:
            trainer._begin_phase()
        for step in (0, 1):
            rates.append(trainer.schedule.apply(trainer.optimizer, 2 * epoch + step - 2 * trainer.phase.start))
    assert rates == pytest.approx([0.1, 0.075, 0.05, 0.025, 0.01, 0.0075, 0.005, 0.0025])


def test_early_stopping_waits_for_the_last_phase(tmp_path: Path) -> None:
    patience = "early_stopping={metric: val_loss, patience: 1, min_delta: 1000}"  # nothing is an improvement
    trainer = trainer_of("transfer={head_epochs: 2}", "epochs=5", patience, "optimizer.lr=1e-9")
    fit(trainer, tmp_path)
    assert len(trainer.history) == 4, "two epochs of the head, the first of fine-tuning, and one that is no better"


# The distance from the head, by hand: the network is a stem, five blocks, a last convolution that timm counts with the
# block before it, and the head.
TINY = {"classifier.bias": 0, "conv_head.weight": 1, "bn2.weight": 1, "blocks.4.0.conv_pwl.weight": 1,
        "blocks.3.0.se.conv_reduce.bias": 2, "blocks.2.0.conv_exp.weight": 3, "blocks.0.0.conv.weight": 5,
        "conv_stem.weight": 6, "bn1.weight": 6}
# EfficientNet-Lite0 has 1, 2, 2, 3, 3, 4 and 1 blocks in its stages.
LITE0 = {"classifier.weight": 0, "conv_head.weight": 1, "bn2.bias": 1, "blocks.6.0.conv_pwl.weight": 1,
         "blocks.5.3.conv_dw.weight": 2, "blocks.5.0.conv_pw.weight": 5, "blocks.4.0.bn1.weight": 8,
         "blocks.1.0.conv_pw.weight": 15, "blocks.0.0.conv_dw.weight": 16, "conv_stem.weight": 17, "bn1.weight": 17}


def test_rates_fall_from_layer_to_layer() -> None:
    recipe = recipe_of("transfer={layer_decay: 0.5}", "optimizer.weight_decay=0.1")
    model = models.build("efficientnet-lite0", classes=10, channels=1, image_size=28)
    optimizer = build_optimizer(recipe.optimizer, model, lr_scales(recipe, model))
    rates = {parameter: (group["lr"], group["weight_decay"])
             for group in optimizer.param_groups for parameter in group["params"]}
    assert set(rates) == set(model.parameters())
    for name, distance in LITE0.items():
        assert rates[model.get_parameter(f"network.{name}")] == pytest.approx((0.01 * 0.5**distance, 0.1)), name
    assert optimizer.param_groups[0]["lr"] == 0.01, "the rate that is logged is the head's"


def test_a_step_moves_each_weight_by_its_own_rate(tmp_path: Path) -> None:
    moves = []
    for decay in (1.0, 0.5):
        trainer = trainer_of(f"transfer={{layer_decay: {decay}}}", "batch_size=40", "epochs=1", "optimizer.lr=0.1")
        before, after = fit(trainer, tmp_path / str(decay)).weights
        moves.append({name: after[name] - before[name] for name in before})
    for name, distance in TINY.items():
        expected = moves[0][f"network.{name}"] * 0.5**distance
        assert expected.abs().max() > 0
        torch.testing.assert_close(moves[1][f"network.{name}"], expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("name", "farthest"), [("mobilenetv2", 19), ("efficientnet-b0", 18), ("resnet50v2", 18)])
def test_every_backbone_has_layers_and_a_head_of_features(name: str, farthest: int) -> None:
    with torch.device("meta"):
        model = models.build(name, classes=7, channels=1, image_size=28)
    assert isinstance(model, Backbone)
    distances = distances_from_head(model)
    assert set(distances) == set(model.parameters())
    assert sorted(set(distances.values())) == list(range(farthest))
    head = {parameter for parameter, distance in distances.items() if distance == 0}
    assert head == set(model.network.get_classifier().parameters())  # type: ignore[operator]
    width: Any = model.network.num_features
    assert HeadOfFeatures(model)(torch.zeros(2, width, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("evened_out", [[], ["loss.class_weights=balanced"], ["data.sampler=balanced"]])
def test_cached_features_teach_the_head_the_same(evened_out: list[str], tmp_path: Path) -> None:
    alone = ["transfer={head_epochs: 2}", "epochs=2", "optimizer.lr=0.3", *evened_out]
    plain, cached = (trainer_of(*alone, *how, uneven=bool(evened_out)) for how in
                     ([], ["transfer.cache_features=true"]))
    start = _copy(plain.model)
    fit(plain, tmp_path / "plain")
    fit(cached, tmp_path / "cached")
    for name in start:
        ours, theirs = cached.model.state_dict()[name], plain.model.state_dict()[name]
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert changed(start, cached.model.state_dict()) == HEAD
    for key in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
        ours, theirs = ([epoch.row()[key] for epoch in one.history] for one in (cached, plain))
        assert ours == pytest.approx(theirs, rel=1e-4)


EVERYTHING = ["transfer={head_epochs: 1, head_lr: 0.03, layer_decay: 0.7}", "model.dropout=0.2", "epochs=3",
              "optimizer={name: adamw, lr: 0.01}",
              "schedule={name: plateau, patience: 0, threshold: 1000}", "averaging={name: ema, decay: 0.5}",
              "augment=[{name: flip}]", "early_stopping={patience: 5}"]
CACHED = ["transfer={head_epochs: 3, cache_features: true}", "model.dropout=0.2", "epochs=3",
          "averaging={name: lookahead, every: 1}"]


@pytest.mark.parametrize(("overrides", "stop_after"), [(EVERYTHING, 1), (EVERYTHING, 3), (CACHED, 3)])
def test_a_resumed_training_ends_with_the_same_bits(overrides: list[str], stop_after: int, tmp_path: Path) -> None:
    whole = fit(trainer_of(*overrides), tmp_path / "whole")
    stopped = fit(trainer_of(*overrides), tmp_path / "stopped", stop_after)
    # After its first epoch the training changes phase: that checkpoint, and one from within an epoch.
    for name, checkpoint in (("boundary", whole.checkpoints[0]), ("stopped", stopped.run.last)):
        resumed = trainer_of(*overrides)
        resumed.load_state_dict(read_checkpoint(checkpoint))
        fit(resumed, tmp_path / name)
        expected, found = whole.trainer.state_dict(), resumed.state_dict()
        _assert_equal(found["model"], expected["model"])
        _assert_equal(found["parts"], expected["parts"])
        _assert_equal(found["optimizer"], expected["optimizer"])
        assert found["schedule"] == expected["schedule"]
        for key in ("train_loss", "val_loss", "lr"):
            assert [row[key] for row in found["history"]] == [row[key] for row in expected["history"]]


def test_a_stop_while_features_are_computed_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    trainer, stop = trainer_of(*CACHED), StopRequest()
    stop.signal_number = signal.SIGTERM
    trainer.fit(RunOutput(RunFolder(tmp_path), Progress()), stop)
    assert isinstance(trainer.inputs, CachedFeatures)
    assert (trainer.inputs.cache, trainer.position.step) == (None, 0)
    resumed, whole = trainer_of(*CACHED), trainer_of(*CACHED)
    resumed.load_state_dict(read_checkpoint(RunFolder(tmp_path).last))
    fit(resumed, tmp_path / "resumed")
    fit(whole, tmp_path / "whole")
    _assert_equal(resumed.state_dict()["model"], whole.state_dict()["model"])


def _assert_equal(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            _assert_equal(found[key], expected[key])
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            _assert_equal(one, other)
    elif isinstance(expected, Tensor):
        assert torch.equal(found, expected)
    else:
        assert found == expected


@pytest.mark.parametrize("frozen", [True, False])
def test_an_average_has_the_statistics_that_the_recipe_means(frozen: bool, tmp_path: Path) -> None:
    trainer = trainer_of(f"transfer={{freeze_batch_norm: {str(frozen).lower()}}}", "averaging={name: ema}", "epochs=1")
    before = _copy(trainer.model)
    run = fit(trainer, tmp_path).run
    load_weights(trainer.model, run.weights("averaged"))
    statistics = {name for name in before if "running_" in name}
    assert bool(changed(before, trainer.model.state_dict()) & statistics) != frozen


def test_an_average_of_a_stopped_phase_has_the_statistics_of_that_phase(tmp_path: Path) -> None:
    trainer = trainer_of("transfer={head_epochs: 1, freeze_batch_norm: false}", "averaging={name: ema}")
    before, run = _copy(trainer.model), RunFolder(tmp_path)
    trainer.fit(RunOutput(run, Progress()), StopRequest(), Callbacks([lambda epoch: True]))
    load_weights(trainer.model, run.weights("averaged"))
    assert changed(before, trainer.model.state_dict()) == HEAD


def test_a_run_needs_its_pretrained_file_only_once(toy_data: Path, tmp_path: Path) -> None:
    pretrained = tmp_path / "pretrained.pth"
    torch.save(models.build("efficientnet-lite0", classes=10, channels=1, image_size=28).state_dict(), pretrained)
    recipe = recipe_of(f"model.weights={pretrained}", f"data.dataset={toy_data}", "data.limit=40",
                       "transfer={head_epochs: 2, cache_features: true}", "early_stopping={patience: 9}")
    options = session.Options(device="cpu", quiet=True)
    run = session.start(recipe, tmp_path / "run", options)
    pretrained.unlink()
    session.resume(run.path, None, options)
    model, _ = load_model(run, torch.device("cpu"))
    assert read_checkpoint(run.last)["model"].keys() == model.state_dict().keys()


@pytest.mark.parametrize(("overrides", "message"), [
    (["model={name: logistic}", "transfer={}"], "'logistic' has no pretrained backbone; expected one of efficientnet"),
    (["transfer={head_epochs: 3}"], "head_epochs 3 exceeds epochs 2"),
    (["transfer={head_epochs: 1, cache_features: true}"], r"head_epochs 1 must be epochs \(2\)"),
    (["transfer={head_epochs: 2, cache_features: true}", "augment=[{name: flip}]"], "augment must be empty"),
    (["transfer={head_epochs: 2, cache_features: true}", "test_time.views=2"], "views must be 1, not 2"),
    (["transfer={}", "optimizer={name: muon}"], "not with optimizer 'muon'"),
    (["transfer={layer_decay: 1.5}"], r"transfer\.layer_decay"),
    (["transfer={last_layers: 0}"], r"transfer\.last_layers"),
    (["transfer={head_epoch: 1}"], "did you mean 'head_epochs'"),
])
def test_what_does_not_go_together_is_said_in_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        recipe_of(*overrides)
    assert "\n" not in str(raised.value)


def test_no_scale_where_none_is_asked_for() -> None:
    recipe = recipe_of("transfer={head_epochs: 1}")
    assert lr_scales(recipe, nn.Linear(1, 1)) == lr_scales(recipe_of(), nn.Linear(1, 1)) == {}
