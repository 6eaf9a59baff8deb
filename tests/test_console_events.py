"""The events in the console's Test tab: how they come into EventBridge Schemas and out of it, and that each works."""

import json
import re
import subprocess
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

import console_events
from asset import PROJECT
from aws_server import Account
from console_events import EVENTS, document, examples, examples_of
from invocation import invoke
from office_hours import handlers
from office_hours.event import EventError
from synthesis import Template

pytest_plugins = ["aws_server", "invocation", "synthesis"]

REGISTRY = "lambda-testevent-schemas"
NAMES = [f"_aurora-office-hours-{word}-schema" for word in ("stop", "start", "status", "report")]
STOP = NAMES[0]
NO_STACK = "<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>"
A_STACK = "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>"
NOT_FOUND, CONFLICT, FORBIDDEN = (
    (status, json.dumps({"Code": code, "Message": "It is so."}))
    for status, code in ((404, "NotFoundException"), (409, "ConflictException"), (403, "ForbiddenException"))
)


@dataclass
class Schemas:
    """An account's EventBridge Schemas at the wire, as far as they are needed, and whether the stack exists.

    registries: each one's schemas and their contents.
    refused: a call that is forbidden.
    """

    registries: dict[str, dict[str, str]] = field(default_factory=dict)
    stack: bool = False
    refused: str = ""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        status, text = self.answer(request)
        return AWSResponse(request.url, status, HTTPHeaders(), SimpleNamespace(stream=lambda: [text.encode()]))

    def answer(self, request: AWSPreparedRequest) -> tuple[int, str]:
        if "cloudformation" in request.url:
            return (200, A_STACK) if self.stack else (400, NO_STACK)
        *_, registry, schema = re.split("/registries/name/|/schemas/name/", f"{request.url}/schemas/name/")[:3]
        call = f"{request.method} {'schema' if schema else 'registry'}"
        if call == self.refused:
            return FORBIDDEN
        if call == "POST registry":
            return CONFLICT if registry in self.registries else (201, str(self.registries.setdefault(registry, {})))
        schemas = self.registries.get(registry, {})
        if (schema in schemas) is (call == "POST schema"):
            return CONFLICT if schema in schemas else NOT_FOUND
        if call == "DELETE schema":
            del schemas[schema]
            return 204, ""
        if call != "GET schema":
            schemas[schema] = json.loads(cast("bytes", request.body))["Content"]
        return 200, json.dumps({"SchemaName": schema, "Content": schemas[schema]})


@pytest.fixture
def schemas(monkeypatch: pytest.MonkeyPatch) -> Schemas:
    """An account without a registry."""
    schemas = Schemas()
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda _, request: schemas.send(request))
    for name, value in {"REGION": "eu-west-1", "ACCESS_KEY_ID": "somebody", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return schemas


def test_the_registry_and_a_schema_for_each_function_are_made(schemas: Schemas, template: Template) -> None:
    console_events.main("store", ["--require-approval", "never", "-c", "officeHours.everyMinutes=1"])
    functions = [each["Properties"]["FunctionName"] for each in template.of_type("AWS::Lambda::Function").values()]
    assert schemas.registries[REGISTRY].keys() == {*NAMES} == {f"_{name}-schema" for name in functions}
    for name in (name for events in EVENTS.values() for name in events):
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,25}", name)  # what the console accepts
    written = json.loads(schemas.registries[REGISTRY][STOP])
    assert written["openapi"] == "3.0.0"
    assert written["components"]["examples"]["stop-until-next-morning"] == {
        "value": {"clusters": ["name-of-a-cluster"], "until": "08:00"}
    }


def test_they_go_with_the_stack_and_what_others_keep_in_the_registry_is_left_alone(schemas: Schemas) -> None:
    schemas.registries[REGISTRY] = {"_orders-schema": "theirs"}
    schemas.registries["mine"] = {STOP: "theirs"}
    console_events.main("store", [])
    schemas.stack = True  # the question whether to destroy it was answered with no
    console_events.main("remove", [])
    assert STOP in schemas.registries[REGISTRY]
    schemas.stack = False
    console_events.main("remove", [])
    assert schemas.registries == {REGISTRY: {"_orders-schema": "theirs"}, "mine": {STOP: "theirs"}}


def test_ours_are_replaced_by_name_and_a_persons_own_are_kept(schemas: Schemas) -> None:
    own = {"my-own": {"clusters": ["billing"]}}
    schemas.registries[REGISTRY] = {STOP: document(examples_of(own | {"stop-one-cluster": {"x": 1}}))}
    console_events.main("store", [])
    assert examples(schemas.registries[REGISTRY][STOP]) == examples_of({**EVENTS["stop"], **own})


def test_the_profile_is_that_of_the_cdk(capsys: pytest.CaptureFixture[str]) -> None:
    console_events.main("store", ["--profile", "nobody"])
    assert "profile (nobody) could not be found" in capsys.readouterr().out


@pytest.mark.parametrize("refused", ["GET schema", "POST registry", "POST schema"])
def test_a_call_that_is_refused_is_said_and_fails_nothing(
    schemas: Schemas, capsys: pytest.CaptureFixture[str], refused: str
) -> None:
    schemas.refused = refused
    console_events.main("store", [])
    said = capsys.readouterr().out
    assert re.search("(?s)test events could not be stored: .*ForbiddenException.*make deploy", said)


@pytest.mark.parametrize(("target", "verb"), [("deploy", "store"), ("destroy", "remove")])
def test_make_does_it_last_and_with_the_same_arguments(target: str, verb: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", target, "ARGS=--profile home"]
    steps = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert steps[-2].endswith(f"cdk {target} AuroraOfficeHours --profile home")
    assert steps[-1].endswith(f"python infra/console_events.py {verb} --profile home")


@pytest.mark.parametrize(("word", "name"), [(word, name) for word in ("stop", "start") for name in EVENTS[word]])
def test_each_asks_only_or_needs_a_clusters_name_first(account: Account, word: str, name: str) -> None:
    account.add("reporting", "mon-fri 08:00-18:00", Status={"stop": "available", "start": "stopped"}[word])
    event, handler = EVENTS[word][name], getattr(handlers, word)
    monday = "2026-11-23T19:30:00Z"
    if name in console_events.ASKING:
        assert invoke(handler, monday, event, None)["dry_run"] is True
    else:
        with pytest.raises(EventError, match='"name-of-a-cluster"'):
            invoke(handler, monday, event, None)
    assert not {"StopDBCluster", "StartDBCluster", "AddTagsToResource"} & account.counts().keys()
    if name not in console_events.ASKING:
        invoke(handler, monday, {**event, "clusters": ["reporting"]}, None)
        assert account.named(f"{word.capitalize()}DBCluster") == ["reporting"]
