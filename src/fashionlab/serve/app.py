"""The service's web application: the API, the figures, the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from fashionlab import __version__
from fashionlab.common.listening import LOOPBACK
from fashionlab.serve import metrics, schema
from fashionlab.serve.addresses import check_origins, check_root_path
from fashionlab.serve.gate import PREDICT, Gate
from fashionlab.serve.model import Model
from fashionlab.serve.predict import Predict
from fashionlab.serve.service import Service
from fashionlab.serve.wording import to_schema

STATIC = Path(__file__).parent / "static"


def build_app(service: Service, hosts: Sequence[str] = LOOPBACK, token: str | None = None, root_path: str | None = None,
              origins: Sequence[str] = ()) -> ASGIApp:
    """The application. Requests for a host that is not one of `hosts` are refused; with a `token`, predictions, model,
    drift and figures need it.

    root_path: under which a proxy offers all of it. origins: whose pages may ask it. Raises UsageError where these are
    none.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(title="fashionlab", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False,
                  lifespan=lifespan, responses=_problems(token))
    predict = Predict(service)
    app.router.routes.append(Route(PREDICT, predict, methods=["POST"]))  # answers other methods with what is allowed
    _add_answers(app, service, token)
    _add_pages(app)
    app.add_exception_handler(HTTPException, _refuse)
    app.openapi = _OpenApi(app, service, token, root_path)  # type: ignore[method-assign]
    if root_path is not None:
        check_root_path(root_path, app.routes)
    check_origins(origins)
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    return Gate(app, predict, service, hosts, token, paths, root_path or "", origins)


async def _refuse(request: Request, error: Exception) -> Response:
    """What the router refuses, in the form of all refusals."""
    assert isinstance(error, HTTPException)
    reason = "method" if error.status_code == 405 else "not-found"
    request.scope["note"]["reason"] = reason
    return JSONResponse({"reason": reason, "message": f"{request.method} {request.url.path[:200]}: {error.detail}"},
                        error.status_code, headers=error.headers)


def _add_answers(app: FastAPI, service: Service, token: str | None) -> None:
    @app.get("/v1/model", tags=["model"])
    async def model() -> schema.ModelInfo:
        """The model that answers."""
        return _model_info(service, token is not None)

    @app.get("/v1/drift", tags=["model"])
    async def drift() -> dict[str, Any]:
        """How far the latest pictures are from those that the model was made with."""
        return service.model.drift.report().as_json()

    @app.get("/healthz", tags=["probes"])
    async def healthz() -> schema.Status:
        """Whether the process lives."""
        return schema.Status(status="alive")

    @app.get("/readyz", tags=["probes"], responses={503: {"model": schema.Status, "description": "It is ending."}})
    async def readyz() -> JSONResponse:
        """Whether new requests should be sent here."""
        return (JSONResponse({"status": "ending"}, 503) if service.draining else JSONResponse({"status": "ready"}))

    @app.get("/metrics", tags=["probes"], response_class=Response,
             responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    async def figures() -> Response:
        """For Prometheus."""
        return Response(service.metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})


def _add_pages(app: FastAPI) -> None:
    for path, file in (("/", "index.html"), ("/drift", "drift.html")):
        app.add_api_route(path, _page(file), response_class=FileResponse, include_in_schema=False)
    app.add_api_route("/watch", _moved_to("drift"), response_class=RedirectResponse, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))


def _page(file: str) -> Any:
    async def page() -> FileResponse:
        return FileResponse(STATIC / file)

    return page


def _moved_to(path: str) -> Any:
    """For the bookmarks of an address that a page had before. Relative, so that it holds behind any proxy."""

    async def moved() -> RedirectResponse:
        return RedirectResponse(path, 301)

    return moved


def _model_info(service: Service, token: bool) -> schema.ModelInfo:
    model, limits = service.model, service.limits
    artifact = model.classifier.artifact
    description = artifact.description
    return schema.ModelInfo(
        name=description.name, recipe=description.recipe, sha256=model.sha256, loaded=model.loaded,
        graph=description.graph, classes=list(description.classes), channels=description.channels,
        image_size=description.image_size, preparation=to_schema(model.classifier.preparations.asked),
        parameters=description.parameters,
        coverage=description.coverage, accuracy=artifact.accuracy, token=token,
        limits={"body": limits.body, "pictures": limits.pictures, "pixels": limits.pixels})


def _problems(token: str | None) -> dict[int | str, dict[str, Any]]:
    return {int(status): response for status, response in schema.problems(400, *([401] if token else [])).items()}


class _OpenApi:
    """The description of the API, made anew when there is another model."""

    def __init__(self, app: FastAPI, service: Service, token: str | None, root_path: str | None) -> None:
        self._make = lambda: _openapi(app, service, token, root_path)
        self._service = service
        self._kept: tuple[Model, dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any]:
        if self._kept is None or self._kept[0] is not self._service.model:
            self._kept = (self._service.model, self._make())
        return self._kept[1]


def _openapi(app: FastAPI, service: Service, token: str | None, root_path: str | None) -> dict[str, Any]:
    """Of the model that answers now: its size is in the schema."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes,
                           summary="What is on a picture?", servers=[{"url": root_path}] if root_path else None)
    preparation = to_schema(service.model.classifier.preparations.asked)
    document["paths"][PREDICT] = {
        "post": schema.predict_operation(preparation, service.limits, token is not None)}
    _, definitions = models_json_schema([(schema.Predictions, "serialization"), (schema.Problem, "serialization")],
                                        ref_template="#/components/schemas/{model}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions["$defs"])
    if token is not None:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return document
