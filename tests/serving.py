"""What tests of the service share."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from fashionlab.serve.service import Service


def figures(client) -> dict[tuple[str, ...], float]:
    """Each sample of /metrics by its name and its labels' values."""
    text = client.get("/metrics").text
    return {(sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples}


def describe_as(service: Service, **changes: Any) -> None:
    """Let the service's artifact say these things of itself; its graph stays as it is."""
    artifact = service.model.classifier.artifact
    description = copy(artifact.description)
    for name, value in changes.items():
        object.__setattr__(description, name, value)  # a frozen record
    classifier = copy(service.model.classifier)
    classifier.artifact = replace(artifact, description=description)
    classifier.classes, classifier.channels = description.classes, description.channels
    classifier.image_size = description.image_size
    service.model = replace(service.model, classifier=classifier)


def prepare_as(service: Service, way: str, background: tuple[int, int, int], channels: int = 1, size: int = 28) -> None:
    """Let the service's artifact say that its pictures are prepared so."""
    describe_as(service, channels=channels, image_size=size, preparation=SimpleNamespace(
        way=way, background=background, channels=channels, size=size))
