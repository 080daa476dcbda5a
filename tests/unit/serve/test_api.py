"""The service's addresses: answers like the classifier's own, what is refused and why, figures, pages."""

from __future__ import annotations

import base64
import io
import json
import re
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from fashionlab.deploy.opening import open_classifier
from fashionlab.preparation import prepare
from fashionlab.serve.app import STATIC
from fashionlab.serve.auth import VARIABLE, read_token
from fashionlab.serve.limits import REASONS, Limits
from garments import in_form, photo
from serving import figures


def jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def test_files_are_answered_as_the_classifier_answers_them(client, toy_artifact, shirt):
    files = [shirt, jpeg(photo("shoe", 120)), jpeg(photo("trousers", 150, background=40, garment=220))]
    sent = [("picture", (f"{number} ü.png", content, "image/png")) for number, content in enumerate(files)]
    answer = client.post("/v1/predict?top=2&seen=true", files=sent).json()

    classifier = open_classifier(toy_artifact)
    pictures = np.stack([prepare(content, "x", classifier.preparations.asked) for content in files])
    answers = classifier.answer(pictures)
    assert answer["model"] == "toy"
    assert [prediction["file"] for prediction in answer["predictions"]] == ["0 ü.png", "1 ü.png", "2 ü.png"]
    for row, prediction in enumerate(answer["predictions"]):
        likely, first = np.argsort(-answers.probabilities[row])[:2], prediction["top"][0]
        assert prediction["index"] == row and prediction["seen"] == pictures[row][0].tolist()
        assert [other["label"] for other in prediction["top"]] == [classifier.classes[k] for k in likely]
        assert (prediction["label"], prediction["probability"]) == (first["label"], first["probability"])
        assert prediction["probability"] == pytest.approx(answers.probabilities[row].max(), abs=1e-6)
        assert prediction["set"] == [classifier.classes[k] for k in np.flatnonzero(answers.sets[row])]
        assert prediction["outlier"] == answers.outlier[row]
        assert prediction["outlier_score"] == pytest.approx(answers.outlier_score[row], rel=1e-4)


def test_json_holds_files_or_pixels(client, shirt):
    pictures = [base64.b64encode(shirt).decode(), in_form("shirt").tolist()]
    file, pixels = client.post("/v1/predict", json={"pictures": pictures}).json()["predictions"]
    every = client.post("/v1/predict?top=1000", json={"pictures": pictures}).json()["predictions"][0]["top"]
    assert len(every) == 10 and sum(likely["probability"] for likely in every) == pytest.approx(1, abs=1e-5)
    assert file.pop("index") == 0 and pixels.pop("index") == 1
    assert file == pixels and file["file"] is None and len(file["top"]) == 3 and "seen" not in file


@pytest.mark.parametrize(("content", "reason"), [
    (b"{", "malformed"), (b"[]", "malformed"), (b'{"pictures": 1}', "malformed"), (b"[" * 100_000, "malformed"),
    (b'{"pictures": [], "x": 1}', "malformed"), (b"\xff", "malformed"), (b'{"pictures": []}', "no-picture"),
    *((b'{"pictures": [%b]}' % picture, "unreadable") for picture in (
        b'"?"', b'""', b'"eA=="', b"null", b"[[1, 2], [3]]", b"1e999", b"NaN", b"{}", b"true", b"[[[[]]]]")),
    (json.dumps({"pictures": [(in_form("shirt") / 255).tolist()]}).encode(), "unreadable"),
    (json.dumps({"pictures": [(in_form("shirt").astype(int) + 1).tolist()]}).encode(), "unreadable"),
    (json.dumps({"pictures": [[[2**70] * 28] * 28]}).encode(), "unreadable"),
    (json.dumps({"pictures": [[[True] * 28] * 28]}).encode(), "unreadable"),
    (json.dumps({"pictures": ["eA=="] * 65}).encode(), "too-many-pictures"),
    (json.dumps({"pictures": [[[""] * 28] * 27 + [["a" * 100_000] * 28]]}).encode(), "unreadable"),
    (b'{"pictures": [' + b"[]," * 200_000 + b"1]}", "too-many-pictures"),
])
def test_bad_json_is_refused_with_a_reason(client, content, reason):
    answer = client.post("/v1/predict", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["reason"]) == (REASONS[reason], reason) and answer.json()["message"]


@pytest.mark.parametrize(("content", "kind", "reason"), [
    (b"", "multipart/form-data", "malformed"), (b"", "multipart/form-data; boundary=a", "malformed"),
    (b"--b\r\n", "multipart/form-data; boundary=a", "malformed"),
    (b"--a--\r\n", "multipart/form-data; boundary=a", "no-picture"),
    (b"--a\r\nContent-Disposition: form-data\r\n\r\nx", "multipart/form-data; boundary=a", "malformed"),
    (b"--a\r\n" + b"A: b\r\n" * 50 + b"\r\nx\r\n--a--\r\n", "multipart/form-data; boundary=a", "malformed"),
    (b"--a\r\n" + b"A" * 9999, "multipart/form-data; boundary=a", "malformed"),
    (b"x", "multipart/form-data; boundary=" + "a" * 5000, "malformed"),
    (b"x", "", "content-type"), (b"x", "ü", "content-type"),
    (b"x", "text/plain", "content-type"), (b"x", "application/x-www-form-urlencoded", "content-type"),
])
def test_bad_forms_are_refused_with_a_reason(client, content, kind, reason):
    answer = client.post("/v1/predict", content=content, headers={"Content-Type": kind.encode("latin-1")})
    assert (answer.status_code, answer.json()["reason"]) == (REASONS[reason], reason)


@pytest.mark.parametrize("query", ["top=0", "top=x", "top=-1", "top=1001", "top=", "top=1" + "0" * 5000, "top=²",
                                   "seen=1", "seen", "other=1", "%ff=1", "top=1&" * 20, "top=%00"])
def test_bad_parameters_are_refused(client, query, shirt):
    answer = client.post(f"/v1/predict?{query}", files={"p": shirt})
    assert answer.status_code == 422 and answer.json()["reason"] == "parameter", answer.text


def test_model_probes_and_figures_tell_what_happened(client, shirt):
    model = client.get("/v1/model").json()
    assert model["name"] == "toy" and model["image_size"] == 28 and len(model["classes"]) == 10 and not model["token"]
    assert len(model["sha256"]) == 64 and 0 <= model["accuracy"] <= 1 and model["limits"]["pictures"] == 64
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").status_code == 200
    assert client.get("/v1/drift").json()["seen"] == 0

    label = client.post("/v1/predict", files=[("a", shirt), ("b", shirt)]).json()["predictions"][0]["label"]
    client.post("/v1/predict", files={"a": b"no picture"})
    client.post("/v1/predict", files={"a": shirt})
    samples = figures(client)
    assert samples["fashionlab_requests_total", "POST", "/v1/predict", "200"] == 2
    assert samples["fashionlab_requests_total", "POST", "/v1/predict", "422"] == 1
    assert samples["fashionlab_rejected_total", "unreadable"] == 1 and samples["fashionlab_rejected_total", "host"] == 0
    assert samples["fashionlab_predictions_total", label] == 3
    assert samples["fashionlab_batch_pictures_sum",] == 3 and samples["fashionlab_batch_pictures_count",] == 2
    assert samples["fashionlab_request_seconds_count", "/v1/predict"] == 3
    assert samples["fashionlab_waiting_pictures",] == 0 and samples["fashionlab_drift_window_pictures",] == 3
    drift = client.get("/v1/drift").json()
    assert drift["seen"] == 3
    for figure in drift["figures"]:
        assert samples["fashionlab_drift_psi", figure["name"]] == pytest.approx(figure["psi"])
        assert samples["fashionlab_drift_alarm", figure["name"]] == figure["alarm"]


def test_json_takes_no_more_memory_than_it_has_pictures(client):
    """numpy made a text of 100,000 characters of each of 784 values of which one was that long: 300 MB."""
    rows = [["a" * 100_000, *[""] * 27], *[[""] * 28] * 27]
    content = json.dumps({"pictures": [rows]}).encode()
    tracemalloc.start()
    try:
        client.post("/v1/predict", content=content, headers={"Content-Type": "application/json"})
        assert tracemalloc.get_traced_memory()[1] < 20 * len(content)
    finally:
        tracemalloc.stop()


def test_an_alarm_of_drift_is_counted_and_logged_once(client, capfd):
    white = {"pictures": [np.full((28, 28), 255).tolist()] * 64}
    for _ in range(10):  # more than the window
        assert client.post("/v1/predict", json=white).status_code == 200
    lines = map(json.loads, capfd.readouterr().err.splitlines())
    logged = [line["figure"] for line in lines if line["event"] == "drift"]
    counted = {name[1]: value for name, value in figures(client).items() if name[0] == "fashionlab_drift_alarms_total"}
    assert set(counted) == set(logged) >= {"brightness", "ink"} and set(counted.values()) == {1.0}
    assert len(logged) == len(counted)


def test_a_defect_is_logged_and_counted(client, shirt, monkeypatch, capfd):
    def broken(*_):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("fashionlab.serve.intake.read", broken)
    answer = client.post("/v1/predict", files={"a": shirt})
    assert (answer.status_code, answer.json()["reason"]) == (500, "internal") and "defect" not in answer.text
    line = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert line["status"] == 500 and line["error"] == "ZeroDivisionError: a defect"
    samples = figures(client)
    assert samples["fashionlab_requests_total", "POST", "/v1/predict", "500"] == 1
    assert samples["fashionlab_rejected_total", "internal"] == 1 and client.service.bodies.held == 0


def test_large_bodies_do_not_lock_out_small_ones(make_client, shirt):
    client = make_client(Limits(held=200_000))
    client.service.bodies.held = 150_000
    assert client.post("/v1/predict", files={"a": shirt}).status_code == 200
    large = {"a": shirt + b"x" * 40_000}
    assert client.post("/v1/predict", files=large).json()["reason"] == "overloaded"
    client.service.bodies.held = 0
    assert client.post("/v1/predict", files=large).status_code == 200


def test_unknown_paths_do_not_grow_the_figures(client):
    for number in range(20):
        assert client.get(f"/nothing/{number}").json()["reason"] == "not-found"
    assert client.request("BREW", "/healthz").json()["reason"] == "method"
    samples = figures(client)
    assert samples["fashionlab_requests_total", "GET", "other", "404"] == 20
    assert samples["fashionlab_requests_total", "other", "/healthz", "405"] == 1


def test_an_ending_service_is_not_ready_and_closes_connections(client, shirt):
    client.service.draining = True
    assert client.get("/readyz").status_code == 503
    answer = client.post("/v1/predict", files={"a": shirt})
    assert answer.status_code == 200 and answer.headers["connection"] == "close"


@pytest.mark.parametrize("address", ["/static/../app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/docs",
                                     "/redoc", "/static/%2e%2e/app.py", "/v1", "/v1/predict/"])
def test_nothing_else_can_be_reached(client, address):
    assert client.get(address).status_code == 404


def test_other_hosts_are_refused(client, shirt):
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost.evil.example:1"):
        for answer in (client.get("/", headers={"Host": host}), client.get("/healthz", headers={"Host": host}),
                       client.post("/v1/predict", files={"a": shirt}, headers={"Host": host})):
            assert answer.status_code == 400 and answer.json()["reason"] == "host"
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000", "[::1]"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_pages_are_shut_in_and_name_no_other_address(client):
    for path in ("/", "/drift"):
        page = client.get(path)
        policy = page.headers["content-security-policy"]
        assert page.status_code == 200 and "default-src 'none'" in policy and "unsafe" not in policy
        assert not re.search(r"<script(?! type=\"module\" src=)|<style| style=| on\w+=", page.text), "forbidden by it"
    for file in [path for path in STATIC.rglob("*") if path.is_file()]:
        answer = client.get(f"/static/{file.relative_to(STATIC)}")
        assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
        if file.suffix not in (".png", ".jpg"):
            addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\"' )]*", answer.text))
            assert addresses <= {"http://www.w3.org/2000/svg"}, "only the name of SVG, which nobody fetches"


def test_the_page_s_former_address_leads_to_it(client):
    moved = client.get("/watch", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (301, "drift")
    assert client.get("/watch").content == (STATIC / "drift.html").read_bytes()


def test_openapi_has_every_address_and_its_example_works(client):
    document = client.get("/openapi.json").json()
    assert document["paths"].keys() == {"/v1/predict", "/v1/model", "/v1/drift", "/healthz", "/readyz", "/metrics"}
    operation = document["paths"]["/v1/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["examples"]["file"]["value"]
    assert client.post("/v1/predict", json=example).status_code == 200
    assert {int(status) for status in operation["responses"]} == {200, *REASONS.values()} - {401, 404, 405}
    assert document["components"]["schemas"].keys() == {"ClassProbability", "ModelInfo", "Prediction", "Predictions",
                                                        "Preparation", "Problem", "Status"}
    # What the command line gives as JSON too (`Prediction.as_dict`), and where asked for what the network saw.
    fields = document["components"]["schemas"]["Prediction"]["properties"].keys()
    assert fields == {"file", "index", "label", "probability", "top", "set", "outlier", "outlier_score", "seen"}


def test_a_token_guards_answers_but_not_the_page(make_client, shirt):
    client = make_client(token="sesame")
    for path in ("/v1/model", "/v1/drift", "/metrics"):
        for header in (b"", b"Bearer no", b"Basic sesame", b"sesame", b"Bearer \xff", b"Bearer sesame2", b"Bearer"):
            answer = client.get(path, headers={"Authorization": header})
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert client.get(path, headers={"Authorization": "bearer sesame"}).status_code == 200
    assert client.post("/v1/predict", files={"a": shirt}).json()["reason"] == "token"
    assert client.post("/v1/predict", files={"a": shirt}, headers={"Authorization": "Bearer sesame"}).status_code == 200
    for path in ("/", "/drift", "/watch", "/healthz", "/readyz", "/static/page.js", "/openapi.json"):
        assert client.get(path).status_code == 200
    document = client.get("/openapi.json").json()
    assert document["paths"]["/v1/predict"]["post"]["security"] == [{"bearer": []}]
    assert "401" in document["paths"]["/v1/predict"]["post"]["responses"]


def test_the_token_comes_from_a_file_or_the_environment(tmp_path, monkeypatch, cli):
    assert read_token(None) is None
    monkeypatch.setenv(VARIABLE, "from-the-environment")
    assert read_token(None) == "from-the-environment"
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    assert read_token(file) == "from-the-file"
    for content in (b"", b" \n", b"two words", "Schlüssel".encode()):
        file.write_bytes(content)
        result = cli("serve", "default", "--token-file", file)
        assert result.code == 2 and "token" in result.err and "words" not in result.err
    assert cli("serve", "default", "--token-file", tmp_path / "none").code == 2


def test_limits_are_checked(make_client, shirt):
    client = make_client(Limits(body=2000, pictures=2, pixels=28 * 28 * 2 - 1))
    reasons = [client.post("/v1/predict", files=files).json().get("reason") for files in (
        [("a", shirt)], [("a", shirt)] * 2, [("a", shirt[:100])] * 3, [("a", b"x" * 3000)])]
    assert reasons == [None, "too-many-pixels", "too-many-pictures", "body-too-large"]
    chunked = client.post("/v1/predict", content=iter([b"x" * 1500, b"y" * 1500]))
    assert chunked.status_code == 413 and "content-length" not in chunked.request.headers
    assert client.service.bodies.held == client.service.waiting.held == client.service.pixels.held == 0


def test_what_is_too_much_is_refused_for_a_second(make_client, shirt):
    client = make_client()
    for budget in (client.service.waiting, client.service.bodies):
        budget.held = budget.most
        answer = client.post("/v1/predict", files={"a": shirt})
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["reason"]) == (503, "1", "overloaded")
        assert budget.held == budget.most
        budget.held = 0
    assert client.post("/v1/predict", files={"a": shirt}).status_code == 200
