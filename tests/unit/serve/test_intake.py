"""What clients send: base64 in its spellings, a picture alone, forms. Each is answered as the plain way is."""

from __future__ import annotations

import base64
import io
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fashionlab.serve.intake import _from_base64
from fashionlab.serve.limits import Refused

CASE = Path(__file__).parents[4] / "shared/cases/data_uri/body.json"


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "a data: address": lambda content: "data:image/png;base64," + base64_of(content),
    "with parameters": lambda content: "data:image/png;charset=utf-8;name=a.png;base64," + base64_of(content),
    "without a type": lambda content: "data:;base64," + base64_of(content),
    "of another type": lambda content: "data:text/plain;base64," + base64_of(content),
    "in large letters": lambda content: "DATA:image/PNG;BASE64," + base64_of(content),
    "percent-encoded base64": lambda content: "data:image/png;base64," + quote(base64_of(content), safe=""),
    "lines": lambda content: base64.encodebytes(content).decode(),
    "lines of Windows": lambda content: "\r\n".join(textwrap.wrap(base64_of(content), 64)),
    "an indented data: address": lambda content: "\n  data:image/png;base64,\n" + textwrap.indent(
        base64.encodebytes(content).decode(), "  \t"),
    "URL-safe": lambda content: base64.urlsafe_b64encode(content).decode(),
    "no padding": lambda content: base64_of(content).rstrip("="),
    "URL-safe without padding in lines": lambda content: "\n".join(textwrap.wrap(
        base64.urlsafe_b64encode(content).decode().rstrip("="), 76)),
}


@pytest.fixture(scope="module")
def picture() -> bytes:
    """A PNG whose base64 has padding and both letters in which the alphabets differ."""
    for seed in range(100):
        stream = io.BytesIO()
        pixels = np.random.default_rng(seed).integers(0, 256, (30, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(stream, "PNG")
        text = base64_of(stream.getvalue())
        if text.endswith("=") and "+" in text and "/" in text:
            return stream.getvalue()
    raise AssertionError("no such picture")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_base64_in_any_spelling_is_answered_like_the_file(client, picture, spelling):
    plain = client.post("/v1/predict?seen=true", files={"a": picture}).json()["predictions"][0]
    answer = client.post("/v1/predict?seen=true", json={"pictures": [SPELLINGS[spelling](picture)]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == [plain | {"file": None}]


@pytest.mark.skipif(not CASE.is_file(), reason=f"there is no {CASE}")
def test_the_reported_body_is_answered_like_its_file(client):
    content = base64.b64decode(json.loads(CASE.read_text())["pictures"][0].partition(",")[2])
    plain = client.post("/v1/predict", files={"a": content}).json()["predictions"][0]
    answer = client.post("/v1/predict", content=CASE.read_bytes(), headers={"Content-Type": "application/json"})
    assert answer.json()["predictions"] == [plain | {"file": None}]


@pytest.mark.parametrize(("text", "message"), [
    ("data:image/svg+xml,%3Csvg%2F%3E", "not in base64"), ("data:image/png,iVBORw0KGgo=", "not in base64"),
    ("data:image/png;base64", "not in base64"), ("data:,", "not in base64"), ("data:", "not in base64"),
    ("data:image/png;base64,", "empty"), (" \n", "empty"), ("====", "empty"),
    ("data:image/png;base64,?", "not base64"), ("x" * 5, "not base64"), ("eA==eA==", "not base64"),
    ("iVBORw0KGgö=", "not base64"), ("https://shop.example/shirt.jpg", "not base64"), ("shirt.jpg", "not base64"),
    ("eA==", "no picture that is read"), ("data:image/png;base64,data:image/png;base64,eA==", "not base64"),
])
def test_garbage_ends_in_one_message_that_names_the_picture(client, picture, text, message):
    answer = client.post("/v1/predict", json={"pictures": [base64_of(picture), text]})
    assert (answer.status_code, answer.json()["reason"]) == (422, "unreadable")
    assert answer.json()["message"].startswith("picture 1: ") and message in answer.json()["message"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), urlsafe=st.booleans(), padded=st.booleans(), prefix=st.booleans(),
       breaks=st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["\n", "\r\n", " ", "\t"])), max_size=8))
def test_whatever_was_encoded_comes_back(content, urlsafe, padded, prefix, breaks):
    text = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(content).decode()
    text = text if padded else text.rstrip("=")
    for position, blank in breaks:
        text = text[:position] + blank + text[position:]
    assert _from_base64("data:image/png;base64," + text if prefix else text, "x") == content


@given(text=st.text(max_size=50))
def test_any_text_is_decoded_or_refused(text):
    try:
        assert isinstance(_from_base64(text, "x"), bytes)
    except Refused as refused:
        assert refused.reason == "unreadable" and str(refused).startswith("x: ")


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "IMAGE/X-WHATEVER; q=1",
                                          "application/octet-stream", "application/octet-stream; charset=binary"])
def test_a_body_may_be_one_picture_and_its_content_decides(client, picture, content_type):
    plain = client.post("/v1/predict", files={"a": picture}).json()["predictions"][0]
    answer = client.post("/v1/predict", content=picture, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == [plain | {"file": None}]
    for bad in (b"", b"no picture", picture[:60], b'{"pictures": []}'):
        answer = client.post("/v1/predict", content=bad, headers={"Content-Type": content_type})
        assert (answer.status_code, answer.json()["reason"]) == (422, "unreadable")
        assert answer.json()["message"].startswith("picture 0: ")


def form(*parts: tuple[str, bytes]) -> dict:
    """A multipart request of parts with these headers and contents."""
    body = b"".join(b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return {"content": body + b"--b--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


@pytest.mark.parametrize("head", [
    'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png',
    'Content-Disposition: form-data; name="bild[]"; filename="a.png"\r\nContent-Type: text/plain',
    'Content-Disposition: form-data; filename="a.png"', 'Content-Disposition: form-data; name="x"',
    'Content-Disposition: form-data; name="x"\r\nContent-Type: image/png', "Content-Type: image/png",
    'content-disposition: form-data; name=""; filename=""',
])
def test_a_form_s_field_may_have_any_name_or_none(client, picture, head):
    plain = client.post("/v1/predict", files={"a": ("a.png", picture)}).json()["predictions"][0]
    answer = client.post("/v1/predict", **form((head, picture)))
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == [plain | {"file": "a.png" if "a.png" in head else None}]


def test_a_form_s_field_may_hold_a_data_address(client, picture):
    text = SPELLINGS["a data: address"](picture).encode()
    plain = client.post("/v1/predict", files={"a": picture}).json()["predictions"][0]
    answer = client.post("/v1/predict", **form(('Content-Disposition: form-data; name="canvas"', text)))
    assert answer.json()["predictions"] == [plain | {"file": None}]


@pytest.mark.parametrize(("content", "message"), [
    (b"3", "/v1/predict?top=3"), (b"gr\xc3\xb6\xc3\x9fte\r\nzwei", "/v1/predict?top=3"), (b"data:,x", "not in base64"),
    (b"", "empty (0 bytes)"), (b"\0", "no picture that is read"), (b"\xff\xfe", "no picture that is read"),
])
def test_a_form_s_text_is_no_picture_and_not_dropped(client, picture, content, message):
    file = ('Content-Disposition: form-data; name="picture"; filename="a.png"', picture)
    answer = client.post("/v1/predict", **form(file, ('Content-Disposition: form-data; name="top"', content)))
    assert (answer.status_code, answer.json()["reason"]) == (422, "unreadable")
    assert answer.json()["message"].startswith("picture 1 (field 'top'): ") and message in answer.json()["message"]
