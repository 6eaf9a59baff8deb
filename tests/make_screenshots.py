"""Takes pictures of the widget in the preview: `python -m pytest -q tests/make_screenshots.py`.

It is no test, and no run of all tests finds it. The clusters and what happened to them are made up; the page is the
status function's own. The README's two are kept in infra/; those for a look at everything are in build/screenshots/.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
import time_machine
from playwright.sync_api import Browser, expect

from asset import PROJECT
from aws_server import Account
from browser import Functions, open_page, serve

pytest_plugins = ["aws_server", "browser"]

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)  # a Tuesday
BERLIN = "mon-fri 08:00-18:00 Europe/Berlin"
THEMES = ("light", "dark")
WIDTHS = (600, 1200, 1800)  # of the widget
SHOWN = 1200  # in the README
MARGIN = 50  # of the preview's page, at both sides
HOSTILE = '<img src=x onerror=alert("tag")> {{ 7*7 }} ' + "w" * 60


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def tags(value: str, hold: str) -> list[dict[str, str]]:
    return [{"Key": "office-hours", "Value": value}, {"Key": "office-hours-hold", "Value": hold}]


def happened(account: Account, name: str, *days: str, hours: tuple[str, str]) -> None:
    """It was started and stopped at these times on these days; what is still to come has not happened."""
    for day in days:
        for hour, what in zip(hours, ("started", "stopped"), strict=True):
            if (when := at(f"{day}T{hour}")) < NOW:
                account.log(name, f"DB cluster {what}.", when.isoformat())


def fill_with_one(account: Account) -> None:
    account.add("billing", BERLIN, EngineVersion="17.5")
    happened(account, "billing", "20", "23", "24", hours=("07:06", "17:05"))


def fill(account: Account) -> None:
    """Some clusters, to most of which happened what their tags ask for."""
    account.add("crm", "mon-fri 07:00-17:00 America/New_York lead=15m", EngineVersion="16.6")
    account.add("etl", "mon-fri 22:00-06:00 UTC", Status="stopped", EngineVersion="17.5")
    account.add("ledger", "mon-fri 08:00-16:30 Europe/Berlin", Status="stopping", EngineVersion="17.5")
    account.add("month-end", "last-day 06:00-22:00 UTC", Status="stopped", AutomaticRestartTime=at("25T04:10"))
    account.add("release", TagList=tags(BERLIN, "running until 2026-11-24T22:00"), EngineVersion="17.5")
    account.add("reporting", BERLIN, EngineVersion="8.0.mysql_aurora.3.10.0", Engine="aurora-mysql")
    account.add("sandbox", BERLIN, Status="stopped", EngineVersion="17.5")
    account.add("search", "mno-fri 08:00-18:00 Europe/Berlin", EngineVersion="16.6")
    account.add("training", "mon-thu 06:00-14:00 Europe/London", EngineVersion="17.5")
    account.classes |= {"crm-1": "db.r8g.xlarge", "etl-1": "db.serverless", "reporting-1": "db.r7g.2xlarge"}
    office = ("07:06", "17:05")
    for name in ("release", "reporting", "ledger"):
        happened(account, name, "20", "23", "24", hours=office)
    happened(account, "crm", "20", "23", "24", hours=("12:06", "22:05"))
    happened(account, "sandbox", "20", "23", hours=office)
    happened(account, "sandbox", "24", hours=("07:06", "11:40"))
    happened(account, "training", "23", "24", hours=("06:06", "14:05"))
    happened(account, "training", "24", hours=("14:40", "22:00"))
    account.called("StopDBCluster", "sandbox", at("24T11:34").isoformat(), by="alice")
    account.called("StartDBCluster", "training", at("24T14:32").isoformat(), by="bob")
    for night in ("20", "23"):
        account.log("etl", "DB cluster started.", at(f"{night}T22:07").isoformat())
        account.log("etl", "DB cluster stopped.", at(f"{int(night) + 1}T06:05").isoformat())


def fill_with(number: int, account: Account) -> None:
    """As they come in a large account: long names and tags, some faults, and much that happened."""
    fill(account)
    year = "jan-mar mon-fri 07:00-20:00 apr-dec mon-fri 08:00-18:00 Europe/Paris holidays=FR closed=2026-12-24 lead=20m"
    values = (
        BERLIN,
        "always",
        "never",
        year,
        "weekdays 08:00- Europe/London",
        "daily 22:00-06:00 Asia/Kolkata enforced",
    )
    for each in range(number - 9):
        name = f"{('team', 'shared-platform-services', 'x')[each % 3]}-{each:02}-aurora"
        value = values[each % len(values)]
        account.add(name, value, Status="stopped" if value == "never" or each % 7 == 0 else "available")
        if each % 4 == 0:
            account.log(name, "DB cluster stopped.", at(f"22T{each % 24:02}:10").isoformat())
            account.log(name, "DB cluster started.", at(f"23T{each % 24:02}:20").isoformat())


def fill_with_hostile_names(account: Account) -> None:
    account.add("w" * 63, BERLIN)
    account.add("a" * 20 + "-" + "b" * 42, HOSTILE, GlobalClusterIdentifier="world")
    account.add("by", BERLIN, Status="stopped")
    account.called("StopDBCluster", "by", at("24T11:34").isoformat(), by="<b>" + "x" * 61)
    account.add("odd", BERLIN, Status="inaccessible-encryption-credentials-recoverable")
    for number in range(8):
        account.add(f"bad-{number}", HOSTILE)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("name", "filled"),
    [
        ("1", fill_with_one),
        ("9", fill),
        ("40", partial(fill_with, 40)),
        ("500", partial(fill_with, 500)),
        ("hostile", fill_with_hostile_names),
    ],
)
def test_take_screenshots(  # noqa: PLR0913, PLR0917  three fixtures, and what is to be taken
    account: Account,
    functions: Functions,
    browser: Browser,
    name: str,
    filled: Callable[[Account], None],
    width: int,
) -> None:
    filled(account)
    folder = PROJECT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with time_machine.travel(NOW), serve(functions) as address, open_page(browser, address) as page:
        page.set_viewport_size({"width": width + MARGIN, "height": 900})
        for theme in THEMES:
            page.locator("#theme").select_option(theme)
            expect(page.locator(f".oh.{theme}")).to_be_visible()
            expect(page.locator("#state")).to_be_empty()
            page.locator("#widget").screenshot(path=folder / f"{name}-{width}-{theme}.png")
            if (name, width) == ("9", SHOWN):
                page.locator("#widget").screenshot(path=PROJECT / "infra" / f"dashboard-{theme}.png")
