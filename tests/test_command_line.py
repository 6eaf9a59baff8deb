"""The README's shell function, with the real AWS CLI in front of a Lambda that answers as told."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

pytestmark = pytest.mark.skipif(not shutil.which("aws"), reason="the AWS CLI is not installed")


class Lambda(HTTPServer):
    """What it was asked for, and whether the function fails."""

    asked: tuple[str, object] = "", None
    fails = False


class Answer(BaseHTTPRequestHandler):
    server: Lambda

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked = self.path.split("/")[3], event
        body = b'{"errorMessage": "refused"}' if self.server.fails else b'{"counts": {}}'
        self.send_response(200)
        if self.server.fails:
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Lambda]:
    with Lambda(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def type_in(server: Lambda, line: str) -> subprocess.CompletedProcess[str]:
    found = re.search(r"```sh\n(office-hours\(\).*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found
    url = f"http://127.0.0.1:{server.server_port}"
    secrets = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-1"}
    environment = {**os.environ, **secrets, "AWS_ENDPOINT_URL_LAMBDA": url}
    command = ["bash", "-c", f"{found[1]}\n{line}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("line", "function", "event"),
    [
        ("office-hours start reporting 20:00", "start", {"clusters": "reporting", "until": "20:00"}),
        ('office-hours stop "*"', "stop", {"clusters": "*"}),
        ("office-hours start reporting resume", "start", {"clusters": "reporting", "resume": True}),
    ],
)
def test_it_invokes_the_function_and_prints_its_answer(
    server: Lambda, line: str, function: str, event: dict[str, object]
) -> None:
    run = type_in(server, line)
    assert (run.returncode, json.loads(run.stdout)) == (0, {"counts": {}}), run.stderr
    assert server.asked == (f"aurora-office-hours-{function}", event)


def test_its_exit_status_says_that_the_function_refused_or_did_not_answer(server: Lambda) -> None:
    server.fails = True
    run = type_in(server, "office-hours start reporting 20:00")
    assert run.returncode != 0
    assert json.loads(run.stdout) == {"errorMessage": "refused"}
    server.server_close()
    run = type_in(server, "AWS_MAX_ATTEMPTS=1 office-hours start reporting")
    assert (run.returncode != 0, run.stdout) == (True, "")
