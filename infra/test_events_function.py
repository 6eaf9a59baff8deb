"""Keeps the shareable test events in step with the stack: the function behind a custom resource of CloudFormation's.

Test events are a convenience, and no deployment fails for them: what cannot be done is logged, and the answer is that
it succeeded all the same. It runs on nothing but what Lambda itself brings.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import boto3
from botocore.config import Config

# A call that hangs is tried once more.
CLIENT = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
# What is kept of the function's time for the answer, in seconds.
RESERVE = 15

Json = dict[str, Any]
Client = Any  # boto3's own, whose types are in no package of ours


def handle(event: Json, context: Any) -> None:  # noqa: ANN401  Lambda has no type for it without a package
    """Do what CloudFormation asks for, as far as it can be done in time, and answer.

    Raises where the answer cannot be delivered: Lambda then tries it all again, twice.
    """
    # In a thread, since nothing that hangs there must hold up the answer.
    work = Thread(target=keep_in_step, args=(event,), daemon=True)
    work.start()
    work.join(max(0, context.get_remaining_time_in_millis() / 1000 - RESERVE))
    if work.is_alive():
        print("Out of time: the test events may be incomplete.")
    answer(event)


def answer(event: Json) -> None:
    """Tell CloudFormation that all is well.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """
    body = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")} | {
        "Status": "SUCCESS",
        # Always the same: another one would mean another resource, and that the events of the first are to be deleted.
        "PhysicalResourceId": event.get("PhysicalResourceId", "test-events"),
    }
    # The URL is signed for no content type, and without this one urllib has a word of its own.
    headers = {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=RESERVE / 3).close()  # noqa: S310  it is CloudFormation's own URL


def keep_in_step(event: Json) -> None:
    """Store the schemas of the stack, or delete them when it goes."""
    with attempt("EventBridge Schemas"):
        properties = event["ResourceProperties"]
        before = event.get("OldResourceProperties", {}).get("Schemas", {})
        client = boto3.client("schemas", config=CLIENT)
        for name, content in properties["Schemas"].items():
            schema = {"RegistryName": properties["Registry"], "SchemaName": name}
            with attempt(name):
                if event["RequestType"] == "Delete":
                    delete(client, schema)
                else:
                    store(client, schema, content, before.get(name, ""))


@contextmanager
def attempt(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  whatever it is, it must not fail a deployment
        print(f"{what}: given up. {type(error).__name__}: {error}")


def delete(client: Client, schema: dict[str, str]) -> None:
    # The registry stays, even if nothing else is in it: it is everybody's, and something can come into it meanwhile.
    with suppress(client.exceptions.NotFoundException):
        client.delete_schema(**schema)
    print(f"{schema['SchemaName']}: deleted.")


def store(client: Client, schema: dict[str, str], content: str, before: str) -> None:
    """Make the schema; where it exists, replace our events in it, by name, and leave people's own as they are.

    before: what an earlier deployment stored, so that an event which is ours no more is not taken for somebody's own.
    """
    try:
        stored = client.describe_schema(**schema)
    except client.exceptions.NotFoundException:
        with suppress(client.exceptions.ConflictException):  # the registry exists
            client.create_registry(RegistryName=schema["RegistryName"])
        client.create_schema(**schema, Type="OpenApi3", Content=content)
    else:
        ours = events(content)
        theirs = {name: each for name, each in events(stored["Content"]).items() if name not in events(before) | ours}
        document = json.loads(content)
        document["components"]["examples"] = ours | theirs
        # First as well: a schema has 100 versions at the most, and each edit in the console is one.
        delete_versions_but(client, schema, stored["SchemaVersion"])
        updated = client.update_schema(**schema, Type="OpenApi3", Content=json.dumps(document))
        delete_versions_but(client, schema, updated["SchemaVersion"])
    print(f"{schema['SchemaName']}: stored.")


def events(content: str) -> Json:
    """The events in a schema; none in what cannot be understood."""
    try:
        return dict(json.loads(content)["components"]["examples"])
    except (ValueError, LookupError, TypeError):
        return {}


def delete_versions_but(client: Client, schema: dict[str, str], latest: str) -> None:
    pages = client.get_paginator("list_schema_versions").paginate(**schema)
    # Listed to the end before the first goes: a page's place could shift otherwise.
    for version in [each["SchemaVersion"] for page in pages for each in page["SchemaVersions"]]:
        if version != latest:
            client.delete_schema_version(**schema, SchemaVersion=version)
