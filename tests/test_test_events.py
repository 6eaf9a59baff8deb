"""Shareable test events: what they are, how they come into EventBridge Schemas and out of it, and that each works."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from botocore.config import Config

import test_events
import test_events_function
from aws_server import Account
from invocation import Context, invoke
from office_hours import handlers
from office_hours.event import EventError
from schemas_server import (
    ANSWERS,
    CONFLICT,
    FORBIDDEN,
    INTERNAL_ERROR,
    MOST_VERSIONS,
    RESET,
    SILENCE,
    Refusal,
    SchemasServer,
)
from settings import Settings
from stack import OfficeHoursStack
from test_events import schema

pytest_plugins = ["aws_server", "invocation", "schemas_server"]

Json = dict[str, Any]
CarryOut = Callable[..., str]

REGISTRY = "lambda-testevent-schemas"
STOP, START, STATUS, REPORT = (
    f"_aurora-office-hours-{function}-schema" for function in ("stop", "start", "status", "report")
)
FUNCTION_SECONDS = 60


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The resources of the stack."""
    return synthesize(tmp_path_factory.mktemp("package"))


def synthesize(package: Path) -> Json:
    (package / "module.py").touch()
    app = cdk.App(builtin_cloud_formation_validation=False)  # it takes seconds, and `make lint` asks for it
    stack = OfficeHoursStack(app, settings=Settings(), package=package)
    resources: Json = app.synth().get_stack_by_name(stack.stack_name).template["Resources"]
    return {re.sub(r"[0-9A-F]{8}$", "", name): each["Properties"] for name, each in resources.items()}


@pytest.fixture(scope="module")
def all_properties(template: Json) -> Json:
    """What CloudFormation hands over."""
    found: Json = template["TestEventsSchemas"]
    assert all(isinstance(each, str) for each in found["Schemas"].values())  # it would make texts of all else
    return found


@pytest.fixture(scope="module")
def properties(all_properties: Json) -> Json:
    """The same for two functions, which say as much as four about how schemas are kept."""
    return all_properties | {"Schemas": {name: all_properties["Schemas"][name] for name in (STOP, START)}}


def events_in(content: str) -> Json:
    return {name: each["value"] for name, each in json.loads(content)["components"]["examples"].items()}


# What they are


def test_the_stop_function_has_these(properties: Json) -> None:
    assert events_in(properties["Schemas"][STOP]) == {
        "what-would-happen-now": {"dry_run": True},
        "what-would-happen-on-date": {"time": "2027-01-04T07:30:00+01:00"},
        "stop-one-cluster": {"clusters": ["name-of-a-cluster"]},
        "stop-until-next-morning": {"clusters": ["name-of-a-cluster"], "until": "08:00"},
        "every-cluster-dry-run": {"clusters": ["*"], "dry_run": True},
    }


def test_the_start_function_has_these(properties: Json) -> None:
    assert events_in(properties["Schemas"][START]) == {
        "what-would-happen-now": {"dry_run": True},
        "what-would-happen-on-date": {"time": "2027-01-04T07:30:00+01:00"},
        "start-one-cluster": {"clusters": ["name-of-a-cluster"]},
        "start-until-this-evening": {"clusters": ["name-of-a-cluster"], "until": "20:00"},
        "every-cluster-dry-run": {"clusters": ["*"], "dry_run": True},
    }


def test_the_status_function_has_these(all_properties: Json) -> None:
    assert events_in(all_properties["Schemas"][STATUS]) == {
        "what-is-going-on": {},
        "explain-a-tag": {"explain": "mon-fri 08:00-18:00 Europe/Berlin"},
    }


def test_the_report_function_has_this_one(all_properties: Json) -> None:
    assert events_in(all_properties["Schemas"][REPORT]) == {"what-was-saved": {}}


def test_every_function_that_people_invoke_has_some(template: Json) -> None:
    functions = {each["FunctionName"] for each in template.values() if "Handler" in each}
    assert set(template["TestEventsSchemas"]["Schemas"]) == {
        f"_{name}-schema" for name in functions - {"aurora-office-hours-test-events"}
    }


def test_the_console_accepts_their_names(all_properties: Json) -> None:
    names = {name for content in all_properties["Schemas"].values() for name in events_in(content)}
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9._-]{1,25}", name)] == []


def test_a_schema_is_an_openapi_document_as_the_console_writes_it() -> None:
    assert json.loads(schema({"now": {"dry_run": True}})) == {
        "openapi": "3.0.0",
        "info": {"version": "1.0.0", "title": "Event"},
        "paths": {},
        "components": {
            "schemas": {"Event": {"type": "object"}},
            "examples": {"now": {"value": {"dry_run": True}}},
        },
    }


# How they are kept: the function behind CloudFormation's custom resource


def request(kind: str, properties: Json, server: SchemasServer, **more: object) -> Json:
    """What CloudFormation sends."""
    return {
        "RequestType": kind,
        "ResponseURL": server.url + ANSWERS,
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/AuroraOfficeHours/1",
        "RequestId": "11111111-2222-3333-4444-555555555555",
        "LogicalResourceId": "TestEventsSchemas",
        "ResourceType": "Custom::ShareableTestEvents",
        "ResourceProperties": properties,
        **more,
    }


@pytest.fixture
def carry_out(schemas: SchemasServer, properties: Json, capsys: pytest.CaptureFixture[str]) -> Iterator[CarryOut]:
    """Have the function do what CloudFormation asks for, and give what it logged. CloudFormation hears of success."""

    def carry_out(kind: str, given: Json = properties, *, remaining: int = FUNCTION_SECONDS, **more: object) -> str:
        schemas.answers.clear()
        test_events_function.handle(request(kind, given, schemas, **more), Context(remaining=remaining * 1000))
        assert [answer["Status"] for answer, _ in schemas.answers] == ["SUCCESS"]
        return capsys.readouterr().out

    yield carry_out
    # What was given up ends here, not in the midst of another test.
    schemas.over.set()
    for thread in threading.enumerate():
        if thread.name.endswith("(keep_in_step)"):
            thread.join(20)


def test_the_registry_and_the_schemas_are_made(schemas: SchemasServer, properties: Json, carry_out: CarryOut) -> None:
    assert carry_out("Create") == f"{STOP}: stored.\n{START}: stored.\n"
    assert schemas.registries == {REGISTRY: {name: {"1": text} for name, text in properties["Schemas"].items()}}


def test_a_registry_that_exists_is_used_and_the_rest_of_it_left_alone(
    schemas: SchemasServer, properties: Json, carry_out: CarryOut
) -> None:
    schemas.add(REGISTRY, "_orders-schema", schema({"first": {}}), schema({"first": {}, "second": {}}))
    carry_out("Create")
    assert set(schemas.registries[REGISTRY]) == {"_orders-schema", STOP, START}
    assert len(schemas.registries[REGISTRY]["_orders-schema"]) == 2
    assert schemas.registries[REGISTRY][STOP] == {"1": properties["Schemas"][STOP]}


def test_doing_it_twice_changes_nothing_more(schemas: SchemasServer, properties: Json, carry_out: CarryOut) -> None:
    carry_out("Create")
    carry_out("Create")
    assert {name: list(each.values()) for name, each in schemas.registries[REGISTRY].items()} == {
        name: [text] for name, text in properties["Schemas"].items()
    }


def latest(schemas: SchemasServer, name: str) -> Json:
    return events_in(list(schemas.registries[REGISTRY][name].values())[-1])


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_ours_are_replaced_by_name_and_a_persons_own_are_kept(
    schemas: SchemasServer, properties: Json, carry_out: CarryOut, kind: str
) -> None:
    ours = events_in(properties["Schemas"][STOP])
    schemas.add(REGISTRY, STOP, schema({"my-own": {"clusters": ["billing"]}, "stop-one-cluster": {"x": 1}}))
    carry_out(kind)
    assert list(latest(schemas, STOP).items()) == [*ours.items(), ("my-own", {"clusters": ["billing"]})]


def test_what_is_ours_no_more_goes(schemas: SchemasServer, properties: Json, carry_out: CarryOut) -> None:
    earlier = schema({"stop-one-cluster": {"x": 1}, "renamed-since": {}})
    schemas.add(REGISTRY, STOP, schema(events_in(earlier) | {"my-own": {}}))
    carry_out("Update", OldResourceProperties=properties | {"Schemas": {STOP: earlier}})
    assert latest(schemas, STOP) == events_in(properties["Schemas"][STOP]) | {"my-own": {}}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"components": {}}', '{"components": {"examples": 1}}'])
def test_what_is_no_such_schema_is_replaced(
    schemas: SchemasServer, properties: Json, carry_out: CarryOut, content: str
) -> None:
    schemas.add(REGISTRY, STOP, content)
    carry_out("Create")
    assert latest(schemas, STOP) == events_in(properties["Schemas"][STOP])


@pytest.mark.parametrize("versions", [1, 2, MOST_VERSIONS])
def test_the_latest_version_is_the_only_one_left(schemas: SchemasServer, carry_out: CarryOut, versions: int) -> None:
    schemas.add(REGISTRY, STOP, *[schema({"earlier": {}})] * versions)
    assert f"{STOP}: stored." in carry_out("Update")
    assert list(schemas.registries[REGISTRY][STOP]) == [str(versions + 1)]


def test_removal_deletes_these_schemas_and_nothing_else(schemas: SchemasServer, carry_out: CarryOut) -> None:
    carry_out("Create")
    schemas.add(REGISTRY, "_orders-schema", schema({"first": {}}))
    schemas.add("mine", STOP, schema({"first": {}}))
    assert carry_out("Delete") == f"{STOP}: deleted.\n{START}: deleted.\n"
    assert schemas.registries == {
        REGISTRY: {"_orders-schema": {"1": schema({"first": {}})}},
        "mine": {STOP: {"1": schema({"first": {}})}},
    }


def test_removal_leaves_the_registry_itself_even_if_it_is_empty(schemas: SchemasServer, carry_out: CarryOut) -> None:
    carry_out("Create")
    carry_out("Delete")
    assert schemas.registries == {REGISTRY: {}}


def test_removal_where_there_is_nothing_succeeds(schemas: SchemasServer, carry_out: CarryOut) -> None:
    assert carry_out("Delete") == f"{STOP}: deleted.\n{START}: deleted.\n"
    assert schemas.registries == {}


# Whatever happens, CloudFormation hears of success, and the log says why there are no events


@pytest.mark.parametrize(
    ("kind", "there", "operation"),
    [
        ("Create", False, "DescribeSchema"),
        ("Create", False, "CreateRegistry"),
        ("Create", False, "CreateSchema"),
        ("Update", True, "ListSchemaVersions"),
        ("Update", True, "UpdateSchema"),
        ("Update", True, "DeleteSchemaVersion"),
        ("Delete", True, "DeleteSchema"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (FORBIDDEN, "ForbiddenException"),
        (INTERNAL_ERROR, "InternalServerErrorException"),
        (RESET, "Connection was closed"),
        (SILENCE, "Read timeout"),
    ],
    ids=["403", "500", "reset", "silence"],
)
def test_a_call_that_fails_is_logged(  # noqa: PLR0913  fixtures, and a row of the table
    schemas: SchemasServer,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kind: str,
    there: bool,
    operation: str,
    fault: Refusal,
    why: str,
) -> None:
    short = test_events_function.CLIENT.merge(Config(read_timeout=0.05))
    monkeypatch.setattr(test_events_function, "CLIENT", short)
    if there:
        for name in (STOP, START):
            schemas.add(REGISTRY, name, schema({"first": {}}), schema({"first": {}}))
    schemas.faults[operation] = fault
    log = carry_out(kind).splitlines()
    assert [line.split(": given up. ")[0] for line in log] == [STOP, START]
    assert all(why in line for line in log)


def test_what_fails_for_one_function_does_not_hold_up_the_others(
    schemas: SchemasServer, properties: Json, carry_out: CarryOut
) -> None:
    schemas.faults["CreateSchema", STOP] = FORBIDDEN
    log = carry_out("Create")
    assert f"{STOP}: given up. ForbiddenException: " in log
    assert f"{START}: stored." in log
    assert schemas.registries == {REGISTRY: {START: {"1": properties["Schemas"][START]}}}


def test_a_failed_update_leaves_the_events_as_they_were(schemas: SchemasServer, carry_out: CarryOut) -> None:
    schemas.add(REGISTRY, STOP, schema({"earlier": {}}), schema({"earlier": {}, "latest": {}}))
    schemas.faults["UpdateSchema"] = INTERNAL_ERROR
    carry_out("Update")
    assert latest(schemas, STOP) == {"earlier": {}, "latest": {}}


def test_a_registry_made_meanwhile_is_as_good(schemas: SchemasServer, properties: Json, carry_out: CarryOut) -> None:
    schemas.registries[REGISTRY] = {}
    schemas.faults["CreateRegistry"] = CONFLICT
    carry_out("Create")
    assert latest(schemas, STOP) == events_in(properties["Schemas"][STOP])


def test_where_schemas_cannot_be_reached_it_succeeds(carry_out: CarryOut, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_SCHEMAS", f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert carry_out("Create").count("given up. EndpointConnectionError: ") == 2


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_what_nobody_foresaw_is_logged_as_well(carry_out: CarryOut, kind: str) -> None:
    assert carry_out(kind, {}) == "EventBridge Schemas: given up. KeyError: 'Schemas'\n"


def test_a_call_that_hangs_does_not_hold_up_the_answer(schemas: SchemasServer, carry_out: CarryOut) -> None:
    schemas.faults["DescribeSchema"] = SILENCE
    assert "Out of time" in carry_out("Create", remaining=test_events_function.RESERVE)


def test_there_is_always_time_to_answer(template: Json) -> None:
    assert template["TestEventsFunction"]["Timeout"] == FUNCTION_SECONDS > 3 * test_events_function.RESERVE
    # Three invocations, and the minutes that Lambda waits between them.
    assert int(template["TestEventsSchemas"]["ServiceTimeout"]) > 3 * FUNCTION_SECONDS + 60 + 120


def test_the_answer_is_what_cloudformation_asks_for(
    schemas: SchemasServer, properties: Json, carry_out: CarryOut
) -> None:
    carry_out("Create")
    ((answer, content_type),) = schemas.answers
    assert answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "test-events",
        **{key: value for key, value in request("Create", properties, schemas).items() if key in answer},
    }
    assert {"StackId", "RequestId", "LogicalResourceId"} <= answer.keys()
    assert content_type == ""  # as the URL is signed


@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_the_resource_stays_the_same(schemas: SchemasServer, carry_out: CarryOut, kind: str) -> None:
    carry_out(kind, PhysicalResourceId="as-it-was-created")
    assert schemas.answers[0][0]["PhysicalResourceId"] == "as-it-was-created"


@pytest.mark.parametrize("status", [403, 503])
def test_an_answer_that_is_not_delivered_is_an_error_so_that_lambda_tries_again(
    schemas: SchemasServer, properties: Json, status: int
) -> None:
    schemas.faults[ANSWERS] = Refusal(status, "", "")
    with pytest.raises(OSError, match=str(status)):
        test_events_function.handle(request("Create", properties, schemas), Context())


# What the function may do, and how it comes into the template


def test_the_function_may_do_this_and_nothing_else(template: Json) -> None:
    role = template["TestEventsRole"]
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    assert filled_in(policy["PolicyDocument"]["Statement"]) == [
        {
            "Sid": "MakeRegistry",
            "Effect": "Allow",
            "Action": "schemas:CreateRegistry",
            "Resource": f"arn:aws:schemas:eu-west-1:123456789012:registry/{REGISTRY}",
        },
        {
            "Sid": "KeepTestEvents",
            "Effect": "Allow",
            "Action": [
                "schemas:CreateSchema",
                "schemas:DeleteSchema",
                "schemas:DeleteSchemaVersion",
                "schemas:DescribeSchema",
                "schemas:ListSchemaVersions",
                "schemas:UpdateSchema",
            ],
            "Resource": [
                f"arn:aws:schemas:eu-west-1:123456789012:schema/{REGISTRY}/{name}"
                for name in (STOP, START, STATUS, REPORT)
            ],
        },
        {
            "Sid": "WriteOwnLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "TestEventsLog",
        },
    ]


def filled_in(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Put values where the template has references."""
    match value:
        case {"Ref": str(name)}:
            return {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012"}[name]
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name[:-8]
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(map(filled_in, parts))
        case dict():
            return {key: filled_in(item) for key, item in value.items()}
        case list():
            return list(map(filled_in, value))
    return value


def test_the_function_makes_each_call_that_it_may_and_no_other(
    schemas: SchemasServer, template: Json, all_properties: Json, carry_out: CarryOut
) -> None:
    for kind in ("Create", "Update", "Delete"):
        carry_out(kind, all_properties)
    (policy,) = template["TestEventsRole"]["Policies"]
    of_registry, of_schemas, _ = filled_in(policy["PolicyDocument"]["Statement"])
    may = {(of_registry["Action"], of_registry["Resource"])}
    may |= {(action, resource) for action in of_schemas["Action"] for resource in of_schemas["Resource"]}
    assert {(f"schemas:{call.operation}", call.resource) for call in schemas.calls} == may


def test_the_function_is_in_the_template_as_it_stands(template: Json) -> None:
    assert template["TestEventsFunction"]["Code"] == {"ZipFile": Path(test_events_function.__file__).read_text()}
    assert template["TestEventsFunction"]["Handler"] == "index.handle"


def test_a_change_of_the_function_is_an_update(template: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "test_events_function.py"
    changed.write_text(test_events.SOURCE.read_text() + "# changed\n")
    monkeypatch.setattr(test_events, "SOURCE", changed)
    again = synthesize(tmp_path)
    assert again["TestEventsSchemas"] != template["TestEventsSchemas"]


# Each works: read back from where the console finds it, and handed to the function that it is for


MONDAY_EVENING = "2026-11-23T18:30:00Z"  # half past seven in Berlin
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
HANDLERS = {"stop": handlers.stop, "start": handlers.start}
BEFORE = {"stop": "available", "start": "stopped"}
CHANGES = {"StopDBCluster", "StartDBCluster", "AddTagsToResource"}

ASKING = ["what-would-happen-now", "what-would-happen-on-date", "every-cluster-dry-run"]
NEEDING_A_NAME = {
    "stop": {
        "stop-one-cluster": "stopped until 2026-11-24T08:00+01:00",  # its next transition
        "stop-until-next-morning": "stopped until 2026-11-24T08:00+01:00",
    },
    "start": {
        "start-one-cluster": "running until 2026-11-24T08:00+01:00",
        "start-until-this-evening": "running until 2026-11-23T20:00+01:00",
    },
}


@pytest.fixture
def stored(schemas: SchemasServer, carry_out: CarryOut) -> dict[str, Json]:
    """Each function's events, as they are in the account after a deployment."""
    carry_out("Create")
    return {"stop": latest(schemas, STOP), "start": latest(schemas, START)}


def test_each_is_tried_below(stored: dict[str, Json]) -> None:
    tried = {function: {*ASKING, *names} for function, names in NEEDING_A_NAME.items()}
    assert {function: set(events) for function, events in stored.items()} == tried


@pytest.mark.parametrize("function", HANDLERS)
@pytest.mark.parametrize("name", ASKING)
def test_those_that_ask_are_answered_and_change_nothing(
    account: Account, stored: dict[str, Json], function: str, name: str
) -> None:
    account.add("reporting", f"{OFFICE} enforced")
    account.add("nightly", "daily 18:00-08:00 Europe/Berlin enforced", Status="stopped")
    answer = invoke(HANDLERS[function], MONDAY_EVENING, stored[function][name], None)
    assert answer["dry_run"] is True
    assert [entry["cluster"] for entry in answer["clusters"]] == ["nightly", "reporting"]
    assert not CHANGES & account.counts().keys()


@pytest.mark.parametrize(("function", "name"), [(key, name) for key, each in NEEDING_A_NAME.items() for name in each])
def test_those_for_one_cluster_are_refused_until_its_name_is_in_and_for_nothing_else(
    account: Account, stored: dict[str, Json], function: str, name: str
) -> None:
    account.add("reporting", OFFICE, Status=BEFORE[function])
    event = stored[function][name]
    with pytest.raises(EventError, match='"name-of-a-cluster"'):
        invoke(HANDLERS[function], MONDAY_EVENING, event, None)
    assert not CHANGES & account.counts().keys()

    invoke(HANDLERS[function], MONDAY_EVENING, event | {"clusters": ["reporting"]}, None)
    assert account.named(f"{function.capitalize()}DBCluster") == ["reporting"]
    assert account.tag("reporting") == NEEDING_A_NAME[function][name]
