"""Takes the READMEs' two pictures of the widget in the preview: `python -m pytest -q tests/make_screenshots.py`.

It is no test, and no run of all tests finds it. The clusters and what happened to them are made up; the page is the
status function's own.
"""

from datetime import UTC, datetime

import time_machine
from playwright.sync_api import Browser, expect

from asset import PROJECT
from aws_server import Account
from browser import Functions, open_page, serve

pytest_plugins = ["aws_server", "browser"]

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)  # a Tuesday
BERLIN = "mon-fri 08:00-18:00 Europe/Berlin"
WIDTH, MARGIN = 1200, 50  # of the widget, and of the preview's page at both sides


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def happened(account: Account, name: str, *days: str, hours: tuple[str, str]) -> None:
    """It was started and stopped at these times on these days; what is still to come has not happened."""
    for day in days:
        for hour, what in zip(hours, ("started", "stopped"), strict=True):
            if (when := at(f"{day}T{hour}")) < NOW:
                account.log(name, f"DB cluster {what}.", when.isoformat())


def fill(account: Account) -> None:
    """Some clusters, to most of which happened what their tags ask for."""
    account.add("crm", "mon-fri 07:00-17:00 America/New_York lead=15m", EngineVersion="16.6")
    account.add("etl", "mon-fri 22:00-06:00 UTC", Status="stopped", EngineVersion="17.5")
    account.add("ledger", "mon-fri 08:00-16:30 Europe/Berlin", Status="stopping", EngineVersion="17.5")
    account.add("month-end", "last-day 06:00-22:00 UTC", Status="stopped", AutomaticRestartTime=at("25T04:10"))
    account.add("release", BERLIN, "running until 2026-11-24T22:00", EngineVersion="17.5")
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


def test_take_screenshots(account: Account, functions: Functions, browser: Browser) -> None:
    fill(account)
    with time_machine.travel(NOW), serve(functions) as address, open_page(browser, address) as page:
        page.set_viewport_size({"width": WIDTH + MARGIN, "height": 900})
        for theme in ("light", "dark"):
            page.locator("#theme").select_option(theme)
            expect(page.locator(f".oh.{theme}")).to_be_visible()
            expect(page.locator("#state")).to_be_empty()
            page.locator("#widget").screenshot(path=PROJECT / "infra" / f"dashboard-{theme}.png")
