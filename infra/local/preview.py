"""The dashboard's widget in a browser, on the emulated account: a small page that does what CloudWatch does.

It invokes the deployed status function, shows the answer, and makes each <cwdb-action> a button that asks, calls, and
redraws. It listens on the loopback interface, and answers only its own pages.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import Account

PAGE = Path(__file__).with_suffix(".html")
FUNCTIONS = tuple(f"aurora-office-hours-{name}" for name in ("status", "stop", "start", "report"))
_LONGEST = 100_000  # bytes of a request


def _policy(page: bytes) -> str:
    """What the browser may run: the page's own script, and none that an answer contains in any form."""
    script = page.partition(b"<script>")[2].partition(b"</script>")[0]
    ours = base64.b64encode(hashlib.sha256(script).digest()).decode()
    allowed = f"script-src 'sha256-{ours}'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


POLICY = _policy(PAGE.read_bytes())


@contextmanager
def serve(account: Account) -> Iterator[str]:
    """Serve the page, and yield its address."""
    # Make the client here, once: two threads could each make one, and one would never be closed.
    handler = type("Handler", (_Handler,), {"functions": account.client("lambda")})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    functions: Any  # a client of Lambda
    timeout = 60  # seconds; browsers open connections in advance, and may never use them

    def do_GET(self) -> None:
        if not self._is_ours():
            self._send(403, "text/plain", b"Only requests to this machine's own address are answered.")
        elif self.path == "/":
            self._send(200, "text/html; charset=utf-8", PAGE.read_bytes())
        else:
            self._send(404, "text/plain", b"There is only one page.")

    def do_POST(self) -> None:
        # Another site's page can make a browser post here, but not with this header.
        if not self._is_ours() or self.path != "/call" or self.headers["X-Preview"] != "yes":
            self._send(403, "text/plain", b"Only the page itself may call functions.")
            return
        try:
            asked = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), _LONGEST)))
            name, event = str(asked["function"]).rpartition(":")[2], asked["event"]
        except (KeyError, TypeError, ValueError):
            self._send(400, "text/plain", b'Expected: {"function": <name or ARN>, "event": {...}}.')
            return
        if name not in FUNCTIONS:
            self._send(403, "text/plain", f"Not one of the functions: {', '.join(FUNCTIONS)}.".encode())
            return
        self._send(200, "application/json", json.dumps(self._invoke(name, event)).encode())

    def _invoke(self, name: str, event: object) -> dict[str, Any]:
        try:
            answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError) as error:
            return {"error": str(error)}
        payload = json.load(answer["Payload"])
        return {"error": payload.get("errorMessage", "failed")} if "FunctionError" in answer else {"answer": payload}

    def _is_ours(self) -> bool:
        """Whether the browser thinks that it talks to this address: another name could have been pointed here."""
        assert isinstance(self.server, ThreadingHTTPServer)  # noqa: S101  for the type checker
        return self.headers["Host"] in {f"{host}:{self.server.server_port}" for host in ("127.0.0.1", "localhost")}

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing between the lines that show what happens."""
