"""A service in this process, without a network between it and its client."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from fashionlab.serve.app import build_app
from fashionlab.serve.limits import Limits
from fashionlab.serve.service import Service
from garments import in_form


@pytest.fixture
def make_client(toy_artifact: Path) -> Iterator[Callable[..., TestClient]]:
    """`make_client(limits=Limits(), token=None, ...)`: a client of a service of `toy_artifact`, which is its `service`;
    what else it takes is `build_app`'s."""
    clients = []

    def call(limits: Limits | None = None, **options: Any) -> TestClient:
        service = Service(str(toy_artifact), limits, threads=1)
        client = TestClient(build_app(service, **options), base_url="http://localhost:8000")
        client.service = service  # type: ignore[attr-defined]
        clients.append(client.__enter__())
        return client

    yield call
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client()


@pytest.fixture(scope="session")
def shirt() -> bytes:
    """A PNG file of a shirt in the data's form."""
    stream = io.BytesIO()
    Image.fromarray(in_form("shirt")).save(stream, "PNG")
    return stream.getvalue()
