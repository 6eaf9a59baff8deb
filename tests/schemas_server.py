"""An account's EventBridge Schemas at the wire, as far as the console's test events need it: a small HTTP server.

It also says whether the stack exists, as CloudFormation does. Paths are those of botocore's own service model.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixture.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

NO_STACK = (
    "<ErrorResponse><Error><Code>ValidationError</Code><Message>It does not exist</Message></Error></ErrorResponse>"
)
A_STACK = "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>"
PATH = re.compile(r"/v1/registries/name/(?P<registry>[^/]+)(/schemas/name/(?P<schema>[^/?]+))?")


@dataclass
class SchemasServer:
    """The account.

    registries: each one's schemas and their contents.
    stack: whether the stack exists.
    refused: a call that is forbidden.
    calls: what was asked, in order, and the key and Region that each was signed for.
    """

    registries: dict[str, dict[str, str]] = field(default_factory=dict)
    stack: bool = False
    refused: str = ""
    calls: list[str] = field(default_factory=list)
    signed: set[tuple[str, str]] = field(default_factory=set)

    def answer(self, call: str, path: str, body: bytes) -> tuple[int, str]:
        if path == "/":
            return (200, A_STACK) if self.stack else (400, NO_STACK)
        named = PATH.fullmatch(path)
        assert named, path
        registry, schema = named["registry"], named["schema"]
        call += " schema" if schema else " registry"
        self.calls.append(call)
        schemas = self.registries.get(registry)
        if call == self.refused:
            return 403, error("ForbiddenException")
        if call == "POST registry":
            created = self.registries.setdefault(registry, {}) if schemas is None else None
            return (201, "{}") if created is not None else (409, error("ConflictException"))
        if schemas is None or ((call == "POST schema") == (schema in schemas)):
            return (404, error("NotFoundException")) if call != "POST schema" else (409, error("ConflictException"))
        if call == "DELETE schema":
            del schemas[schema]
            return 204, ""
        if call in ("POST schema", "PUT schema"):
            schemas[schema] = json.loads(body)["Content"]
        return 200, json.dumps({"SchemaName": schema, "Content": schemas[schema]})


def error(code: str) -> str:
    return json.dumps({"Code": code, "Message": "It is so."})


@pytest.fixture
def schemas(monkeypatch: pytest.MonkeyPatch) -> Iterator[SchemasServer]:
    """An account without a registry, which every boto3 client made from now on reaches."""
    account = SchemasServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            key, _, region = re.findall(r"[^/=]+(?=/)", self.headers["Authorization"])[:3]
            account.signed.add((key, region))
            status, answer = account.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815  as in the base class

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests read `calls`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    for service in ("SCHEMAS", "CLOUDFORMATION"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{listener.server_port}")
    Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
    yield account
    listener.shutdown()
    listener.server_close()
