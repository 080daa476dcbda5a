"""ONNX in float32, which every artifact holds (`deploy.graph` makes it)."""

from fashionlab.deploy.formats.base import BASE, FORMATS, GraphFormat

FORMATS.add(BASE, GraphFormat("model.onnx", lambda network: network.onnx))
