"""The CloudFormation template: what is deployed, when it runs, and what it may do."""

import json
import re
from functools import partial
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

import app
from asset import PYTHON_VERSION
from settings import SettingsError, StackSettings
from synthesis import ORGANIZATION, Resource, Template, synthesize

pytest_plugins = ["synthesis"]

QUEUE = "<Failures.Arn>"
WORDS = ("Stop", "Start", "Status", "Report")
SCHEDULED = ("Stop", "Start", "Report")

# What the functions may do: `test_permissions.py` judges it


def test_a_permissions_boundary_of_cdk_json_is_on_every_role(package: Path) -> None:
    boundary = {"@aws-cdk/core:permissionsBoundary": {"name": "developers"}}
    roles = synthesize(StackSettings(), package, context=boundary).of_type("AWS::IAM::Role")
    assert {role["Properties"]["PermissionsBoundary"] for role in roles.values()} == {
        "arn:<AWS::Partition>:iam::<AWS::AccountId>:policy/developers"
    }


def test_each_role_is_for_its_service_alone(template: Template) -> None:
    def trust(service: str, **condition: object) -> Resource:
        principal = {"Service": f"{service}.amazonaws.com"}
        return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **condition}

    own_group = {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>", "aws:SourceArn": "<Schedules.Arn>"}}
    roles = {name: each["Properties"] for name, each in template.of_type("AWS::IAM::Role").items()}
    assert {name: role["AssumeRolePolicyDocument"]["Statement"] for name, role in roles.items()} == {
        **{f"{word}Role": [trust("lambda")] for word in WORDS},
        **{f"{word}ScheduleRole": [trust("scheduler", Condition=own_group)] for word in SCHEDULED},
    }
    for word in SCHEDULED:
        may = [each["Resource"] for each in template.statements(f"{word}ScheduleRole")]
        assert may == [f"<{word}Scheduled>", QUEUE]


# The functions


def test_there_are_four_functions_with_the_names_that_people_and_scripts_use(template: Template) -> None:
    functions = {name: each["Properties"] for name, each in template.of_type("AWS::Lambda::Function").items()}
    assert {name: (each["FunctionName"], each["Handler"], each["Role"]) for name, each in functions.items()} == {
        word: (f"aurora-office-hours-{word.lower()}", f"office_hours.handlers.{word.lower()}", f"<{word}Role.Arn>")
        for word in WORDS
    }
    assert len({str(each["Code"]) for each in functions.values()}) == 1  # the package is deployed once
    # Which would take it from the account's other functions.
    assert not [name for name, each in functions.items() if "ReservedConcurrentExecutions" in each]
    known = [name.split("_") for name in dir(lambda_.Runtime) if re.fullmatch(r"PYTHON_3_\d+", name)]
    newest = max(int(minor) for _, _, minor in known)
    assert {each["Runtime"] for each in functions.values()} == {f"python3.{newest}"} == {f"python{PYTHON_VERSION}"}


@pytest.mark.parametrize("word", WORDS)
def test_the_functions_find_in_their_environment_what_they_need_and_nothing_else(package: Path, word: str) -> None:
    settings = StackSettings(tag_key="hours", report="daily")
    assert synthesize(settings, package).properties(word)["Environment"]["Variables"] == {
        "OFFICE_HOURS_SETTINGS": settings.as_json(),
        "POWERTOOLS_SERVICE_NAME": "aurora-office-hours",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    } | {
        # What its buttons call.
        "Status": {"OFFICE_HOURS_ACTIONS": json.dumps({"stop": "<Stop.Arn>", "start": "<Start.Arn>"})},
        "Report": {"OFFICE_HOURS_TOPIC": "<Topic>", "OFFICE_HOURS_REPORT": "daily"},
    }.get(word, {})


def test_settings_that_do_not_fit_into_the_environment_are_refused(package: Path) -> None:
    schedules = {f"schedule-{number}": "mon-fri 08:00-18:00 Europe/Berlin" for number in range(100)}
    with pytest.raises(
        SettingsError, match=r"^officeHours\.schedules and officeHours\.calendars are too long together"
    ):
        synthesize(StackSettings(schedules=schedules), package)


# When they run, and what becomes of a run that fails


@pytest.mark.parametrize(
    ("word", "minutes", "expression", "seconds"),
    [
        *((word, 1, "* * * * ? *", 60) for word in ("Stop", "Start")),
        ("Stop", 5, "0/5 * * * ? *", 300),
        ("Start", 30, "0/30 * * * ? *", 300),
        ("Stop", 60, "0 * * * ? *", 300),
        ("Report", 60, "0 6 * * ? *", 300),
    ],
)
def test_runs_fall_on_full_minutes_and_are_tried_again_until_the_next_is_due_and_then_kept_in_the_queue(
    package: Path, word: str, minutes: int, expression: str, seconds: int
) -> None:
    template = synthesize(StackSettings(every_minutes=minutes), package)
    schedule, retries = template.properties(f"{word}Schedule"), template.properties(f"{word}ScheduledEventInvokeConfig")
    assert schedule["ScheduleExpression"] == f"cron({expression})"
    assert schedule["ScheduleExpressionTimezone"] == "Etc/UTC"
    assert (schedule["FlexibleTimeWindow"], schedule["State"]) == ({"Mode": "OFF"}, "ENABLED")
    target = {each: schedule["Target"][each] for each in ("Arn", "RoleArn", "RetryPolicy", "DeadLetterConfig")}
    assert target == {
        "Arn": f"<{word}Scheduled>",
        "RoleArn": f"<{word}ScheduleRole.Arn>",
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": minutes * 60},
        "DeadLetterConfig": {"Arn": QUEUE},
    }
    assert json.loads(schedule["Target"]["Input"]) == ({"send": True} if word == "Report" else {})
    assert template.properties(word)["Timeout"] == seconds
    # A report that was sent would be sent again.
    assert retries["MaximumRetryAttempts"] == (0 if word == "Report" else 1)
    assert retries["MaximumEventAgeInSeconds"] == minutes * 60
    assert retries["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE}}
    assert template.properties("Failures") == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 86400}
    (statement,) = template.properties("FailuresPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize("word", SCHEDULED)
def test_retries_are_the_schedules_and_what_a_person_sends_is_tried_once(template: Template, word: str) -> None:
    alias, scheduled, by_hand = (
        template.properties(f"{word}{each}")
        for each in ("Scheduled", "ScheduledEventInvokeConfig", "EventInvokeConfig")
    )
    assert (alias["Name"], alias["FunctionName"], alias["FunctionVersion"]) == ("scheduled", f"<{word}>", "$LATEST")
    # The last part of the alias's ARN.
    assert scheduled["Qualifier"] == {"Fn::Select": [7, {"Fn::Split": [":", f"<{word}Scheduled>"]}]}
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert by_hand == {"FunctionName": f"<{word}>", "Qualifier": "$LATEST", **once}


def test_the_outputs_say_how_to_ask_for_a_dry_run_in_either_version_of_the_aws_cli(template: Template) -> None:
    assert template.outputs["StopDryRun"]["Value"] == (
        """echo '{"dry_run": true}' | aws lambda invoke --function-name aurora-office-hours-stop """
        "--payload fileb:///dev/stdin /dev/stdout"
    )


# What can be left out, and what is left behind


@pytest.mark.parametrize(
    ("name", "kind"), [("dashboard", "AWS::CloudWatch::Dashboard"), ("alarms", "AWS::CloudWatch::Alarm")]
)
def test_the_dashboard_and_the_alarms_can_be_left_out(template: Template, package: Path, name: str, kind: str) -> None:
    without = synthesize(StackSettings(**{name: False}), package)  # type: ignore[arg-type]
    assert template.resources.keys() - without.resources.keys() == template.of_type(kind).keys()


def test_a_function_writes_to_its_own_log_which_is_kept_as_long_as_set(package: Path) -> None:
    template = synthesize(StackSettings(log_retention_days=3653), package)
    for word in WORDS:
        name = f"/aws/lambda/aurora-office-hours-{word.lower()}"
        assert template.properties(word)["LoggingConfig"] == {"LogGroup": f"<{word}Log>"}
        assert template.properties(f"{word}Log") == {"LogGroupName": name, "RetentionInDays": 3653}


def test_nothing_stays_when_a_members_stack_goes(package: Path) -> None:
    resources = synthesize(StackSettings(organization=ORGANIZATION), package, plain=True).resources
    assert {each.get("DeletionPolicy", "Delete") for each in resources.values()} == {"Delete"}


# The app


def test_the_app_refuses_a_setting_by_its_name_and_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    context = {"officeHours.everyMinute": "1"}  # as the CDK's command line hands it over
    monkeypatch.setattr(cdk, "App", partial(cdk.App, context=context))
    with pytest.raises(SystemExit, match=r'^officeHours\.everyMinute is unknown \(did you mean "everyMinutes"\?\)\.'):
        app.main()
