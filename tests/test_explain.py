"""What a tag means, said in words and numbers, by the status function and on a laptop.

It is asked on Monday, the 23rd of November 2026, at 12:00 UTC.
"""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import demo.__main__
import tools.explain
import tools.suggest
from invocation import invoke
from office_hours import handlers
from office_hours.reporting.explain import explain
from office_hours.settings import Settings

pytest_plugins = ["invocation"]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"


def told(tag: str, settings: Settings | None = None) -> dict[str, Any]:
    return explain(tag, settings or Settings(), NOW)


def test_a_tag_is_explained_in_words_and_numbers() -> None:
    answer = told(OFFICE)
    assert answer["message"] == (
        "Should be running now. Stops Mon 18:00, starts Tue 08:00. Times are in Europe/Berlin. "
        "Runs 50 of the week's 168 hours on average over the coming year, which saves 70% of them."
    )
    assert (answer["valid"], answer["hours_a_week"], answer["saved_share"]) == (True, 50.0, 0.702)  # 118 of 168
    first, *others = answer["transitions"]
    local = "Mon 2026-11-23 18:00 Europe/Berlin"
    assert (first, len(others)) == ({"at": "2026-11-23T17:00:00Z", "local": local, "to": "stopped"}, 5)


@pytest.mark.parametrize(
    ("tag", "hours", "words"),
    [
        ("always", 168.0, "It never changes."),
        ("never", 0.0, "saves 100% of them"),
        ("ignore", None, "left alone"),
        ("daily 22:00-06:00", 56.0, "Without a zone, Asia/Tokyo applies, the default."),
        ("berlin", 50.0, "Times are in Europe/Berlin."),
        ("-19:00", None, "It has one side only"),
        ("daily 08:00-18:00 Etc/GMT+5", 70.0, "Etc/GMT+5 is UTC-5 all year."),
        (f"{OFFICE} mon-fri 09:00-18:00 Asia/Kolkata", 64.5, "windows are in Europe/Berlin and Asia/Kolkata"),
        (f"{OFFICE} sat 10:00-11:00", 51.0, "Without a zone, Asia/Tokyo applies, the default."),
        (f"{OFFICE} holidays=BY", 49.0, "public holidays: Belarus."),
        (f"{OFFICE} holidays=DE-BY", 48.3, "Germany (BY)"),
        ("mon 08:00-18:00 closed=2026-11-30", 9.8, "closed days"),
        ("mon 08:00-18:00 holidays=plant", 9.8, "closed days"),
        (f"{OFFICE} lead=15m", 51.2, "starts 15 minutes before each window"),
        (f"{OFFICE} grace=2h", 50.0, "While somebody is connected, a stop waits for up to 2 h."),
        (f"{OFFICE} maintenance", 50.0, "maintenance window is added"),
        (f"{OFFICE} enforced", 50.0, "Changes by hand are undone"),
    ],
)
def test_what_is_said_about_a_tag(tag: str, hours: float | None, words: str) -> None:
    calendars = {"plant": [datetime(2026, 12, 7, tzinfo=UTC).date()]}
    answer = told(tag, Settings(default_zone="Asia/Tokyo", schedules={"berlin": OFFICE}, calendars=calendars))
    assert answer["hours_a_week"] == hours
    assert words in answer["message"]


def test_a_bad_tag_is_explained_too() -> None:
    answer = told("mno-fri 08:00-18:00")
    assert 'did you mean "mon-fri 08:00-18:00"?' in answer["message"]
    assert [answer[key] for key in ("valid", "transitions", "hours_a_week", "saved_share")] == [False, [], None, None]


def test_the_status_function_explains_under_the_stacks_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"schedules": {"berlin": OFFICE}}))
    answer = invoke(handlers.status, "2026-11-23T12:00:00Z", {"explain": "berlin"}, None)
    assert answer["message"] == told(OFFICE)["message"]


def test_a_laptop_explains_without_aws(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TAG", OFFICE)
    tools.explain.main()
    out = capsys.readouterr().out
    assert "saves 70% of them.\n  st" in out
    assert len(re.findall(r"^  (starts|stops ) [A-Z].* Europe/Berlin$", out, re.MULTILINE)) == 6
    for tag, words in {"8-18": '"08:00-18:00"?', "": "make explain TAG=", "x" * 257: "256 characters at most."}.items():
        monkeypatch.setenv("TAG", tag)
        with pytest.raises(SystemExit, match=re.escape(words)):
            tools.explain.main()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cdk.json can't be read: Expecting property name"),
        ('{"context": []}', 'cdk.json must be an object whose "context" is one.'),
        ('{"context": {"officeHours": {"everyMinutes": 7}}}', "officeHours.everyMinutes must be "),
    ],
)
def test_a_mistake_in_cdk_json_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "cdk.json").write_text(text)
    monkeypatch.setattr("settings.CDK_JSON", tmp_path / "cdk.json")
    monkeypatch.setenv("TAG", OFFICE)
    monkeypatch.setattr(sys, "argv", ["demo"])
    for main in (tools.explain.main, tools.suggest.main, demo.__main__.main):
        with pytest.raises(SystemExit, match="2"):
            main()
        assert re.fullmatch(f"{words}.*\n", capsys.readouterr().err)
