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


def test_each_alarm_is_raised_by_one_metric_says_what_to_do_and_tells_the_topic(template: Template) -> None:
    asked = ("ComparisonOperator", "Threshold", "EvaluationPeriods", "TreatMissingData")
    found = alarms(template)
    assert {
        name: (
            (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]),
            {each["Name"]: each["Value"] for each in alarm["Dimensions"]},
            tuple(alarm[key] for key in asked),
        )
        for name, alarm in found.items()
    } == ALARMS
    text = (PROJECT / "infra" / "README.md").read_text()
    assert not [name for name in ALARMS if f"-{name}`" not in text]
    for alarm in found.values():
        assert "What to do: " in alarm["AlarmDescription"]
        assert len(alarm["AlarmDescription"]) <= 1024  # CloudWatch's limit
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["<Topic>"]
        assert not {"DatapointsToAlarm", "InsufficientDataActions", "ActionsEnabled"} & alarm.keys()


@pytest.mark.parametrize(("every_minutes", "minutes"), [(1, 10), (5, 10), (15, 30), (60, 120)])
def test_there_is_a_run_in_what_is_looked_at_even_if_one_is_late(
    package: Path, every_minutes: int, minutes: int
) -> None:
    found = alarms(synthesize(StackSettings(every_minutes=every_minutes), package))
    looked_at = {name: each["Period"] * each["EvaluationPeriods"] / 60 for name, each in found.items()}
    assert {name for name, each in looked_at.items() if each != minutes} == {"failures-queue", "refused"}
    assert found["refused"]["Period"] == every_minutes * 60  # of three runs in a row
    assert f"for {minutes} minutes" in found["stop-not-invoked"]["AlarmDescription"]
