"""What untagged clusters are suggested, by made-up series of how many were connected.

It is asked on Monday, the 23rd of November 2026, at 06:00 UTC: the data are of the four weeks before.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import tools.suggest
from aws_server import ACCESS_DENIED, HOME, Account
from invocation import invoke, settings
from office_hours import handlers, rds
from office_hours.answer import RunError
from office_hours.reporting.suggest import Connections, propose
from office_hours.schedule import Schedule, State
from office_hours.settings import Settings
from price_list import instance

pytest_plugins = ["aws_server", "invocation"]

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
Series = Callable[[datetime], float | None]  # how many at a local time; None for no data


def series(of: Series, zone: str = "UTC", days: int = 28) -> Connections:
    hours = [NOW - HOUR * (1 + number) for number in range(days * 24)]
    return {at: most for at in hours if (most := of(at.astimezone(ZoneInfo(zone)))) is not None}


def at_work(at: datetime) -> float:
    return 12 if at.weekday() < 5 and 8 <= at.hour < 18 else 0


def proposed(of: Series, zone: str = "UTC", days: int = 28) -> tuple[str, str]:
    """The tag and the note; and no hour of use is one in which the tag would have it stopped."""
    seen = series(of, zone, days)
    tag, note = propose(seen, Settings(default_zone=zone))
    assert left_out(tag, seen, zone) == []
    return tag, note


def left_out(tag: str, seen: Connections, zone: str) -> list[datetime]:
    """The hours of use, to the minute, in which the cluster would not run throughout."""
    assert len(tag) <= 256
    schedule = Schedule.parse(tag or "always", default_zone=zone)
    used = [at for at, most in seen.items() if most > min(seen.values())]
    minutes = [0, 1, 15, 29, 30, 31, 45, 59]
    is_up = [
        all(schedule.desired_state(at + timedelta(minutes=each)) is State.RUNNING for each in minutes) for at in used
    ]
    return [at for at, up in zip(used, is_up, strict=True) if not up]


# In Los Angeles the clocks go back in these four weeks.
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"])
def test_office_hours(zone: str) -> None:
    assert proposed(at_work, zone) == ("mon-fri 08:00-18:00", "From 28 days of data.")
    assert proposed(at_work, zone, days=8) == ("mon-fri 08:00-18:00", "From 8 days of data.")


@pytest.mark.parametrize(
    ("used", "tag"),
    [
        (lambda at: at.hour >= 22 or at.hour < 6, "daily 22:00-06:00"),
        (lambda at: at.weekday() in (5, 6) and 10 <= at.hour < 14, "sat-sun 10:00-14:00"),
        (lambda at: at.weekday() in (6, 0), "sun-mon 00:00-24:00"),
        # From Friday evening to Monday's beginning, and a night that belongs to Sunday.
        (lambda at: at.weekday() > 4 or (at.weekday() == 4 and at.hour >= 20), "fri 20:00-24:00 sat-sun 00:00-24:00"),
        (lambda at: (at.weekday(), at.hour) in ((6, 23), (0, 0), (0, 1)), "sun 23:00-02:00"),
        # A short burst, in one week only.
        (lambda at: bool(at_work(at)) or (at.day, at.hour) == (11, 3), "mon-fri 08:00-18:00 wed 03:00-04:00"),
        # An hour at noon is not worth a stop and a start, two are.
        (lambda at: bool(at_work(at)) and at.hour != 12, "mon-fri 08:00-18:00"),
        (lambda at: bool(at_work(at)) and at.hour not in (12, 13), "mon-fri 08:00-12:00 mon-fri 14:00-18:00"),
        # So many windows that they become wider ones.
        (lambda at: at.weekday() < 5 and (24 * at.weekday() + at.hour) % 5 == 0, "mon-thu 00:00-24:00 fri 00:00-20:00"),
        (lambda _: False, "never"),
    ],
)
def test_windows_cover_what_is_used(used: Callable[[datetime], bool], tag: str) -> None:
    assert proposed(lambda at: 3 if used(at) else 0)[0] == tag


def test_an_offset_of_half_an_hour_covers_both_hours() -> None:
    # 09:00 to 10:00 UTC is 14:30 to 15:30 in India.
    assert proposed(lambda at: float(at.hour == 14), "Asia/Kolkata")[0] == "daily 14:00-16:00"


@pytest.mark.parametrize(
    ("of", "tag", "words"),
    [
        (lambda at: 40 + at_work(at), "mon-fri 08:00-18:00", "40 are always connected"),
        (lambda _: 0, "never", "is it still needed?"),
        # No data at night, as of a cluster that people stop: it stays up. A gap in one week only changes nothing.
        (
            lambda at: None if at.hour < 6 or at.day == 4 else at_work(at),
            "daily 00:00-06:00 mon-fri 08:00-18:00",
            "No data for 42 hours of the week",
        ),
        (lambda at: at.day * 24 + at.hour, "", "Never idle"),
        (lambda _: 40, "", "Always 40 connected"),
        (lambda at: at_work(at) if at.day == 20 else None, "", "Too little data: 1.0 days, and it takes 7."),
        (lambda _: None, "", "Too little data"),
    ],
)
def test_the_note_says_how_sure_it_is_or_why_there_is_no_tag(of: Series, tag: str, words: str) -> None:
    suggested, note = proposed(of)
    assert (suggested, words in note) == (tag, True), note


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
BURSTS = st.dictionaries(st.integers(0, 28 * 24 - 1), st.none() | st.integers(0, 9))


@examples(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    first=st.integers(0, 23),
    length=st.integers(0, 23),
    days=st.sets(st.integers(0, 6)),
    pool=st.integers(0, 3),
    bursts=BURSTS,
    month=st.integers(1, 12),
)
def test_on_made_up_fleets_no_suggestion_stops_a_cluster_in_an_hour_of_use(  # noqa: PLR0913  what a fleet is made of
    *, zone: str, first: int, length: int, days: set[int], pool: int, bursts: dict[int, int | None], month: int
) -> None:
    now, data = datetime(2026, month, 28, tzinfo=UTC), {}
    for number in range(28 * 24):
        at = (now - HOUR * (1 + number)).astimezone(ZoneInfo(zone))
        is_used = at.weekday() in days and (at.hour - first) % 24 < length
        if (burst := bursts.get(number, 0)) is not None:
            data[at.astimezone(UTC)] = pool + burst + 5.0 * is_used
    tag, _ = propose(data, Settings(default_zone=zone))
    assert left_out(tag, data, zone) == []


# The report function.


@pytest.fixture
def fleet(account: Account) -> Account:
    """Clusters without a tag, and some that get no suggestion."""
    account.products = [*instance("db.r8g.large", "0.50"), *instance("db.r8g.2xlarge", "2.00")]
    account.classes["big-1"] = "db.r8g.2xlarge"
    fleet: dict[str, Series] = {"small": at_work, "big": at_work, "idle": lambda _: 0.0, "busy": lambda at: at.day}
    for name, of in fleet.items():
        account.add(name)
        connect(account, name, of)
    account.add("tagged", "always")
    account.add("ignored", "ignore")
    account.add("world", GlobalClusterIdentifier="world")
    account.add("other", Engine="mysql")
    return account


def connect(account: Account, name: str, of: Series, region: str = HOME) -> None:
    points = [(at.timestamp(), int(most)) for at, most in series(of).items()]
    account.connections[region, name] = points


def report(event: object) -> Any:  # noqa: ANN401  JSON, or HTML
    return invoke(handlers.report, NOW.isoformat(), event, None)


def test_the_function_suggests_a_tag_for_each_untagged_cluster_that_can_be_stopped(fleet: Account) -> None:
    fleet.points = 500  # so that there are many pages
    answer = report({"suggest": True})
    # The coming 30 days from Monday at 06:00 have 22 working days, of 10 hours each.
    keys = ("cluster", "tag", "saved_hours_a_month", "saved_usd_a_month")
    assert [tuple(each[key] for key in keys) for each in answer["suggestions"]] == [
        ("big", "mon-fri 08:00-18:00", 500.0, 1000.0),
        ("idle", "never", 720.0, 360.0),
        ("small", "mon-fri 08:00-18:00", 500.0, 250.0),
        ("busy", None, 0.0, 0.0),
    ]  # fmt: skip
    big, *_, busy = answer["suggestions"]
    assert (big["region"], big["days"], big["note"], busy["command"]) == (HOME, 28.0, "From 28 days of data.", None)
    assert shlex.split(big["command"])[-6:] == [
        "--region", HOME, "--resource-name", "arn:aws:rds:eu-west-1:123456789012:cluster:big",
        "--tags", "Key=office-hours,Value=mon-fri 08:00-18:00",
    ]  # fmt: skip
    assert fleet.counts().keys() == {"DescribeDBClusters", "DescribeDBInstances", "GetMetricData", "GetProducts"}


def test_many_clusters_are_asked_for_500_at_once(account: Account) -> None:
    for number in range(501):
        account.add(f"c{number}")
    assert len(report({"suggest": True})["suggestions"]) == 501
    assert account.counts()["GetMetricData"] == 2


def test_a_price_that_is_not_known_is_said(fleet: Account) -> None:
    fleet.products = []
    first = report({"suggest": True})["suggestions"][0]
    assert (first["cluster"], first["saved_usd_a_month"]) == ("idle", None)
    assert "No price" in first["note"]


@pytest.mark.parametrize(("classes", "tag"), [("db.r8g.large", "never"), ("db.serverless", None)])
def test_what_has_an_instance_that_never_pauses_needs_a_tag(account: Account, classes: str, tag: str | None) -> None:
    account.add("a", ServerlessV2ScalingConfiguration={"MinCapacity": 0.0, "MaxCapacity": 4.0})
    account.classes["a-1"] = classes
    connect(account, "a", lambda _: 0.0)
    assert [each["tag"] for each in report({"suggest": True})["suggestions"]] == [tag]


def test_what_an_earlier_cluster_of_the_name_did_does_not_count(fleet: Account) -> None:
    fleet.add("small", ClusterCreateTime=NOW - timedelta(days=10, minutes=30))
    (small,) = [each for each in report({"suggest": True})["suggestions"] if each["cluster"] == "small"]
    assert (small["tag"], small["days"]) == ("mon-fri 08:00-18:00", 10.0)


def test_a_region_without_connections_costs_only_its_own(fleet: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"], defaultZone="Europe/Berlin")
    fleet.add("far", region="us-east-1")
    fleet.fail("GetMetricData", ACCESS_DENIED, region="us-east-1")
    answer = report({"suggest": True})
    assert [each["tag"] for each in answer["suggestions"]][:2] == ["mon-fri 09:00-19:00", "never"]
    assert answer["failures"] == [f"Region us-east-1, reading its connections: AccessDenied: {ACCESS_DENIED.words}"]
    fleet.fail("GetMetricData", ACCESS_DENIED)
    with pytest.raises(RunError, match="Nothing can be suggested"):
        report({"suggest": True})


def test_the_message_ends_with_the_five_that_save_most(fleet: Account) -> None:
    for number in range(4):
        fleet.add(f"more-{number}")
        connect(fleet, f"more-{number}", lambda at: float(at.hour > 3))
    text = sent(fleet)
    end = text.partition("would save most")[2]
    assert "big (eu-west-1): mon-fri 08:00-18:00\n" in end
    assert "500.0 hours stopped, 1000.00 US dollars saved. From 28 days of data.\n  aws rds add-tags" in end
    assert re.findall(r"^(\S+) \(eu-west-1\): ", end, re.MULTILINE) == ["big", "idle", "small", "more-0", "more-1"]


def test_without_connections_the_message_is_sent_and_says_so(fleet: Account) -> None:
    fleet.fail("GetMetricData", ACCESS_DENIED)
    text = sent(fleet)
    assert "All 2 clusters" in text
    assert "Suggestions could not be made: Region eu-west-1, reading its connections: AccessDenied" in text


def sent(account: Account) -> str:
    """The message of a Monday, with a cluster that was stopped."""
    account.add("tagged", "never", Status="stopped")
    account.log("tagged", "DB cluster stopped.", "2026-11-20T18:00:00+00:00")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFFICE_HOURS_TOPIC", "arn:aws:sns:eu-west-1:123456789012:aurora-office-hours")
        assert report({"send": True})["sent"] is True
    return account.published[0]["Message"]


def test_the_dashboard_has_the_five_as_html(fleet: Account) -> None:
    fleet.add("odd", DBClusterArn="<b>odd</b>")
    connect(fleet, "odd", at_work)
    page = report({"suggest": True, "widgetContext": {"theme": "dark"}})
    assert '<div class="oh dark">' in page
    assert "$1,000, 500 h" in page
    assert ("&lt;b&gt;odd&lt;/b&gt;" in page, "<b>" in page, "busy" in page) == (True, False, False)
    fleet.fail("GetMetricData", ACCESS_DENIED)
    assert "reading its connections" in report({"suggest": True, "widgetContext": {}})
    assert report({"describe": True}).startswith("### ")


# From a laptop.


def test_the_simulated_account_has_something_to_save() -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'lambda'}:{ROOT / 'infra'}", "DEMO": "1"}
    environment |= {"AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "tools.suggest"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert re.search(r"\neu-central-1/shop +500 +150.00  mon-fri 07:00-17:00\n", run.stdout)
    assert re.search(r"\neu-central-1/orders +0 +0.00  -\n", run.stdout)
    hours, usd = re.search(r"\ntotal saved +([0-9,]+) +([0-9,.]+)\n", run.stdout).groups()  # type: ignore[union-attr]
    assert float(usd) == pytest.approx(float(hours.replace(",", "")) * 0.30, abs=0.5)
    assert "Times are in UTC" in run.stdout


@pytest.mark.usefixtures("log")
def test_a_laptop_asks_the_account_of_its_credentials_and_says_what_it_takes(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add("new")
    tools.suggest.main()
    assert "eu-west-1/new: Too little data" in capsys.readouterr().out
    account.fail("GetMetricData", ACCESS_DENIED)
    with pytest.raises(SystemExit, match=r"reading its connections: AccessDenied(.|\n)*cloudwatch:GetMetricData"):
        tools.suggest.main()
    account.calls.clear()
    monkeypatch.setattr(rds, "session", lambda: SimpleNamespace(get_credentials=lambda: None))
    with pytest.raises(SystemExit, match=r"No AWS credentials(.|\n)*rds:DescribeDBClusters"):
        tools.suggest.main()
    assert account.calls == []
