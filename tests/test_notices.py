"""A word before a scheduled stop: in which run, about which clusters, in which words; and what the stack has for it.

The 23rd of November 2026 is a Monday.
"""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, HOME, Account, Damage
from invocation import Context, invoke, settings, stop
from office_hours import handlers
from office_hours.answer import RunError
from settings import StackSettings
from synthesis import synthesize

pytest_plugins = ["aws_server", "invocation", "synthesis"]

OFFICE = "mon-fri 08:00-18:00 UTC"
BEFORE = "2026-11-23T17:30:20Z"  # a schedule may take its time
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-stop"


@pytest.fixture(autouse=True)
def _thirty_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, noticeMinutes=30)
    monkeypatch.setenv("OFFICE_HOURS_NOTICES", "arn:aws:sns:eu-west-1:123456789012:aurora-office-hours-notices")


def run(at: str, event: object = None, arn: str = f"{FUNCTION}:scheduled") -> dict[str, Any]:
    return stop(at, event, Context(invoked_function_arn=arn))


def told(account: Account) -> list[str]:
    """The clusters of each notice, as its text has them."""
    texts = [json.loads(each["Message"])["default"] for each in account.published]
    return [" ".join(re.findall(r"^\S+/(\S+) stops", text, re.MULTILINE)) for text in texts]


def tagged(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key.replace("_", "-"), "Value": value} for key, value in tags.items()]


# In which run


@pytest.mark.parametrize(("every", "notice"), [(1, 30), (5, 30), (15, 20), (60, 60), (60, 1440)])
def test_each_stop_is_told_once_though_runs_fail_and_are_tried_again(
    account: Account, monkeypatch: pytest.MonkeyPatch, every: int, notice: int
) -> None:
    settings(monkeypatch, noticeMinutes=notice, everyMinutes=every)
    account.add("a", "sun 08:00-24:00 mon 00:00-18:07 UTC")
    account.add("b", TagList=tagged(office_hours="never", office_hours_hold="running until 2026-11-23T18:00Z"))
    account.add("failing", "never")
    account.fail("StopDBCluster", ACCESS_DENIED, cluster="failing")
    hour = datetime.fromisoformat("2026-11-23T18:00:00Z") - timedelta(minutes=(notice // 60 + 1) * 60)
    for number in range(120 // every + 1):
        begin = hour + timedelta(minutes=number * every, seconds=number * 7 % 60)
        for again in [0, 65] if every > 1 else [0]:  # each minute's run is given up on before Lambda tries it again
            with pytest.raises(RunError):
                run((begin + timedelta(seconds=again)).isoformat())
    assert told(account) == ["b", "a"]


@pytest.mark.parametrize(
    ("at", "event", "arn"),
    [
        (BEFORE, {"dry_run": True}, f"{FUNCTION}:scheduled"),
        (BEFORE, {"clusters": ["b"]}, f"{FUNCTION}:scheduled"),
        (BEFORE, {"time": BEFORE}, f"{FUNCTION}:scheduled"),
        (BEFORE, {}, FUNCTION),  # a person's
        ("2026-11-23T17:31:00Z", {}, f"{FUNCTION}:scheduled"),  # late
    ],
)
def test_no_other_run_tells_nor_any_without_the_setting(
    account: Account, monkeypatch: pytest.MonkeyPatch, at: str, event: dict[str, object], arn: str
) -> None:
    account.add("a", OFFICE)
    account.add("b", OFFICE)
    run(at, event, arn)
    invoke(handlers.start, BEFORE, {}, Context(invoked_function_arn=f"{FUNCTION}:scheduled"))
    settings(monkeypatch)
    run(BEFORE)
    assert not account.published


# About which clusters


def test_what_the_schedule_stops_then_is_told(account: Account) -> None:
    account.add("by-schedule", OFFICE)
    account.add("by-hand", "mon-fri 08:00-12:00 mon-fri 14:00-18:00 UTC")
    account.add("edge", "-18:00 UTC")
    account.add("held", TagList=tagged(office_hours="never", office_hours_hold="running until 2026-11-23T18:00Z"))
    account.add("graceful", "mon-fri 08:00-16:00 UTC grace=2h")
    tags = tagged(office_hours="-17:00 UTC grace=2h", office_hours_hold="stopped from 2026-11-23T18:00Z")
    account.add("in-use", TagList=tags)
    account.log("edge", "DB cluster started.", "2026-11-23T12:00:00Z")
    account.log("by-hand", "DB cluster started.", "2026-11-23T13:00:00Z")
    run(BEFORE)
    assert told(account) == ["by-hand by-schedule edge graceful held in-use"]


def test_what_is_not_up_or_stays_up_is_not_told(account: Account) -> None:
    account.add("down", OFFICE, Status="stopped")
    account.log("down", "DB cluster stopped.", "2026-11-23T12:00:00Z")
    account.add("stopping", TagList=tagged(office_hours=OFFICE, office_hours_hold="stopped until 2026-11-23T17:45Z"))
    account.add("busy", OFFICE, Status="modifying")
    account.add("empty", OFFICE, DBClusterMembers=[])
    account.add("global", OFFICE, GlobalClusterIdentifier="world")
    account.add("invalid", "mon-fri 8-18")
    account.add("ignored", "ignore")
    account.add("untagged")
    account.add("later", "mon-fri 08:00-18:01 UTC")
    account.add("due", "mon-fri 08:00-17:30 UTC enforced")
    account.add("kept", TagList=tagged(office_hours=OFFICE, office_hours_hold="running until 2026-11-23T18:01Z"))
    account.add("open", TagList=tagged(office_hours="always", office_hours_hold="running until 2026-11-23T18:00Z"))
    account.add("unread", TagList=tagged(office_hours=OFFICE, office_hours_hold="running till six"))
    run(BEFORE)
    assert not account.published


@pytest.mark.parametrize(
    ("tag", "at", "stops"),
    [
        ("-18:00 -18:40 UTC", "17:10", ["18:00"]),  # it is down at 18:40
        ("mon 08:00-18:00 mon 18:10-19:10 UTC", "17:40", ["18:00", "19:10"]),
        ("mon 08:00-18:00 mon 18:40-21:00 UTC grace=2h", "18:30", []),  # not at 20:00, when its grace would have ended
        ("mon 08:00-18:00 UTC grace=2h", "18:30", ["20:00"]),
    ],
)
def test_a_stop_that_another_change_comes_before_is_not_told(
    account: Account, monkeypatch: pytest.MonkeyPatch, tag: str, at: str, stops: list[str]
) -> None:
    settings(monkeypatch, noticeMinutes=90)
    account.add("a", tag)
    account.log("a", "DB cluster started.", "2026-11-23T12:00:00Z")
    end = datetime.fromisoformat(f"2026-11-23T{at}:20Z")
    for minutes in range(95, -1, -5):
        run((end - timedelta(minutes=minutes)).isoformat())
    texts = [json.loads(each["Message"])["default"] for each in account.published]
    assert [found for text in texts for found in re.findall(r"stops on \w+ \S+ (\S+)", text)] == stops


# In which words


def test_it_says_what_stops_when_and_how_to_keep_it_up(account: Account) -> None:
    account.add("reporting", "mon-fri 08:00-19:00 Europe/Berlin grace=2h")
    run(BEFORE)
    (notice,) = account.published
    assert notice["TopicArn"].endswith(":aurora-office-hours-notices")
    assert notice["Subject"] == "Aurora Office Hours: reporting stops soon"
    texts = json.loads(notice["Message"])
    chat, text = json.loads(texts["https"]), texts["default"]
    assert text.startswith(
        "eu-west-1/reporting stops on Mon 2026-11-23 19:00 Europe/Berlin, "
        "or up to Mon 2026-11-23 21:00 Europe/Berlin while somebody is connected."
    )
    command = text.splitlines()[-1]
    assert '{"clusters": "eu-west-1/reporting", "until": "2026-11-23T20:00:00Z"}' in command
    assert f"aws lambda invoke --function-name aurora-office-hours-start --region {HOME} --payload" in command
    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    assert chat["content"]["title"] == notice["Subject"]
    assert chat["content"]["description"] in text
    assert command in chat["content"]["nextSteps"][0]
    context = chat["metadata"]["additionalContext"]
    assert (context["longer"], context["tomorrow"]) == ("2026-11-23T20:00:00Z", "2026-11-24T07:00:00Z")


def test_the_ready_command_and_the_buttons_keep_clusters_up(account: Account) -> None:
    account.add("a", "mon-fri 08:00-18:00 UTC")
    account.add("b", "mon -18:00 UTC")
    account.log("b", "DB cluster started.", "2026-11-23T12:00:00Z")
    run(BEFORE)
    texts = json.loads(account.published[0]["Message"])
    command = re.search(r"echo '(.+)' \|", texts["default"])
    assert command
    invoke(handlers.start, "2026-11-23T17:40:00Z", json.loads(command[1]), None)
    assert (account.tag("a"), account.tag("b")) == ("running until 2026-11-23T20:00Z", None)
    context = json.loads(texts["https"])["metadata"]["additionalContext"]
    event = {"clusters": context["clusters"], "until": context["tomorrow"]}
    invoke(handlers.start, "2026-11-23T17:45:00Z", event, None)
    assert {account.tag("a"), account.tag("b")} == {"running until 2026-11-24T18:00Z"}


def test_a_thousand_clusters_are_one_message_that_aws_takes_and_has_no_buttons(account: Account) -> None:
    for number in range(1_000):
        account.add(f"{'c' * 55}{number:05}", "mon-fri 08:00-18:00 America/Argentina/Buenos_Aires grace=2h")
    run("2026-11-23T20:30:20Z")
    (notice,) = account.published
    assert len(notice["Subject"]) <= 100
    assert len(notice["Message"]) < 20_000  # SNS takes 256 KB, chat far less
    assert "And 980 more." in notice["Message"]
    assert json.loads(json.loads(notice["Message"])["https"])["metadata"] == {"additionalContext": {}}


@pytest.mark.parametrize("fault", [ACCESS_DENIED, Damage.LOST])
def test_what_was_not_sent_is_a_failure_after_all_else_and_not_tried_again(account: Account, fault: Any) -> None:  # noqa: ANN401
    account.add("soon", OFFICE)
    account.add("now", "mon-fri 08:00-17:30 UTC")
    account.fail("Publish", fault)
    with pytest.raises(RunError, match=r"^1 failed and 2 clusters were handled(.|\n)*Sending the notices: "):
        run(BEFORE)
    assert account.named("StopDBCluster") == ["now"]
    assert account.counts()["Publish"] == 1


# What the stack has for it


def test_people_get_the_notices_by_mail_and_in_slack_with_two_buttons(package: Path) -> None:
    settings = StackSettings(
        notice_minutes=30, notify_email="a@b.example", slack_workspace="T012ABCDE", slack_channel="C012ABCDE"
    )
    template = synthesize(settings, package)
    mailed = [each["Properties"]["TopicArn"] for each in template.of_type("AWS::SNS::Subscription").values()]
    assert sorted(mailed) == ["<NoticesTopic>", "<Topic>"]
    (statement,) = template.properties("NoticesTopicPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    buttons = template.of_type("AWS::Chatbot::CustomAction")
    assert template.properties("NoticesSlack") == {
        "ConfigurationName": "aurora-office-hours",
        "SlackWorkspaceId": "T012ABCDE",
        "SlackChannelId": "C012ABCDE",
        "IamRoleArn": "<NoticesSlackRole.Arn>",
        "GuardrailPolicies": ["<NoticesGuardrail>"],
        "SnsTopicArns": ["<NoticesTopic>"],
        "CustomizationResourceArns": [f"<{name}.CustomActionArn>" for name in sorted(buttons)],
    }
    (guardrail,) = template.of_type("AWS::IAM::ManagedPolicy").values()
    (may,) = template.statements("NoticesSlackRole")
    (guarded,) = guardrail["Properties"]["PolicyDocument"]["Statement"]
    assert ([guarded["Action"]], guarded["Resource"]) == (may["Action"], may["Resource"])
    assert (may["Action"], may["Resource"]) == (["lambda:InvokeFunction"], "<Start.Arn>")
    attached = [each["Properties"]["Attachments"][0] for _, each in sorted(buttons.items())]
    assert [each["ButtonText"] for each in attached] == ["Keep for 2 hours", "Keep until tomorrow"]
    for each, variable in zip(sorted(buttons), ("longer", "tomorrow"), strict=True):
        command = buttons[each]["Properties"]["Definition"]["CommandText"]
        assert command.endswith(f'--payload {{"clusters": "$clusters", "until": "${variable}"}}')
        assert "lambda invoke --function-name <Start> --region <AWS::Region>" in command
    assert all(each["Criteria"] for each in attached)
