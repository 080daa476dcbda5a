"""From pictures to logits: the one place where a trained model is asked."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fashionlab.common.runtime import Runtime
from fashionlab.data import ResidentPictures
from fashionlab.runs.folder import ModelSpec

# Fixed, so that a run evaluated again gives the same sums in the same order.
BATCH_SIZE = 1000
# A batch has no more pixels than this, so that pictures above 56 x 56 are fewer: what a network's first layers give
# grows with the pixels. At 224 x 224 the widest of EfficientNet-Lite0 (96 x 112 x 112 numbers) takes 300 MB for the 62
# pictures of a batch, and would take 4.8 GB for 1,000.
_BATCH_PIXELS = BATCH_SIZE * 56 * 56


def batch_size(spec: ModelSpec) -> int:
    """How many pictures a network is asked about at a time."""
    return max(1, min(BATCH_SIZE, _BATCH_PIXELS // spec.image_size**2))


def normalise(pictures: Tensor, mean: Tensor, std: Tensor, runtime: Runtime) -> Tensor:
    """float32 [B, C, H, W] on the 0-1 scale -> what the network sees, in the run's memory layout."""
    return ((pictures - mean) / std).to(memory_format=runtime.memory_format)


def statistics(spec: ModelSpec, device: torch.device) -> tuple[Tensor, Tensor]:
    """The spec's mean and std as float32 [1, C, 1, 1] on `device`."""
    mean, std = (torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
                 for values in (spec.mean, spec.std))
    return mean, std


@torch.inference_mode()
def predict_logits(model: nn.Module, pictures: ResidentPictures, spec: ModelSpec, runtime: Runtime,
                   positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Logits float32 [N, K], averaged over `spec.views` views, and labels int64 [N] of the pictures at `positions`
    (int64 [N] on the CPU; all if None), both on the CPU. The model is left in evaluation mode."""
    model.eval()
    mean, std = statistics(spec, runtime.device)
    if positions is None:
        positions = torch.arange(len(pictures))
    logits, labels = [torch.zeros(0, len(spec.classes))], [torch.zeros(0, dtype=torch.int64)]
    for part in positions.split(batch_size(spec)):
        _, images, truth = pictures.take(part)
        total = torch.zeros(len(part), len(spec.classes), device=runtime.device)
        for weight, view in views(images.float() / 255, spec.views):
            with runtime.autocast():
                answer = model(normalise(view, mean, std, runtime))
            total += weight * answer.float()
        logits.append(total.cpu())
        labels.append(truth.cpu())
    return torch.cat(logits), torch.cat(labels)


def views(unit: Tensor, count: int) -> list[tuple[float, Tensor]]:
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
