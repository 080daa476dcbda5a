"""Behind a proxy, under a path, and asked by pages of other origins."""

from __future__ import annotations

import re
import urllib.request

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fashionlab.bench.serve import service
from fashionlab.serve.app import STATIC
from fashionlab.serve.limits import Limits
from serving import figures

ROOT = "/shop/model"
ORIGIN = "https://shop.example"
SESAME = {"Authorization": "Bearer sesame"}
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization"}


def shared(answer) -> dict[str, str]:
    """The headers of an answer by which a browser decides who may read it."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("prefix", [ROOT, ""], ids=["left", "taken away"])
def test_a_proxy_may_leave_the_root_path_or_take_it_away(make_client, shirt, prefix):
    client = make_client(root_path=ROOT)
    for path in ("/", "/drift", "/v1/model", "/v1/drift", "/healthz", "/readyz", "/metrics", "/openapi.json",
                 "/static/page.js", "/static/samples/bag.png"):
        assert client.get(prefix + path).status_code == 200, path
    assert client.get(f"{prefix}/static/style.css").content == (STATIC / "style.css").read_bytes()
    assert client.post(f"{prefix}/v1/predict", files={"a": shirt}).json()["predictions"][0]["label"]
    assert client.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": ROOT}]
    moved = client.get(f"{prefix}/watch")
    assert moved.url.path == f"{prefix}/drift" and moved.content == (STATIC / "drift.html").read_bytes()
    samples = figures(client)
    assert samples["fashionlab_requests_total", "POST", "/v1/predict", "200"] == 1, "one label, whatever the proxy does"
    assert samples["fashionlab_requests_total", "GET", "/v1/model", "200"] == 1
    assert not any(ROOT in label for labels in samples for label in labels)


def test_the_root_path_alone_leads_to_the_page(make_client):
    answer = make_client(root_path=ROOT).get(ROOT)
    assert answer.url.path == f"{ROOT}/" and answer.content == (STATIC / "index.html").read_bytes()


def test_without_a_root_path_there_is_none(client):
    assert client.get(f"{ROOT}/healthz").status_code == 404 and "servers" not in client.get("/openapi.json").json()


@pytest.mark.parametrize("path", ["/shop/modelx/healthz", "/shop/model/shop/model/healthz", "/shop/healthz", "/shop",
                                  "/shop/model//healthz", "//shop/model/healthz", "/SHOP/model/healthz",
                                  "/shop/model/v1", "/shop/model/static/../app.py", "/shop/model/static/..%2fapp.py"])
def test_nothing_else_lies_under_a_root_path(make_client, path):
    assert make_client(root_path=ROOT).get(path).status_code == 404


GUARDED = ["/v1/model", "/v1/drift", "/metrics", "/v1/predict"]
PIECES = st.sampled_from([ROOT, "/shop", "/model", "/", "//", "/.", "/..", "%2f", "/%2e%2e", "?", "/static", "/v1",
                          "%20", "/shop%2Fmodel", ";", *GUARDED])


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("prefix", ["", ROOT, ROOT * 2, "/shop%2fmodel"])
def test_no_prefix_opens_what_a_token_guards(make_client, shirt, path, prefix):
    client = make_client(root_path=ROOT, token="sesame")
    address = prefix + path
    for answer in (client.get(address), client.post(address, files={"a": shirt}), client.head(address)):
        assert answer.status_code == (404 if prefix == ROOT * 2 else 401)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(pieces=st.lists(PIECES, min_size=1, max_size=5))
def test_no_address_at_all_opens_what_a_token_guards(guarded_client, shirt, pieces):
    address = "http://localhost:8000/" + "".join(pieces).lstrip("/")
    answers = (guarded_client.get(address), guarded_client.post(address, files={"a": shirt}))
    for answer in answers:
        assert answer.status_code in (200, 401, 404, 405, 422)
        assert "predictions" not in answer.text and "sha256" not in answer.text and "_total" not in answer.text
        assert '"psi"' not in answer.text


@pytest.fixture
def guarded_client(make_client):
    return make_client(root_path=ROOT, token="sesame")


@pytest.mark.parametrize("root_path", [
    "", "/", "shop", "shop/model", "/shop/", "/shop//model", "//shop", "/shop/../model", "/..", "/.", "/shop model",
    "/shop?x", "/shop#x", "/%2e%2e", "http://shop.example/model", "/größe", "/shop\n", "/v1", "/v1/predict", "/metrics",
    "/drift", "/watch", "/static", "/static/samples", "/openapi.json",
])
def test_a_root_path_that_is_none_is_refused(cli, root_path):
    result = cli("serve", "default", "--root-path", root_path)
    assert result.code == 2 and "--root-path" in result.err and len(result.err.splitlines()) <= 2


@pytest.mark.parametrize("root_path", ["/m", "/shop/model", "/v1/fashion", "/a.b/~c/d-e_f/...", "/statics",
                                       "/v1/predictions"])
def test_any_other_path_may_be_the_root_path(make_client, root_path):
    client = make_client(root_path=root_path)
    for path in ("/healthz", "/v1/model", "/static/page.js"):
        assert client.get(root_path + path).status_code == client.get(path).status_code == 200


def test_pages_name_only_relative_addresses():
    for file in (*STATIC.glob("*.html"), *STATIC.glob("*.js"), *STATIC.glob("*.css")):
        assert not re.findall(r"""(?:href|src)=["']/|["'`(]/(?:static|v1|drift|watch)""", file.read_text()), file.name


def test_no_header_of_cors_without_the_option(client, shirt):
    for answer in (client.get("/v1/model", headers={"Origin": ORIGIN}),
                   client.options("/v1/predict", headers=PREFLIGHT),
                   client.post("/v1/predict", files={"a": shirt}, headers={"Origin": ORIGIN})):
        assert not shared(answer) and "vary" not in answer.headers
    assert client.options("/v1/predict", headers=PREFLIGHT).status_code == 405


@pytest.mark.parametrize(("origins", "allowed"), [([ORIGIN, "http://localhost:3000"], ORIGIN), (["*"], "*")])
def test_an_origin_may_ask_and_read_refusals_too(make_client, shirt, monkeypatch, origins, allowed):
    client = make_client(Limits(body=5000), token="sesame", origins=origins, root_path=ROOT)
    origin = {"Origin": ORIGIN}
    for prefix in ("", ROOT):
        asked = client.options(f"{prefix}/v1/predict", headers=PREFLIGHT)
        assert asked.status_code == 200, "without a token: a browser sends none here"
        assert asked.headers["access-control-allow-origin"] == allowed
        assert {"GET", "POST"} <= set(asked.headers["access-control-allow-methods"].split(", "))
        assert "Authorization" in asked.headers["access-control-allow-headers"]
    named = origin | SESAME

    def defect(client):
        monkeypatch.setattr("fashionlab.serve.intake.read", None)
        return client.post("/v1/predict", files={"a": shirt}, headers=named)

    for status, answer in (
            (200, client.post("/v1/predict", files={"a": shirt}, headers=named)),
            (401, client.post("/v1/predict", files={"a": shirt}, headers=origin)),
            (404, client.get("/nothing", headers=named)), (405, client.get("/v1/predict", headers=named)),
            (413, client.post("/v1/predict", content=b"x" * 6000, headers=named)),
            (415, client.post("/v1/predict", content=b"x", headers=named)),
            (422, client.post("/v1/predict", files={"a": b"x"}, headers=named)),
            (500, defect(client))):
        assert answer.status_code == status, answer.text
        assert shared(answer) == {"access-control-allow-origin": allowed,
                                  "access-control-expose-headers": "Retry-After"}
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-credentials" not in asked.headers


def test_other_origins_and_other_hosts_read_nothing(make_client, shirt):
    client = make_client(origins=[ORIGIN])
    for origin in ("https://evil.example", "http://shop.example", f"{ORIGIN}:8443", f"{ORIGIN}.evil.example", "null"):
        refused = client.options("/v1/predict", headers=PREFLIGHT | {"Origin": origin})
        answer = client.post("/v1/predict", files={"a": shirt}, headers={"Origin": origin})
        assert refused.status_code == 400 and answer.status_code == 200
        assert all("access-control-allow-origin" not in shared(one) for one in (refused, answer))
    foreign = client.options("/v1/predict", headers=PREFLIGHT | {"Host": "evil.example"})
    assert foreign.json()["reason"] == "host" and not shared(foreign)
    samples = figures(client)
    assert samples["fashionlab_requests_total", "other", "/v1/predict", "400"] == 6, "preflights are counted"


@pytest.mark.parametrize("origin", ["", "shop.example", f"{ORIGIN}/", f"{ORIGIN}/page", "https://Shop.example", "null",
                                    f"{ORIGIN}:443", "http://localhost:80", "https://*.example", "http://",
                                    f"{ORIGIN}:x", f"{ORIGIN} https://other.example", f"{ORIGIN}\n", "https://me@shop.example"])
def test_an_origin_that_no_browser_sends_is_refused(cli, origin):
    result = cli("serve", "default", "--cors", "http://localhost:3000", "--cors", origin)
    assert result.code == 2 and "--cors" in result.err and len(result.err.splitlines()) <= 2


def test_the_command_takes_both(toy_artifact):
    options = ["--root-path", ROOT, "--cors", ORIGIN, "--cors", "http://localhost:3000"]
    with service(str(toy_artifact), *options) as (address, _):
        request = urllib.request.Request(f"{address[:-1]}{ROOT}/healthz", headers={"Origin": "http://localhost:3000"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
