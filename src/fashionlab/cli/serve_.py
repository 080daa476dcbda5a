"""`fashionlab serve`: a model as a service, with a page for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[str, typer.Argument(help="An artifact of `fashionlab export`, or `default` for the bundled one.")]
    = "default",
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine reach it only if changed.")]
    = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    name: Annotated[list[str] | None, typer.Option(
        metavar="NAME", help="A name by which it may be asked besides --host's (shop.example); may be repeated.")]
    = None,
    token_file: Annotated[Path | None, typer.Option(
        help="File with a token that requests must bring; or put it into the variable FASHIONLAB_TOKEN.")] = None,
    root_path: Annotated[str | None, typer.Option(
        metavar="PATH", help="Path under which a proxy offers the service (/shop/model), taken away by it or not.")]
    = None,
    cors: Annotated[list[str] | None, typer.Option(
        metavar="ORIGIN", help="Origin whose pages may ask it (https://shop.example), or * for all; may be repeated.")]
    = None,
    max_body: Annotated[float, typer.Option(metavar="MIB", min=0.01, max=1024, help="Largest body of a request.")] = 16,
    max_pictures: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Most pictures in a request.")] = 64,
    max_megapixels: Annotated[float, typer.Option(
        metavar="N", min=0.01, max=50, help="Most pixels of all pictures in a request, in millions.")] = 50,
    max_batch: Annotated[int, typer.Option(
        metavar="N", min=1, max=64, help="Most pictures in a call of the network.")] = 64,
    queue: Annotated[int, typer.Option(
        metavar="N", min=1, max=100_000, help="Most pictures that wait; more are refused for a second.")] = 512,
    max_client_connections: Annotated[int, typer.Option(
        metavar="N", min=1, max=100_000, help="Most connections of one address; more for a proxy before the service.")]
    = 256,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads of the network; by default one a core.")]
    = None,
) -> None:
    """Answer pictures over HTTP.

    POST /v1/predict, /v1/model, /v1/drift, /healthz, /readyz, /metrics and /openapi.json for programs, / and /drift
    for people. Prints its address; logs JSON lines to stderr. SIGHUP reads the artifact again without losing a
    request; SIGTERM and Ctrl-C end it after what it has accepted is answered.
    """
    from fashionlab.serve.auth import read_token
    from fashionlab.serve.lifecycle import serve
    from fashionlab.serve.limits import Limits
    from fashionlab.serve.service import Service

    token = read_token(token_file)
    body = int(max_body * 2**20)
    limits = Limits(body=body, held=max(Limits.held, 4 * body), pictures=max_pictures,
                    pixels=int(max_megapixels * 10**6), batch=max_batch, queue=max(queue, max_pictures),
                    client_connections=max_client_connections)
    serve(Service(model, limits, threads), host, port, name or [], lambda address: print(address, flush=True),
          token, root_path, cors or [])
