"""The stack's settings: cdk.json's context key `officeHours`, or `-c officeHours.<key>=<value>`.

They are checked when the stack is synthesized: once deployed, a mistake is only noticed when a database is missing.
"""

import difflib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from office_hours.clock import zones
from office_hours.days_off import parse_dates
from office_hours.schedule import Schedule, ScheduleError
from office_hours.slips import likely_zones
from office_hours.tag import kind_of
from office_hours.text import nearest

if TYPE_CHECKING:
    from datetime import date

CDK_JSON = Path(__file__).resolve().parents[1] / "cdk.json"
CONTEXT_KEY = "officeHours"
STACK = "AuroraOfficeHours"
ORGANIZATION_STACK = "AuroraOfficeHoursOrganization"
# Everything the stack makes is named after this.
NAME = "aurora-office-hours"
EVERY_REGION = ("*",)

# Runs come at the same minutes of every hour, as windows' edges do, only if the interval divides an hour.
MINUTES = tuple(minutes for minutes in range(1, 61) if 60 % minutes == 0)
# The days that CloudWatch Logs accepts (PutRetentionPolicy).
RETENTION = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# RDS allows any script's letters, and white space. IAM compares the key without regard to case in a condition
# (aws:ResourceTag/<key>), and does not say how it folds those letters or reads white space there: neither is accepted.
# Nor is a key of signs alone: the functions tell a misspelt key by its letters and digits. Nor is one that begins with
# "=", which the AWS CLI can't read in `--tags Key=...,Value=...`.
TAG_KEY = re.compile(r"(?!=)[_.:/=+@-]*[A-Za-z0-9][A-Za-z0-9_.:/=+@-]*")
# RDS allows 128 characters, and the hold's key is this one and "-hold".
TAG_KEY_LENGTH = 123
# Refuses what can't be an address, or is several. Whether it exists shows when the subscription has to be confirmed.
EMAIL = re.compile(r"[^\s@,;:<>()\"]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*")
EMAIL_LENGTH = 254
MOST_NOTICE_MINUTES = 24 * 60
SLACK_ID = re.compile(r"[0-9A-Z]{0,255}")
# The name of a schedule or a calendar.
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
REPORTS = ("daily", "weekly", "never")
# Organizational units, or the root, as Organizations names them.
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html
UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}")


def function_name(word: str) -> str:
    """A function's full name, from its own word: `stop`, `start`, `status` or `report`."""
    return f"{NAME}-{word}"


class SettingsError(ValueError):
    """The settings can't be used. Each line of the text names a key and says what it accepts."""


@dataclass(frozen=True)
class Organization:
    """The accounts that `make deploy-organization` deploys to, its members.

    units: the organizational units that they are in, now or later.
    dashboard, alarms: whether each member has its own.
    """

    units: tuple[str, ...]
    dashboard: bool = False
    alarms: bool = False


@dataclass(frozen=True)
class StackSettings:
    """What a user can choose, checked.

    tag_key: the key of the tag that says when a cluster should run; the hold's is this and `-hold`.
    every_minutes: the functions run on the hour and every so many minutes after it.
    regions: the Regions to look after; empty means the stack's own, `("*",)` every enabled one.
    default_zone: the IANA time zone of a tag that names none.
    schedules: tag values that tags can refer to by name.
    calendars: dates and ranges of dates, as written, that `holidays=` can refer to by name.
    notify_email: the address that alarms and reports are sent to; empty for none.
    report: how often a report is sent.
    log_retention_days: how long the functions' logs are kept.
    cloud_trail: whether the functions may look up in CloudTrail who started or stopped a cluster.
    notice_minutes: how long before a scheduled stop a notice is sent; 0 for none.
    slack_workspace, slack_channel: the ids of where Amazon Q Developer shows the notices; empty for no Slack.
    dashboard, alarms: whether the stack has them.
    organization: the members, if this account is their centre; None for an account on its own.
    """

    tag_key: str = "office-hours"
    every_minutes: int = 5
    regions: tuple[str, ...] = ()
    default_zone: str = "UTC"
    schedules: Mapping[str, str] = field(default_factory=dict)
    calendars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notify_email: str = ""
    report: str = "weekly"
    log_retention_days: int = 90
    cloud_trail: bool = True
    notice_minutes: int = 0
    slack_workspace: str = ""
    slack_channel: str = ""
    dashboard: bool = True
    alarms: bool = True
    organization: Organization | None = None

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> "StackSettings":
        """Read the settings from an app's whole context. SettingsError lists everything that is wrong."""
        given, problems = collect(context)
        checked: dict[str, object] = {}
        for key, value in given.items():
            name, check = KEYS[key]
            try:
                checked[name] = check(value)
            except ValueError as refused:
                problems.append(f"{CONTEXT_KEY}.{key} {refused}")
        settings = cls(**checked)  # type: ignore[arg-type]  # each check returns its field's type
        problems += check_language(settings) + check_notices(settings)
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    def of_a_member(self) -> "StackSettings":
        """What a member has instead of these. The centre reports for all, and knows where to send it."""
        if not self.organization:
            return self
        dashboard, alarms = self.organization.dashboard, self.organization.alarms
        alone = replace(self, notify_email="", report="never", notice_minutes=0, slack_workspace="", slack_channel="")
        return replace(alone, dashboard=dashboard, alarms=alarms)

    def as_json(self) -> str:
        """What the functions read from their environment."""
        return json.dumps(
            {
                "tagKey": self.tag_key,
                "everyMinutes": self.every_minutes,
                "regions": self.regions,
                "defaultZone": self.default_zone,
                "schedules": self.schedules,
                "calendars": self.calendars,
                "cloudTrail": self.cloud_trail,
                "noticeMinutes": self.notice_minutes,
            },
            separators=(",", ":"),
        )


def stored_context() -> dict[str, object]:
    """cdk.json's context. Raises SettingsError if it can't be read."""
    try:
        content = json.loads(CDK_JSON.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"cdk.json can't be read: {error}") from error
    context = content.get("context", {}) if isinstance(content, dict) else None
    if not isinstance(context, dict):
        raise SettingsError('cdk.json must be an object whose "context" is one.')
    return context


def stored_settings() -> StackSettings:
    """cdk.json's settings, for a command: if they can't be used, it says why, and exits with status 2."""
    try:
        return StackSettings.from_context(stored_context())
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def collect(context: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """The keys that are given, where the command line overrides cdk.json, and what is wrong with any others."""
    given: dict[str, object] = {}
    problems = []
    nested = from_command_line(CONTEXT_KEY, context.get(CONTEXT_KEY, {}))
    if isinstance(nested, Mapping):
        given.update(nested)
    else:
        problems.append(f'{CONTEXT_KEY} must be an object, such as {{"everyMinutes": 5}}; it is {shown(nested)}.')
    for key, value in context.items():
        prefix, dot, rest = key.partition(".")
        if prefix == CONTEXT_KEY and dot:
            given[rest] = from_command_line(rest, value)
        elif key != CONTEXT_KEY and (meant := near_miss(prefix)):
            problems.append(f'Nothing reads the context key "{key}": did you mean "{meant}"?')
    for key in [key for key in given if key not in KEYS]:
        del given[key]
        accepted = ", ".join(KEYS)
        problems.append(f"{CONTEXT_KEY}.{key} is unknown{suggestion(key, KEYS)}. Accepted: {accepted}.")
    return given, problems


def from_command_line(key: str, value: object) -> object:
    """`-c` passes every value as text: numbers, lists and objects are read as JSON, words are left alone."""
    if not isinstance(value, str) or key in TEXTS:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def near_miss(prefix: str) -> str | None:
    """Our key that a context key may mean, if it isn't ours but looks like it."""
    if difflib.get_close_matches(prefix.lower(), [CONTEXT_KEY.lower()], cutoff=0.8):
        return CONTEXT_KEY
    return next((f"{CONTEXT_KEY}.{key}" for key in KEYS if key.lower() == prefix.lower()), None)


def suggestion(word: str, words: Iterable[str]) -> str:
    near = nearest(word, words)
    return f' (did you mean "{near[0]}"?)' if near else ""


def shown(value: object) -> str:
    return json.dumps(value, default=str)


# The checks. Each returns the value as the functions want it, or raises ValueError with the rest of a sentence that
# begins with the key: what it accepts, and what it was given.


def tag_key(value: object) -> str:
    if (
        isinstance(value, str)
        and TAG_KEY.fullmatch(value)
        and len(value) <= TAG_KEY_LENGTH
        and not value.lower().startswith(("aws:", "rds:"))
    ):
        return value
    raise ValueError(
        f"must be the key of a tag: 1 to {TAG_KEY_LENGTH} of the letters a to z, digits and _ . : / = + - @, at least "
        f'one of them a letter or digit, not beginning with "=", "aws:" or "rds:"; it is {shown(value)}.'
    )


def every_minutes(value: object) -> int:
    return one_of(MINUTES, value, "a divisor of 60")


def notify_email(value: object) -> str:
    if isinstance(value, str) and (not value or (EMAIL.fullmatch(value) and len(value) <= EMAIL_LENGTH)):
        return value
    raise ValueError(
        'must be one e-mail address, such as "dba@example.com", or "" for none (others can subscribe to the topic '
        f"as well); it is {shown(value)}."
    )


def report(value: object) -> str:
    if value in REPORTS:
        return str(value)
    raise ValueError(f"must be one of {', '.join(REPORTS)}; it is {shown(value)}{suggestion(str(value), REPORTS)}.")


def log_retention_days(value: object) -> int:
    return one_of(RETENTION, value, "a number of days that CloudWatch Logs can keep a log")


def notice_minutes(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_NOTICE_MINUTES:
        return value
    raise ValueError(f"must be minutes up to {MOST_NOTICE_MINUTES}, or 0 for no notices; it is {shown(value)}.")


def slack_id(value: object) -> str:
    if isinstance(value, str) and SLACK_ID.fullmatch(value):
        return value
    raise ValueError(f'must be Slack\'s id, such as "T012ABCDE" or "C012ABCDE", or "" for none; it is {shown(value)}.')


def switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false; it is {shown(value)}.")


def one_of(accepted: tuple[int, ...], value: object, what: str) -> int:
    # To Python, True is an int and equals 1; to whoever wrote it, it isn't.
    if isinstance(value, int) and not isinstance(value, bool) and value in accepted:
        return value
    raise ValueError(f"must be {what}, one of {', '.join(map(str, accepted))}; it is {shown(value)}.")


def regions(value: object) -> tuple[str, ...]:
    if value == list(EVERY_REGION):
        return EVERY_REGION
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(region, str) and region != "*" for region in value)
        or len(set(value)) < len(value)
    ):
        raise ValueError(
            'must be a list of Regions, each once, such as ["eu-west-1", "us-east-1"], or ["*"] for every enabled one; '
            f"leave it out for the stack's own. It is {shown(value)}."
        )
    known = partitions()
    if unknown := [region for region in value if region not in known]:
        names = ", ".join(shown(region) + suggestion(region, known) for region in unknown)
        raise ValueError(
            f"names unknown Regions: {names}. If a Region is newer than the locked boto3, `make lock` makes it known."
        )
    if len({known[region] for region in value}) > 1:
        each = ", ".join(f"{region} is in {known[region]}" for region in value)
        raise ValueError(f"must name Regions of one partition, since an account belongs to one: {each}.")
    return tuple(value)


@cache
def partitions() -> dict[str, str]:
    """Each Region that botocore knows, and its partition; read from its data, whatever profile is chosen."""
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    return {
        region: partition
        for partition in resolver.get_available_partitions()
        for region in resolver.get_available_endpoints("rds", partition)
    }


def default_zone(value: object) -> str:
    if isinstance(value, str) and value in zones().values():
        return value
    likely = likely_zones(str(value)) if value else []
    suggestion = f' (did you mean "{likely[0]}"?)' if likely else ""
    raise ValueError(f"must be an IANA time zone, such as Europe/Berlin or UTC; it is {shown(value)}{suggestion}.")


def schedules(value: object) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    raise ValueError(
        'must be an object of names and tag values, such as {"berlin": "mon-fri 08:00-18:00 Europe/Berlin"}; '
        f"it is {shown(value)}."
    )


def calendars(value: object) -> dict[str, tuple[str, ...]]:
    if isinstance(value, dict) and all(
        isinstance(dates, list) and all(isinstance(item, str) for item in dates) for dates in value.values()
    ):
        return {name: tuple(dates) for name, dates in value.items()}
    raise ValueError(
        "must be an object of names and lists of dates and ranges, such as "
        f'{{"plant": ["2026-12-24:2027-01-01", "2027-05-14"]}}; it is {shown(value)}.'
    )


def organization(value: object) -> Organization:
    given = value if isinstance(value, dict) else {}
    units, members = given.get("units"), given.get("members", {})
    if (
        not isinstance(units, list)
        or not units
        or not all(isinstance(unit, str) and UNIT.fullmatch(unit) for unit in units)
        or len(set(units)) < len(units)
        or not given.keys() <= {"units", "members"}
        or not isinstance(members, dict)
        or not members.keys() <= {"dashboard", "alarms"}
        or not all(isinstance(each, bool) for each in members.values())
    ):
        raise ValueError(
            'must be an object with "units", a list of organizational units (or the root), each once, such as '
            '{"units": ["ou-ab12-34cd56ef"]}. To give each member its own, add "members": '
            f'{{"dashboard": true, "alarms": true}}. It is {shown(value)}.'
        )
    return Organization(tuple(units), **members)


KEYS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "tagKey": ("tag_key", tag_key),
    "everyMinutes": ("every_minutes", every_minutes),
    "regions": ("regions", regions),
    "defaultZone": ("default_zone", default_zone),
    "schedules": ("schedules", schedules),
    "calendars": ("calendars", calendars),
    "notifyEmail": ("notify_email", notify_email),
    "report": ("report", report),
    "logRetentionDays": ("log_retention_days", log_retention_days),
    "cloudTrail": ("cloud_trail", switch),
    "noticeMinutes": ("notice_minutes", notice_minutes),
    "slackWorkspace": ("slack_workspace", slack_id),
    "slackChannel": ("slack_channel", slack_id),
    "dashboard": ("dashboard", switch),
    "alarms": ("alarms", switch),
    "organization": ("organization", organization),
}
# Values that are words, even if they could be read as JSON.
TEXTS = ("tagKey", "defaultZone", "notifyEmail", "report", "slackWorkspace", "slackChannel")


def check_language(settings: StackSettings) -> list[str]:
    """Read the named schedules and calendars just as the functions will, and say what is wrong with each."""
    problems = []
    # A faulty calendar counts as empty, so that a schedule that uses it isn't blamed as well.
    dates: dict[str, list[date]] = {name: [] for name in settings.calendars}
    for name, items in settings.calendars.items():
        try:
            check_new_name(name, settings.calendars)
            check_no_country(name)
            dates[name] = parse_dates(items)
        except ScheduleError as error:
            problems.append(f"{CONTEXT_KEY}.calendars.{name}: {error}")
    for name, text in settings.schedules.items():
        try:
            check_new_name(name, settings.schedules)
            # Without the others: a schedule can't refer to another.
            Schedule.parse(text, default_zone=settings.default_zone, calendars=dates)
        except ScheduleError as error:
            problems.append(f"{CONTEXT_KEY}.schedules.{name}: {error}")
    return problems


def check_notices(settings: StackSettings) -> list[str]:
    """What is wrong with the combination of the notices' settings."""
    problems = []
    if 0 < settings.notice_minutes < settings.every_minutes:
        problems.append(
            f"{CONTEXT_KEY}.noticeMinutes must be 0, or at least everyMinutes ({settings.every_minutes}), since runs "
            f"send the notices; it is {settings.notice_minutes}."
        )
    if bool(settings.slack_workspace) != bool(settings.slack_channel):
        problems.append(f"{CONTEXT_KEY}.slackWorkspace and {CONTEXT_KEY}.slackChannel go together: one is missing.")
    if settings.slack_channel and not settings.notice_minutes:
        problems.append(f"{CONTEXT_KEY}.slackChannel needs notices: set noticeMinutes, for example to 30.")
    return problems


def check_new_name(name: str, names: Iterable[str]) -> None:
    if not PLAIN_NAME.fullmatch(name):
        raise ScheduleError(f'name "{name}"', 'expected a letter, then up to 63 letters, digits, "_", "." or "-"')
    if kind_of(name):
        raise ScheduleError(f'name "{name}" is a word that tags use', "choose one that means nothing else")
    if [each.lower() for each in names].count(name.lower()) > 1:
        raise ScheduleError(f'name "{name}" is there twice: capitals make no difference')


def check_no_country(name: str) -> None:
    try:
        Schedule.parse(f"08:00-18:00 holidays={name}")
    except ScheduleError:
        return
    raise ScheduleError(f'name "{name}" already means public holidays: choose one that means nothing else')
