"""The dashboard's web application: a static page, and JSON that it asks for again and again. It only reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from fashionlab.common.listening import LOOPBACK, host_names, listening
from fashionlab.dashboard.runs import RunsFolder, read_details, report_path
from fashionlab.dashboard.scores import score_rows

STATIC = Path(__file__).parent / "static"

PAGE_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A report carries its scripts, styles and pictures in itself. In a sandbox it cannot read anything else from here.
REPORT_POLICY = ("sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
                 "style-src 'unsafe-inline'; img-src data: blob:; font-src data:")


def build_app(runs: RunsFolder, hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """The application over `runs`. Requests for a host that is not one of `hosts` are refused: a foreign web page
    could otherwise give its own name this machine's address and read everything (DNS rebinding)."""
    app = FastAPI(title="fashionlab dashboard", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)

    @app.middleware("http")
    async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-cache"
        return response

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/api/runs")
    def all_runs() -> dict[str, Any]:
        return {"folder": runs.label, "runs": [asdict(row) for row in runs.rows()]}

    @app.get("/api/scores")
    def scores() -> list[dict[str, Any]]:
        return [asdict(row) for row in score_rows()]

    @app.get("/api/runs/{name:path}")
    def one_run(name: str) -> dict[str, Any]:
        run = runs.get(name)
        if run is None:
            raise HTTPException(404, f"there is no run {name!r}")
        return {"name": name, **read_details(run)}

    @app.get("/report/{name:path}")
    def report(name: str) -> FileResponse:
        run = runs.get(name)
        path = None if run is None else report_path(run, runs.path)
        if path is None:
            raise HTTPException(404, f"there is no report of a run {name!r}")
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def serve(runs: RunsFolder, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; `announce` is called with the address once it can be opened. Port 0 picks a free one.

    Raises UsageError when the address or the port cannot be had.
    """
    with listening(host, port) as (listener, address):
        announce(address)
        app = build_app(runs, host_names(host))
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])
