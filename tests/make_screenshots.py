"""Takes pictures of the widget in the preview: `python -m pytest -q tests/make_screenshots.py`.

It is no test, and no run of all tests finds it. The clusters and what happened to them are made up; the page is the
status function's own. The README's two are kept in infra/; those for a look at everything are in build/screenshots/.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

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


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def fill(account: Account) -> None:
    """Some clusters, to most of which happened what their tags ask for."""
    held = [
        {"Key": "office-hours", "Value": BERLIN},
        {"Key": "office-hours-hold", "Value": "running until 2026-11-24T22:00"},
    ]
    account.add("crm", "mon-fri 07:00-17:00 America/New_York lead=15m", EngineVersion="16.6")
    account.add("etl", "mon-fri 22:00-06:00 UTC", Status="stopped", EngineVersion="17.5")
    account.add("release", TagList=held, EngineVersion="17.5")
    account.add("reporting", BERLIN, EngineVersion="8.0.mysql_aurora.3.10.0", Engine="aurora-mysql")
    account.add("sandbox", BERLIN, Status="stopped", EngineVersion="17.5")
    account.add("search", "mno-fri 08:00-18:00 Europe/Berlin", EngineVersion="16.6")
    account.add("month-end", "last-day 06:00-22:00 UTC", Status="stopped", AutomaticRestartTime=at("25T04:10"))
    account.classes |= {"crm-1": "db.r8g.xlarge", "etl-1": "db.serverless", "reporting-1": "db.r7g.2xlarge"}
    for day in (20, 23, 24):
        for name, hour, length in (("crm", 12, 10), ("release", 7, 10), ("reporting", 7, 10), ("sandbox", 7, 4)):
            start = at(f"{day}T{hour:02}:06")
            account.log(name, "DB cluster started.", start.isoformat())
            if (day, name) < (24, "") or name == "sandbox":
                account.log(name, "DB cluster stopped.", (start + timedelta(hours=length)).isoformat())
    for day in (20, 23):
        account.log("etl", "DB cluster started.", at(f"{day}T22:07").isoformat())
        account.log("etl", "DB cluster stopped.", at(f"{day + 1}T06:05").isoformat())


def fill_with_three(account: Account) -> None:
    """One of each state."""
    account.add("billing", BERLIN, EngineVersion="17.5")
    account.add("changing", BERLIN, Status="starting", EngineVersion="17.5")
    account.add("night", "mon-fri 22:00-06:00 UTC", Status="stopped", EngineVersion="17.5")


def fill_with_a_hundred(account: Account) -> None:
    """As they come in a large account: long names and tags, some faults, and much that happened."""
    fill(account)
    year = "jan-mar mon-fri 07:00-20:00 apr-dec mon-fri 08:00-18:00 Europe/Paris holidays=FR closed=2026-12-24 lead=20m"
    tags = (BERLIN, "always", "never", year, "weekdays 08:00- Europe/London", "daily 22:00-06:00 Asia/Kolkata enforced")
    for number in range(92):
        name = f"{('team', 'shared-platform-services', 'x')[number % 3]}-{number:02}-aurora"
        tag = tags[number % len(tags)]
        account.add(name, tag, Status="stopped" if tag == "never" or number % 7 == 0 else "available")
        if number % 4 == 0:
            account.log(name, "DB cluster stopped.", at(f"22T{number % 24:02}:10").isoformat())
            account.log(name, "DB cluster started.", at(f"23T{number % 24:02}:20").isoformat())
    account.add("w" * 63, f"{BERLIN} <script>", GlobalClusterIdentifier="world")


@pytest.mark.parametrize(
    ("clusters", "filled", "width", "folder"),
    [
        ("dashboard", fill, "full", PROJECT / "infra"),
        ("some", fill, "half", PROJECT / "build" / "screenshots"),
        *(
            (name, filled, width, PROJECT / "build" / "screenshots")
            for name, filled in (("three", fill_with_three), ("hundred", fill_with_a_hundred))
            for width in ("half", "full")
        ),
    ],
)
def test_take_screenshots(  # noqa: PLR0913, PLR0917  three fixtures, and what is to be taken
    account: Account, functions: Functions, browser: Browser, clusters: str, filled: object, width: str, folder: Path
) -> None:
    assert callable(filled)
    filled(account)
    folder.mkdir(parents=True, exist_ok=True)
    with time_machine.travel(NOW), serve(functions) as address, open_page(browser, address) as page:
        for theme in THEMES:
            page.locator("#width").select_option(width)
            page.locator("#theme").select_option(theme)
            expect(page.locator(f".oh.{theme}")).to_be_visible()
            expect(page.locator("#state")).to_be_empty()
            name = f"{clusters}-{theme}" if clusters == "dashboard" else f"{clusters}-{width}-{theme}"
            page.locator("#widget").screenshot(path=folder / f"{name}.png")
