"""The `fashionlab` command: collects the sub-commands and turns errors into messages and exit statuses."""

from __future__ import annotations

import importlib
import os
import signal
import sys

import typer

from fashionlab.common.errors import FashionlabError
from fashionlab.common.extras import missing_extra

# In the order in which help lists them. Each is a module of this package with a `command` function or an `app` group.
COMMANDS = ("train", "ensemble", "evaluate", "predict", "monitor", "export", "report", "compare", "recipe", "data",
            "bench", "study", "reproduce", "serve", "dashboard", "list", "doctor")


def build_app() -> typer.Typer:
    """The Typer application with every command of COMMANDS."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help: loading rich's takes longer than all the rest
        help="Train, evaluate and ship classifiers of clothing pictures. `fashionlab train` is a good start.",
        epilog="Add --debug to any command to see where an error came from.",
    )
    for name in COMMANDS:
        module = importlib.import_module(f"fashionlab.cli.{name}_")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def run(argv: list[str]) -> int:
    """Run one command line; returns the exit status. Every known error ends in one or two lines on stderr."""
    debug = "--debug" in argv or os.environ.get("FASHIONLAB_DEBUG") == "1"
    argv = [word for word in argv if word != "--debug"]
    try:
        result = _call(argv)
        return result if isinstance(result, int) else 0
    except FashionlabError as error:
        if debug:
            raise
        print(f"fashionlab: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("fashionlab: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a usage error of typer's own
            error.show()  # type: ignore[attr-defined]
            return int(error.exit_code)  # type: ignore[attr-defined]
        if debug:
            raise
        first = (str(error).splitlines() or [""])[0]
        print(f"fashionlab: unexpected {type(error).__name__}: {first}\n"
              "Run it again with --debug for the traceback; this is a defect worth reporting.", file=sys.stderr)
        return 1


def _call(argv: list[str]) -> object:
    try:
        return build_app()(argv, standalone_mode=False, prog_name="fashionlab")
    except ModuleNotFoundError as error:
        usage_error = missing_extra(argv[0] if argv else "", error.name or "")
        raise usage_error or error from error


def entry() -> None:
    """The console script."""
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # `fashionlab ... | head`
        status = 1
    if status == 0:
        os._exit(0)  # at once: freeing all that torch has imported takes a second
    sys.exit(status)
