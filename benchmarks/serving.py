"""Measure the service under load, faults and abuse, and keep the figures in results/serving.json.

    python benchmarks/serving.py [PART...] [--model default] [--seconds 30] [--soak-minutes 10] [--out FILE]

Parts, all of them unless named; each replaces its own figures in the file:

    throughput   answers a second of 32 connections that never rest, one picture a request: 28 x 28 PNG, photo, pixels
    latency      median, p95 and p99 with requests due at 800 a second, and at half of the throughput
    soak         10 minutes at 80 % of the throughput: memory at the start and at the end
    stop         SIGTERM in the midst of the load, ten times: requests that were accepted and lost
    abuse        others' latency while 500 clients send slowly, while 500 a second leave, and while 10,000 requests come
                 at once, from one client and from 10,000

The load generator runs on the same cores as the service. Measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from PIL import Image

from fashionlab.bench.load import Load, form, load, post
from fashionlab.bench.serve import CONNECTIONS, sample_requests, service
from fashionlab.common.environment import commit, machine, versions
from fashionlab.common.files import write_json

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "src" / "fashionlab" / "serve" / "static" / "samples" / "coat.png"
GOAL = 800  # requests a second with a p99 below 50 ms
CROWD = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--model", default="default")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--soak-minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "serving.json")
    words = parser.parse_args()
    found = json.loads(words.out.read_text(encoding="utf-8")) if words.out.exists() else {}
    found.update({"model": words.model, "machine": machine(), "versions": versions()})
    for part in words.parts or PARTS:
        command = f"python benchmarks/serving.py {part} --model {words.model} --seconds {words.seconds:g}"
        if part == "soak":
            command += f" --soak-minutes {words.soak_minutes:g}"
        found[part] = {"command": command, "commit": commit(), **PARTS[part](words)}
        print(part, json.dumps(found[part], indent=2), flush=True)
        write_json(words.out, found)


def throughput(words: argparse.Namespace) -> dict[str, Any]:
    with Image.open(SAMPLE) as picture:
        rows = [list(picture.tobytes()[28 * row : 28 * row + 28]) for row in range(28)]
    kinds = {"png": sample_requests(".png"), "photo": sample_requests(".jpg"),
             "pixels": [post(json.dumps({"pictures": [rows]}).encode(), "application/json")]}
    with service(words.model) as (address, process):
        load(address, kinds["png"], 2, CONNECTIONS)
        return {kind: {**_with_processor(process.pid, lambda requests=requests: load(
            address, requests, words.seconds, CONNECTIONS))} for kind, requests in kinds.items()}


def latency(words: argparse.Namespace) -> dict[str, Any]:
    with service(words.model) as (address, process):
        half = _most(address, words.seconds) / 2
        return {f"{rate:.0f} a second": _with_processor(process.pid, lambda rate=rate: load(
            address, sample_requests(".png"), words.seconds, 64, rate)) for rate in (GOAL, half)}


def soak(words: argparse.Namespace) -> dict[str, Any]:
    """Memory is read in the middle of each of ten parts; the first also warms up."""
    memory, done = [], []
    with service(words.model) as (address, process):
        rate = 0.8 * _most(address, min(words.seconds, 20))
        for _ in range(10):
            done.append(load(address, sample_requests(".png"), 6 * words.soak_minutes, 64, rate).figures())
            memory.append(psutil.Process(process.pid).memory_info().rss / 2**20)
    return {"rate": round(rate, 1), "minutes": words.soak_minutes, "mebibytes": [round(one, 1) for one in memory],
            "growth_after_the_first_tenth": round(memory[-1] - memory[0], 1), "parts": done}


def stop(words: argparse.Namespace) -> dict[str, Any]:
    """Connections that are refused once nobody listens are no loss: their requests were never accepted."""
    rounds: list[Load] = []
    for number in range(10):
        with service(words.model) as (address, process):
            threading.Timer(1 + number / 20, process.terminate).start()
            rounds.append(load(address, sample_requests(".png"), 4, CONNECTIONS))
    return {"rounds": len(rounds), "answered": sum(one.statuses.total() for one in rounds),
            "not_200": sum(one.statuses.total() - one.statuses[200] for one in rounds),
            "lost": sum(one.lost for one in rounds)}


def abuse(words: argparse.Namespace) -> dict[str, Any]:
    """Others: 50 requests a second from an address of their own; the bad clients are in another process."""
    def others(address: str) -> dict[str, Any]:
        return load(address, sample_requests(".png"), words.seconds, 16, 50, "127.0.0.2").figures()

    with service(words.model) as (address, process), ProcessPoolExecutor(1, get_context("spawn")) as beside:
        found: dict[str, Any] = {"others_alone": others(address)}
        for name, clients in (("slow_clients", _slow), ("leaving_clients", _leaving)):
            done = beside.submit(clients, address, words.seconds)
            found[f"others_beside_{name}"] = others(address)
            done.result()
        for name, addresses in (("a_crowd_from_one_address", 1), ("a_crowd_from_10000_addresses", CROWD)):
            crowd = beside.submit(_crowd, address, addresses)
            found[f"others_beside_{name}"] = others(address)
            found[name] = crowd.result().figures()
        found["mebibytes_at_the_end"] = round(psutil.Process(process.pid).memory_info().rss / 2**20, 1)
    return found


def _source(number: int) -> tuple[str, int]:
    """An address of this machine (all of 127.x.x.x are on Linux), and any port of it."""
    return f"127.1.{number // 250}.{number % 250 + 1}", 0


def _crowd(address: str, addresses: int) -> Load:
    """CROWD requests on connections of their own, all at once, from so many addresses."""
    return asyncio.run(_all_at_once(address, addresses))


async def _all_at_once(address: str, addresses: int) -> Load:
    parts, began, result = urlsplit(address), time.perf_counter(), Load()
    request = form(SAMPLE.read_bytes()).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)

    async def one(number: int) -> None:
        try:
            async with asyncio.timeout(60):
                reader, writer = await asyncio.open_connection(
                    parts.hostname, parts.port, local_addr=_source(number % addresses))
                writer.write(request)
                answer = await reader.read()
                writer.close()
            result.statuses[int(answer[9:12])] += 1
            result.latencies.append(time.perf_counter() - began)
        except (OSError, ValueError, TimeoutError):
            result.lost += 1

    await asyncio.gather(*map(one, range(CROWD)))
    result.seconds = time.perf_counter() - began
    return result


def _slow(address: str, seconds: float) -> None:
    """500 clients that send a byte of their request each second."""
    asyncio.run(_trickle(address, seconds))


async def _trickle(address: str, seconds: float) -> None:
    request = form(SAMPLE.read_bytes())
    parts = urlsplit(address)

    async def one(number: int) -> None:
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=_source(number))
            for place in range(int(seconds)):
                writer.write(request[place : place + 1])
                await writer.drain()
                await asyncio.sleep(1)
            writer.close()
        except OSError:  # closed by the service, as it should
            pass

    await asyncio.gather(*map(one, range(500)))


def _leaving(address: str, seconds: float) -> None:
    """500 clients a second that go in the midst of their request."""
    async def run() -> None:
        parts = urlsplit(address)
        for _ in range(int(seconds * 10)):
            for number in range(50):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=_source(number))
                writer.write(form(SAMPLE.read_bytes())[:-50])
                writer.close()
            await asyncio.sleep(0.1)

    asyncio.run(run())


def _most(address: str, seconds: float) -> float:
    """Requests a second that it can answer."""
    load(address, sample_requests(".png"), 2, CONNECTIONS)
    return load(address, sample_requests(".png"), seconds, CONNECTIONS).figures()["a_second"]


def _with_processor(pid: int, work: Callable[[], Load]) -> dict[str, Any]:
    """The load's figures, and the processor time of the service and of the load generator for each request: what
    bounds the throughput when the two add up to the cores."""
    process, own = psutil.Process(pid), psutil.Process()
    before = [sum(one.cpu_times()[:2]) for one in (process, own)]
    done = work()
    spent = [sum(one.cpu_times()[:2]) - start for one, start in zip((process, own), before, strict=True)]
    each = [round(1000 * seconds / max(done.statuses.total(), 1), 3) for seconds in spent]
    return {**done.figures(), "processor_milliseconds_a_request": {"service": each[0], "load generator": each[1]}}


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "throughput": throughput, "latency": latency, "soak": soak, "stop": stop, "abuse": abuse}


if __name__ == "__main__":
    main()
