"""Time-outs, disconnects and reloads, on the application itself."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from fashionlab.bench.load import form
from fashionlab.serve.app import build_app
from fashionlab.serve.limits import Limits
from fashionlab.serve.service import Service


def scope(request: bytes) -> tuple[dict, bytes]:
    """What an ASGI server makes of a whole request."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
    headers = [(name.lower(), value) for name, value in lines]
    return {"type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"", "headers": headers}, body


async def asked(app, request: bytes, *, whole: bool = True, leaves: bool = False) -> tuple[int, dict] | None:
    """Status and content of the answer; a body that is not `whole` has its half sent, then nothing, or the client
    leaves."""
    request_scope, body = scope(request)
    messages = [{"type": "http.request", "body": body if whole else body[: len(body) // 2], "more_body": not whole}]
    if leaves:
        messages.append({"type": "http.disconnect"})
    sent = []

    async def receive():
        return messages.pop(0) if messages else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    await app(request_scope, receive, send)
    return (sent[0]["status"], json.loads(sent[1]["body"])) if sent else None


def nothing_is_held(service: Service) -> bool:
    return service.bodies.held == service.waiting.held == service.pixels.held == 0


def test_what_reads_rare_forms_is_loaded_before_the_first_request(toy_artifact, monkeypatch):
    monkeypatch.setattr(Image, "_initialized", 1)  # as after the first PNG
    Service(str(toy_artifact), threads=1)
    assert Image._initialized == 2


def test_a_body_that_does_not_come_is_refused(toy_artifact, shirt):
    service = Service(str(toy_artifact), Limits(body_seconds=0.05), threads=1)
    status, content = asyncio.run(asked(build_app(service), form(shirt), whole=False))
    assert (status, content["reason"]) == (408, "body-too-slow") and nothing_is_held(service)


def test_a_client_that_leaves_is_forgotten(toy_artifact, shirt, capfd):
    service = Service(str(toy_artifact), threads=1)
    assert asyncio.run(asked(build_app(service), form(shirt), whole=False, leaves=True)) is None
    assert nothing_is_held(service)
    line = json.loads(capfd.readouterr().err)
    assert line["event"] == "request" and line["status"] == 0 and "client" in line


def test_an_answer_that_takes_too_long_is_given_up(toy_artifact, shirt):
    service = Service(str(toy_artifact), Limits(answer_seconds=0.05), threads=1)

    async def never(pictures, model):
        await asyncio.Event().wait()

    service.batcher.ask = never  # type: ignore[method-assign]
    status, content = asyncio.run(asked(build_app(service), form(shirt)))
    assert (status, content["reason"]) == (503, "too-late") and nothing_is_held(service)


def test_the_log_holds_no_picture_and_no_name(toy_artifact, shirt, capfd):
    service = Service(str(toy_artifact), threads=1)
    request = form(shirt).replace(b'filename="a.png"', b'filename="anna.png"')
    status, content = asyncio.run(asked(build_app(service), request))
    assert status == 200 and content["predictions"][0]["file"] == "anna.png"
    line = capfd.readouterr().err
    assert "anna" not in line
    fields = json.loads(line).keys()
    assert fields == {"time", "level", "event", "method", "path", "status", "milliseconds", "client", "bytes",
                      "pictures"}


@pytest.mark.parametrize("broken", ["missing", "truncated", "changed"])
def test_a_new_artifact_takes_over_and_a_broken_one_does_not(toy_artifact, tmp_path, shirt, capfd, broken):
    path = tmp_path / "model.zip"
    shutil.copy(toy_artifact, path)
    service = Service(str(path), threads=1)
    first, sound = service.model, path.read_bytes()
    _break(path, broken)
    asyncio.run(service.reload())
    line = json.loads(capfd.readouterr().err)
    assert service.model is first and line["level"] == "error" and str(path) in line["reason"]
    path.write_bytes(sound)

    async def in_flight():
        service.reload_soon()
        service.reload_soon()
        assert (await asked(build_app(service), form(shirt)))[0] == 200
        await service._reloading

    asyncio.run(in_flight())
    assert service.model is not first and service.model.sha256 == first.sha256
    text = service.metrics.text().decode()
    assert 'reloads_total{result="failed"} 1.0' in text and 'reloads_total{result="done"} 1.0' in text
    service.close()


def test_an_artifact_that_comes_during_a_reload_is_read_too(toy_artifact, tmp_path, monkeypatch):
    path = tmp_path / "model.zip"
    shutil.copy(toy_artifact, path)
    service = Service(str(path), threads=1)
    read: list[str] = []

    async def ask_again():
        service.reload_soon()

    def load(*_):
        read.append(path.name)
        if len(read) == 1:
            asyncio.run_coroutine_threadsafe(ask_again(), loop).result(60)
        return service.model

    monkeypatch.setattr("fashionlab.serve.service.load_model", load)
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def reload():
            service.reload_soon()
            await service._reloading

        runner.run(reload())
    assert len(read) == 2
    service.close()


def test_whatever_a_foreign_artifact_raises_the_old_one_goes_on(toy_artifact, monkeypatch, capfd):
    service = Service(str(toy_artifact), threads=1)

    def load(*_):
        raise RuntimeError("a library's own error")

    monkeypatch.setattr("fashionlab.serve.service.load_model", load)
    asyncio.run(service.reload())
    assert json.loads(capfd.readouterr().err)["reason"] == "RuntimeError: a library's own error"
    assert 'reloads_total{result="failed"} 1.0' in service.metrics.text().decode()
    service.close()


def _break(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
