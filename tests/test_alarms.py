"""The alarms: what raises each, what it says, and whom it tells.

Those on an expression are worked out here on series of numbers, one a period, None where CloudWatch has no data point,
by a reading of the two things that occur in them: FILL, and a difference.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import json
import operator
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from invocation import Context, invoke
from office_hours import handlers
from office_hours.event import EventError
from settings import StackSettings
from synthesis import Resource, Template, synthesize

pytest_plugins = ["synthesis", "rds_server", "invocation"]

NAMES = (
    *("stop-errors", "stop-not-invoked", "start-errors", "start-not-invoked"),
    *("failures-queue", "invalid-tags", "overdue-clusters"),
)
FUNCTIONS = pytest.mark.parametrize("function", ["stop", "start"])
Series = Sequence[float | None]


def alarms(template: Template) -> dict[str, Resource]:
    """Each alarm by the end of its name."""
    found = [each["Properties"] for each in template.of_type("AWS::CloudWatch::Alarm").values()]
    return {each["AlarmName"].removeprefix("aurora-office-hours-"): each for each in found}


def metrics(alarm: Resource) -> dict[str, Resource]:
    """The metrics that an alarm reads, by their ids in its expression."""
    if "MetricName" in alarm:
        return {"m1": alarm}
    stats = {each["Id"]: each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each}
    return {name: {**each, **each["Metric"]} for name, each in stats.items()}


def dimensions(metric: Resource) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def period(alarm: Resource) -> int:
    """The seconds that it looks at: its metrics agree in that."""
    (seconds,) = {each["Period"] for each in metrics(alarm).values()}
    return int(seconds)


def expression(alarm: Resource) -> str:
    if "MetricName" in alarm:
        return "m1"
    (found,) = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each and each["ReturnData"]]
    return str(found)


def worked_out(text: str, series: dict[str, Series]) -> Series:
    """The expression's series."""
    left, _, right = text.partition(" - ")
    if right:
        pairs = zip(worked_out(left, series), worked_out(right, series), strict=True)
        return [a - b if a is not None and b is not None else None for a, b in pairs]
    if filled := re.fullmatch(r"FILL\((\w+), (\d+)\)", text):
        return [float(filled[2]) if each is None else each for each in series[filled[1]]]
    return series[text]


def state(alarm: Resource, **series: Series) -> str:
    """The state that the latest data point brings about."""
    assert (alarm["EvaluationPeriods"], alarm.get("DatapointsToAlarm", 1)) == (1, 1)
    latest = worked_out(expression(alarm), series)[-1]
    if latest is None:
        return {"breaching": "ALARM", "notBreaching": "OK", "ignore": "as it was"}[alarm["TreatMissingData"]]
    compare = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}[alarm["ComparisonOperator"]]
    return "ALARM" if compare(latest, alarm["Threshold"]) else "OK"


# A function errors


@FUNCTIONS
@pytest.mark.parametrize(
    ("errors", "mistakes", "expected"),
    [
        (0, None, "OK"),
        (None, None, "OK"),
        (1, None, "ALARM"),  # nobody has ever made a mistake: the metric does not exist
        (1, 0, "ALARM"),
        (1, 1, "OK"),
        (7, 7, "OK"),
        (3, 2, "ALARM"),
        (None, 1, "OK"),  # the error was in the period before
    ],
)
def test_errors_are_told_of_and_a_persons_mistakes_are_not(
    template: Template, function: str, *, errors: float | None, mistakes: float | None, expected: str
) -> None:
    alarm = alarms(template)[f"{function}-errors"]
    assert state(alarm, errors=[0, errors], mistakes=[None, mistakes]) == expected


@FUNCTIONS
def test_errors_and_mistakes_are_those_of_the_function(template: Template, function: str) -> None:
    read = metrics(alarms(template)[f"{function}-errors"])
    assert set(read) == {"errors", "mistakes"}
    assert (read["errors"]["Namespace"], read["errors"]["MetricName"], read["errors"]["Stat"]) == (
        *("AWS/Lambda", "Errors", "Sum"),
    )
    assert dimensions(read["errors"]) == {"FunctionName": f"<{function.capitalize()}>"}
    assert (read["mistakes"]["Namespace"], read["mistakes"]["MetricName"], read["mistakes"]["Stat"]) == (
        *("AuroraOfficeHours", "UserErrors", "Sum"),
    )


@FUNCTIONS
@pytest.mark.usefixtures("account", "log")
def test_a_mistake_is_counted_just_where_the_alarm_looks_for_it(
    template: Template, capsys: pytest.CaptureFixture[str], function: str
) -> None:
    context = Context(function_name=f"aurora-office-hours-{function}")
    with pytest.raises(EventError):
        invoke({"stop": handlers.stop, "start": handlers.start}[function], None, {"key1": "value1"}, context)
    (written,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    mistakes = metrics(alarms(template)[f"{function}-errors"])["mistakes"]
    assert directive["Namespace"] == mistakes["Namespace"]
    assert [each["Name"] for each in directive["Metrics"]] == [mistakes["MetricName"]]
    (keys,) = directive["Dimensions"]
    assert {key: written[key] for key in keys} == dimensions(mistakes)
    assert written[mistakes["MetricName"]] == [1]


# A function stops being invoked


@FUNCTIONS
@pytest.mark.parametrize(("invocations", "expected"), [(2, "OK"), (1, "OK"), (0, "ALARM"), (None, "ALARM")])
def test_a_function_that_is_not_invoked_is_told_of(
    template: Template, function: str, invocations: float | None, expected: str
) -> None:
    alarm = alarms(template)[f"{function}-not-invoked"]
    assert state(alarm, invocations=[2, invocations]) == expected
    assert alarm["TreatMissingData"] == "breaching"
    (metric,) = metrics(alarm).values()
    assert (metric["Namespace"], metric["MetricName"], metric["Stat"]) == ("AWS/Lambda", "Invocations", "Sum")
    assert dimensions(metric) == {"FunctionName": f"<{function.capitalize()}>"}


@pytest.mark.parametrize(("every_minutes", "minutes"), [(1, 10), (5, 10), (15, 30), (60, 120)])
def test_every_period_has_a_run_in_it_even_if_one_is_late(package: Path, every_minutes: int, minutes: int) -> None:
    found = alarms(synthesize(StackSettings(every_minutes=every_minutes), package))
    looked_at = {name: period(alarm) for name, alarm in found.items() if name != "failures-queue"}
    assert looked_at == dict.fromkeys(set(NAMES) - {"failures-queue"}, minutes * 60)
    assert f"for {minutes} minutes" in found["stop-not-invoked"]["AlarmDescription"]


# The failures queue holds something


@pytest.mark.parametrize(("messages", "expected"), [(1, "ALARM"), (0, "OK"), (None, "OK")])
def test_a_message_in_the_failures_queue_is_told_of(template: Template, messages: float | None, expected: str) -> None:
    alarm = alarms(template)["failures-queue"]
    assert state(alarm, m1=[0, messages]) == expected
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
    )
    assert dimensions(alarm) == {"QueueName": "<Failures.QueueName>"}


# A cluster needs somebody


@pytest.mark.parametrize(("name", "metric"), [("invalid-tags", "InvalidTags"), ("overdue-clusters", "OverdueClusters")])
@pytest.mark.parametrize(("clusters", "expected"), [(0, "OK"), (1, "ALARM"), (9, "ALARM"), (None, "as it was")])
def test_a_cluster_that_needs_somebody_is_told_of(
    template: Template, name: str, metric: str, *, clusters: float | None, expected: str
) -> None:
    alarm = alarms(template)[name]
    assert state(alarm, m1=[0, clusters]) == expected
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AuroraOfficeHours", metric)
    assert dimensions(alarm) == {"service": "aurora-office-hours"}


def test_a_bad_tag_is_told_of_by_the_first_run_and_an_overdue_cluster_by_all_runs_of_a_period(
    template: Template,
) -> None:
    found = alarms(template)
    assert found["invalid-tags"]["Statistic"] == "Maximum"
    assert found["overdue-clusters"]["Statistic"] == "Minimum"


# All of them


def test_there_are_these_and_cloudwatch_bills_nine_metrics_for_them(template: Template) -> None:
    found = alarms(template)
    assert set(found) == set(NAMES)
    assert sum(len(metrics(alarm)) for alarm in found.values()) == 9


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
def test_an_alarm_tells_the_topic_when_it_is_raised_and_at_no_other_time(template: Template, name: str) -> None:
    alarm = alarms(template)[name]
    assert alarm["AlarmActions"] == ["<Topic>"]
    assert not {"OKActions", "InsufficientDataActions"} & alarm.keys()
    assert alarm.get("ActionsEnabled", True)


# The topic


def test_without_an_address_the_topic_has_no_subscription(template: Template) -> None:
    assert not template.of_type("AWS::SNS::Subscription")
    assert "Subscription" not in template.properties("Topic")


def test_an_address_subscribes_to_the_topic(package: Path) -> None:
    template = synthesize(StackSettings(notify_email="dba@example.com"), package)
    (subscription,) = template.of_type("AWS::SNS::Subscription").values()
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
