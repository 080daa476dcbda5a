"""Optimizers: torch's own and slow formulas as oracles; saved and loaded in the middle, they continue bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import torch
from torch import Tensor, nn

from fashionlab.common.errors import UsageError
from fashionlab.optimizers import build_optimizer
from fashionlab.optimizers.groups import Exempts
from fashionlab.optimizers.muon import orthogonalise
from fashionlab.optimizers.sam import SamOptimizer
from fashionlab.optimizers.sgd import Sgd
from optimizing import closure_of, network, settings, train

PLAIN: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "sgd": ({"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)),
    "adam": ({"name": "adam", "weight_decay": 1e-3}, lambda p: torch.optim.Adam(p, weight_decay=1e-3)),
    "adamw": ({"name": "adamw", "betas": [0.8, 0.95]}, lambda p: torch.optim.AdamW(p, betas=(0.8, 0.95))),
    "rmsprop": ({"name": "rmsprop", "momentum": 0.5}, lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5)),
}
AIRBENCH = {"name": "muon", "lr": 0.24, "momentum": 0.6, "steps": 3, "normalise_weights": True,
            "others": {"name": "sgd", "lr": 0.5, "momentum": 0.85, "nesterov": True, "bias_lr_factor": 0.1}}


@pytest.mark.parametrize(("values", "oracle"), PLAIN.values(), ids=PLAIN)
def test_plain_optimizers_equal_torch(values: dict[str, Any], oracle: Callable[[Any], Any]) -> None:
    ours, theirs = network(), network()
    train(ours, build_optimizer(settings(values), ours), range(5))
    train(theirs, oracle(theirs.parameters()), range(5))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=1e-5)  # a fused kernel rounds in another order


@pytest.mark.parametrize("values", [PLAIN[name][0] for name in ("adam", "adamw")], ids=["adam", "adamw"])
def test_fused_kernels_do_not_mix_up_elements_in_different_orders(values: dict[str, Any]) -> None:
    ours, theirs = network(), network()
    optimizer, plain = (build_optimizer(settings(values), model) for model in (ours, theirs))
    for step in range(4):
        train(ours, optimizer, range(step, step + 1))
        train(theirs, plain, range(step, step + 1))
        if step % 2 == 0:  # the weights change their order in memory, their averages and gradients do not
            for weight in ours.parameters():
                if weight.ndim == 4:
                    turned = torch.channels_last if weight.is_contiguous() else torch.contiguous_format
                    weight.data = weight.data.contiguous(memory_format=turned)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=1e-5)


def test_decay_and_bias_rate_go_to_the_right_parameters() -> None:
    model = network()
    values = {"name": "sgd", "lr": 0.5, "weight_decay": 0.01, "bias_lr_factor": 64, "decay_biases_and_norms": False}
    optimizer = build_optimizer(settings(values), model)
    of = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        group = of[id(parameter)]
        assert group["lr"] == group["initial_lr"] == (32 if name in ("1.bias", "6.bias") else 0.5), name
        assert group["weight_decay"] == (0.01 if parameter.ndim > 1 else 0), name


def test_an_exception_from_weight_decay_is_one_marked_setting() -> None:
    class Selective(Sgd):
        decay_filters: Annotated[bool, Exempts(lambda name, parameter: name == "3.weight")] = True

    model = network()
    for decays in (True, False):
        groups = Selective(lr=0.1, weight_decay=0.01, decay_filters=decays).groups(model, model.parameters(), {})
        free = {id(parameter) for group in groups if not group["weight_decay"] for parameter in group["params"]}
        assert free == (set() if decays else {id(model[3].weight)})


def test_airbench_learns_with_two_optimizers_of_two_rates() -> None:
    model = network()
    optimizer = build_optimizer(settings(AIRBENCH), model)
    assert {group["lr"] for group in optimizer.param_groups} == {0.24, 0.5, 0.05}
    losses = train(model, optimizer, range(10))
    assert sum(losses[-3:]) < sum(losses[:3])


def test_faster_biases_decay_as_much_a_step() -> None:
    values = {"name": "sgd", "lr": 0.5, "weight_decay": 0.01, "bias_lr_factor": 64}
    optimizer = build_optimizer(settings(values), network())
    assert [g["lr"] * g["weight_decay"] for g in optimizer.param_groups] == pytest.approx([0.005, 0.005])


@pytest.mark.parametrize("shape", [(8, 8), (16, 40), (40, 16), (1, 9), (64, 576)])
def test_newton_schulz_keeps_directions_and_levels_singular_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    middle = left.T @ orthogonalise(matrix, 5).double() @ right.T
    levels = middle.diagonal()
    large = values > 0.02 * values.norm()  # smaller ones need more than five steps
    assert ((levels[large] > 0.6) & (levels[large] < 1.3)).all()
    assert torch.allclose(middle, levels.diag(), atol=1e-4)
    x = values / values.norm()
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    assert torch.allclose(levels, x, atol=1e-3)


def test_a_zero_gradient_leaves_muon_still() -> None:
    assert torch.equal(orthogonalise(torch.zeros(4, 6), 5), torch.zeros(4, 6))


@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_equals_torch_on_matrices(nesterov: bool) -> None:
    ours = nn.Sequential(nn.Linear(12, 20, bias=False), nn.Linear(20, 7, bias=False), nn.Linear(7, 3, bias=False))
    theirs = copy.deepcopy(ours)
    start = [p.detach().clone() for p in ours.parameters()]
    mine = build_optimizer(settings({"name": "muon", "nesterov": nesterov, "weight_decay": 0.1}), ours)
    other = torch.optim.Muon(
        [p for p in list(theirs.parameters())[:2]], lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=nesterov)
    rest = torch.optim.AdamW([theirs[2].weight], lr=1e-3, weight_decay=0.01)
    for step in range(4):
        gradients = [torch.randn(p.shape, generator=torch.Generator().manual_seed(step)) for p in ours.parameters()]
        for model in (ours, theirs):
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.grad = gradient.clone()
        mine.step(lambda: torch.tensor(0.0))
        other.step()
        rest.step()
    for parameter, oracle, begin in zip(ours.parameters(), theirs.parameters(), start, strict=True):
        moved, expected = parameter - begin, oracle - begin  # torch orthogonalises in bfloat16
        assert (moved - expected).norm() < 0.03 * expected.norm()


def test_muon_reads_a_filter_as_a_matrix() -> None:
    convolution = nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.Flatten(), nn.Linear(5, 2))
    linear = nn.Sequential(nn.Linear(27, 5, bias=False), nn.Linear(5, 2))
    linear[0].weight.data = convolution[0].weight.data.flatten(1).clone()
    gradient = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    convolution[0].weight.grad = gradient.to(memory_format=torch.channels_last)
    linear[0].weight.grad = gradient.flatten(1)
    for model in (convolution, linear):
        build_optimizer(settings({"name": "muon", "normalise_weights": True}), model).step(lambda: torch.tensor(0.0))
    assert torch.allclose(convolution[0].weight.flatten(1), linear[0].weight, atol=1e-6)


def test_muon_normalises_weights_before_the_step() -> None:
    model = nn.Sequential(nn.Linear(9, 4, bias=False), nn.Linear(4, 2))
    before = model[0].weight.detach().clone()
    model[0].weight.grad = torch.zeros(4, 9)
    build_optimizer(settings({"name": "muon", "normalise_weights": True}), model).step(lambda: torch.tensor(0.0))
    assert torch.allclose(model[0].weight, before * 2 / before.norm())


def test_muon_needs_a_hidden_matrix() -> None:
    with pytest.raises(UsageError, match=r"muon.*use sgd or adamw"):
        build_optimizer(settings({"name": "muon"}), nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))


def test_sam_by_hand_on_a_quadratic() -> None:
    """f(w) = (3 w0^2 + w1^2) / 2 at (1, 2): gradient (3, 2), gradient at w + rho * g / |g| by hand."""
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, 2.0]])
    curvature = torch.tensor([[3.0, 1.0]])
    optimizer = build_optimizer(settings({"name": "sam", "lr": 0.1, "rho": 0.5}), model)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (curvature * model.weight**2).sum() / 2
        loss.backward()
        return loss.detach()

    assert float(optimizer.step(closure)) == pytest.approx(3.5)
    norm = 13**0.5
    expected = [1 - 0.1 * 3 * (1 + 0.5 * 3 / norm), 2 - 0.1 * (2 + 0.5 * 2 / norm)]
    assert model.weight.flatten().tolist() == pytest.approx(expected)


def test_sam_counts_a_batch_once_in_batch_norm() -> None:
    sam, plain = network(), network()
    train(sam, build_optimizer(settings({"name": "sam", "lr": 0.1}), sam), range(1))
    train(plain, build_optimizer(settings({"name": "sgd", "lr": 0.1}), plain), range(1))
    for mine, other in zip(sam.buffers(), plain.buffers(), strict=True):
        assert torch.equal(mine, other)
    assert not torch.equal(sam[0].weight, plain[0].weight)
    assert sam[1].track_running_stats


def test_sam_puts_weights_back_when_the_second_pass_fails() -> None:
    model = network()
    optimizer = build_optimizer(settings({"name": "sam", "lr": 0.1}), model)
    assert isinstance(optimizer, SamOptimizer)
    before = copy.deepcopy([p.detach() for p in model.parameters()])
    inner = closure_of(model, optimizer, 0)
    calls: list[int] = []

    def closure() -> Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("no")
        return inner()

    with pytest.raises(RuntimeError, match="no"):
        optimizer.step(closure)
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
    assert model[1].track_running_stats
