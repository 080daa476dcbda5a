"""Build networks by name and compare what they cost."""

import torch

import fashionlab as fl

for name, arguments in (("three-cnn", {"hidden_units": 10}), ("fast", {"widths": [32, 64, 128]}), ("resnet20", {})):
    model = fl.models.build(name, classes=10, channels=1, image_size=28, **arguments)
    logits = model(torch.randn(2, 1, 28, 28))
    parameters, macs = fl.models.count_parameters(model), fl.models.count_macs(model, (1, 28, 28))
    print(f"{name:10} {parameters:>9,} parameters {macs:>12,} multiply-accumulates {tuple(logits.shape)}")
