"""The stack's settings, read from the context of a CDK app."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from asset import PROJECT
from settings import SettingsError, StackSettings

BERLIN = "mon-fri 08:00-18:00 Europe/Berlin"


def read(context: dict[str, object]) -> StackSettings:
    return StackSettings.from_context(context)


def given(key: str, value: object) -> StackSettings:
    """As cdk.json gives it."""
    return read({"officeHours": {key: value}})


def refused(context: dict[str, object]) -> list[str]:
    """The sentences that refuse it."""
    with pytest.raises(SettingsError) as error:
        read(context)
    return str(error.value).splitlines()


FULL = {
    "tagKey": "team:office/hours",
    "everyMinutes": 15,
    "regions": ["eu-west-1", "us-east-1"],
    "defaultZone": "Asia/Kolkata",
    "schedules": {"berlin": f"{BERLIN} holidays=plant"},
    "calendars": {"plant": ["2026-12-24:2027-01-01", "2027-05-14"]},
    "notifyEmail": "dba@example.com",
    "report": "daily",
    "logRetentionDays": 7,
    "cloudTrail": False,
    "noticeMinutes": 30,
    "slackWorkspace": "T012ABCDE",
    "slackChannel": "C012ABCDE",
    "dashboard": False,
    "alarms": False,
    "organization": {"units": ["ou-ab12-34cd56ef", "r-ab12"], "members": {"dashboard": True, "alarms": True}},
}


def test_the_cdk_json_of_the_project_states_the_defaults() -> None:
    context = json.loads(Path(PROJECT, "cdk.json").read_text())["context"]
    # Without these: the stack's own Region, and no account but its own.
    assert set(context["officeHours"]) == FULL.keys() - {"regions", "organization"}
    assert read(context) == read({}) == StackSettings()


def test_the_functions_read_what_concerns_them() -> None:
    keys = ["tagKey", "everyMinutes", "regions", "defaultZone", "schedules", "calendars", "cloudTrail", "noticeMinutes"]
    assert json.loads(read({"officeHours": FULL}).as_json()) == {key: FULL[key] for key in keys}


# The command line: `-c` hands every value over as text.


def test_every_key_can_be_given_on_the_command_line() -> None:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in FULL.items()}
    found = read({f"officeHours.{key}": text for key, text in texts.items()})
    assert found == read({"officeHours": FULL})
    defaults = asdict(StackSettings())
    assert all(value != defaults[name] for name, value in asdict(found).items())


@pytest.mark.parametrize(("key", "text"), [("tagKey", "2026"), ("notifyEmail", "")])
def test_a_word_is_not_read_as_anything_else(key: str, text: str) -> None:
    assert read({f"officeHours.{key}": text}) == given(key, text)


def test_the_command_line_wins_over_cdk_json() -> None:
    settings = read({"officeHours": {"everyMinutes": 5, "tagKey": "hours"}, "officeHours.everyMinutes": "1"})
    assert (settings.every_minutes, settings.tag_key) == (1, "hours")


# Keys that nothing would read.


def test_an_unknown_key_is_refused_with_the_accepted_ones() -> None:
    (problem,) = refused({"officeHours": {"wish": "blue"}})
    assert problem.startswith("officeHours.wish is unknown. ")
    assert f"Accepted: {', '.join(FULL)}." in problem
    (problem,) = refused({"officeHours.everyMinute": "1"})
    assert problem.startswith('officeHours.everyMinute is unknown (did you mean "everyMinutes"?).')


def test_a_context_key_that_looks_like_ours_is_refused() -> None:
    for key, meant in (("oficeHours.everyMinutes", "officeHours"), ("tagkey", "officeHours.tagKey")):
        assert refused({key: "1"}) == [f'Nothing reads the context key "{key}": did you mean "{meant}"?']


def test_context_keys_of_others_are_none_of_our_business() -> None:
    assert read({"@aws-cdk/core:newStyleStackSynthesis": True, "office": "Berlin", "stage": "dev"}) == StackSettings()


@pytest.mark.parametrize("settings", [5, "{everyMinutes: 5}"])
def test_settings_that_are_no_object_are_refused(settings: object) -> None:
    (problem,) = refused({"officeHours": settings})
    assert problem.startswith('officeHours must be an object, such as {"everyMinutes": 5}')
    assert json.dumps(settings) in problem


def test_all_that_is_wrong_is_told_at_once() -> None:
    problems = refused({"officeHours": {"everyMinutes": 7, "tagKey": "", "schedules": {"mon": "always"}}})
    keys = ["everyMinutes", "tagKey", "schedules.mon:"]
    assert [problem.split()[0] for problem in problems] == [f"officeHours.{key}" for key in keys]


# Values.


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("everyMinutes", [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]),
        ("notifyEmail", ["first.last+aurora@mail.example.co.uk", "o'brien@example.com", "db_2@xn--bcher-kva.ch"]),
        ("report", ["daily", "weekly", "never"]),
        ("logRetentionDays", [1, 90, 3653]),
        ("tagKey", ["Hours", "team:office-hours", "a/b_c.d=e+f@g", "k" * 123, "_2"]),
        ("regions", [["eu-west-1", "ap-southeast-7"], ["us-gov-east-1"], ["cn-north-1"], ["eusc-de-east-1"]]),
    ],
)
def test_a_value_is_accepted(key: str, values: list[object]) -> None:
    for value in values:
        assert json.dumps(value) in json.dumps(asdict(given(key, value)))


@pytest.mark.parametrize(
    ("key", "accepts", "values"),
    [
        ("everyMinutes", "must be a divisor of 60, one of 1, 2, 3, 4, 5, 6, 10", [0, -5, 7, 120, 2.5, True, "five"]),
        (
            "notifyEmail",
            "must be one e-mail address, ",
            [
                *("dba", "dba@localhost", "dba@10.0.0.1", "DBA <dba@example.com>", "dba@example.com,ops@example.com"),
                *("dba@example.com\n", f"dba@{'long.' * 60}com", True),
            ],
        ),
        ("report", "must be one of daily, weekly, never; ", ["dayly", "", 7]),
        ("logRetentionDays", "must be a number of days that CloudWatch Logs can keep", [0, 2, 100000, True, "ever"]),
        (
            "tagKey",
            "must be the key of a tag: 1 to 123 of the letters a to z, digits",
            # Wildcards and variables of IAM, what is reserved, what is no word, what the AWS CLI can't read, and what
            # is too long for RDS with "-hold".
            [
                *("", "office hours", "öffnungszeiten", "hours*", "${aws:username}", "aws:hours", "RDS:hours", "-"),
                *("=hours", "k" * 124, 5),
            ],
        ),
        ("regions", "must be a list of Regions, each once, ", [[], "*", ["eu-west-1"] * 2, ["*", "eu-west-1"], [5]]),
        ("noticeMinutes", "must be minutes up to 1440, or 0", [-5, 1441, 2.5, True, "half an hour"]),
        *((key, "must be Slack's id, ", ["#dba", "t012", 5]) for key in ("slackWorkspace", "slackChannel")),
        *((key, "must be true or false; ", ["yes", 1, "", []]) for key in ("cloudTrail", "dashboard", "alarms")),
        ("schedules", "must be an object of names and tag values, ", ["always", ["always"], {"b": 8}]),
        ("calendars", "must be an object of names and lists of dates and ranges, ", [{"plant": "2026-12-24"}, ["a"]]),
        (
            "organization",
            'must be an object with "units", a list of organizational units (or the root), each once, ',
            [
                *("ou-ab12-34cd56ef", ["ou-ab12-34cd56ef"], {}, {"units": []}, {"units": "ou-ab12-34cd56ef"}),
                *({"units": [each]} for each in ("production", "123456789012", "ou-ab12", "OU-AB12-34CD56EF", 5)),
                *({"units": ["r-ab12"], "members": each} for each in (True, {"alarms": "yes"}, {"alarm": True})),
                {"units": ["r-ab12"], "unit": []},
                {"units": ["r-ab12", "r-ab12"]},
            ],
        ),
    ],
)
def test_another_value_is_refused_with_what_is_accepted(key: str, accepts: str, values: list[object]) -> None:
    for value in values:
        (problem,) = refused({"officeHours": {key: value}})
        assert problem.startswith(f"officeHours.{key} {accepts}")
        assert json.dumps(value) in problem


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"noticeMinutes": 10, "everyMinutes": 15}, "noticeMinutes must be 0, or at least everyMinutes (15)"),
        ({"noticeMinutes": 30, "slackChannel": "C012"}, "slackWorkspace and officeHours.slackChannel go together"),
        ({"slackWorkspace": "T012", "slackChannel": "C012"}, "slackChannel needs notices"),
        ({"report": "dayly"}, '(did you mean "daily"?)'),
        ({"defaultZone": "Europe/Berlln"}, '(did you mean "Europe/Berlin"?)'),
        ({"regions": ["eu-north-1", "eu-wets-1"]}, '(did you mean "eu-west-1"?)'),
        ({"regions": ["US-EAST-1"]}, '(did you mean "us-east-1"?)'),
        ({"regions": ["eu-west-9"]}, 'names unknown Regions: "eu-west-9"'),
        ({"regions": ["aws-global"]}, 'names unknown Regions: "aws-global"'),
        ({"regions": ["eu-west-1", "us-gov-west-1"]}, "eu-west-1 is in aws, us-gov-west-1 is in aws-us-gov."),
        ({"schedules": {"lab": "mno-fri 08:00-18:00"}}, 'schedules.lab: unknown day "mno"'),
        ({"calendars": {"DE": ["2026-12-24"]}}, 'calendars.DE: name "DE" already means public holidays'),
        ({"calendars": {"de-by": ["2026-12-24"]}}, 'calendars.de-by: name "de-by" already means public holidays'),
        ({"calendars": {"plant": ["2026-12-24", "2026-02-30"]}}, "calendars.plant: "),
    ],
    ids=str,
)
def test_what_does_not_fit_together_or_does_not_exist_is_refused(settings: dict[str, object], words: str) -> None:
    (problem,) = refused({"officeHours": settings})
    assert words in problem


# Many accounts


def test_a_member_has_neither_dashboard_nor_alarms_of_its_own_unless_asked_for_and_tells_nobody_itself() -> None:
    settings: dict[str, object] = {"notifyEmail": "dba@example.com", "report": "daily", "noticeMinutes": 30}
    member = read({"officeHours": settings | {"organization": {"units": ["r-ab12"]}}}).of_a_member()
    assert (member.dashboard, member.alarms, member.notify_email, member.report) == (False, False, "", "never")
    assert member.notice_minutes == 0
    member = read({"officeHours": settings | {"organization": FULL["organization"]}}).of_a_member()
    assert (member.dashboard, member.alarms) == (True, True)
    alone = given("report", "daily")
    assert alone.of_a_member() == alone


# Schedules and calendars


WORDS_OF_THE_GRAMMAR = """
    MON mon-fri jan nov-feb daily last-fri last-day 5th-sun d1 d28-d31 08:00-18:00 08:00- -19:00 utc Europe/Berlin
    monday june 1st-friday always never ignore enforced maintenance holidays closed lead holidays=DE lead=15m
    grace grace=2h
"""


@pytest.mark.parametrize(("kind", "value"), [("schedules", "always"), ("calendars", ["2026-12-24"])])
def test_a_name_that_a_tag_could_not_use_is_refused(kind: str, value: object) -> None:
    for name in (*WORDS_OF_THE_GRAMMAR.split(), "", " ", "two words"):
        (problem,) = refused({"officeHours": {kind: {name: value}}})
        assert problem.startswith(f'officeHours.{kind}.{name}: name "{name}"')
    for name in ("office-2", "Team_A", "mondays"):
        assert read({"officeHours": {kind: {name: value}}}) != StackSettings()


def test_names_that_differ_only_in_case_are_refused() -> None:
    problems = refused({"officeHours": {"schedules": {"berlin": "always", "Berlin": "never"}}})
    assert ["is there twice" in each for each in problems] == [True, True]
