"""The events that Lambda's console offers in a function's Test tab. `make deploy` stores, `make destroy` deletes them.

The console reads them from EventBridge Schemas: one registry with a fixed name for all of an account's functions, in it
one schema per function, and in that one example per event.
https://docs.aws.amazon.com/lambda/latest/dg/testing-functions.html#creating-shareable-events

CloudFormation can't manage them: the registry belongs to the whole account and may exist already, and people add their
own events to a schema.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from prepare_account import session
from settings import STACK, function_name

if TYPE_CHECKING:
    import boto3

REGISTRY = "lambda-testevent-schemas"
# The deployment is done by then: don't keep anybody waiting for a service that doesn't answer.
CLIENT = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})

Json = dict[str, Any]
Events = Mapping[str, Mapping[str, object]]
Client = Any  # boto3's types for this service aren't installed

# The console allows names of at most 25 letters, digits, ".", "-" and "_". One click sends an event, so each must be
# harmless unedited: the placeholder name is refused, and the event for every cluster is a dry run.
ASKING: Events = {
    "what-would-happen-now": {"dry_run": True},
    "what-would-happen-on-date": {"time": "2027-01-04T07:30:00+01:00"},
    "every-cluster-dry-run": {"clusters": ["*"], "dry_run": True},
}
ONE_CLUSTER = ["name-of-a-cluster"]
EVENTS: Mapping[str, Events] = {
    "stop": {
        **ASKING,
        "stop-one-cluster": {"clusters": ONE_CLUSTER},
        "stop-until-next-morning": {"clusters": ONE_CLUSTER, "until": "08:00"},
    },
    "start": {
        **ASKING,
        "start-one-cluster": {"clusters": ONE_CLUSTER},
        "start-until-this-evening": {"clusters": ONE_CLUSTER, "until": "20:00"},
    },
    "status": {"what-is-going-on": {}, "explain-a-tag": {"explain": "mon-fri 08:00-18:00 Europe/Berlin"}},
    "report": {"what-was-saved": {}},
}


def main(verb: str, arguments: list[str]) -> None:
    """Store or remove the events in the account and Region that the CDK used with these arguments.

    They are a convenience: a failure is printed, but is not an error.
    """
    try:
        chosen = session(arguments)
        client = chosen.client("schemas", config=CLIENT)
        if verb == "remove" and stack_exists(chosen):
            return  # the user said no when asked whether to destroy it
        for word, events in EVENTS.items():
            schema = {"RegistryName": REGISTRY, "SchemaName": f"_{function_name(word)}-schema"}
            if verb == "remove":
                remove(client, schema)
            else:
                store(client, schema, events)
    except (BotoCoreError, ClientError) as error:
        print(
            f"The Lambda console's test events could not be {verb}d: {error}\nNothing else depends on them. "
            f"To try again, run `make {'destroy' if verb == 'remove' else 'deploy'}`."
        )


def stack_exists(session: "boto3.Session") -> bool:
    try:
        session.client("cloudformation", config=CLIENT).describe_stacks(StackName=STACK)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # CloudFormation's code for a missing stack
            return False
        raise
    return True


def store(client: Client, schema: Mapping[str, str], ours: Events) -> None:
    """Create a function's schema, or replace our events in it by name. People's own events stay."""
    try:
        stored = examples(client.describe_schema(**schema)["Content"])
    except client.exceptions.NotFoundException:
        with suppress(client.exceptions.ConflictException):  # the registry exists
            client.create_registry(RegistryName=REGISTRY)
        client.create_schema(**schema, Type="OpenApi3", Content=document(examples_of(ours)))
        return
    wanted = stored | examples_of(ours)
    # A schema keeps at most 100 versions, so a deployment that changes nothing must not add one.
    if wanted != stored:
        client.update_schema(**schema, Type="OpenApi3", Content=document(wanted))


def remove(client: Client, schema: Mapping[str, str]) -> None:
    # The registry stays, even if it is empty: the whole account shares it.
    with suppress(client.exceptions.NotFoundException):
        client.delete_schema(**schema)


def examples_of(events: Events) -> Json:
    return {name: {"value": event} for name, event in events.items()}


def examples(content: str) -> Json:
    """The events in a schema; none if it can't be read."""
    try:
        return dict(json.loads(content)["components"]["examples"])
    except (ValueError, LookupError, TypeError):
        return {}


def document(examples: Json) -> str:
    """Events as the console stores them: as the examples of an OpenAPI document."""
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"version": "1.0.0", "title": "Event"},
            "paths": {},
            "components": {"schemas": {"Event": {"type": "object"}}, "examples": examples},
        }
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
