"""The stack's settings: cdk.json's context key `officeHours`, or `-c officeHours.<key>=<value>`, checked when the stack
is synthesized, since a mistake that is deployed is noticed only when a database is missing."""

import difflib
import importlib.resources
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from office_hours.schedule import Schedule, ScheduleError, check_name, parse_dates

CONTEXT_KEY = "officeHours"
EVERY_REGION = ("*",)

# What CloudWatch Logs accepts as a retention, in days, and what the CDK calls it.
LOG_RETENTION: Mapping[int, str] = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    5: "FIVE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    120: "FOUR_MONTHS",
    150: "FIVE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    400: "THIRTEEN_MONTHS",
    545: "EIGHTEEN_MONTHS",
    731: "TWO_YEARS",
    1096: "THREE_YEARS",
    1827: "FIVE_YEARS",
    2192: "SIX_YEARS",
    2557: "SEVEN_YEARS",
    2922: "EIGHT_YEARS",
    3288: "NINE_YEARS",
    3653: "TEN_YEARS",
}
# Runs fall on the full minutes of a window's edge only where an hour is a whole number of intervals.
MINUTES = tuple(minutes for minutes in range(1, 61) if 60 % minutes == 0)

REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)?-(north|south|east|west|central|northeast|northwest|southeast|southwest)-\d")
# What RDS allows in a tag's key: letters, digits, white space and these.
TAG_KEY = re.compile(r"[\w\s.:/=+@-]+")
HOLD_SUFFIX = "-hold"
TAG_KEY_LENGTH = 128 - len(HOLD_SUFFIX)
# A key of the context that somebody meant for us, but that nothing would read.
MEANT_FOR_US = re.compile(r"office[-_ ]?hours?\b|officehours", re.IGNORECASE)


class SettingsError(ValueError):
    """The settings cannot be used. Each line names a key and says what it accepts."""


@dataclass(frozen=True)
class Settings:
    """What a user can choose, checked.

    tag_key: the key of the tag that says when a cluster should run; the hold's is this and `-hold`.
    every_minutes: the functions run at each full hour and every so many minutes after it.
    regions: the Regions whose clusters are looked after; none is the stack's own, `("*",)` every enabled one.
    default_zone: the IANA time zone of a tag that names none.
    schedules: tag values that tags can refer to by name.
    calendars: dates and ranges of dates that `holidays=` can refer to by name, as written.
    log_retention_days: how long the functions' logs are kept.
    """

    tag_key: str = "office-hours"
    every_minutes: int = 5
    regions: tuple[str, ...] = ()
    default_zone: str = "UTC"
    schedules: Mapping[str, str] = field(default_factory=dict)
    calendars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    log_retention_days: int = 90

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> "Settings":
        """Read the settings from all of an app's context. SettingsError tells of everything that is wrong at once."""
        problems: list[str] = []
        read: dict[str, object] = {}
        for key, value in collect(context, problems).items():
            name, check = KEYS[key]
            try:
                read[name] = check(value)
            except ValueError as refused:
                problems.append(f"{CONTEXT_KEY}.{key} {refused}")
        settings = cls(**read)  # type: ignore[arg-type]  # each check returns its field's type
        problems += check_language(settings)
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    def as_json(self) -> str:
        """What the functions read from their environment, in as few bytes as JSON can have."""
        return json.dumps(
            {
                "tagKey": self.tag_key,
                "regions": self.regions,
                "defaultZone": self.default_zone,
                "schedules": self.schedules,
                "calendars": self.calendars,
            },
            sort_keys=True,
            separators=(",", ":"),
        )


def collect(context: Mapping[str, object], problems: list[str]) -> dict[str, object]:
    """Gather the nested keys and, over them, the flat ones of the command line; note those that nothing would read."""
    found: dict[str, object] = {}
    nested = context.get(CONTEXT_KEY, {})
    if isinstance(nested, Mapping):
        found.update(nested)
    else:
        problems.append(f"{CONTEXT_KEY} must be an object, such as {{\"everyMinutes\": 5}}; it is {json.dumps(nested)}.")
    for key, value in context.items():
        prefix, dot, rest = key.partition(".")
        if prefix == CONTEXT_KEY and dot:
            found[rest] = from_command_line(rest, value)
        elif key != CONTEXT_KEY and MEANT_FOR_US.match(key):
            problems.append(f'The context key "{key}" is none of ours: did you mean "{CONTEXT_KEY}"?')
    for key in [key for key in found if key not in KEYS]:
        del found[key]
        accepted = ", ".join(sorted(KEYS))
        problems.append(f"{CONTEXT_KEY}.{key} is unknown{suggestion(key, KEYS)}. Accepted are: {accepted}.")
    return found


def from_command_line(key: str, value: object) -> object:
    """`-c` hands every value over as text: numbers, lists and objects are read as JSON, words are left alone."""
    if not isinstance(value, str) or key in TEXTS:
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def suggestion(word: str, words: Mapping[str, object] | list[str]) -> str:
    by_lower = {candidate.lower(): candidate for candidate in words}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f' (did you mean "{by_lower[near[0]]}"?)' if near else ""


def shown(value: object) -> str:
    return json.dumps(value, default=str)


# The checks. Each returns the value as the functions want it, or raises ValueError with the end of a sentence that begins
# with the key: what is accepted, and what there is.


def tag_key(value: object) -> str:
    if (
        isinstance(value, str)
        and TAG_KEY.fullmatch(value)
        and value == value.strip()
        and len(value) <= TAG_KEY_LENGTH
        and not value.lower().startswith(("aws:", "rds:"))
    ):
        return value
    raise ValueError(
        f"must be the key of a tag: 1 to {TAG_KEY_LENGTH} letters, digits, spaces and _ . : / = + - @, not beginning with "
        f'"aws:" or "rds:"; it is {shown(value)}.'
    )


def every_minutes(value: object) -> int:
    return one_of(MINUTES, value, "a divisor of 60")


def log_retention_days(value: object) -> int:
    return one_of(tuple(LOG_RETENTION), value, "a number of days that CloudWatch Logs can keep a log")


def one_of(accepted: tuple[int, ...], value: object, what: str) -> int:
    # True is an int to Python and equal to 1, but not to whoever wrote it.
    if isinstance(value, int) and not isinstance(value, bool) and value in accepted:
        return value
    raise ValueError(f"must be {what}, one of {', '.join(map(str, accepted))}; it is {shown(value)}.")


def regions(value: object) -> tuple[str, ...]:
    accepted = (
        'must be a list of one or more Regions, each once, such as ["eu-west-1", "us-east-1"], or ["*"] for every enabled '
        "one; leave it out for the stack's own"
    )
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        raise ValueError(f"{accepted}. It is {shown(value)}.")
    if tuple(value) == EVERY_REGION:
        return EVERY_REGION
    for region in value:
        if not isinstance(region, str) or not REGION.fullmatch(region):
            raise ValueError(f"{accepted}. {shown(region)} is no Region's name.")
    return tuple(value)


def default_zone(value: object) -> str:
    zones = importlib.resources.files("tzdata").joinpath("zones").read_text().split()
    if isinstance(value, str) and value in zones:
        return value
    raise ValueError(
        f"must be an IANA time zone, such as Europe/Berlin or UTC; it is {shown(value)}{suggestion(str(value), zones)}."
    )


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


KEYS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "tagKey": ("tag_key", tag_key),
    "everyMinutes": ("every_minutes", every_minutes),
    "regions": ("regions", regions),
    "defaultZone": ("default_zone", default_zone),
    "schedules": ("schedules", schedules),
    "calendars": ("calendars", calendars),
    "logRetentionDays": ("log_retention_days", log_retention_days),
}
# Values that are words, also where they could be read as JSON.
TEXTS = ("tagKey", "defaultZone")


def check_language(settings: Settings) -> list[str]:
    """Read the named schedules and calendars just as the functions will, and say what is wrong with each."""
    problems = []
    dates = {}
    for name, items in settings.calendars.items():
        try:
            check_name(name)
            dates[name] = parse_dates(items)
        except ScheduleError as error:
            problems.append(f'{CONTEXT_KEY}.calendars, "{name}": {error}')
    for name, text in settings.schedules.items():
        try:
            check_name(name)
            # As a tag would refer to it, and without the others: a schedule says what it means by itself.
            Schedule.parse(name, default_zone=settings.default_zone, named={name: text}, calendars=dates)
        except ScheduleError as error:
            problems.append(f'{CONTEXT_KEY}.schedules, "{name}": {error}')
    return problems
