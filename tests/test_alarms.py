"""The alarms: what raises each and what ends it, what it says, and whom it tells."""

from pathlib import Path

import pytest

from asset import PROJECT
from settings import StackSettings
from synthesis import Resource, Template, synthesize

pytest_plugins = ["synthesis"]


def alarms(template: Template) -> dict[str, Resource]:
    """Each alarm by the end of its name."""
    found = [each["Properties"] for each in template.of_type("AWS::CloudWatch::Alarm").values()]
    return {each["AlarmName"].removeprefix("aurora-office-hours-"): each for each in found}


# What raises each: its metric, and what CloudWatch asks of the latest values, and makes of missing ones

ERRORS = ("GreaterThanThreshold", 0, 1, "notBreaching")  # more than none in one period; no data is no error
SILENCE = ("LessThanThreshold", 1, 2, "breaching")  # less than one run in each of two periods; no data is no run
CLUSTERS = ("GreaterThanThreshold", 0, 1, "ignore")  # without a run nothing has changed
REFUSED = ("GreaterThanThreshold", 0, 3, "ignore")  # in three runs in a row
OURS, QUEUE = {"service": "aurora-office-hours"}, {"QueueName": "<Failures.QueueName>"}
ALARMS = {
    "failures-queue": (("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"), QUEUE, ERRORS),
    "invalid-tags": (("AuroraOfficeHours", "InvalidTags", "Maximum"), OURS, CLUSTERS),  # told by the first run
    "overdue-clusters": (("AuroraOfficeHours", "OverdueClusters", "Minimum"), OURS, CLUSTERS),  # by all of a period
    "refused": (("AuroraOfficeHours", "Refused", "Maximum"), OURS, REFUSED),
}
for word in ("Stop", "Start"):
    of_schedules = {"FunctionName": f"<{word}>", "Resource": f"<{word}>:scheduled"}
    ALARMS[f"{word.lower()}-errors"] = (("AWS/Lambda", "Errors", "Sum"), of_schedules, ERRORS)
    ALARMS[f"{word.lower()}-not-invoked"] = (("AWS/Lambda", "Invocations", "Sum"), of_schedules, SILENCE)


def test_there_are_these_and_each_reads_one_metric(template: Template) -> None:
    found = alarms(template)
    assert found.keys() == ALARMS.keys()
    assert not [name for name, alarm in found.items() if "Metrics" in alarm]  # which is arithmetic
    text = (PROJECT / "infra" / "README.md").read_text()
    assert not [name for name in ALARMS if f"-{name}`" not in text]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_raised_by_its_metric_says_what_to_do_and_tells_the_topic(template: Template, name: str) -> None:
    alarm, (metric, dimensions, condition) = alarms(template)[name], ALARMS[name]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == metric
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == dimensions
    asked = (alarm[key] for key in ("ComparisonOperator", "Threshold", "EvaluationPeriods", "TreatMissingData"))
    assert tuple(asked) == condition
    assert "DatapointsToAlarm" not in alarm  # so that all of the periods count
    assert "What to do: " in alarm["AlarmDescription"]
    assert len(alarm["AlarmDescription"]) <= 1024  # CloudWatch's limit
    assert "<" not in alarm["AlarmDescription"]
    assert alarm["AlarmActions"] == alarm["OKActions"] == ["<Topic>"]
    assert "InsufficientDataActions" not in alarm
    assert alarm.get("ActionsEnabled", True)


@pytest.mark.parametrize(("every_minutes", "minutes"), [(1, 10), (5, 10), (15, 30), (60, 120)])
def test_there_is_a_run_in_what_is_looked_at_even_if_one_is_late(
    package: Path, every_minutes: int, minutes: int
) -> None:
    found = alarms(synthesize(StackSettings(every_minutes=every_minutes), package))
    looked_at = {name: each["Period"] * each["EvaluationPeriods"] / 60 for name, each in found.items()}
    assert {name for name, each in looked_at.items() if each != minutes} == {"failures-queue", "refused"}
    assert f"for {minutes} minutes" in found["stop-not-invoked"]["AlarmDescription"]


@pytest.mark.parametrize("every_minutes", [1, 5, 60])
def test_what_rds_refuses_in_three_runs_in_a_row_is_told(package: Path, every_minutes: int) -> None:
    alarm = alarms(synthesize(StackSettings(every_minutes=every_minutes), package))["refused"]
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (every_minutes * 60, 3)


def test_the_tag_is_called_by_its_key(package: Path) -> None:
    found = alarms(synthesize(StackSettings(tag_key="team:hours"), package))
    assert 'tag "team:hours"' in found["invalid-tags"]["AlarmDescription"]


# The topic


def test_an_address_subscribes_to_the_topic(template: Template, package: Path) -> None:
    assert not template.of_type("AWS::SNS::Subscription")
    with_one = synthesize(StackSettings(notify_email="dba@example.com"), package)
    (subscription,) = with_one.of_type("AWS::SNS::Subscription").values()
    assert subscription["Properties"] == {"Protocol": "email", "Endpoint": "dba@example.com", "TopicArn": "<Topic>"}


def test_this_accounts_alarms_may_publish_over_tls_and_nobody_may_without(template: Template) -> None:
    policy = template.properties("TopicPolicy")
    assert policy["Topics"] == ["<Topic>"]
    assert template.properties("Topic")["TopicName"] == "aurora-office-hours"
    deny, allow = policy["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (allow["Effect"], allow["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
    assert allow["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
        "ArnLike": {
            "aws:SourceArn": "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>"
            ":alarm:aurora-office-hours-*"
        },
    }
    assert all((each["Action"], each["Resource"]) == ("sns:Publish", "<Topic>") for each in (deny, allow))
