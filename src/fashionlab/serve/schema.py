"""What the service says of itself in OpenAPI: the bodies of requests and answers, with examples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from fashionlab.serve.limits import REASONS, Limits


class ClassProbability(BaseModel):
    label: str
    probability: float = Field(ge=0, le=1)


class Prediction(ClassProbability):
    """Probabilities are calibrated. `set` holds the true class as often as was promised in training (it may be empty).
    `outlier`: the picture is unlike the training pictures. `seen`: what the network saw, where asked for."""

    file: str | None = Field(description="The file's name, where it was sent as a file.")
    index: int = Field(ge=0, description="The picture's position in the request, from 0.")
    top: list[ClassProbability] = Field(description="The most probable classes, the most probable first.")
    set: list[str]
    outlier: bool
    outlier_score: float
    seen: list[Any] | None = None


class Predictions(BaseModel):
    model: str
    predictions: list[Prediction]


class Problem(BaseModel):
    """Why there is no answer: `reason` for programs, `message` for people."""

    reason: Literal[tuple(REASONS)]  # type: ignore[valid-type]
    message: str


class Preparation(BaseModel):
    """How photos become what the network sees."""

    way: str = Field(description="The name of the way: fashion-mnist, garment, letterbox, crop, squash.")
    size: int = Field(description="Rows and columns.")
    channels: int
    background: str = Field(description="The colour of what is empty or transparent, as #rrggbb.")
    photos: str = Field(description="What is done with a photo, in words.")
    pixels: str = Field(description="What arrays of pixels must be like, in words.")


class ModelInfo(BaseModel):
    """The model that answers, and what it takes."""

    name: str
    recipe: str
    sha256: str = Field(description="Of the graph that answers.")
    loaded: str
    graph: str
    classes: list[str]
    channels: int
    image_size: int
    preparation: Preparation
    parameters: int
    coverage: float = Field(description="How often a prediction set holds the true class.")
    accuracy: float | None = Field(description="On the test split, where the artifact knows it.")
    limits: dict[str, int]
    token: bool = Field(description="Whether requests need a token.")


class Status(BaseModel):
    status: str


_PREDICTION: dict[str, Any] = {
    "file": "shirt.jpg", "index": 0, "label": "Shirt", "probability": 0.91,
    "top": [{"label": "Shirt", "probability": 0.91}, {"label": "T-shirt/top", "probability": 0.06},
            {"label": "Coat", "probability": 0.02}],
    "set": ["Shirt"], "outlier": False, "outlier_score": -7.3,
}
# A white square on black, 28 x 28, as PNG.
_SQUARE = ("iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAG0lEQVR42mNgIBcwQqj/WMWZ8OkclRyVHIqSADrcATSyy0RPAAAAAElF"
           "TkSuQmCC")


def predict_operation(preparation: Preparation, limits: Limits, token: bool) -> dict[str, Any]:
    """The OpenAPI operation of POST /v1/predict for a model whose pictures are prepared so."""
    rows: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 255}
    for _ in range(2 if preparation.channels == 1 else 3):
        rows = {"type": "array", "items": rows}
    file = {"type": "string", "format": "byte", "minLength": 1,
            "description": "A PNG, JPEG or WebP file in base64, or as data:image/png;base64,..."}
    picture = {"oneOf": [file, {**rows, "description": f"{preparation.pixels}."}]}
    alone = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    many = {"minItems": 1, "maxItems": limits.pictures}
    return {
        "summary": "What is on these pictures?",
        "description": "Send photos as files in a form (the names of the fields do not matter), in JSON, or one alone. "
                       f"{preparation.photos} If one cannot be read, it is named and none is answered.",
        "operationId": "predict",
        "parameters": [
            {"name": "top", "in": "query", "description": "How many classes are listed for each picture.",
             "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 3}},
            {"name": "seen", "in": "query", "description": "Whether the answer holds what the network saw.",
             "schema": {"type": "boolean", "default": False}}],
        "requestBody": {"required": True, "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["picture"], "properties": {"picture": {
                    "type": "array", **many,
                    "items": {"type": "string", "contentMediaType": "application/octet-stream"}}}},
                "encoding": {"picture": {"contentType": "image/png, image/jpeg, image/webp"}}},
            "application/json": {
                "schema": {"type": "object", "required": ["pictures"], "additionalProperties": False,
                           "properties": {"pictures": {"type": "array", **many, "items": picture}}},
                "examples": {"file": {"summary": "A file in base64", "value": {"pictures": [_SQUARE]}}}},
            "application/octet-stream": alone, "image/*": alone}},
        "responses": {
            "200": _answer("The answers, in order of the pictures.", "Predictions",
                           {"model": "quick", "predictions": [_PREDICTION]}),
            **problems(*sorted(set(REASONS.values()) - {404, 405} - (set() if token else {401})))},
        **({"security": [{"bearer": []}]} if token else {}),
    }


def problems(*statuses: int) -> dict[str, Any]:
    """The OpenAPI responses for refusals with these statuses."""
    responses = {}
    for status in statuses:
        reasons = [reason for reason, other in REASONS.items() if other == status]
        responses[str(status)] = _answer("Refused: " + ", ".join(reasons) + ".", "Problem",
                                         {"reason": reasons[0], "message": "what was expected instead"})
        if status == 503:
            responses["503"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return responses


def _answer(description: str, schema: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {
        "schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}}}
