"""What tests of the service share."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from fashionlab.common.records import Preparation
from fashionlab.preparation import Preparations
from fashionlab.serve.service import Service


def figures(client) -> dict[tuple[str, ...], float]:
    """Each sample of /metrics by its name and its labels' values."""
    text = client.get("/metrics").text
    return {(sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples}


def describe_as(service: Service, **changes: Any) -> None:
    """Let the service's artifact say these things of itself; its graph stays as it is."""
    artifact = service.model.classifier.artifact
    description = replace(artifact.description, **changes)
    classifier = copy(service.model.classifier)
    classifier.artifact = replace(artifact, description=description)
    classifier.classes, classifier.channels = description.classes, description.channels
    classifier.image_size = description.image_size
    classifier.preparations = Preparations.of_model(description.preparation, description.image_size,
                                                    description.channels)
    service.model = replace(service.model, classifier=classifier)


def prepare_as(service: Service, way: str, background: tuple[int, int, int], channels: int = 1, size: int = 28) -> None:
    """Let the service's artifact say that its pictures are prepared so."""
    describe_as(service, channels=channels, image_size=size, preparation=Preparation(
        way, size, channels, background))
