"""Shareable test events: what Lambda's console offers everyone in a function's Test tab, to pick one and press Test.

The console reads them from EventBridge Schemas: one registry of a fixed name for all of an account's functions, in it
one schema a function, and in that one example an event.
https://docs.aws.amazon.com/lambda/latest/dg/testing-functions.html#creating-shareable-events

CloudFormation has resources for both, and they do not do: the registry can be there already, made by the console or by
another stack, and a schema can hold events that people have added. A small function does it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

REGISTRY = "lambda-testevent-schemas"
SOURCE = Path(__file__).with_name("test_events_function.py")
TIMEOUT = cdk.Duration.minutes(1)
# Lambda invokes the function twice more if it cannot answer, one and two minutes later.
LONGEST = cdk.Duration.minutes(10)

Events = Mapping[str, Mapping[str, object]]

# A name has at most 25 letters, digits, ".", "-" and "_": the console's own rule. What is to be filled in is refused as
# it stands, and what would reach every cluster is dry as it stands, since a press of the button is quickly done.
ASKING: Events = {
    "what-would-happen-now": {"dry_run": True},
    "what-would-happen-on-date": {"time": "2027-01-04T07:30:00+01:00"},
}
ONE_CLUSTER = ["name-of-a-cluster"]
EVERY_CLUSTER: Events = {"every-cluster-dry-run": {"clusters": ["*"], "dry_run": True}}
# By the functions' names in the stack.
EVENTS: Mapping[str, Events] = {
    "stop": {
        **ASKING,
        "stop-one-cluster": {"clusters": ONE_CLUSTER},
        "stop-until-next-morning": {"clusters": ONE_CLUSTER, "until": "08:00"},
        **EVERY_CLUSTER,
    },
    "start": {
        **ASKING,
        "start-one-cluster": {"clusters": ONE_CLUSTER},
        "start-until-this-evening": {"clusters": ONE_CLUSTER, "until": "20:00"},
        **EVERY_CLUSTER,
    },
    "status": {"what-is-going-on": {}, "explain-a-tag": {"explain": "mon-fri 08:00-18:00 Europe/Berlin"}},
    "report": {"what-was-saved": {}},
}


class ShareableTestEvents(Construct):
    """Test events for functions, and the function that keeps them.

    events: each function's, by its name.
    """

    def __init__(
        self, scope: Construct, id_: str, *, function_name: str, log_group: logs.ILogGroup, events: Mapping[str, Events]
    ) -> None:
        super().__init__(scope, id_)
        schemas = {f"_{name}-schema": schema(each) for name, each in events.items()}
        purpose = "Stores test events for the Lambda console, while the stack is deployed or removed"
        function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            description=purpose,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            # A part of the template, it adds nothing to the other functions' package. Its module is `index` there.
            handler="index.handle",
            code=lambda_.Code.from_inline(SOURCE.read_text()),
            role=self.role(purpose, log_group, list(schemas)),
            log_group=log_group,
            memory_size=256,
            timeout=TIMEOUT,
        )
        cdk.CustomResource(
            self,
            "Schemas",
            resource_type="Custom::ShareableTestEvents",
            service_token=function.function_arn,
            service_timeout=LONGEST,
            properties={
                "Registry": REGISTRY,
                "Schemas": schemas,
                # So that the function runs again when it has changed itself.
                "Function": cdk.FileSystem.fingerprint(str(SOURCE)),
            },
        )

    def role(self, purpose: str, log_group: logs.ILogGroup, schemas: list[str]) -> iam.IRole:
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:schemas:{stack.region}:{stack.account}"
        statements = [
            iam.PolicyStatement(
                sid="MakeRegistry", actions=["schemas:CreateRegistry"], resources=[f"{arn}:registry/{REGISTRY}"]
            ),
            iam.PolicyStatement(
                sid="KeepTestEvents",
                actions=[
                    "schemas:CreateSchema",
                    "schemas:DeleteSchema",
                    "schemas:DeleteSchemaVersion",
                    "schemas:DescribeSchema",
                    "schemas:ListSchemaVersions",
                    "schemas:UpdateSchema",
                ],
                resources=[f"{arn}:schema/{REGISTRY}/{name}" for name in schemas],
            ),
            iam.PolicyStatement(
                sid="WriteOwnLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
        ]
        role = iam.Role(
            self,
            "Role",
            description=purpose,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"test-events": iam.PolicyDocument(statements=statements)},
        )
        return role.without_policy_updates()


def schema(events: Events) -> str:
    """A function's test events as the console stores them: an OpenAPI document, its examples the events."""
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"version": "1.0.0", "title": "Event"},
            "paths": {},
            "components": {
                "schemas": {"Event": {"type": "object"}},
                "examples": {name: {"value": event} for name, event in events.items()},
            },
        }
    )
