"""The stack's settings: cdk.json's context key `officeHours`, or `-c officeHours.<key>=<value>`.

They are checked when the stack is synthesized: once deployed, a mistake is only noticed when a database is missing.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from office_hours.clock import zones
from office_hours.days_off import parse_dates
from office_hours.schedule import Schedule, ScheduleError
from office_hours.settings import Settings
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
RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
# RDS allows any script's letters, and white space. IAM compares the key without regard to case in a condition
# (aws:ResourceTag/<key>), and does not say how it folds those letters or reads white space there: neither is accepted.
# Nor is a key of signs alone: the functions tell a misspelt key by its letters and digits. Nor is one that begins with
# "=", which the AWS CLI can't read in `--tags Key=...,Value=...`. RDS allows 128 characters, and the hold's key is this
# one and "-hold".
TAG_KEY = re.compile(r"(?!.{124}|=|(?i:aws:|rds:))[_.:/=+@-]*[A-Za-z0-9][A-Za-z0-9_.:/=+@-]*")
# Refuses what can't be an address, or is several. Whether it exists shows when the subscription has to be confirmed.
EMAIL = re.compile(r"|(?!.{255})[^\s@,;:<>()\"]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*")
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
    calendars: Mapping[str, Sequence[str]] = field(default_factory=dict)
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
        checked: dict[str, Any] = {}
        for name, value in given.items():
            key = KEYS[name]
            if key.fits(value):
                checked[field_of(name)] = key.read(value)
            else:
                meant = did_you_mean(key.near(str(value)))
                problems.append(f"{CONTEXT_KEY}.{name} must be {key.accepts}; it is {shown(value)}{meant}.")
        settings = cls(**checked)
        problems += [*check_regions(settings), *check_language(settings), *check_notices(settings)]
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
        """What the functions read from their environment: the settings that theirs has as well."""
        shared = {key: getattr(self, field_of(key)) for key in KEYS if field_of(key) in Settings.__dataclass_fields__}
        return json.dumps(shared, separators=(",", ":"))


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
    nested = from_command_line(context.get(CONTEXT_KEY, {}))
    if isinstance(nested, Mapping):
        given.update(nested)
    else:
        problems.append(f'{CONTEXT_KEY} must be an object, such as {{"everyMinutes": 5}}; it is {shown(nested)}.')
    for key, value in context.items():
        prefix, dot, rest = key.partition(".")
        if prefix == CONTEXT_KEY and dot:
            is_word = rest in KEYS and KEYS[rest].fits(value)  # even if it could be read as JSON
            given[rest] = value if is_word else from_command_line(value)
        elif key != CONTEXT_KEY and (meant := near_miss(prefix)):
            problems.append(f'Nothing reads the context key "{key}": did you mean "{meant}"?')
    for key in sorted(given.keys() - KEYS.keys()):
        del given[key]
        meant = did_you_mean(nearest(key, KEYS))
        problems.append(f"{CONTEXT_KEY}.{key} is unknown{meant}. Accepted: {', '.join(KEYS)}.")
    return given, problems


def from_command_line(value: object) -> object:
    """`-c` passes every value as text: numbers, lists and objects are read as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def near_miss(prefix: str) -> str | None:
    """Our key that a context key may mean, if it isn't ours but looks like it."""
    if nearest(prefix, [CONTEXT_KEY], likeness=0.8):
        return CONTEXT_KEY
    return next((f"{CONTEXT_KEY}.{key}" for key in KEYS if key.lower() == prefix.lower()), None)


def field_of(key: str) -> str:
    """The field of a key: `tag_key` of `tagKey`."""
    return re.sub("[A-Z]", r"_\g<0>", key).lower()


def did_you_mean(near: Sequence[str]) -> str:
    return f' (did you mean "{near[0]}"?)' if near else ""


def shown(value: object) -> str:
    return json.dumps(value, default=str)


def matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def is_whole(value: object) -> bool:
    """Whether it is a whole number. To Python True is one; to whoever wrote it, it isn't."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_set(value: Any) -> bool:  # noqa: ANN401  any JSON
    """Whether it is a list of texts, each once, and not empty."""
    return is_texts(value) and 0 < len(value) == len(set(value))


def is_organization(value: object) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"units", "members"}:
        return False
    units, members = value.get("units", []), value.get("members", {})
    return (
        is_set(units)
        and all(map(UNIT.fullmatch, units))
        and isinstance(members, dict)
        and members.keys() <= {"dashboard", "alarms"}
        and all(isinstance(each, bool) for each in members.values())
    )


@dataclass(frozen=True)
class Key:
    """A key of the settings.

    accepts: what its value must be, as the end of a sentence.
    fits: whether a value is that.
    read: what the stack makes of a value that fits.
    near: what a word that doesn't fit may mean, the likeliest first.
    """

    accepts: str
    fits: Callable[[Any], bool]
    read: Callable[[Any], object] = lambda value: value
    near: Callable[[str], Sequence[str]] = lambda _: ()


SLACK = Key('Slack\'s id, such as "T012ABCDE" or "C012ABCDE", or "" for none', partial(matches, SLACK_ID))
SWITCH = Key("true or false", lambda value: isinstance(value, bool))
KEYS: Mapping[str, Key] = {
    "tagKey": Key(
        "the key of a tag: 1 to 123 of the letters a to z, digits and _ . : / = + - @, at least one of them a letter "
        'or digit, not beginning with "=", "aws:" or "rds:"',
        partial(matches, TAG_KEY),
    ),
    "everyMinutes": Key(
        f"a divisor of 60, one of {', '.join(map(str, MINUTES))}", lambda value: is_whole(value) and value in MINUTES
    ),
    "regions": Key(
        'a list of Regions, each once, such as ["eu-west-1", "us-east-1"], or ["*"] for every enabled one (leave it '
        "out for the stack's own)",
        lambda value: is_set(value) and ("*" not in value or value == ["*"]),
        tuple,
    ),
    "defaultZone": Key(
        "an IANA time zone, such as Europe/Berlin or UTC",
        lambda value: isinstance(value, str) and value in zones().values(),
        near=likely_zones,
    ),
    "schedules": Key(
        'an object of names and tag values, such as {"berlin": "mon-fri 08:00-18:00 Europe/Berlin"}',
        lambda value: isinstance(value, dict) and all(isinstance(text, str) for text in value.values()),
    ),
    "calendars": Key(
        'an object of names and lists of dates and ranges, such as {"plant": ["2026-12-24:2027-01-01", "2027-05-14"]}',
        lambda value: isinstance(value, dict) and all(map(is_texts, value.values())),
    ),
    "notifyEmail": Key(
        'one e-mail address, such as "dba@example.com", or "" for none (others can subscribe to the topic as well)',
        partial(matches, EMAIL),
    ),
    "report": Key(f"one of {', '.join(REPORTS)}", REPORTS.__contains__, near=lambda word: nearest(word, REPORTS)),
    "logRetentionDays": Key(
        f"a number of days that CloudWatch Logs can keep a log, one of {', '.join(map(str, RETENTION))}",
        lambda value: is_whole(value) and value in RETENTION,
    ),
    "cloudTrail": SWITCH,
    "noticeMinutes": Key(
        f"minutes up to {MOST_NOTICE_MINUTES}, or 0 for no notices",
        lambda value: is_whole(value) and 0 <= value <= MOST_NOTICE_MINUTES,
    ),
    "slackWorkspace": SLACK,
    "slackChannel": SLACK,
    "dashboard": SWITCH,
    "alarms": SWITCH,
    "organization": Key(
        'an object with "units", a list of organizational units (or the root), each once, such as {"units": '
        '["ou-ab12-34cd56ef"]}, and "members": {"dashboard": true, "alarms": true} to give each member its own',
        is_organization,
        lambda value: Organization(tuple(value["units"]), **value.get("members", {})),
    ),
}


def check_regions(settings: StackSettings) -> Iterator[str]:
    """Say which Regions botocore doesn't know, or that they are in several partitions."""
    named = settings.regions if settings.regions != EVERY_REGION else ()
    known = partitions() if named else {}
    if unknown := [region for region in named if region not in known]:
        names = ", ".join(shown(region) + did_you_mean(nearest(region, known)) for region in unknown)
        advice = "If a Region is newer than the locked boto3, `make lock` makes it known."
        yield f"{CONTEXT_KEY}.regions names unknown Regions: {names}. {advice}"
    elif len({known[region] for region in named}) > 1:
        each = ", ".join(f"{region} is in {known[region]}" for region in named)
        yield f"{CONTEXT_KEY}.regions must name Regions of one partition, since an account belongs to one: {each}."


@cache
def partitions() -> dict[str, str]:
    """Each Region that botocore knows, and its partition; read from its data, whatever profile is chosen."""
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    return {
        region: partition
        for partition in resolver.get_available_partitions()
        for region in resolver.get_available_endpoints("rds", partition)
    }


def check_language(settings: StackSettings) -> Iterator[str]:
    """Read the named schedules and calendars just as the functions will, and say what is wrong with each."""
    # A faulty calendar counts as empty, so that a schedule that uses it isn't blamed as well.
    dates: dict[str, list[date]] = {name: [] for name in settings.calendars}
    for name, items in settings.calendars.items():
        try:
            check_new_name(name, settings.calendars)
            check_no_country(name)
            dates[name] = parse_dates(items)
        except ScheduleError as error:
            yield f"{CONTEXT_KEY}.calendars.{name}: {error}"
    for name, text in settings.schedules.items():
        try:
            check_new_name(name, settings.schedules)
            # Without the others: a schedule can't refer to another.
            Schedule.parse(text, default_zone=settings.default_zone, calendars=dates)
        except ScheduleError as error:
            yield f"{CONTEXT_KEY}.schedules.{name}: {error}"


def check_notices(settings: StackSettings) -> Iterator[str]:
    """Say what is wrong with the combination of the notices' settings."""
    minutes, every = settings.notice_minutes, settings.every_minutes
    if 0 < minutes < every:
        least = f"at least everyMinutes ({every}), since runs send the notices"
        yield f"{CONTEXT_KEY}.noticeMinutes must be 0, or {least}; it is {minutes}."
    if bool(settings.slack_workspace) != bool(settings.slack_channel):
        yield f"{CONTEXT_KEY}.slackWorkspace and {CONTEXT_KEY}.slackChannel go together: one is missing."
    if settings.slack_channel and not minutes:
        yield f"{CONTEXT_KEY}.slackChannel needs notices: set noticeMinutes, for example to 30."


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
