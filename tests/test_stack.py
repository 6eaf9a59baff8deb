"""The CloudFormation template: what is deployed, when it runs, and what it may do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from asset import PROJECT, PYTHON_VERSION
from settings import Settings, SettingsError
from stack import OfficeHoursStack

CDK = PROJECT / "infra" / "node_modules" / ".bin" / "cdk"

QUEUE, GROUP = "<Failures.Arn>", "<Schedules.Arn>"
OWN_CLUSTERS = "arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster:*"

Resource = dict[str, Any]


class Template:
    """A synthesized template, its references written as `<Name>` and `<Name.Attribute>`, without the CDK's hashes."""

    def __init__(self, body: Resource) -> None:
        self.resources: dict[str, Resource] = {named(key): readable(value) for key, value in body["Resources"].items()}
        self.outputs: dict[str, Resource] = body["Outputs"]

    def properties(self, name: str) -> Resource:
        properties: Resource = self.resources[name]["Properties"]
        return properties

    def of_type(self, kind: str) -> dict[str, Resource]:
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def statements(self, role: str) -> list[Resource]:
        """All that a role may do: its inline policies are all it has."""
        assert "ManagedPolicyArns" not in self.properties(role)
        assert not self.of_type("AWS::IAM::Policy")
        return [
            statement
            for policy in self.properties(role)["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]


def named(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def readable(value: Any) -> Any:  # noqa: ANN401  any JSON
    match value:
        case {"Ref": str(name)}:
            return f"<{named(name)}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{named(name)}.{attribute}>"
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(readable(part) for part in parts)
        case dict():
            return {key: readable(item) for key, item in value.items()}
        case list():
            return [readable(item) for item in value]
    return value


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something to deploy, so that nothing need be built."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "module.py").touch()
    return folder


def synthesize(settings: Settings, package: Path) -> Template:
    app = cdk.App(builtin_cloud_formation_validation=False)  # it takes seconds, and `make lint` asks for it
    stack = OfficeHoursStack(app, settings=settings, package=package)
    return Template(app.synth().get_stack_by_name(stack.stack_name).template)


@pytest.fixture(scope="session")
def template(package: Path) -> Template:
    return synthesize(Settings(), package)


# What the functions may do


def may_do(
    word: str, action: str, clusters: str | list[str] = OWN_CLUSTERS, key: str = "office-hours"
) -> list[Resource]:
    return [
        {
            "Sid": "FindClusters",
            "Effect": "Allow",
            "Action": ["rds:DescribeDBClusters", "rds:DescribeEvents"],
            "Resource": "*",
        },
        {
            "Sid": "ActOnTaggedClusters",
            "Effect": "Allow",
            "Action": action,
            "Resource": clusters,
            "Condition": {"StringLike": {f"aws:ResourceTag/{key}": "*"}},
        },
        {
            "Sid": "HoldTaggedClusters",
            "Effect": "Allow",
            "Action": "rds:AddTagsToResource",
            "Resource": clusters,
            "Condition": {
                "StringLike": {f"aws:ResourceTag/{key}": "*"},
                "ForAllValues:StringEquals": {"aws:TagKeys": [f"{key}-hold"]},
                "Null": {"aws:TagKeys": "false"},
            },
        },
        {
            "Sid": "WriteOwnLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"<{word}Log.Arn>",
        },
        {"Sid": "HandOverFailures", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE},
    ]


OPERATIONS = pytest.mark.parametrize(
    ("word", "action"), [("Stop", "rds:StopDBCluster"), ("Start", "rds:StartDBCluster")]
)


@OPERATIONS
def test_a_function_may_do_this_and_nothing_else(template: Template, word: str, action: str) -> None:
    assert template.properties(word)["Role"] == f"<{word}Role.Arn>"
    assert template.statements(f"{word}Role") == may_do(word, action)


@pytest.mark.parametrize(("word", "forbidden"), [("Stop", "rds:StartDBCluster"), ("Start", "rds:StopDBCluster")])
@pytest.mark.parametrize("regions", [(), ("eu-west-1",), ("*",)])
def test_no_function_may_do_what_the_other_does(
    package: Path, word: str, forbidden: str, regions: tuple[str, ...]
) -> None:
    statements = synthesize(Settings(regions=regions), package).statements(f"{word}Role")
    assert not [
        pattern
        for statement in statements
        for pattern in actions(statement)
        if fnmatchcase(forbidden.lower(), pattern.lower())
    ]


@pytest.mark.parametrize("regions", [(), ("eu-west-1",), ("*",)])
def test_nothing_is_changed_in_rds_without_the_tag(package: Path, regions: tuple[str, ...]) -> None:
    template = synthesize(Settings(regions=regions), package)
    changing = [
        statement
        for role in template.of_type("AWS::IAM::Role")
        for statement in template.statements(role)
        if any(
            not re.match("(rds:Describe|account:List|logs:|sqs:|lambda:|schemas:)", action)
            for action in actions(statement)
        )
    ]
    assert [statement["Condition"]["StringLike"] for statement in changing] == [
        {"aws:ResourceTag/office-hours": "*"}
    ] * 4


def actions(statement: Resource) -> Iterator[str]:
    assert "NotAction" not in statement
    listed = statement["Action"]
    yield from [listed] if isinstance(listed, str) else listed


@OPERATIONS
def test_the_tag_can_have_another_key(package: Path, word: str, action: str) -> None:
    template = synthesize(Settings(tag_key="team:hours"), package)
    assert template.statements(f"{word}Role") == may_do(word, action, key="team:hours")


@OPERATIONS
def test_clusters_of_the_named_regions_can_be_acted_on(package: Path, word: str, action: str) -> None:
    template = synthesize(Settings(regions=("eu-west-1", "us-east-1")), package)
    clusters = [
        "arn:<AWS::Partition>:rds:eu-west-1:<AWS::AccountId>:cluster:*",
        "arn:<AWS::Partition>:rds:us-east-1:<AWS::AccountId>:cluster:*",
    ]
    assert template.statements(f"{word}Role") == may_do(word, action, clusters)


@OPERATIONS
def test_with_every_region_the_regions_can_be_listed(package: Path, word: str, action: str) -> None:
    template = synthesize(Settings(regions=("*",)), package)
    assert template.statements(f"{word}Role") == [
        *may_do(word, action, "arn:<AWS::Partition>:rds:*:<AWS::AccountId>:cluster:*"),
        {"Sid": "FindRegions", "Effect": "Allow", "Action": "account:ListRegions", "Resource": "*"},
    ]


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_a_schedule_may_invoke_its_function_and_nothing_else(template: Template, word: str) -> None:
    assert template.properties(f"{word}Schedule")["Target"]["RoleArn"] == f"<{word}ScheduleRole.Arn>"
    assert template.statements(f"{word}ScheduleRole") == [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": f"<{word}.Arn>"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE},
    ]


def test_each_role_is_for_its_service_alone(template: Template) -> None:
    trust = {
        name: role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, role in template.of_type("AWS::IAM::Role").items()
    }
    lambdas = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]
    own_group = {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>", "aws:SourceArn": GROUP}}
    schedulers = [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Condition": own_group,
        }
    ]
    assert trust == {
        "StopRole": lambdas,
        "StartRole": lambdas,
        "TestEventsRole": lambdas,
        "StopScheduleRole": schedulers,
        "StartScheduleRole": schedulers,
    }


# The functions


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_the_functions_have_the_names_that_people_and_scripts_use(template: Template, word: str) -> None:
    function = template.properties(word)
    assert function["FunctionName"] == f"aurora-office-hours-{word.lower()}"
    assert function["Handler"] == f"office_hours.handlers.{word.lower()}"


def test_there_are_two_functions_and_the_one_that_keeps_their_test_events(template: Template) -> None:
    assert set(template.of_type("AWS::Lambda::Function")) == {"Stop", "Start", "TestEventsFunction"}


@pytest.mark.parametrize("word", ["Stop", "Start", "TestEventsFunction"])
def test_the_functions_run_on_arm_with_the_newest_python_that_the_cdk_knows(template: Template, word: str) -> None:
    known = [name.split("_") for name in dir(lambda_.Runtime) if re.fullmatch(r"PYTHON_3_\d+", name)]
    newest = max(int(minor) for _, _, minor in known)
    assert template.properties(word)["Architectures"] == ["arm64"]
    assert template.properties(word)["Runtime"] == f"python3.{newest}" == f"python{PYTHON_VERSION}"


def test_the_package_is_deployed_once(template: Template) -> None:
    assert template.properties("Stop")["Code"] == template.properties("Start")["Code"]


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_no_concurrency_is_reserved(template: Template, word: str) -> None:
    assert "ReservedConcurrentExecutions" not in template.properties(word)


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (5, 300), (60, 300)])
def test_a_run_is_over_when_the_next_one_is_due(package: Path, word: str, minutes: int, seconds: int) -> None:
    assert synthesize(Settings(every_minutes=minutes), package).properties(word)["Timeout"] == seconds


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_the_functions_find_the_settings_in_their_environment(package: Path, word: str) -> None:
    settings = Settings(tag_key="hours", schedules={"berlin": "mon-fri 08:00-18:00 Europe/Berlin"})
    environment = synthesize(settings, package).properties(word)["Environment"]["Variables"]
    assert environment == {
        "OFFICE_HOURS_SETTINGS": settings.as_json(),
        "POWERTOOLS_SERVICE_NAME": "aurora-office-hours",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_settings_that_do_not_fit_into_the_environment_are_refused(package: Path) -> None:
    schedules = {f"schedule-{number}": "mon-fri 08:00-18:00 Europe/Berlin" for number in range(100)}
    with pytest.raises(
        SettingsError, match=r"^officeHours\.schedules and officeHours\.calendars are too long together"
    ):
        synthesize(Settings(schedules=schedules), package)


# When they run, and what becomes of a run that fails


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize(
    ("minutes", "expression"),
    [
        (1, "cron(* * * * ? *)"),
        (5, "cron(0/5 * * * ? *)"),
        (30, "cron(0/30 * * * ? *)"),
        (60, "cron(0 * * * ? *)"),
    ],
)
def test_the_schedules_fall_on_full_minutes_of_the_clock(
    package: Path, word: str, minutes: int, expression: str
) -> None:
    schedule = synthesize(Settings(every_minutes=minutes), package).properties(f"{word}Schedule")
    assert schedule["ScheduleExpression"] == expression
    assert schedule["ScheduleExpressionTimezone"] == "Etc/UTC"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["State"] == "ENABLED"


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_a_schedule_asks_for_what_is_due_now(template: Template, word: str) -> None:
    target = template.properties(f"{word}Schedule")["Target"]
    assert target["Arn"] == f"<{word}.Arn>"
    assert target["Input"] == "{}"


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_a_delivery_is_tried_again_until_the_next_run_at_most(package: Path, word: str, minutes: int) -> None:
    template = synthesize(Settings(every_minutes=minutes), package)
    assert template.properties(f"{word}Schedule")["Target"]["RetryPolicy"] == {
        "MaximumRetryAttempts": 2,
        "MaximumEventAgeInSeconds": minutes * 60,
    }


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_a_run_is_tried_again_once_until_the_next_run_at_most(package: Path, word: str, minutes: int) -> None:
    retries = synthesize(Settings(every_minutes=minutes), package).properties(f"{word}EventInvokeConfig")
    assert retries["FunctionName"] == f"<{word}>"
    assert retries["MaximumRetryAttempts"] == 1
    assert retries["MaximumEventAgeInSeconds"] == minutes * 60


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_what_is_given_up_on_lands_in_the_queue(template: Template, word: str) -> None:
    assert template.properties(f"{word}Schedule")["Target"]["DeadLetterConfig"] == {"Arn": QUEUE}
    assert template.properties(f"{word}EventInvokeConfig")["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE}}


def test_the_queue_is_encrypted_and_keeps_for_a_fortnight(template: Template) -> None:
    assert template.properties("Failures") == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 86400}


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_the_outputs_say_how_to_ask_for_a_dry_run_in_either_version_of_the_aws_cli(
    template: Template, word: str
) -> None:
    assert template.outputs[f"{word}DryRun"]["Value"] == (
        """echo '{"dry_run": true}' | """
        f"aws lambda invoke --function-name aurora-office-hours-{word.lower()} "
        "--payload fileb:///dev/stdin /dev/stdout"
    )


# What is left behind


@pytest.mark.parametrize(
    ("function", "word", "name"),
    [("Stop", "Stop", "stop"), ("Start", "Start", "start"), ("TestEventsFunction", "TestEvents", "test-events")],
)
@pytest.mark.parametrize("days", [90, 3653])
def test_a_function_writes_to_its_own_log_which_is_kept_as_long_as_set(
    package: Path, function: str, word: str, name: str, days: int
) -> None:
    template = synthesize(Settings(log_retention_days=days), package)
    assert template.properties(function)["FunctionName"] == f"aurora-office-hours-{name}"
    assert template.properties(function)["LoggingConfig"] == {"LogGroup": f"<{word}Log>"}
    assert template.properties(f"{word}Log") == {
        "LogGroupName": f"/aws/lambda/aurora-office-hours-{name}",
        "RetentionInDays": days,
    }


def test_nothing_stays_when_the_stack_goes(template: Template) -> None:
    assert {resource.get("DeletionPolicy", "Delete") for resource in template.resources.values()} == {"Delete"}
    assert template.resources["StopLog"]["DeletionPolicy"] == "Delete"


# The command line


def test_the_cdk_synthesizes_the_app_with_a_setting_of_the_command_line(tmp_path: Path) -> None:
    command = [
        str(CDK),
        "synth",
        "--quiet",
        "--no-validation",
        "-c",
        "officeHours.everyMinutes=1",
        "--output",
        str(tmp_path),
    ]
    subprocess.run(command, cwd=PROJECT, check=True)
    template = Template(json.loads((tmp_path / "AuroraOfficeHours.template.json").read_text()))
    assert template.properties("StopSchedule")["ScheduleExpression"] == "cron(* * * * ? *)"


def test_the_app_refuses_a_setting_by_its_name_and_without_a_traceback() -> None:
    context = json.dumps({"officeHours.everyMinute": "1"})  # as the CDK's command line hands it over
    done = subprocess.run(
        [sys.executable, "infra/app.py"],
        cwd=PROJECT,
        env=os.environ | {"CDK_CONTEXT_JSON": context, "PYTHONPATH": "lambda"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith('officeHours.everyMinute is unknown (did you mean "everyMinutes"?).')
    assert "Traceback" not in done.stderr
