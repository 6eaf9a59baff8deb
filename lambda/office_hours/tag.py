"""The grammar of the `office-hours` tag: what its words mean, and what is wrong with them. Pure.

    value    = "always" | "never" | schedule
    schedule = (name | window+) [zone] option*
    window   = [months] [days] hours

A mistake is a ScheduleError that names the word at fault, and suggests what would be right.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import NoReturn
from zoneinfo import ZoneInfo

from office_hours import days_off
from office_hours.clock import zones
from office_hours.text import ScheduleError, nearest, suggestion

# --- The words

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUPS = {"daily": WEEKDAYS, "weekdays": WEEKDAYS[:5], "weekends": WEEKDAYS[5:]}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH_DAYS = tuple(f"d{number}" for number in range(1, 32))
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")
CONSTANTS = ("always", "never")
FLAGS = ("maintenance", "enforced")
OPTIONS = ("holidays", "closed", "lead", *FLAGS)

EVERY_DAY, EVERY_MONTH = frozenset(WEEKDAYS), frozenset(MONTHS)
DAY = 24 * 60  # minutes
_LONGEST_MONTHS = dict(zip(MONTHS, (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))
_DAY_WORDS = (*WEEKDAYS, *GROUPS, *ORDINALS)
_EVERY = {"months": "jan-dec", "days": "daily"}
_EVERYTHING = (*CONSTANTS, *OPTIONS, *MONTHS, *WEEKDAYS, *GROUPS, "last-day")


def _with_a_piece(*pieces: str) -> str:
    """Matches a word that has one of these between its + and -."""
    return rf"(?:.*[+-])?(?:{'|'.join(pieces)})(?:[+-].*)?"


# What a word is meant to be, by its shape or a piece of it, so that a mistake in the rest of it can be named.
_KINDS = {
    "constant": re.compile("|".join(CONSTANTS)),
    "option": re.compile(f".*=.*|{'|'.join(OPTIONS)}"),
    "hours": re.compile(".*:.*|-"),
    "months": re.compile(_with_a_piece(*MONTHS)),
    "days": re.compile(_with_a_piece(*_DAY_WORDS, "d[0-9]+")),
}
_HOURS = re.compile(r"([0-9]{2}:[0-9]{2})?-([0-9]{2}:[0-9]{2})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

_EXPECTED_VALUE = "expected days and hours such as mon-fri 08:00-18:00, always or never"
_EXPECTED_MONTHS = "expected months such as jan, jan-mar or nov-feb"
_EXPECTED_DAYS = "expected days such as mon, mon-fri, weekdays, 1st-mon, last-fri, d15 or last-day"
_EXPECTED_HOURS = "expected hours such as 08:00-18:00, 22:00-06:00, 08:00- or -18:00"
_EXPECTED_OPTION = "expected an option: holidays=DE, closed=2026-12-24, lead=15m, maintenance or enforced"
_EXPECTED_ZONE = "expected a zone such as Europe/Berlin, or an option"


# --- What they mean


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local wall-clock time in which the cluster should run.

    start, end: minutes from the midnight that begins the window's day; `end` is past 24:00 for a window that ends on
        the day after. One of them is None for a one-sided window.
    days: mon to sun, 1st-mon to last-sun, d1 to d31, last-day; a day that any of them names counts.
    months: jan to dec.
    hours: the hours as they were written.
    """

    start: int | None
    end: int | None
    days: frozenset[str] = EVERY_DAY
    months: frozenset[str] = EVERY_MONTH
    hours: str = field(default="", compare=False)

    @property
    def is_one_sided(self) -> bool:
        return self.start is None or self.end is None


def _names_a_date(window: Window) -> bool:
    """Whether there is any such date: 30 February is none."""
    longest = max(_LONGEST_MONTHS[month] for month in window.months)
    return any(day not in MONTH_DAYS or int(day[1:]) <= longest for day in window.days)


@dataclass
class Tag:
    """What a tag says, as it is read: a named schedule's words first, then the tag's own, which win.

    names: those of the settings' schedules.
    calendars: the days of the settings' calendars, by lower-case name.
    constant: always, never or nothing. All else is as in a Schedule.
    """

    names: Collection[str]
    calendars: Mapping[str, Collection[date]]
    zone: ZoneInfo
    constant: str = ""
    windows: list[Window] = field(default_factory=list)
    lead: int = 0
    closed: list[tuple[date, date]] = field(default_factory=list)
    dates: set[date] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    _named: dict[str, str] = field(default_factory=dict)  # the latest months and days that are not all of them

    @classmethod
    def read(
        cls, text: str, default_zone: str, named: Mapping[str, str], calendars: Mapping[str, Collection[date]]
    ) -> "Tag":
        """Read a tag's value. Raises ScheduleError."""
        if default_zone.lower() not in zones():
            near = suggestion(default_zone, zones().values(), _EXPECTED_ZONE)
            raise ScheduleError(f'unknown default zone "{default_zone}"', near)
        tag = cls(named, calendars, ZoneInfo(zones()[default_zone.lower()]))
        words = text.split()
        where = whole = f'"{" ".join(words)}"'
        try:
            if words and (value := named.get(words[0].lower())) is not None:
                where = f'"{value}", the schedule "{words[0]}"'
                tag._read_value(value.split())
                where = whole
                tag._read_tail(words[1:], after=words[0])
            else:
                tag._read_value(words)
            tag._check()
        except ScheduleError as error:
            raise ScheduleError(error.fault, error.hint, where) from None
        return tag

    def _read_value(self, words: Sequence[str]) -> None:
        """Read always, never, or windows and what follows them."""
        if not words:
            raise ScheduleError("an empty value", f"{_EXPECTED_HOURS}, or always, or never")
        first, at = words[0], 0
        kind = _kind(first)
        if kind == "constant":
            self.constant, at = first.lower(), 1
        while not self.constant and at < len(words) and _kind(words[at]) in ("months", "days", "hours"):
            at = self._read_window(words, at)
        if kind is None:
            _unknown(first, (*self.names, *_EVERYTHING), _EXPECTED_VALUE)
        if not at:
            raise ScheduleError(f'no hours before "{first}"', f"hours come before the {kind}; {_EXPECTED_HOURS}")
        self._read_tail(words[at:], after=words[at - 1])

    def _read_window(self, words: Sequence[str], begin: int) -> int:
        """Read the window that begins at this place; return the place after it."""
        at, parts = begin, dict[str, str]()
        while at < len(words) and (kind := _kind(words[at])) in ("months", "days"):
            word, before = words[at], words[at - 1]
            if kind == "months" and "days" in parts:
                hint = f'months come before days; did you mean "{word} {before}"?'
                raise ScheduleError(f'"{word}" after "{before}"', hint)
            if kind in parts:
                raise ScheduleError(f'no hours between "{before}" and "{word}"', f'did you mean "{before}+{word}"?')
            parts[kind], at = word, at + 1
        if at == len(words):
            raise ScheduleError(f'no hours after "{words[-1]}"', _EXPECTED_HOURS)
        word, before, kind = words[at], words[at - 1], _kind(words[at])
        if kind is None and not word[0].isdigit():
            _unknown(word, _EVERYTHING, f'after "{before}" {_EXPECTED_HOURS}')
        if kind not in ("hours", None):
            hint = f"hours follow their days; {_EXPECTED_HOURS}"
            raise ScheduleError(f'no hours between "{before}" and "{word}"', hint)
        found = _EVERY | parts
        window = Window(*_hours(word), _days(found["days"]), _months(found["months"]), word)
        if not _names_a_date(window):
            raise ScheduleError(f'"{" ".join(words[begin:at])}"', "there is no such date, the window can never happen")
        self._refuse_two_readings(words, begin, at, parts)
        self._named |= {"days": found["days"]} if window.days != EVERY_DAY else {}
        self._named |= {"months": found["months"]} if window.months != EVERY_MONTH else {}
        self.windows.append(window)
        return at + 1

    def _refuse_two_readings(self, words: Sequence[str], begin: int, at: int, parts: dict[str, str]) -> None:
        """Refuse a window that leaves out what an earlier one named: it could mean the same again, or all."""
        if omitted := {kind: word for kind, word in self._named.items() if kind not in parts}:
            readings = (parts | omitted, parts | {kind: _EVERY[kind] for kind in omitted})
            windows = ([reading[kind] for kind in _EVERY if kind in reading] for reading in readings)
            same, every = (" ".join((*words[:begin], *window, *words[at:])) for window in windows)
            raise ScheduleError(f'"{words[at]}" could be meant in two ways', f'write "{same}" or "{every}"')

    def _read_tail(self, words: Sequence[str], *, after: str) -> None:
        """Read the zone and the options."""
        zone, options = "", set[str]()
        for word in words:
            kind = _kind(word)
            if self.constant or kind == "constant":
                raise ScheduleError(f'"{word}"', "always and never stand alone")
            if kind is None:
                _unknown(word, _EVERYTHING, _EXPECTED_OPTION if zone or options else _EXPECTED_ZONE)
            if kind == "zone" and zone:
                raise ScheduleError(f'second zone "{word}"', f'a schedule has one zone, and "{zone}" is it')
            if kind == "zone" and not options:
                zone, self.zone = word, ZoneInfo(zones()[word.lower()])
            elif kind == "option":
                options.add(self._read_option(word, options))
            elif zone or options:
                raise ScheduleError(f'"{word}"', "windows come before the zone, and the zone before the options")
            else:
                raise ScheduleError(f'"{word}"', f'the schedule "{after}" has its windows; {_EXPECTED_ZONE}')

    def _read_option(self, word: str, earlier: Collection[str]) -> str:
        """Read an option; return its name."""
        name, equals, value = word.partition("=")
        match name := name.lower():
            case "maintenance" | "enforced" if equals:
                raise ScheduleError(f'"{word}"', f'"{name}" takes no value')
            case "maintenance" | "enforced":
                self.flags.add(name)
            case "holidays" | "closed" | "lead" if not value:
                raise ScheduleError(f'incomplete "{word}"', _EXPECTED_OPTION)
            case "lead" if name in earlier:
                raise ScheduleError(f'second "{word}"', "a schedule has one lead")
            case "lead":
                self.lead = _lead(value)
            case "closed":
                self.closed.append(days_off.dates(value))
            case "holidays" if value.lower() in self.calendars:
                self.dates.update(self.calendars[value.lower()])
            case "holidays":
                self.countries.add(days_off.country(value, self.calendars))
            case _:
                raise ScheduleError(f'unknown option "{name or word}"', suggestion(name, OPTIONS, _EXPECTED_OPTION))
        return name

    def _check(self) -> None:
        """Check the whole."""
        one_sided = [window.hours for window in self.windows if window.is_one_sided]
        others = [window.hours for window in self.windows if not window.is_one_sided] + sorted(self.flags)
        if one_sided and others:
            raise ScheduleError(f'"{others[0]}"', f'it cannot be combined with the one-sided "{one_sided[0]}"')
        if self.lead and all(window.start is None for window in self.windows):
            raise ScheduleError(f'"lead={self.lead}m"', "a lead needs a window with a start, and there is none")
        if Window(0, DAY) in self.windows and not (self.closed or self.dates or self.countries):
            raise ScheduleError('"00:00-24:00" every day', 'the cluster would always run; write "always"')


# --- Single words


@lru_cache(maxsize=4096)
def _kind(word: str) -> str | None:
    """What a word is meant to be; None where it is like nothing that is known."""
    word = word.lower()
    for kind, shape in _KINDS.items():
        if shape.fullmatch(word):
            return kind
    return "zone" if word in zones() else None


@lru_cache(maxsize=1024)
def _months(word: str) -> frozenset[str]:
    items = word.lower().split("+")
    return frozenset(month for item in items for month in _range(item, MONTHS, word, _EXPECTED_MONTHS))


@lru_cache(maxsize=1024)
def _days(word: str) -> frozenset[str]:
    days: set[str] = set()
    for item in word.lower().split("+"):
        first, dash, rest = item.partition("-")
        if item == "last-day":
            days.add(item)
        elif item in GROUPS:
            days.update(GROUPS[item])
        elif first in ORDINALS:
            if not dash:
                raise ScheduleError(f'incomplete day "{item}"', f"expected a weekday after it, such as {item}-mon")
            known = (*WEEKDAYS, "day") if first == "last" else WEEKDAYS
            days.add(f"{first}-{_one_of(known, rest, word, _EXPECTED_DAYS)}")
        elif re.match("d[0-9]", first):
            days.update(_range(item, MONTH_DAYS, word, "expected d1 to d31"))
        elif first in WEEKDAYS:
            days.update(_range(item, WEEKDAYS, word, _EXPECTED_DAYS))
        else:
            near_ones = () if first[:1].isdigit() else (*WEEKDAYS, *(("last",) if dash else GROUPS))
            _one_of(near_ones, first, word, _EXPECTED_DAYS)
    return EVERY_DAY if days >= EVERY_DAY else frozenset(days)


def _range(item: str, vocabulary: Sequence[str], whole: str, expected: str) -> list[str]:
    """A word, or those from one to another; a range goes on past the end."""
    first, dash, last = item.partition("-")
    low = vocabulary.index(_one_of(vocabulary, first, whole, expected))
    high = vocabulary.index(_one_of(vocabulary, last, whole, expected)) if dash else low
    return [*vocabulary[low : high + 1]] if low <= high else [*vocabulary[low:], *vocabulary[: high + 1]]


def _one_of(vocabulary: Sequence[str], word: str, whole: str, expected: str) -> str:
    if word in vocabulary:
        return word
    kind = "month" if vocabulary is MONTHS else "day"
    if not word:
        raise ScheduleError(f'incomplete {kind}s "{whole}"', expected)
    near_ones = () if vocabulary is MONTH_DAYS else vocabulary
    raise ScheduleError(f'unknown {kind} "{word}"', suggestion(word, near_ones, expected))


def _hours(word: str) -> tuple[int | None, int | None]:
    match = _HOURS.fullmatch(word)
    if not match or word == "-":
        raise ScheduleError(f'unknown hours "{word}"', _EXPECTED_HOURS)
    start, end = (None if text is None else _minutes(text) for text in match.groups())
    if start == DAY:
        raise ScheduleError(f'"24:00" at the start of "{word}"', "write 00:00 for the start of the next day")
    if start == end:
        raise ScheduleError(f'start and end of "{word}"', "they are equal; write 00:00-24:00 for a whole day")
    is_overnight = start is not None and end is not None and end < start
    return start, end + DAY if end is not None and is_overnight else end


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes >= 60 or hours * 60 + minutes > DAY:
        raise ScheduleError(f'unknown time "{text}"', "expected a time from 00:00 to 24:00")
    return hours * 60 + minutes


def _lead(value: str) -> int:
    match = re.fullmatch("([0-9]{1,4})([mh]?)", value.lower())
    minutes = int(match[1]) * (60 if match[2] == "h" else 1) if match else DAY + 1
    if match and match[2] == "m" and minutes <= DAY:
        return minutes
    hint = f'did you mean "lead={minutes}m"? ' if minutes <= DAY else ""
    raise ScheduleError(f'unknown lead "{value}"', f"{hint}expected minutes up to {DAY}, such as lead=15m")


def _unknown(word: str, vocabulary: Sequence[str], expected: str) -> NoReturn:
    """Raise for a word of no known kind, with the nearest of any."""
    if "," in word and _kind(plus := word.replace(",", "+")):
        raise ScheduleError(f'unknown word "{word}"', f'did you mean "{plus}"?')
    for piece in dict.fromkeys((word, *re.split(r"[+-]", word))):
        near = nearest(piece, vocabulary)
        if near and near != piece.lower() and (near[0] == piece[0].lower() or sorted(near) == sorted(piece.lower())):
            kind = "day" if near in _DAY_WORDS else "month" if near in MONTHS else "word"
            raise ScheduleError(f'unknown {kind} "{piece}"', f'did you mean "{near}"?')
    cities = {zone.rpartition("/")[2]: zone for zone in reversed(zones())}
    if near := nearest(word, zones(), likeness=0.7) or cities.get(nearest(word, cities) or ""):
        raise ScheduleError(f'unknown zone "{word}"', f'did you mean "{zones()[near]}"?')
    raise ScheduleError(f'unknown {"zone" if "/" in word else "word"} "{word}"', expected)


def check_name(name: str) -> None:
    """Check the name of a schedule or a calendar of the settings.

    Raises ScheduleError where it is not one plain word, or is itself a word of the tag's grammar.
    """
    if not _NAME.fullmatch(name):
        raise ScheduleError(f'name "{name}"', 'expected a letter, then up to 63 letters, digits, "_", "." or "-"')
    if name.lower() in _EVERYTHING or _kind(name):
        raise ScheduleError(f'name "{name}" is itself a word of the tag', "choose one that means nothing else")
