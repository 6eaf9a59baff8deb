"""The stack's settings, read from the context of a real CDK app."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from asset import PROJECT
from settings import SettingsError, StackSettings

BERLIN = "mon-fri 08:00-18:00 Europe/Berlin"


def read(context: dict[str, object]) -> StackSettings:
    return StackSettings.from_context(cdk.App(context=context).node.get_all_context())


def given(key: str, value: object) -> StackSettings:
    """As cdk.json gives it."""
    return read({"officeHours": {key: value}})


def refused(context: dict[str, object]) -> list[str]:
    """The sentences that refuse it."""
    with pytest.raises(SettingsError) as error:
        read(context)
    return str(error.value).splitlines()


def test_everything_has_a_default() -> None:
    assert read({}) == StackSettings(
        tag_key="office-hours",
        every_minutes=5,
        regions=(),
        default_zone="UTC",
        schedules={},
        calendars={},
        notify_email="",
        report="weekly",
        log_retention_days=90,
    )


def test_the_cdk_json_of_the_project_states_the_defaults() -> None:
    context = json.loads(Path(PROJECT, "cdk.json").read_text())["context"]
    assert set(context["officeHours"]) == {
        *("tagKey", "everyMinutes", "defaultZone", "schedules", "calendars"),
        *("notifyEmail", "report", "logRetentionDays"),
    }
    assert read(context) == StackSettings()


def test_every_key_of_cdk_json_is_read() -> None:
    settings = read(
        {
            "officeHours": {
                "tagKey": "team:office/hours",
                "everyMinutes": 15,
                "regions": ["eu-west-1", "us-east-1"],
                "defaultZone": "Asia/Kolkata",
                "schedules": {"berlin": BERLIN},
                "calendars": {"plant": ["2026-12-24:2027-01-01", "2027-05-14"]},
                "notifyEmail": "dba@example.com",
                "report": "daily",
                "logRetentionDays": 7,
            }
        }
    )
    assert settings == StackSettings(
        tag_key="team:office/hours",
        every_minutes=15,
        regions=("eu-west-1", "us-east-1"),
        default_zone="Asia/Kolkata",
        schedules={"berlin": BERLIN},
        calendars={"plant": ("2026-12-24:2027-01-01", "2027-05-14")},
        notify_email="dba@example.com",
        report="daily",
        log_retention_days=7,
    )


def test_the_functions_read_what_concerns_them() -> None:
    settings = StackSettings(
        tag_key="hours",
        every_minutes=15,
        regions=("eu-west-1",),
        default_zone="Asia/Kolkata",
        schedules={"berlin": BERLIN},
        calendars={"plant": ("2026-12-24",)},
        notify_email="dba@example.com",
        report="daily",
    )
    assert json.loads(settings.as_json()) == {
        "tagKey": "hours",
        "everyMinutes": 15,
        "regions": ["eu-west-1"],
        "defaultZone": "Asia/Kolkata",
        "schedules": {"berlin": BERLIN},
        "calendars": {"plant": ["2026-12-24"]},
    }


# The command line: `-c` hands every value over as text.


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("tagKey", "hours", StackSettings(tag_key="hours")),
        ("tagKey", "2026", StackSettings(tag_key="2026")),
        ("everyMinutes", "1", StackSettings(every_minutes=1)),
        ("regions", '["eu-west-1"]', StackSettings(regions=("eu-west-1",))),
        ("regions", '["*"]', StackSettings(regions=("*",))),
        ("defaultZone", "Europe/Berlin", StackSettings(default_zone="Europe/Berlin")),
        ("schedules", json.dumps({"berlin": BERLIN}), StackSettings(schedules={"berlin": BERLIN})),
        ("calendars", '{"plant": ["2026-12-24"]}', StackSettings(calendars={"plant": ("2026-12-24",)})),
        ("notifyEmail", "dba@example.com", StackSettings(notify_email="dba@example.com")),
        ("notifyEmail", "", StackSettings()),
        ("report", "never", StackSettings(report="never")),
        ("logRetentionDays", "365", StackSettings(log_retention_days=365)),
    ],
)
def test_every_key_can_be_given_on_the_command_line(key: str, text: str, expected: StackSettings) -> None:
    assert read({f"officeHours.{key}": text}) == expected


def test_all_keys_can_be_given_on_the_command_line_as_one_object() -> None:
    assert read({"officeHours": '{"everyMinutes":10,"tagKey":"hours"}'}) == StackSettings(
        every_minutes=10, tag_key="hours"
    )


def test_the_command_line_wins_over_cdk_json() -> None:
    settings = read({"officeHours": {"everyMinutes": 5, "tagKey": "hours"}, "officeHours.everyMinutes": "1"})
    assert (settings.every_minutes, settings.tag_key) == (1, "hours")


# Keys that nothing would read.


def test_an_unknown_key_is_refused_with_the_accepted_ones() -> None:
    accepted = "tagKey, everyMinutes, regions, defaultZone, schedules, calendars, notifyEmail, report, logRetentionDays"
    assert refused({"officeHours": {"colour": "blue"}}) == [
        f"officeHours.colour is unknown. Accepted are: {accepted}.",
    ]


@pytest.mark.parametrize("context", [{"officeHours": {"everyMinute": 1}}, {"officeHours.everyMinute": "1"}])
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(context: dict[str, object]) -> None:
    (problem,) = refused(context)
    assert problem.startswith('officeHours.everyMinute is unknown (did you mean "everyMinutes"?).')


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("officehours.everyMinutes", "officeHours"),
        ("oficeHours.everyMinutes", "officeHours"),
        ("office-hours", "officeHours"),
        ("office_hours.tagKey", "officeHours"),
        ("everyMinutes", "officeHours.everyMinutes"),
        ("tagkey", "officeHours.tagKey"),
    ],
)
def test_a_context_key_that_looks_like_ours_is_refused(key: str, meant: str) -> None:
    assert refused({key: "1"}) == [f'The context key "{key}" would be read by nobody: did you mean "{meant}"?']


def test_context_keys_of_others_are_none_of_our_business() -> None:
    assert read({"@aws-cdk/core:newStyleStackSynthesis": True, "office": "Berlin", "stage": "dev"}) == StackSettings()


def test_settings_that_are_no_object_are_refused() -> None:
    assert refused({"officeHours": 5}) == ['officeHours must be an object, such as {"everyMinutes": 5}; it is 5.']
    assert refused({"officeHours": "{everyMinutes: 5}"}) == [
        'officeHours must be an object, such as {"everyMinutes": 5}; it is "{everyMinutes: 5}".'
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    problems = refused({"officeHours": {"everyMinutes": 7, "tagKey": "", "schedules": {"mon": "always"}}})
    assert [problem.split()[0] for problem in problems] == [
        "officeHours.everyMinutes",
        "officeHours.tagKey",
        "officeHours.schedules.mon:",
    ]


# Values.


@pytest.mark.parametrize("minutes", [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60])
def test_every_divisor_of_60_is_an_interval(minutes: int) -> None:
    assert given("everyMinutes", minutes).every_minutes == minutes


@pytest.mark.parametrize("minutes", [0, -5, 7, 45, 120, 2.5, True, "five", [5]])
def test_another_interval_is_refused(minutes: object) -> None:
    (problem,) = refused({"officeHours": {"everyMinutes": minutes}})
    accepted = "a divisor of 60, one of 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60"
    assert problem == f"officeHours.everyMinutes must be {accepted}; it is {json.dumps(minutes)}."


@pytest.mark.parametrize(
    "address",
    ["dba@example.com", "first.last+aurora@mail.example.co.uk", "o'brien@example.com", "db_2@xn--bcher-kva.ch"],
)
def test_an_e_mail_address_is_accepted(address: str) -> None:
    assert given("notifyEmail", address).notify_email == address


@pytest.mark.parametrize(
    "address",
    [
        "dba",
        "dba@",
        "@example.com",
        "dba@localhost",
        "dba@example.",
        "dba@10.0.0.1",
        "dba@example.com,ops@example.com",
        "dba@example.com ops@example.com",
        "DBA <dba@example.com>",
        " dba@example.com",
        "dba@example.com\n",
        "dba@@example.com",
        f"dba@{'long.' * 60}com",
        ["dba@example.com"],
        True,
    ],
)
def test_what_is_no_e_mail_address_or_more_than_one_is_refused(address: object) -> None:
    (problem,) = refused({"officeHours": {"notifyEmail": address}})
    assert problem == (
        'officeHours.notifyEmail must be one e-mail address, such as "dba@example.com", or "" for none (others can '
        f"subscribe to the topic as well); it is {json.dumps(address)}."
    )


@pytest.mark.parametrize("how_often", ["daily", "weekly", "never"])
def test_a_report_is_sent_as_often_as_set(how_often: str) -> None:
    assert given("report", how_often).report == how_often


@pytest.mark.parametrize(
    ("how_often", "meant"), [("dayly", ' (did you mean "daily"?)'), ("monthly", ""), ("", ""), (7, ""), (True, "")]
)
def test_another_report_is_refused(how_often: object, meant: str) -> None:
    (problem,) = refused({"officeHours": {"report": how_often}})
    assert problem == (f"officeHours.report must be one of daily, weekly, never; it is {json.dumps(how_often)}{meant}.")


@pytest.mark.parametrize("days", [1, 14, 90, 365, 3653])
def test_a_retention_that_cloudwatch_logs_knows_is_accepted(days: int) -> None:
    assert given("logRetentionDays", days).log_retention_days == days


@pytest.mark.parametrize("days", [0, 2, 91, 100000, True, "forever"])
def test_another_retention_is_refused(days: object) -> None:
    (problem,) = refused({"officeHours": {"logRetentionDays": days}})
    assert problem.startswith("officeHours.logRetentionDays must be a number of days that CloudWatch Logs can keep")
    assert problem.endswith(f"it is {json.dumps(days)}.")


@pytest.mark.parametrize("key", ["Hours", "team:office-hours", "a/b_c.d=e+f@g", "k" * 123, "_2"])
def test_a_tag_key_that_rds_and_iam_both_take_is_accepted(key: str) -> None:
    assert given("tagKey", key).tag_key == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "office hours",  # nowhere documented in an IAM condition's key
        "öffnungszeiten",  # the same: how IAM compares it without regard to case
        "hours*",  # a wildcard in IAM
        "${aws:username}",  # a variable in IAM
        "aws:hours",  # reserved
        "RDS:hours",
        "-",  # nothing that tells it from another
        "...",
        "k" * 124,  # with "-hold" one too long for RDS
        5,
    ],
)
def test_another_tag_key_is_refused(key: object) -> None:
    (problem,) = refused({"officeHours": {"tagKey": key}})
    assert problem.startswith("officeHours.tagKey must be the key of a tag: 1 to 123 of the letters a to z, digits")
    assert problem.endswith(f"it is {json.dumps(key)}.")


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-7", "us-gov-east-1", "cn-north-1", "eusc-de-east-1"])
def test_a_region_of_any_partition_is_accepted(region: str) -> None:
    assert given("regions", [region]).regions == (region,)


@pytest.mark.parametrize(
    "regions",
    [[], "eu-west-1", "*", ["eu-west-1", "eu-west-1"], ["*", "eu-west-1"], [5], {}],
)
def test_what_is_no_list_of_regions_is_refused(regions: object) -> None:
    (problem,) = refused({"officeHours": {"regions": regions}})
    assert problem.startswith("officeHours.regions must be a list of Regions, each once, such as")
    assert problem.endswith(f"It is {json.dumps(regions)}.")


@pytest.mark.parametrize(
    ("region", "meant"),
    [
        ("eu-wets-1", "eu-west-1"),
        ("eu-west1", "eu-west-1"),
        ("US-EAST-1", "us-east-1"),
        ("eu-cental-2", "eu-central-2"),
    ],
)
def test_an_unknown_region_is_refused_with_the_nearest(region: str, meant: str) -> None:
    (problem,) = refused({"officeHours": {"regions": ["eu-north-1", region]}})
    assert problem == (
        f'officeHours.regions names what is no Region: "{region}" (did you mean "{meant}"?). '
        "One that is newer than the locked boto3 is known after `make lock`."
    )


@pytest.mark.parametrize("region", ["eu-west-9", "mars-1", "aws-global"])
def test_a_region_that_does_not_exist_is_refused_even_if_it_looks_like_one(region: str) -> None:
    (problem,) = refused({"officeHours": {"regions": [region]}})
    assert problem.startswith(f'officeHours.regions names what is no Region: "{region}"')


def test_regions_that_no_account_has_together_are_refused() -> None:
    (problem,) = refused({"officeHours": {"regions": ["eu-west-1", "us-gov-west-1", "us-east-1"]}})
    assert problem == (
        "officeHours.regions must name Regions of one partition, as every account belongs to one: "
        "eu-west-1 is in aws, us-gov-west-1 is in aws-us-gov, us-east-1 is in aws."
    )


def test_an_unknown_zone_is_refused_with_the_nearest() -> None:
    (problem,) = refused({"officeHours": {"defaultZone": "Europe/Berlln"}})
    assert problem.startswith("officeHours.defaultZone must be an IANA time zone, such as Europe/Berlin or UTC;")
    assert problem.endswith('it is "Europe/Berlln" (did you mean "Europe/Berlin"?).')


@pytest.mark.parametrize("schedules", ["always", ["always"], {"berlin": 8}, {"berlin": ["always"]}])
def test_schedules_that_are_no_names_and_tag_values_are_refused(schedules: object) -> None:
    (problem,) = refused({"officeHours": {"schedules": schedules}})
    assert problem.startswith("officeHours.schedules must be an object of names and tag values, such as")


def test_a_schedule_that_no_tag_could_have_is_refused_in_the_words_of_the_tag() -> None:
    (problem,) = refused({"officeHours": {"schedules": {"berlin": BERLIN, "lab": "mno-fri 08:00-18:00"}}})
    assert problem.startswith('officeHours.schedules.lab: unknown day "mno"')
    assert problem.endswith('did you mean "mon"?')


def test_a_schedule_may_use_a_calendar_of_the_settings() -> None:
    settings = {"schedules": {"lab": f"{BERLIN} holidays=plant"}, "calendars": {"plant": ["2026-12-24"]}}
    assert read({"officeHours": settings}).schedules == settings["schedules"]
    (problem,) = refused({"officeHours": settings | {"calendars": {}}})
    assert problem.startswith("officeHours.schedules.lab: ")


@pytest.mark.parametrize("kind", ["schedules", "calendars"])
@pytest.mark.parametrize("name", ["mon", "daily", "always", "UTC", "two words", ""])
def test_a_name_that_a_tag_could_not_use_is_refused(kind: str, name: str) -> None:
    (problem,) = refused({"officeHours": {kind: {name: {"schedules": "always", "calendars": ["2026-12-24"]}[kind]}}})
    assert problem.startswith(f'officeHours.{kind}.{name}: name "{name}"')


@pytest.mark.parametrize("name", ["DE", "de-by"])
def test_a_calendar_named_like_public_holidays_is_refused(name: str) -> None:
    (problem,) = refused({"officeHours": {"calendars": {name: ["2026-12-24"]}}})
    assert problem.startswith(f'officeHours.calendars.{name}: name "{name}" already means public holidays')


def test_names_that_differ_only_in_case_are_refused() -> None:
    problems = refused({"officeHours": {"schedules": {"berlin": "always", "Berlin": "never"}}})
    assert problems == [
        f'officeHours.schedules.{name}: name "{name}" is there twice, since a tag may write it in capitals or not'
        for name in ("berlin", "Berlin")
    ]


@pytest.mark.parametrize("calendars", [["2026-12-24"], {"plant": "2026-12-24"}, {"plant": [20261224]}])
def test_calendars_that_are_no_names_and_lists_of_dates_are_refused(calendars: object) -> None:
    (problem,) = refused({"officeHours": {"calendars": calendars}})
    assert problem.startswith("officeHours.calendars must be an object of names and lists of dates and ranges, such as")


@pytest.mark.parametrize("date", ["24.12.2026", "2026-02-30", "2027-01-01:2026-12-24"])
def test_a_date_that_does_not_exist_is_refused(date: str) -> None:
    (problem,) = refused({"officeHours": {"calendars": {"plant": ["2026-12-24", date]}}})
    assert problem.startswith("officeHours.calendars.plant: ")
    assert date.partition(":")[0] in problem


def test_a_schedule_is_not_blamed_for_its_calendar() -> None:
    settings = {"schedules": {"lab": f"{BERLIN} holidays=plant"}, "calendars": {"plant": ["tomorrow"]}}
    (problem,) = refused({"officeHours": settings})
    assert problem.startswith("officeHours.calendars.plant: ")
