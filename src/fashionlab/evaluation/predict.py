"""From pictures to logits: the one place where a trained model is asked."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fashionlab.run_folder import ModelSpec
from fashionlab.runtime import Runtime

# Fixed, so that a run evaluated again gives the same sums in the same order.
BATCH_SIZE = 1000


def normalise(pictures: Tensor, mean: Tensor, std: Tensor, runtime: Runtime) -> Tensor:
    """float32 [B, C, H, W] on the 0-1 scale -> what the network sees, in the run's memory layout."""
    return ((pictures - mean) / std).to(memory_format=runtime.memory_format)


def statistics(spec: ModelSpec, device: torch.device) -> tuple[Tensor, Tensor]:
    """The spec's mean and std as float32 [1, C, 1, 1] on `device`."""
    mean, std = (torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
                 for values in (spec.mean, spec.std))
    return mean, std


@torch.inference_mode()
def predict_logits(model: nn.Module, images: Tensor, spec: ModelSpec, runtime: Runtime) -> Tensor:
    """Logits float32 [N, K] on the CPU for uint8 images [N, C, H, W], averaged over `spec.views` views.

    The model is left in evaluation mode.
    """
    model.eval()
    mean, std = statistics(spec, runtime.device)
    parts = []
    for batch in images.split(BATCH_SIZE):
        unit = batch.to(runtime.device).float() / 255
        total = torch.zeros(len(batch), len(spec.classes), device=runtime.device)
        for weight, view in _views(unit, spec.views):
            with runtime.autocast():
                logits = model(normalise(view, mean, std, runtime))
            total += weight * logits.float()
        parts.append(total.cpu())
    return torch.cat(parts) if parts else torch.zeros(0, len(spec.classes))


def _views(unit: Tensor, count: int) -> list[tuple[float, Tensor]]:
    """Weighted views of float [B, C, H, W]: 1 the picture; 2 with its mirror image; 6 both, and both shifted one pixel
    up-left and down-right with reflected borders, the unshifted pair counting half (airbench94's six views)."""
    if count == 1:
        return [(1.0, unit)]
    mirrored = unit.flip(3)
    if count == 2:
        return [(0.5, unit), (0.5, mirrored)]
    height, width = unit.shape[2:]
    padded = nn.functional.pad(unit, (1, 1, 1, 1), mode="reflect")
    shifted = [padded[:, :, dy : dy + height, dx : dx + width] for dy, dx in ((0, 0), (2, 2))]
    return [(0.25, unit), (0.25, mirrored), *((0.125, view) for s in shifted for view in (s, s.flip(3)))]
