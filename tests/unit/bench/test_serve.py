"""The load generator counts what it should, and bench serve compares services that answer."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fashionlab.bench import serve
from fashionlab.bench.load import _Generator, form, load
from waiting import wait_until


@pytest.fixture
def server():
    """Answers while `answering`: 200, every fifth time 503; breaks every 20th connection. `arrived`: when."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            server.arrived.append(time.perf_counter())  # type: ignore[attr-defined]
            server.answering.wait()  # type: ignore[attr-defined]
            with lock:
                server.count += 1  # type: ignore[attr-defined]
                number = server.count  # type: ignore[attr-defined]
            if number % 20 == 0:
                self.close_connection = True
                return
            self.send_response(503 if number % 5 == 0 else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.count, server.arrived = True, 0, []  # type: ignore[attr-defined]
    server.answering = threading.Event()  # type: ignore[attr-defined]
    server.answering.set()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_request_is_counted_once(server):
    done = load(f"http://127.0.0.1:{server.server_address[1]}/", [form(b"x")], seconds=0.1, connections=4)
    assert done.statuses.total() + done.lost == server.count and done.lost == server.count // 20
    assert done.statuses[503] == server.count // 5 - server.count // 20
    assert len(done.latencies) == done.statuses.total() and min(done.latencies) > 0
    assert json.loads(json.dumps(done.figures()))["answers"]["200"] == done.statuses[200]


def test_waiting_counts_where_requests_are_due_at_fixed_times(server):
    """40 requests are due within 0.2 seconds; the server answers none before all are due."""
    server.answering.clear()
    generator = _Generator(f"http://127.0.0.1:{server.server_address[1]}/", [form(b"x")], None)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(lambda: asyncio.run(generator.run(0.2, connections=2, rate=200)))
        wait_until(lambda: generator.sent + len(generator.due) == 40, "all due", running.done)
        assert generator.sent == 2, "the connections that there are"
        server.answering.set()
        done = running.result()
    assert done.statuses.total() + done.lost == 40 == server.count
    assert max(done.latencies) >= 39 / 200 and done.seconds >= 39 / 200


def test_no_request_is_sent_before_it_is_due(server):
    before = time.perf_counter()
    load(f"http://127.0.0.1:{server.server_address[1]}/", [form(b"x")], seconds=0.2, connections=8, rate=30)
    assert len(server.arrived) == 6
    assert all(at >= before + number / 30 for number, at in enumerate(sorted(server.arrived)))


def test_a_server_that_is_not_there_is_told(server):
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    assert load(f"http://127.0.0.1:{port}/", [form(b"x")], seconds=0.1, connections=3).refused == 3


@pytest.mark.slow
def test_bench_serve_compares_three_services(toy_artifact, monkeypatch, cli, tmp_path):
    monkeypatch.setattr(serve, "CONNECTIONS", 4)
    found = serve.measure(str(toy_artifact), rounds=1, seconds=0.3)
    assert set(found["sides"]) == {"fashionlab", "one call a request", "plain"} and found["ratio"] > 0
    json.dumps(found, allow_nan=False)
    missing = cli("bench", "serve", tmp_path / "none.zip")
    assert missing.code == 1 and "does not start" in missing.err
