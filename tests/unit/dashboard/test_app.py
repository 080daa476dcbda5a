"""The dashboard's addresses: JSON, report, and what must be refused."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from unittest import mock

import pytest
from fastapi.testclient import TestClient

from fashionlab.common.errors import UsageError
from fashionlab.common.extras import missing_extra
from fashionlab.common.listening import host_names, listening
from fashionlab.dashboard import runs
from fashionlab.dashboard.app import STATIC, build_app
from fashionlab.dashboard.runs import RunsFolder
from fashionlab.training.logs import write_history
from run_folders import history_rows, write_run


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    write_run(tmp_path / "runs" / "a", test_accuracy=0.9)
    write_run(tmp_path / "runs" / "study" / "arm s0", "running", epochs=2)
    (tmp_path / "secret.txt").write_text("secret")
    return TestClient(build_app(RunsFolder(tmp_path / "runs")), base_url="http://127.0.0.1:8000")


def test_runs_and_details(client, tmp_path):
    answer = client.get("/api/runs").json()
    assert answer["folder"] == str(tmp_path / "runs")
    assert [row["name"] for row in answer["runs"]] == ["a", "study/arm s0"]
    details = client.get("/api/runs/study/arm%20s0").json()
    assert [row["val_accuracy"] for row in details["history"]] == [row["val_accuracy"] for row in history_rows(2)]
    assert details["scores"]["test_accuracy"] is None
    assert client.get("/api/runs/a").json()["scores"]["test_accuracy"] == 0.9


def test_a_run_without_history_or_environment_has_empty_details(client, tmp_path):
    (tmp_path / "runs" / "a" / "environment.json").unlink()
    (tmp_path / "runs" / "a" / "metrics.csv").write_text("what,is\nthis,file\n")
    details = client.get("/api/runs/a").json()
    assert details["history"] == [] and details["data"]["train_n"] is None


def test_the_report_is_served_and_shut_in(client, tmp_path):
    assert client.get("/report/a").status_code == 404
    (tmp_path / "runs" / "a" / "report.html").write_text("<h1>Report</h1>")
    answer = client.get("/report/a")
    assert answer.text == "<h1>Report</h1>" and "sandbox" in answer.headers["content-security-policy"]
    assert client.get("/api/runs").json()["runs"][0]["report"] is True


@pytest.mark.parametrize("address", [
    "/api/runs/none", "/api/runs/../secret.txt", "/api/runs/..%2f..", "/api/runs/%2e%2e/runs/a", "/report/none",
    "/report/..%2f..%2fsecret.txt", "/report/a/..%2f..%2f..%2fsecret.txt", "/static/../app.py", "/static/..%2fapp.py",
    "/static/%2e%2e/app.py", "/static//etc/passwd", "/secret.txt", "/docs", "/openapi.json",
])
def test_nothing_else_can_be_reached(client, address):
    answer = client.get(address)
    assert answer.status_code == 404, answer.text
    assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_only_reads(client, method):
    for address in ("/", "/api/runs", "/api/runs/a", "/report/a"):
        assert client.request(method, address).status_code == 405


def test_other_hosts_are_refused(client):
    """A web page whose own name was pointed at this machine asks with that name."""
    for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""):
        for address in ("/", "/api/runs", "/static/app.js"):
            assert client.get(address, headers={"Host": host}).status_code == 400
    for host in ("localhost", "localhost:8000", "127.0.0.1:9", "[::1]:8000"):
        assert client.get("/api/runs", headers={"Host": host}).status_code == 200


def test_the_page_names_no_other_address(client):
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for file in STATIC.iterdir():
        answer = client.get(f"/static/{file.name}")
        assert answer.status_code == 200
        found = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\"' )]*", answer.text))
        assert found <= {"http://www.w3.org/2000/svg"}, "only the name of SVG, which nobody fetches"


def test_a_run_is_read_once_until_it_changes(tmp_path, monkeypatch):
    """How long 200 runs take is measured by benchmarks/startup.py."""
    one = write_run(tmp_path / "one", epochs=20)
    for number in range(19):
        shutil.copytree(one.path, tmp_path / f"study-{number % 5}" / f"run-{number}")
    client = TestClient(build_app(RunsFolder(tmp_path)), base_url="http://localhost")
    read_row = mock.Mock(side_effect=runs._read_row)
    monkeypatch.setattr(runs, "_read_row", read_row)
    for expected in (20, 0):
        read_row.reset_mock()
        assert len(client.get("/api/runs").json()["runs"]) == 20
        assert read_row.call_count == expected
    write_history(one, history_rows(21))
    client.get("/api/runs")
    assert [call.args[0].path for call in read_row.call_args_list] == [one.path]


def test_a_wildcard_address_answers_to_this_machine_alone():
    hosts = host_names("0.0.0.0")
    assert "127.0.0.1" in hosts and socket.gethostname() in hosts
    assert "*" not in hosts and not [host for host in hosts if host.startswith("*")]
    assert all(host.count(":") == 0 or host == "::1" or host[0] + host[-1] == "[]" for host in host_names("0.0.0.0"))
    with pytest.raises(UsageError, match="--host is empty"), listening("", 0):
        pass


@pytest.mark.parametrize("module", ["fastapi", "uvicorn"])
def test_a_missing_package_names_the_extra(module):
    told = missing_extra("dashboard", module)
    assert told and "`fashionlab dashboard`" in str(told) and "'.[serve]'" in str(told)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_address_and_ends_on_a_signal(tmp_path, stop, record_property):
    write_run(tmp_path / "a")
    # A shell without job control starts its background jobs, such as a test run, with SIGINT ignored: undo that.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " \
           "import sys; from fashionlab.cli.main import run; code = run(sys.argv[1:]); " \
           "assert 'torch' not in sys.modules; sys.exit(code)"
    command = [sys.executable, "-c", code, "dashboard", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        process.send_signal(stop)
        _, errors = process.communicate()
    assert process.returncode in ((130,) if stop == signal.SIGINT else (143, -signal.SIGTERM))
    assert "Traceback" not in errors and len(errors.splitlines()) <= 1
    record_property("command", "dashboard")


def test_wrong_use_is_one_clear_line(cli, tmp_path):
    missing = cli("dashboard", tmp_path / "none")
    assert missing.code == 3 and "no such folder" in missing.err
    run = write_run(tmp_path / "runs" / "a")
    assert cli("dashboard", run.path).code == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = cli("dashboard", tmp_path / "runs", "--port", port)
    assert result.code == 2 and str(port) in result.err and "--port" in result.err and not result.out
    assert cli("dashboard", tmp_path / "runs", "--port", 70000).code == 2
    assert cli("dashboard", tmp_path / "runs", "--host", "256.1.1.1").code == 2
