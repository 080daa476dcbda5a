"""The service of a tutorial: FastAPI, an uploaded file, PIL, one call of ONNX Runtime a request.

    python -m fashionlab.bench.plain_service ARTIFACT        prints its address
"""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image

from fashionlab.common.listening import listening
from fashionlab.deploy.artifact import load, locate


def build_app(model: str) -> FastAPI:
    artifact = load(locate(model))
    classes = artifact.description.classes
    graph = artifact.graphs[artifact.description.graph]
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    app = FastAPI()

    @app.post("/v1/predict")
    def predict(picture: UploadFile) -> dict[str, Any]:
        image = Image.open(io.BytesIO(picture.file.read())).convert("L").resize((28, 28))
        logits: Any = session.run(["logits"], {"pictures": np.asarray(image)[None, None]})[0]
        probabilities = np.exp(logits[0] - logits[0].max())
        probabilities /= probabilities.sum()
        best = int(probabilities.argmax())
        return {"label": classes[best], "probability": float(probabilities[best])}

    return app


def main() -> None:
    with listening("127.0.0.1", 0) as (listener, address):
        app = build_app(sys.argv[1])
        print(address, flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
