"""Takes the README's pictures of the widget: `python -m pytest -q tests/make_screenshots.py`.

It is no test, and no run of all tests finds it. The clusters and what happened to them are made up; the page is the
status function's own.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import sync_playwright

from asset import PROJECT
from invocation import invoke
from office_hours import handlers
from rds_server import RdsServer
from test_preview import BROWSER

pytest_plugins = ["rds_server", "invocation"]

NOW = "2026-11-24T15:30:00Z"  # a Tuesday
BERLIN = "mon-fri 08:00-18:00 Europe/Berlin"
ACTIONS = {
    name: f"arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-{name}" for name in ("stop", "start")
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def fill(account: RdsServer) -> None:
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


def test_take_screenshots(account: RdsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICE_HOURS_ACTIONS", json.dumps(ACTIONS))
    fill(account)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for theme, background in (("light", "#ffffff"), ("dark", "#16191f")):
            html = invoke(handlers.status, NOW, {"widgetContext": {"theme": theme, "width": 1300}}, None)
            page = browser.new_page(viewport={"width": 1300, "height": 100})
            page.set_content(f'<!doctype html><body style="background:{background};margin:12px">{html}')
            page.screenshot(path=PROJECT / "infra" / f"dashboard-{theme}.png", full_page=True)
        browser.close()
