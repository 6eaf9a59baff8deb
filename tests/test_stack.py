"""The CloudFormation template: what is deployed, when it runs, and what it may do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from aws_cdk import aws_lambda as lambda_

from asset import PROJECT, PYTHON_VERSION
from settings import SettingsError, StackSettings
from synthesis import Resource, Template, synthesize

pytest_plugins = ["synthesis"]

CDK = PROJECT / "infra" / "node_modules" / ".bin" / "cdk"

QUEUE, GROUP = "<Failures.Arn>", "<Schedules.Arn>"
WORDS = ("Stop", "Start", "Status", "Report")
SCHEDULED = ("Stop", "Start", "Report")
OWN_CLUSTERS = "arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster:*"


# What the functions may do


FIND_CLUSTERS = {
    "Sid": "FindClusters",
    "Effect": "Allow",
    "Action": ["rds:DescribeDBClusters", "rds:DescribeEvents"],
    "Resource": "*",
}
FIND_INSTANCES_TOO = FIND_CLUSTERS | {
    "Action": ["rds:DescribeDBClusters", "rds:DescribeEvents", "rds:DescribeDBInstances"]
}
FIND_REGIONS = {"Sid": "FindRegions", "Effect": "Allow", "Action": "account:ListRegions", "Resource": "*"}
READ_PRICES = {"Sid": "ReadPrices", "Effect": "Allow", "Action": "pricing:GetProducts", "Resource": "*"}
SEND_REPORT = {"Sid": "SendReport", "Effect": "Allow", "Action": "sns:Publish", "Resource": "<Topic>"}
HAND_OVER_FAILURES = {"Sid": "HandOverFailures", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}


def write_own_log(word: str) -> Resource:
    return {
        "Sid": "WriteOwnLog",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"<{word}Log.Arn>",
    }


def act_on_tagged(action: str, clusters: str | list[str] = OWN_CLUSTERS, key: str = "office-hours") -> list[Resource]:
    return [
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
    ]


def may_do(
    word: str, action: str, clusters: str | list[str] = OWN_CLUSTERS, key: str = "office-hours"
) -> list[Resource]:
    return [FIND_CLUSTERS, *act_on_tagged(action, clusters, key), write_own_log(word), HAND_OVER_FAILURES]


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
    statements = synthesize(StackSettings(regions=regions), package).statements(f"{word}Role")
    assert not [
        pattern
        for statement in statements
        for pattern in actions(statement)
        if fnmatchcase(forbidden.lower(), pattern.lower())
    ]


@pytest.mark.parametrize("regions", [(), ("eu-west-1",), ("*",)])
def test_nothing_is_changed_in_rds_without_the_tag(package: Path, regions: tuple[str, ...]) -> None:
    template = synthesize(StackSettings(regions=regions), package)
    changing = [
        statement
        for role in template.of_type("AWS::IAM::Role")
        for statement in template.statements(role)
        if any(
            not re.match("(rds:Describe|account:List|pricing:Get|logs:|sns:|sqs:|lambda:)", action)
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
    template = synthesize(StackSettings(tag_key="team:hours"), package)
    assert template.statements(f"{word}Role") == may_do(word, action, key="team:hours")


@OPERATIONS
def test_clusters_of_the_named_regions_can_be_acted_on(package: Path, word: str, action: str) -> None:
    template = synthesize(StackSettings(regions=("eu-west-1", "us-east-1")), package)
    clusters = [
        "arn:<AWS::Partition>:rds:eu-west-1:<AWS::AccountId>:cluster:*",
        "arn:<AWS::Partition>:rds:us-east-1:<AWS::AccountId>:cluster:*",
    ]
    assert template.statements(f"{word}Role") == may_do(word, action, clusters)


@OPERATIONS
def test_with_every_region_the_regions_can_be_listed(package: Path, word: str, action: str) -> None:
    template = synthesize(StackSettings(regions=("*",)), package)
    everywhere = "arn:<AWS::Partition>:rds:*:<AWS::AccountId>:cluster:*"
    find, *others = may_do(word, action, everywhere)
    assert template.statements(f"{word}Role") == [find, FIND_REGIONS, *others]


@pytest.mark.parametrize(("regions", "find_regions"), [((), []), (("eu-west-1",), []), (("*",), [FIND_REGIONS])])
def test_the_status_function_may_look_and_nothing_else(
    package: Path, regions: tuple[str, ...], find_regions: list[Resource]
) -> None:
    template = synthesize(StackSettings(regions=regions), package)
    assert template.properties("Status")["Role"] == "<StatusRole.Arn>"
    assert template.statements("StatusRole") == [FIND_INSTANCES_TOO, *find_regions, write_own_log("Status")]


@pytest.mark.parametrize(("regions", "find_regions"), [((), []), (("eu-west-1",), []), (("*",), [FIND_REGIONS])])
def test_the_report_function_may_look_and_read_prices_and_send_its_report_and_nothing_else(
    package: Path, regions: tuple[str, ...], find_regions: list[Resource]
) -> None:
    template = synthesize(StackSettings(regions=regions), package)
    assert template.properties("Report")["Role"] == "<ReportRole.Arn>"
    assert template.statements("ReportRole") == [
        FIND_INSTANCES_TOO,
        *find_regions,
        READ_PRICES,
        SEND_REPORT,
        write_own_log("Report"),
        HAND_OVER_FAILURES,
    ]


@pytest.mark.parametrize("word", SCHEDULED)
def test_a_schedule_may_invoke_its_alias_and_nothing_else(template: Template, word: str) -> None:
    assert template.properties(f"{word}Schedule")["Target"]["RoleArn"] == f"<{word}ScheduleRole.Arn>"
    assert template.statements(f"{word}ScheduleRole") == [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": f"<{word}Scheduled>"},
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
        "StatusRole": lambdas,
        "ReportRole": lambdas,
        "StopScheduleRole": schedulers,
        "StartScheduleRole": schedulers,
        "ReportScheduleRole": schedulers,
    }


# The functions


@pytest.mark.parametrize("word", WORDS)
def test_the_functions_have_the_names_that_people_and_scripts_use(template: Template, word: str) -> None:
    function = template.properties(word)
    assert function["FunctionName"] == f"aurora-office-hours-{word.lower()}"
    assert function["Handler"] == f"office_hours.handlers.{word.lower()}"


def test_there_are_four_functions(template: Template) -> None:
    assert set(template.of_type("AWS::Lambda::Function")) == {*WORDS}


@pytest.mark.parametrize("word", WORDS)
def test_the_functions_run_on_arm_with_the_newest_python_that_the_cdk_knows(template: Template, word: str) -> None:
    known = [name.split("_") for name in dir(lambda_.Runtime) if re.fullmatch(r"PYTHON_3_\d+", name)]
    newest = max(int(minor) for _, _, minor in known)
    assert template.properties(word)["Architectures"] == ["arm64"]
    assert template.properties(word)["Runtime"] == f"python3.{newest}" == f"python{PYTHON_VERSION}"


def test_the_package_is_deployed_once(template: Template) -> None:
    stop, *others = [template.properties(word)["Code"] for word in WORDS]
    assert others == [stop] * 3


@pytest.mark.parametrize("word", WORDS)
def test_no_concurrency_is_reserved(template: Template, word: str) -> None:
    assert "ReservedConcurrentExecutions" not in template.properties(word)


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (5, 300), (60, 300)])
def test_a_run_is_over_when_the_next_one_is_due(package: Path, word: str, minutes: int, seconds: int) -> None:
    assert synthesize(StackSettings(every_minutes=minutes), package).properties(word)["Timeout"] == seconds


@pytest.mark.parametrize(
    ("word", "seconds", "megabytes"),
    [("Stop", 300, 512), ("Start", 300, 512), ("Status", 60, 1024), ("Report", 300, 1024)],
)
def test_a_function_has_the_time_and_memory_that_its_work_takes(
    template: Template, word: str, seconds: int, megabytes: int
) -> None:
    assert template.properties(word)["Timeout"] == seconds
    assert template.properties(word)["MemorySize"] == megabytes


@pytest.mark.parametrize("word", WORDS)
def test_the_functions_find_the_settings_in_their_environment(package: Path, word: str) -> None:
    settings = StackSettings(tag_key="hours", schedules={"berlin": "mon-fri 08:00-18:00 Europe/Berlin"})
    environment = synthesize(settings, package).properties(word)["Environment"]["Variables"]
    assert environment.items() >= {
        ("OFFICE_HOURS_SETTINGS", settings.as_json()),
        ("POWERTOOLS_SERVICE_NAME", "aurora-office-hours"),
        ("POWERTOOLS_LOG_LEVEL", "INFO"),
    }


@pytest.mark.parametrize("word", ["Stop", "Start"])
def test_the_functions_that_act_find_nothing_else(template: Template, word: str) -> None:
    assert len(template.properties(word)["Environment"]["Variables"]) == 3


def test_the_status_function_finds_those_that_its_buttons_call(template: Template) -> None:
    environment = template.properties("Status")["Environment"]["Variables"]
    assert len(environment) == 4
    assert json.loads(environment["OFFICE_HOURS_ACTIONS"]) == {"stop": "<Stop.Arn>", "start": "<Start.Arn>"}


@pytest.mark.parametrize("how_often", ["daily", "weekly", "never"])
def test_the_report_function_finds_where_to_send_its_report_and_how_often(package: Path, how_often: str) -> None:
    template = synthesize(StackSettings(report=how_often), package)
    environment = template.properties("Report")["Environment"]["Variables"]
    assert len(environment) == 5
    assert environment["OFFICE_HOURS_TOPIC"] == "<Topic>"
    assert environment["OFFICE_HOURS_REPORT"] == how_often


def test_settings_that_do_not_fit_into_the_environment_are_refused(package: Path) -> None:
    schedules = {f"schedule-{number}": "mon-fri 08:00-18:00 Europe/Berlin" for number in range(100)}
    with pytest.raises(
        SettingsError, match=r"^officeHours\.schedules and officeHours\.calendars are too long together"
    ):
        synthesize(StackSettings(schedules=schedules), package)


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
    schedule = synthesize(StackSettings(every_minutes=minutes), package).properties(f"{word}Schedule")
    assert schedule["ScheduleExpression"] == expression
    assert schedule["ScheduleExpressionTimezone"] == "Etc/UTC"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["State"] == "ENABLED"


@pytest.mark.parametrize("word", SCHEDULED)
def test_a_schedule_asks_for_what_is_due_now(template: Template, word: str) -> None:
    target = template.properties(f"{word}Schedule")["Target"]
    assert target["Arn"] == f"<{word}Scheduled>"
    assert json.loads(target["Input"]) == ({"send": True} if word == "Report" else {})


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_a_delivery_is_tried_again_until_the_next_run_at_most(package: Path, word: str, minutes: int) -> None:
    template = synthesize(StackSettings(every_minutes=minutes), package)
    assert template.properties(f"{word}Schedule")["Target"]["RetryPolicy"] == {
        "MaximumRetryAttempts": 2,
        "MaximumEventAgeInSeconds": minutes * 60,
    }


@pytest.mark.parametrize("word", ["Stop", "Start"])
@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_a_run_is_tried_again_once_until_the_next_run_at_most(package: Path, word: str, minutes: int) -> None:
    retries = synthesize(StackSettings(every_minutes=minutes), package).properties(f"{word}ScheduledEventInvokeConfig")
    assert (retries["MaximumRetryAttempts"], retries["MaximumEventAgeInSeconds"]) == (1, minutes * 60)


@pytest.mark.parametrize("word", SCHEDULED)
def test_retries_and_the_queue_are_the_schedules_and_what_a_person_sends_is_tried_once(
    template: Template, word: str
) -> None:
    alias, scheduled, by_hand = (
        template.properties(f"{word}{each}")
        for each in ("Scheduled", "ScheduledEventInvokeConfig", "EventInvokeConfig")
    )
    assert (alias["Name"], alias["FunctionName"], alias["FunctionVersion"]) == ("scheduled", f"<{word}>", "$LATEST")
    assert scheduled["FunctionName"] == f"<{word}>"
    # The last part of the alias's ARN.
    assert scheduled["Qualifier"] == {"Fn::Select": [7, {"Fn::Split": [":", f"<{word}Scheduled>"]}]}
    assert by_hand == {
        "FunctionName": f"<{word}>",
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 60,
    }


@pytest.mark.parametrize("word", SCHEDULED)
def test_what_is_given_up_on_lands_in_the_queue(template: Template, word: str) -> None:
    assert template.properties(f"{word}Schedule")["Target"]["DeadLetterConfig"] == {"Arn": QUEUE}
    scheduled = template.properties(f"{word}ScheduledEventInvokeConfig")
    assert scheduled["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE}}


def test_the_queue_is_encrypted_and_keeps_for_a_fortnight(template: Template) -> None:
    assert template.properties("Failures") == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 86400}


def test_the_report_is_due_each_morning_and_tried_for_an_hour(template: Template) -> None:
    schedule = template.properties("ReportSchedule")
    assert schedule["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Etc/UTC"
    assert schedule["State"] == "ENABLED"
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    retries = template.properties("ReportScheduledEventInvokeConfig")
    # What was sent would be sent again.
    assert (retries["MaximumRetryAttempts"], retries["MaximumEventAgeInSeconds"]) == (0, 3600)


def test_nothing_but_people_and_the_dashboard_invokes_the_status_function(template: Template) -> None:
    targets = {each["Properties"]["Target"]["Arn"] for each in template.of_type("AWS::Scheduler::Schedule").values()}
    assert targets == {"<StopScheduled>", "<StartScheduled>", "<ReportScheduled>"}
    assert not template.of_type("AWS::Lambda::Permission")


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


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("days", [90, 3653])
def test_a_function_writes_to_its_own_log_which_is_kept_as_long_as_set(package: Path, word: str, days: int) -> None:
    template = synthesize(StackSettings(log_retention_days=days), package)
    assert template.properties(word)["LoggingConfig"] == {"LogGroup": f"<{word}Log>"}
    assert template.properties(f"{word}Log") == {
        "LogGroupName": f"/aws/lambda/aurora-office-hours-{word.lower()}",
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
