"""What the service says of its model's pictures: of light on black where that is so, and nowhere else."""

from __future__ import annotations

import json

import pytest

from fashionlab.preparation import WAYS
from fashionlab.serve.limits import Limits
from serving import describe_as, prepare_as


def messages(client) -> str:
    """All that the service says of how pictures are prepared."""
    refused = client.post("/v1/predict", json={"pictures": [[[0]]]}).json()["message"]
    operation = client.get("/openapi.json").json()["paths"]["/v1/predict"]
    return " ".join([refused, json.dumps(operation), json.dumps(client.get("/v1/model").json()["preparation"])])


def test_an_artifact_of_before_is_asked_as_it_was(client):
    describe_as(client.service, preparation=None)
    preparation = client.get("/v1/model").json()["preparation"]
    assert {key: preparation[key] for key in ("way", "size", "channels", "background")} == {
        "way": "fashion-mnist", "size": 28, "channels": 1, "background": "#000000"}
    assert preparation["pixels"] == "28 x 28, light on black" and "light on black" in preparation["photos"]
    refused = client.post("/v1/predict", json={"pictures": [[[0]]]}).json()["message"]
    assert refused.endswith("in an array of 28 x 28, light on black")


@pytest.mark.parametrize(("way", "background", "colour"), [
    ("letterbox", (255, 255, 255), "white"), ("crop", (0, 0, 0), "black"), ("squash", (18, 171, 9), "#12ab09"),
    ("letterbox", (200, 200, 200), "#c8c8c8")])
def test_a_model_of_pictures_as_they_are_asks_for_none_light_on_black(client, way, background, colour):
    prepare_as(client.service, way, background)
    preparation = client.get("/v1/model").json()["preparation"]
    assert (preparation["way"], preparation["background"]) == (way, "#{:02x}{:02x}{:02x}".format(*background))
    assert f"becomes {colour}." in preparation["photos"] and "28 x 28 pixels in grey" in preparation["photos"]
    assert "light on black" not in messages(client) and "garment" not in messages(client)


@pytest.mark.parametrize("way", WAYS.names())
def test_a_model_of_colours_speaks_of_colours(make_client, way):
    client = make_client(Limits())
    prepare_as(client.service, way, (255, 255, 255), channels=3, size=64)
    said = messages(client)
    assert ("light on black" in said) == (way == "fashion-mnist")
    assert "3 x 64 x 64" in said and ("grey" in said) == (way == "fashion-mnist") and "colour" in said


def test_an_artifact_of_before_of_colour_pictures_looks_for_the_garment(client):
    describe_as(client.service, channels=3, image_size=64, preparation=None)
    preparation = client.get("/v1/model").json()["preparation"]
    assert (preparation["way"], preparation["channels"], preparation["size"]) == ("garment", 3, 64)
    assert "light on black" not in messages(client)
