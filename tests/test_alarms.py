"""The alarms: what raises each and what ends it, what it says, and whom it tells."""

import operator
from pathlib import Path
from typing import Any

import pytest

from settings import StackSettings
from synthesis import Resource, Template, synthesize

pytest_plugins = ["synthesis"]

NAMES = (
    *("stop-errors", "stop-not-invoked", "start-errors", "start-not-invoked"),
    *("failures-queue", "invalid-tags", "overdue-clusters", "refused"),
)
FUNCTIONS = pytest.mark.parametrize("function", ["stop", "start"])


def alarms(template: Template) -> dict[str, Resource]:
    """Each alarm by the end of its name."""
    found = [each["Properties"] for each in template.of_type("AWS::CloudWatch::Alarm").values()]
    return {each["AlarmName"].removeprefix("aurora-office-hours-"): each for each in found}


def metric(alarm: Resource) -> tuple[str, str, str]:
    return alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]


def dimensions(alarm: Resource) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def state(alarm: Resource, *values: float | None) -> str:
    """The state that the latest periods' values bring about, None where CloudWatch has no data.

    Where some are missing, it is worked out as if CloudWatch did not look further back.
    """
    latest = values[-alarm["EvaluationPeriods"] :]
    compare = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}[alarm["ComparisonOperator"]]
    missing = {"breaching": "ALARM", "notBreaching": "OK", "ignore": "as it was"}[alarm["TreatMissingData"]]
    states = {missing if value is None else "ALARM" if compare(value, alarm["Threshold"]) else "OK" for value in latest}
    return "OK" if "OK" in states else states.pop() if len(states) == 1 else "as it was"


# A function errors, or stops being invoked


@FUNCTIONS
@pytest.mark.parametrize(("errors", "expected"), [(0, "OK"), (None, "OK"), (1, "ALARM"), (7, "ALARM")])
def test_a_scheduled_run_that_fails_is_told(
    template: Template, function: str, errors: float | None, expected: str
) -> None:
    alarm = alarms(template)[f"{function}-errors"]
    assert metric(alarm) == ("AWS/Lambda", "Errors", "Sum")
    assert state(alarm, 0, errors) == expected


@FUNCTIONS
@pytest.mark.parametrize(
    ("invocations", "expected"), [((1, 1), "OK"), ((None, 1), "OK"), ((0, 0), "ALARM"), ((None, None), "ALARM")]
)
def test_a_function_that_its_schedule_does_not_invoke_is_told(
    template: Template, function: str, invocations: tuple[float | None, ...], expected: str
) -> None:
    alarm = alarms(template)[f"{function}-not-invoked"]
    assert metric(alarm) == ("AWS/Lambda", "Invocations", "Sum")
    assert state(alarm, *invocations) == expected


@FUNCTIONS
@pytest.mark.parametrize("kind", ["errors", "not-invoked"])
def test_only_what_the_schedule_invokes_is_looked_at(template: Template, function: str, kind: str) -> None:
    word = function.capitalize()
    assert dimensions(alarms(template)[f"{function}-{kind}"]) == {
        "FunctionName": f"<{word}>",
        "Resource": f"<{word}>:scheduled",
    }
    assert template.properties(f"{word}Schedule")["Target"]["Arn"] == f"<{word}Scheduled>"


@pytest.mark.parametrize(("every_minutes", "minutes"), [(1, 10), (5, 10), (15, 30), (60, 120)])
def test_there_is_a_run_in_what_is_looked_at_even_if_one_is_late(
    package: Path, every_minutes: int, minutes: int
) -> None:
    found = alarms(synthesize(StackSettings(every_minutes=every_minutes), package))
    looked_at = {name: each["Period"] * each["EvaluationPeriods"] / 60 for name, each in found.items()}
    assert {name for name, each in looked_at.items() if each != minutes} == {"failures-queue", "refused"}
    assert f"for {minutes} minutes" in found["stop-not-invoked"]["AlarmDescription"]


# The failures queue holds something


@pytest.mark.parametrize(("messages", "expected"), [(1, "ALARM"), (0, "OK"), (None, "OK")])
def test_a_message_in_the_failures_queue_is_told(template: Template, messages: float | None, expected: str) -> None:
    alarm = alarms(template)["failures-queue"]
    assert metric(alarm) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum")
    assert dimensions(alarm) == {"QueueName": "<Failures.QueueName>"}
    assert state(alarm, 0, messages) == expected


# A cluster needs somebody


@pytest.mark.parametrize(
    ("name", "read", "statistic"),
    [
        ("invalid-tags", "InvalidTags", "Maximum"),  # told by the first run
        ("overdue-clusters", "OverdueClusters", "Minimum"),  # by all runs of a period
    ],
)
def test_a_cluster_that_needs_somebody_is_told(template: Template, name: str, read: str, statistic: str) -> None:
    alarm = alarms(template)[name]
    assert metric(alarm) == ("AuroraOfficeHours", read, statistic)
    assert dimensions(alarm) == {"service": "aurora-office-hours"}
    assert [state(alarm, 0, clusters) for clusters in (0, 1, 9, None)] == ["OK", "ALARM", "ALARM", "as it was"]


@pytest.mark.parametrize("every_minutes", [1, 5, 60])
def test_what_rds_refuses_in_three_runs_in_a_row_is_told(package: Path, every_minutes: int) -> None:
    alarm = alarms(synthesize(StackSettings(every_minutes=every_minutes), package))["refused"]
    assert metric(alarm) == ("AuroraOfficeHours", "Refused", "Maximum")
    assert dimensions(alarm) == {"service": "aurora-office-hours"}
    assert alarm["Period"] == every_minutes * 60
    assert (alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", 3)) == (3, 3)
    runs = [(1, 1, 1), (2, 1, 9), (1, 1, 0), (1, 0, 1), (0, 0, 1)]
    assert [state(alarm, *refused) for refused in runs] == ["ALARM", "ALARM", "OK", "OK", "OK"]


# All of them


def test_there_are_these_and_each_reads_one_metric(template: Template) -> None:
    found = alarms(template)
    assert set(found) == set(NAMES)
    assert not [name for name, alarm in found.items() if "Metrics" in alarm]  # which is arithmetic


@pytest.mark.parametrize("name", NAMES)
def test_an_alarm_says_what_to_do(template: Template, name: str) -> None:
    description = alarms(template)[name]["AlarmDescription"]
    assert "What to do: " in description
    assert len(description) <= 1024  # CloudWatch's limit
    assert "<" not in description


def test_the_tag_is_called_by_its_key(package: Path) -> None:
    found = alarms(synthesize(StackSettings(tag_key="team:hours"), package))
    assert 'tag "team:hours"' in found["invalid-tags"]["AlarmDescription"]


@pytest.mark.parametrize("name", NAMES)
def test_an_alarm_tells_the_topic_when_it_is_raised_and_when_it_is_over(template: Template, name: str) -> None:
    alarm = alarms(template)[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == ["<Topic>"]
    assert "InsufficientDataActions" not in alarm
    assert alarm.get("ActionsEnabled", True)


# The topic


def test_an_address_subscribes_to_the_topic(template: Template, package: Path) -> None:
    assert not template.of_type("AWS::SNS::Subscription")
    with_one = synthesize(StackSettings(notify_email="dba@example.com"), package)
    (subscription,) = with_one.of_type("AWS::SNS::Subscription").values()
    assert subscription["Properties"] == {"Protocol": "email", "Endpoint": "dba@example.com", "TopicArn": "<Topic>"}


def test_the_topic_has_a_name_and_no_key(template: Template) -> None:
    assert template.properties("Topic") == {"TopicName": "aurora-office-hours", "DisplayName": "Aurora Office Hours"}


def test_this_accounts_alarms_may_publish_over_tls_and_nobody_may_without(template: Template) -> None:
    policy = template.properties("TopicPolicy")
    assert policy["Topics"] == ["<Topic>"]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    assert [{key: each[key] for key in each if key != "Sid"} for each in statements] == [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": "<Topic>",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": "<Topic>",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
                "ArnLike": {
                    "aws:SourceArn": "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>"
                    ":alarm:aurora-office-hours-*"
                },
            },
        },
    ]
