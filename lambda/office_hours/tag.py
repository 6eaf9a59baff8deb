"""The grammar of the `office-hours` tag: what its words mean, and which are wrong. Pure.

    value    = "always" | "never" | "ignore" | schedule
    schedule = (name [zone] | group+) option*
    group    = window+ [zone]
    window   = [months] [days] hours

A mistake is a ScheduleError that names the word at fault. If mending the value gives one that can be read, it suggests
that whole value (slips.py).
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from office_hours.clock import zones
from office_hours.days_off import Calendars, DaysOff
from office_hours.schedule import DAY, EVERY_DAY, EVERY_MONTH, MONTHS, ORDINALS, WEEKDAYS, Schedule, State, Window
from office_hours.text import ScheduleError, unknown

# --- The words

_DAY_NAMES = (*WEEKDAYS, "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH_NAMES = (
    *(*MONTHS, "january", "february", "march", "april", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
MONTH_DAYS = tuple(f"d{number}" for number in range(1, 32))
CONSTANTS = ("always", "never", "ignore")
OPTIONS = ("holidays", "closed", "lead", "grace", "maintenance", "enforced")

_EVERY = {"month": "jan-dec", "day": "daily"}
# What an item of months or days names. A range goes from one to another of the same scale.
_ITEMS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "month": {name: (name[:3],) for name in _MONTH_NAMES},
    "day": {name: (name[:3],) for name in (*_DAY_NAMES, *MONTH_DAYS)}
    | {f"{nth}-{name}": (f"{nth}-{name[:3]}",) for nth in ORDINALS for name in _DAY_NAMES}
    | {"last-day": ("last-day",), "daily": WEEKDAYS, "weekdays": WEEKDAYS[:5], "weekends": WEEKDAYS[5:]},
}
_SCALES = (MONTHS, WEEKDAYS, MONTH_DAYS)
PIECES = {kind: {piece for item in items for piece in item.split("-")} for kind, items in _ITEMS.items()}
_TIME = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
_HOURS = re.compile(f"({_TIME})?-({_TIME}|24:00)?")

EXPECTED_VALUE = "expected days and hours such as mon-fri 08:00-18:00, or always, never or ignore"
_EXPECTED_OPTION = "expected an option: holidays=DE, closed=2026-12-24, lead=15m, grace=2h, maintenance or enforced"
_EXPECTED = {
    "month": "expected months such as jan, jan-mar or nov-feb",
    "day": "expected days such as mon, mon-fri, weekdays, 1st-mon, last-fri, d1 to d31 or last-day",
    "lead": f"expected minutes up to {DAY}, such as lead=15m",
    "grace": "expected minutes or hours up to 12h, such as grace=90m or grace=2h",
    "hours": "expected hours such as 08:00-18:00, 22:00-06:00, 08:00- or -18:00 (only an end may be 24:00)",
}
ORDER = "windows come first, then their zone, then options; a named schedule has its own windows"
_ONE_SIDED = "one-sided windows such as 08:00- go with others of their kind alone, not with maintenance or enforced"


# --- Whole values


@lru_cache(maxsize=10_000)
def read(
    text: str, default_zone: str, named: tuple[tuple[str, str], ...], calendars: tuple[tuple[str, frozenset[date]], ...]
) -> Schedule | str:
    """Read a tag's value, given the named schedules and calendars by lower case. Returns it, or what is wrong.

    Cached: clusters share values, and every run reads them again.
    """
    key = zones().get(default_zone.lower())
    if not key:
        return str(unknown("default zone", default_zone, zones().values(), "expected a zone such as Europe/Berlin"))
    read_value = partial(_read, zone=ZoneInfo(key), named=dict(named), calendars=dict(calendars))
    try:
        return replace(read_value(text), text=text)
    except ScheduleError as error:
        from office_hours.slips import mended  # noqa: PLC0415  only an error needs it

        return str(mended(error, " ".join(text.split()), read_value))


def _read(value: str, zone: ZoneInfo, named: Mapping[str, str], calendars: Calendars) -> Schedule:
    """Read always, never or ignore, the name of a schedule, or windows; then the options."""
    words = value.split()
    if not words:
        raise ScheduleError("an empty value", EXPECTED_VALUE)
    first = words[0].lower()
    for word in words[1:] if first in named else words:
        if kind_of(word) is None:
            from office_hours.slips import unknown_word  # noqa: PLC0415  only an error needs it

            raise unknown_word(word, words, named)
    if first in named:
        schedule, options = _named(words, zone, named[first], calendars)
    elif first in CONSTANTS:
        state = {"always": State.RUNNING, "never": State.STOPPED}.get(first)
        schedule, options = Schedule(zone=zone, constant=state, ignored=not state, enforced=bool(state)), words[1:]
    else:
        schedule, options = _windows(words, zone)
    for at, word in enumerate(options):
        schedule = _with_option(schedule, word, options[:at], calendars)
    if schedule.days_off == DaysOff() and any(window == Window(0, DAY, window.zone) for window in schedule.windows):
        raise ScheduleError('"00:00-24:00" every day', 'the cluster would always run; write "always"')
    return schedule


def _named(words: Sequence[str], zone: ZoneInfo, value: str, calendars: Calendars) -> tuple[Schedule, Sequence[str]]:
    """Read the schedule that the first word names, in the zone that may follow. Returns it and the words after that."""
    schedule = read(value, zone.key, (), tuple(calendars.items()))
    if isinstance(schedule, str):
        raise ScheduleError(f'bad schedule "{words[0]}"', schedule)
    if not schedule.windows or len(words) == 1 or kind_of(words[1]) != "zone":
        return schedule, words[1:]
    if len({window.zone for window in schedule.windows}) > 1:
        raise ScheduleError(f'zone "{words[1]}"', f'the schedule "{words[0]}" has several zones of its own')
    zone = ZoneInfo(zones()[words[1].lower()])
    windows = tuple(replace(window, zone=zone) for window in schedule.windows)
    return replace(schedule, windows=windows, zone=zone, in_default_zone=False), words[2:]


def _windows(words: Sequence[str], default_zone: ZoneInfo) -> tuple[Schedule, Sequence[str]]:
    """Read windows and the zones that follow them. Returns the schedule and the words after that."""
    end = next((at for at, word in enumerate(words) if kind_of(word) in ("option", "constant")), len(words))
    windows = list[Window]()
    parts = dict[str, str]()  # the months and days of the next window
    narrow = dict[str, str]()  # the latest months and days that were not all of them
    kind = ""
    for at, word in enumerate(words[:end]):
        before, kind = kind, str(kind_of(word))
        if kind == "hours":
            zone = next((zones()[each.lower()] for each in words[at:] if kind_of(each) == "zone"), default_zone.key)
            windows.append(_window(word, ZoneInfo(zone), parts, narrow))
            if windows[0].one_sided is not windows[-1].one_sided:
                raise ScheduleError(f'"{word}"', _ONE_SIDED)
            parts = {}
        elif kind == "zone":
            if before != "hours":
                raise ScheduleError(f'misplaced "{word}"', ORDER, (word, ""))
        elif kind in parts or "day" in parts:
            last = words[at - 1]
            right = f"{last}+{word}" if before == kind else f"{word} {last}"
            raise ScheduleError(f'no hours between "{last}" and "{word}"', instead=(f"{last} {word}", right))
        else:
            parts[kind] = word
    if parts:
        raise ScheduleError(f'no hours after "{" ".join(parts.values())}"', _EXPECTED["hours"])
    if not windows:
        raise ScheduleError(f'misplaced "{words[0]}"', ORDER, (words[0], ""))
    schedule = Schedule(windows=tuple(dict.fromkeys(windows)), zone=windows[0].zone, in_default_zone=kind == "hours")
    return schedule, words[end:]


def _window(word: str, zone: ZoneInfo, parts: dict[str, str], narrow: dict[str, str]) -> Window:
    """The window of these hours, months and days, if it names what earlier ones did. Adds what it names to `narrow`."""
    found = {kind: _members(kind, parts.get(kind, every)) for kind, every in _EVERY.items()}
    window = Window(*_hours(word), zone, found["day"], found["month"])
    longest = max(monthrange(2028, 1 + MONTHS.index(month))[1] for month in window.months)  # a leap year
    if window.days <= {*MONTH_DAYS[longest:]}:
        raise ScheduleError(f'"{" ".join(parts.values())}"', "there is no such date, the window can never happen")
    if narrow.keys() - parts:
        readings = (narrow | parts, {kind: _EVERY[kind] for kind in narrow} | parts)
        same, every = (" ".join([*(each[kind] for kind in _EVERY if kind in each), word]) for each in readings)
        raise ScheduleError(f'"{word}" could be meant in two ways', f'write "{same}" or "{every}"')
    narrow |= {kind: part for kind, part in parts.items() if found[kind] not in (EVERY_DAY, EVERY_MONTH)}
    return window


def _with_option(schedule: Schedule, word: str, earlier: Iterable[str], calendars: Calendars) -> Schedule:
    """The schedule with this option too."""
    if not schedule.windows or kind_of(word) == "constant":
        raise ScheduleError(f'"{word}"', "always, never and ignore stand alone")
    if kind_of(word) != "option":
        raise ScheduleError(f'misplaced "{word}"', ORDER, (word, ""))
    name, *values = word.split("=", 1)
    match [name.lower(), *values]:
        case ["maintenance" | "enforced"] if schedule.one_sided:
            raise ScheduleError(f'"{word}"', _ONE_SIDED)
        case ["maintenance"]:
            return replace(schedule, maintenance=True)
        case ["enforced"]:
            return replace(schedule, enforced=True)
        case [("lead" | "grace") as time, value]:
            return _with_time(schedule, time, value, earlier)
        case [("closed" | "holidays") as option, value]:
            return replace(schedule, days_off=schedule.days_off.with_option(option, value, calendars))
        case [known, *_] if known in OPTIONS:
            raise ScheduleError(f'unknown option "{word}"', _EXPECTED_OPTION)
    raise unknown("option", name or word, OPTIONS, _EXPECTED_OPTION)


def _with_time(schedule: Schedule, name: str, value: str, earlier: Iterable[str]) -> Schedule:
    """The schedule with this lead or grace."""
    is_lead = name == "lead"
    form, most, edge = ("([0-9]{1,4})(m)", DAY, "start") if is_lead else ("([0-9]{1,4})([mh])", 12 * 60, "end")
    match = re.fullmatch(form, value.lower())
    minutes = int(match[1]) * (60 if match[2] == "h" else 1) if match else most + 1
    if minutes > most:
        raise ScheduleError(f'unknown {name} "{value}"', _EXPECTED[name])
    if any(each.lower().startswith(f"{name}=") for each in earlier):
        raise ScheduleError(f'second "{name}={value}"', f"a schedule has one {name}")
    if all(getattr(window, edge) is None for window in schedule.windows):
        raise ScheduleError(f'"{name}={value}"', f"a {name} counts from the {edge} of a window, and none has one")
    return replace(schedule, lead=minutes) if is_lead else replace(schedule, grace=minutes)


# --- Single words


@lru_cache(maxsize=4096)
def kind_of(word: str) -> str | None:
    """What a word is meant to be, judged by its shape or a piece of it; None if it is like nothing known."""
    word = word.lower()
    if word in CONSTANTS:
        return "constant"
    if "=" in word or word in OPTIONS:
        return "option"
    if ":" in word and (word[0] == "-" or word[0].isdigit()):
        return "hours"
    pieces = re.split("[+-]", word)
    found = (kind for kind, known in PIECES.items() if not known.isdisjoint(pieces))
    return next(found, "zone" if word in zones() else None)


@lru_cache(maxsize=1024)
def _members(kind: str, word: str) -> frozenset[str]:
    """The months or days that a word names. A range may wrap past the end."""
    members, items = set[str](), _ITEMS[kind]
    for item in word.lower().split("+"):
        ends = [end[:3] if end in items else "" for end in item.split("-")]
        scale = next((scale for scale in _SCALES if {*ends} <= {*scale}), ())
        if item in items:
            members.update(items[item])
        elif len(ends) == 2 and scale:
            start = scale.index(ends[0])
            from_start = scale[start:] + scale[:start]
            members.update(from_start[: from_start.index(ends[1]) + 1])
        else:
            wrong = next((piece for piece in item.split("-") if piece not in PIECES[kind]), item)
            vocabulary = filter(str.isalpha, PIECES[kind] - {wrong}) if wrong.strip(".,").isalpha() else ()
            raise unknown(kind, wrong or word, vocabulary, _EXPECTED[kind])
    return EVERY_DAY if members >= EVERY_DAY else frozenset(members)


def _hours(word: str) -> tuple[int | None, int | None]:
    """A window's start and end."""
    match = _HOURS.fullmatch(word)
    if not match:
        raise ScheduleError(f'unknown hours "{word}"', _EXPECTED["hours"])
    start, end = (None if text is None else int(text[:-3]) * 60 + int(text[-2:]) for text in match.groups())
    if start == end:
        raise ScheduleError(f'start and end of "{word}"', "they are equal; write 00:00-24:00 for a whole day")
    if start is not None and end is not None and end < start:
        end += DAY
    return start, end
