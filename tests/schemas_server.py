"""An account's EventBridge Schemas at the wire, and the URL to which CloudFormation is answered: one small HTTP server.

It speaks the REST API behind AWS_ENDPOINT_URL_SCHEMAS, as far as the function that keeps the test events uses it, with
short pages and whatever is to go wrong. Paths and status codes are those of botocore's own service model.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixture.
"""

import json
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.session
import pytest

from aws_server import ACCOUNT, HOME, never_wait

ANSWERS = "/cloudformation"
# Both are lower than the real ones, which are 100 and unknown.
MOST_VERSIONS, PAGE = 7, 2

Structure = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Schemas' answer to a call that it does not carry out."""

    status: int
    code: str
    words: str


FORBIDDEN = Refusal(403, "ForbiddenException", "User: x is not authorized.")
INTERNAL_ERROR = Refusal(500, "InternalServerErrorException", "An internal error has occurred.")
NOT_FOUND = Refusal(404, "NotFoundException", "It does not exist.")
CONFLICT = Refusal(409, "ConflictException", "It exists already.")
RESET = Refusal(0, "", "No answer at all: the connection is cut.")
SILENCE = Refusal(0, "", "No answer at all: nothing comes.")


@dataclass(frozen=True)
class Call:
    """What the server was asked."""

    operation: str
    parameters: Structure

    @property
    def registry(self) -> str:
        return str(self.parameters["registryName"])

    @property
    def schema(self) -> str:
        """The schema that the call names, if it names one."""
        return str(self.parameters.get("schemaName", ""))

    @property
    def resource(self) -> str:
        """What IAM asks about."""
        path = f"schema/{self.registry}/{self.schema}" if self.schema else f"registry/{self.registry}"
        return f"arn:aws:schemas:{HOME}:{ACCOUNT}:{path}"


@dataclass
class SchemasServer:
    """The account.

    registries: each one's schemas, and each schema's versions, the newest last.
    faults: what is refused: an operation, or an operation on one schema.
    calls: what was asked, in order.
    answers: what CloudFormation was told, and under which content type.
    """

    url: str = ""
    registries: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    faults: dict[str | tuple[str, str], Refusal] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[Structure, str | None]] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def add(self, registry: str, schema: str, *contents: str) -> None:
        """Put a schema with these versions into the account."""
        self.registries.setdefault(registry, {})[schema] = {str(at): text for at, text in enumerate(contents, start=1)}

    def answer(self, call: Call) -> Structure | Refusal:
        self.calls.append(call)
        return self.faults.get(call.operation) or self.faults.get((call.operation, call.schema)) or self._serve(call)

    def _serve(self, call: Call) -> Structure | Refusal:  # noqa: PLR0911  one return an operation
        schemas = self.registries.get(call.registry)
        match call.operation:
            case "CreateRegistry":
                if schemas is not None:
                    return CONFLICT
                self.registries[call.registry] = {}
                return {"RegistryName": call.registry}
            case "CreateSchema" if schemas is not None:
                return CONFLICT if call.schema in schemas else self._store(call, schemas.setdefault(call.schema, {}))
        if schemas is None or call.schema not in schemas:
            return NOT_FOUND
        versions = schemas[call.schema]
        match call.operation:
            case "DescribeSchema":
                number, content = list(versions.items())[-1]
                return {"SchemaName": call.schema, "SchemaVersion": number, "Content": content}
            case "UpdateSchema":
                return self._store(call, versions)
            case "DeleteSchema":
                del schemas[call.schema]
                return {}
            case "DeleteSchemaVersion":
                return {} if versions.pop(call.parameters["schemaVersion"], None) else NOT_FOUND
            case "ListSchemaVersions":
                start = int(call.parameters.get("nextToken", "0"))
                more = {"NextToken": str(start + PAGE)} if start + PAGE < len(versions) else {}
                return {"SchemaVersions": [{"SchemaVersion": each} for each in versions][start : start + PAGE]} | more
        raise NotImplementedError(call.operation)

    def _store(self, call: Call, versions: dict[str, str]) -> Structure | Refusal:
        content = call.parameters["Content"]
        document = json.loads(content)
        if call.parameters["Type"] != "OpenApi3" or not {"openapi", "info", "paths"} <= document.keys():
            return Refusal(400, "BadRequestException", "It is no OpenAPI document.")
        if len(versions) >= MOST_VERSIONS:
            return Refusal(400, "BadRequestException", "It has too many versions.")
        number = str(max(map(int, versions), default=0) + 1)
        versions[number] = content
        return {"SchemaName": call.schema, "SchemaVersion": number}


@cache
def _routes() -> list[tuple[str, re.Pattern[str], str, int]]:
    """Each operation's method, path, name and status."""
    model = botocore.session.get_session().get_service_model("schemas")
    operations = [model.operation_model(name) for name in model.operation_names]
    return [
        (
            operation.http["method"],
            re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])),
            operation.name,
            operation.http["responseCode"],
        )
        for operation in operations
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the first one's receipt
    account: SchemasServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        url = urlsplit(self.path)
        if url.path == ANSWERS:
            self.account.answers.append((json.loads(body), self.headers["Content-Type"]))
            refusal = self.account.faults.get(ANSWERS)
            self._send(refusal.status if refusal else 200, b"")
            return
        for method, pattern, name, status in _routes():
            if method == self.command and (match := pattern.fullmatch(url.path)):
                parameters = dict(parse_qsl(url.query)) | (json.loads(body) if body else {})
                self._answer(self.account.answer(Call(name, match.groupdict() | parameters)), status)
                return
        self._send(404, b"")

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815  as in the base class

    def _answer(self, answer: Structure | Refusal, status: int) -> None:
        if answer is SILENCE:
            self.account.over.wait()
            self.close_connection = True
        elif answer is RESET:
            # Closed without lingering, a socket sends RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif isinstance(answer, Refusal):
            self._send(answer.status, json.dumps({"Code": answer.code, "Message": answer.words}).encode())
        else:
            self._send(status, b"" if status == 204 else json.dumps(answer).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests read `calls`."""


class _Server(ThreadingHTTPServer):
    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base class
        # The base class says goodbye before it closes, which would make a cut connection an orderly one.
        self.close_request(request)


@pytest.fixture
def schemas(monkeypatch: pytest.MonkeyPatch) -> Iterator[SchemasServer]:
    """An account without a registry, which every boto3 client made from now on reaches. Nobody waits before a retry."""
    server = SchemasServer()
    listener = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"account": server}))
    server.url = f"http://127.0.0.1:{listener.server_port}"
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL_SCHEMAS": server.url,
        "AWS_DEFAULT_REGION": HOME,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    never_wait(monkeypatch)
    Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    listener.shutdown()
    listener.server_close()
