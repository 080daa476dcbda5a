"""The service in a process of its own: what it imports, signals under load, clients that do it no good."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn

from fashionlab.bench.load import form, load
from fashionlab.bench.serve import service
from fashionlab.serve import lifecycle
from fashionlab.serve.app import build_app
from fashionlab.serve.connection import Connection, Crowd
from fashionlab.serve.limits import Limits
from fashionlab.serve.service import Service
from waiting import wait_until


def connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port))


def answered(address: str, request: bytes) -> int:
    """The status of one request on a connection of its own."""
    with connect(address) as connection:
        connection.sendall(request)
        return int(connection.recv(100).split()[1])


def until(connection: socket.socket, end: bytes) -> bytes:
    """What comes, up to `end`, in however many pieces."""
    received = b""
    while not received.endswith(end):
        received += (piece := connection.recv(1000))
        assert piece, received
    return received


def lines(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def events(log: Path) -> list[str]:
    """Of the lines that are written whole."""
    return [json.loads(line)["event"] for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture(scope="module")
def running(toy_artifact: Path, tmp_path_factory: pytest.TempPathFactory):
    """Address, process and log of a service whose artifact lies beside the log."""
    folder = tmp_path_factory.mktemp("serve")
    shutil.copy(toy_artifact, folder / "model.zip")
    with service(str(folder / "model.zip"), log=folder / "log") as (address, process):
        yield address, process, folder / "log"


def test_reload_under_load_loses_no_request(running, shirt):
    address, process, log = running
    sound = (log.parent / "model.zip").read_bytes()

    def replace() -> None:
        for content in (b"broken", sound):
            (log.parent / "model.zip").write_bytes(content)
            process.send_signal(signal.SIGHUP)
            event = "reloaded" if content == sound else "reload failed, the old artifact goes on"
            wait_until(lambda event=event: event in events(log), event, process.poll)

    with ThreadPoolExecutor() as pool:
        replacing = pool.submit(replace)
        while not replacing.done():
            done = load(address, [form(shirt)], seconds=0.2, connections=8)
            assert set(done.statuses) == {200} and done.lost == done.refused == 0
        replacing.result()
    assert events(log).count("reloaded") == 1
    assert events(log).count("reload failed, the old artifact goes on") == 1


def test_bad_clients_do_not_stop_others(running, shirt):
    address, _, _ = running
    head = form(shirt).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    slow = [connect(address) for _ in range(60)]
    for number, connection in enumerate(slow):
        connection.sendall((b"POST /v1/predict HT", head, head + b"--load")[number % 3])
    for number in range(40):  # these leave at once, in the middle of their body or before their answer
        with connect(address) as connection:
            connection.sendall(form(shirt)[: -100 if number % 2 else None])
    for junk in (b"\x16\x03\x01\x02", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000, b"GET /healthz HTTP/1.1\r\n\r\n",
                 b"POST /v1/predict HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"):
        with connect(address) as connection:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1000)[9:10] in (b"4", b"2", b"")
    done = load(address, [form(shirt)], seconds=1, connections=4)
    assert set(done.statuses) == {200} and done.lost == 0
    for connection in slow:
        connection.close()


def test_a_crowd_is_answered_or_asked_to_come_again(running, shirt):
    address, _, _ = running
    with ThreadPoolExecutor(1) as pool:
        crowd = pool.submit(load, address, [form(*[shirt] * 16)], 1.0, 200)
        done = crowd.result()
    assert set(done.statuses) <= {200, 503} and done.statuses[200] and done.statuses[503] and done.lost == 0
    assert answered(address, form(shirt)) == 200


def test_no_heavy_library_is_in_the_process(toy_artifact):
    code = ("import sys; from fashionlab.serve.app import build_app; from fashionlab.serve.service import Service; "
            "from fashionlab.serve import lifecycle; import fashionlab.cli.serve_; "
            f"from fastapi.testclient import TestClient; app = build_app(Service({str(toy_artifact)!r})); "
            "print(*sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    heavy = {"torch", "scipy", "sklearn", "pandas", "matplotlib", "onnx", "timm"}
    assert "onnxruntime" in modules and not heavy & modules


def test_sigterm_under_load_loses_no_accepted_request(toy_artifact, shirt, tmp_path):
    with service(str(toy_artifact), log=tmp_path / "log") as (address, process):
        def terminate() -> None:
            wait_until(lambda: "request" in events(tmp_path / "log"), "a request answered", process.poll)
            process.terminate()

        with ThreadPoolExecutor() as pool:
            terminating = pool.submit(terminate)
            done = load(address, [form(shirt)], seconds=0.2, connections=16)
            while process.poll() is None:
                done = load(address, [form(shirt)], seconds=0.2, connections=16)
                assert set(done.statuses) <= {200} and done.lost == 0
            terminating.result()
    assert process.returncode in (-signal.SIGTERM, 143) and done.refused
    told = lines(tmp_path / "log")
    assert [line for line in told if line["event"] == "ending"] and not [line for line in told if "traceback" in line]


def test_while_ending_it_is_not_ready_but_answers(toy_artifact, shirt):
    with service(str(toy_artifact)) as (address, process):
        process.terminate()
        ready = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        wait_until(lambda: answered(address, ready) == 503, "not ready", process.poll)
        assert answered(address, form(shirt)) == 200


@pytest.mark.slow
def test_connections_that_say_nothing_are_closed(toy_artifact, shirt):
    """In this process, with limits that the command line does not offer."""
    limits = Limits(head_seconds=3, connections=6, drain_seconds=0.1)
    with in_thread(toy_artifact, limits) as address, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(address)) for _ in range(6)]
        idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until(idle[0], b'{"status":"alive"}').startswith(b"HTTP/1.1 200")
        idle[1].sendall(b"GET /healthz HTTP/1.1\r\nHo")
        full = stack.enter_context(connect(address))
        assert full.recv(1000).startswith(b"HTTP/1.1 503") and full.recv(1) == b""
        for connection in idle:
            assert connection.recv(1000) == b"", "closed by the service"
        assert answered(address, form(shirt)) == 200


@pytest.mark.slow
def test_one_client_cannot_take_all_connections(toy_artifact, shirt):
    limits = Limits(client_connections=4, drain_seconds=0.1)
    with in_thread(toy_artifact, limits) as address, contextlib.ExitStack() as stack:
        first = [stack.enter_context(connect(address)) for _ in range(4)]
        for _ in range(3):
            more = stack.enter_context(connect(address))
            more.sendall(form(*[shirt] * 50))  # larger than what is read at once: the answer comes all the same
            answer = more.recv(1000)
            assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer
            assert more.recv(1) == b"", "closed"
        silent = stack.enter_context(connect(address))
        assert load(address, [form(shirt)], 0.3, 1, source="127.0.0.2").statuses.keys() == {200}, "another address"
        assert silent.recv(1) == b"", "closed though it says nothing"
        first.pop().close()
        assert answered(address, form(shirt)) == 200, "one has gone"
        metrics = stack.enter_context(urllib.request.urlopen(f"{address}metrics")).read().decode()
        assert 'fashionlab_rejected_total{reason="overloaded"} 3.0' in metrics


@contextlib.contextmanager
def in_thread(artifact: Path, limits: Limits) -> Iterator[str]:
    """A service in a thread of this process: its address."""
    service = Service(str(artifact), limits, threads=1)
    crowd = Crowd(limits, service.metrics.rejected)
    server = uvicorn.Server(uvicorn.Config(
        build_app(service), port=0, http=partial(Connection, crowd=crowd), ws="none", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


def test_connections_fit_into_what_the_system_allows():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert lifecycle._most_connections(10) == 10
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0], limits[1]))
        assert lifecycle._most_connections(10**9) == limits[1] - 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_wrong_use_is_one_clear_line(cli, tmp_path, toy_run, toy_artifact):
    done = cli("serve", toy_run)
    assert done.code == 2 and "fashionlab export" in done.err and not done.out
    assert cli("serve", tmp_path / "none").code == 3
    tampered = bytearray(toy_artifact.read_bytes())
    tampered[len(tampered) // 2] ^= 1
    (tmp_path / "model.zip").write_bytes(tampered)
    assert cli("serve", tmp_path / "model.zip").code == 3
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = cli("serve", toy_artifact, "--port", taken.getsockname()[1])
    assert done.code == 2 and "--port" in done.err
    assert cli("serve", toy_artifact, "--port", 70000).code == 2


def test_the_pages_come_from_the_command_too(running, record_property):
    with urllib.request.urlopen(running[0]) as page:
        assert page.status == 200 and b"What is on this picture?" in page.read()
    record_property("command", "serve")
