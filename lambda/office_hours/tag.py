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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from types import ModuleType
from zoneinfo import ZoneInfo

from office_hours import days_off
from office_hours.clock import zones
from office_hours.text import ScheduleError, some, unknown

# --- The words

FULL_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
WEEKDAYS, MONTHS = (tuple(full[:3] for full in names) for names in (FULL_WEEKDAYS, FULL_MONTHS))
GROUPS = {"daily": WEEKDAYS, "weekdays": WEEKDAYS[:5], "weekends": WEEKDAYS[5:]}
MONTH_DAYS = tuple(f"d{number}" for number in range(1, 32))
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")
CONSTANTS = ("always", "never", "ignore")
FLAGS = ("maintenance", "enforced")
OPTIONS = ("holidays", "closed", "lead", "grace", *FLAGS)

EVERY_DAY, EVERY_MONTH = frozenset(WEEKDAYS), frozenset(MONTHS)
DAY = 24 * 60  # minutes
_SHORT = {full: full[:3] for full in (*FULL_WEEKDAYS, *FULL_MONTHS)}
_EVERY = {"months": "jan-dec", "days": "daily"}
EVERYTHING = (*CONSTANTS, *OPTIONS, *MONTHS, *WEEKDAYS, *_SHORT, *GROUPS, "last-day")


def _with_a_piece(*pieces: str) -> str:
    """Matches a word with one of these between its + and -."""
    return rf"(?:.*[+-])?(?:{'|'.join(pieces)})(?:[+-].*)?"


# What a word is meant to be, judged by its shape or a piece of it, so that errors can name the rest.
_KINDS = {
    "constant": re.compile("|".join(CONSTANTS)),
    "option": re.compile(f".*=.*|{'|'.join(OPTIONS)}"),
    "hours": re.compile(".*:.*|-"),
    "months": re.compile(_with_a_piece(*MONTHS, *FULL_MONTHS)),
    "days": re.compile(_with_a_piece(*WEEKDAYS, *FULL_WEEKDAYS, *GROUPS, *ORDINALS, "d[0-9]+")),
}
_HOURS = re.compile(r"([0-9]{1,2}:[0-9]{2})?-([0-9]{1,2}:[0-9]{2})?")
# An option's units, its most minutes, and what was expected.
_TIMES = {
    "lead": ("m", DAY, f"expected minutes up to {DAY}, such as lead=15m"),
    "grace": ("mh", 12 * 60, "expected minutes or hours up to 12h, such as grace=90m or grace=2h"),
}

_EXPECTED_VALUE = "expected days and hours such as mon-fri 08:00-18:00, or always, never or ignore"
_EXPECTED_MONTHS = "expected months such as jan, jan-mar or nov-feb"
_EXPECTED_DAYS = "expected days such as mon, mon-fri, weekdays, 1st-mon, last-fri, d1 to d31 or last-day"
_EXPECTED_HOURS = "expected hours such as 08:00-18:00, 22:00-06:00, 08:00- or -18:00"
_EXPECTED_OPTION = "expected an option: holidays=DE, closed=2026-12-24, lead=15m, grace=2h, maintenance or enforced"
_EXPECTED_ZONE = "expected a zone such as Europe/Berlin, or an option"
_ALONE = "always, never and ignore stand alone"
_ORDER = "windows come before their one zone, and zones before options; a named schedule has its own windows"


# --- What they mean


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local wall-clock time in which the cluster should run.

    start, end: minutes since the midnight that begins the window's day; `end` is past 24:00 if the window ends the day
        after. One of them is None for a one-sided window.
    days: mon to sun, 1st-mon to last-sun, d1 to d31, last-day; any of them is enough.
    months: jan to dec.
    zone: whose clocks show start and end.
    hours: the hours as they were written.
    """

    start: int | None
    end: int | None
    days: frozenset[str] = EVERY_DAY
    months: frozenset[str] = EVERY_MONTH
    zone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009  immutable
    hours: str = field(default="", compare=False)

    @property
    def is_one_sided(self) -> bool:
        return self.start is None or self.end is None

    @property
    def ever_happens(self) -> bool:
        longest = max(monthrange(2028, 1 + MONTHS.index(month))[1] for month in self.months)  # a leap year
        return any(day not in MONTH_DAYS or int(day[1:]) <= longest for day in self.days)


@dataclass
class Tag:
    """What a tag says, filled in as it is read: a named schedule's words first, then the tag's own, which win.

    constant: always, never, ignore or empty. The rest is as in a Schedule and its `parse`.
    """

    named: Mapping[str, str]
    calendars: Mapping[str, Collection[date]]
    default_zone: ZoneInfo
    constant: str = ""
    windows: list[Window] = field(default_factory=list)
    in_default_zone: bool = False
    times: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TIMES, 0))
    closed: list[tuple[date, date]] = field(default_factory=list)
    dates: set[date] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    _parts: dict[str, str] = field(default_factory=dict)  # the latest months and days, unless they are all of them

    @classmethod
    def read(
        cls, text: str, default_zone: str, named: Mapping[str, str], calendars: Mapping[str, Collection[date]]
    ) -> "Tag":
        """Read a tag's value. Raises ScheduleError."""
        zone = zones().get(default_zone.lower())
        if not zone:
            raise unknown("default zone", default_zone, zones().values(), _EXPECTED_ZONE)

        def read(value: str) -> Tag:
            tag = cls(named, calendars, ZoneInfo(zone))
            tag._read(value.split())
            return tag

        try:
            return read(text)
        except ScheduleError as error:
            raise _slips().mended(error, " ".join(text.split()), read) from None

    @property
    def zone(self) -> ZoneInfo:
        """The first zone."""
        return self.windows[0].zone if self.windows else self.default_zone

    def _read(self, words: Sequence[str]) -> None:
        """Read the whole value. An error says which value is at fault: the tag's, or that of the schedule it names."""
        where = whole = f'"{" ".join(words)}"'
        name = words[0].lower() if words else ""
        try:
            if name in self.named:
                where = f'"{self.named[name]}", the schedule "{words[0]}"'
                self._read_value(self.named[name].split())
                where = whole
                self._read_options(self._move(words))
            else:
                self._read_value(words)
            self._check()
        except ScheduleError as error:
            raise ScheduleError(error.fault, error.hint, where, error.instead) from None

    def _move(self, words: Sequence[str]) -> Sequence[str]:
        """Move the named schedule to the zone after its name, if there is one; return the words after that."""
        if self.constant or len(words) < 2 or kind_of(words[1]) != "zone":
            return words[1:]
        if len({window.zone for window in self.windows}) > 1:
            raise ScheduleError(f'zone "{words[1]}"', f'the schedule "{words[0]}" has several zones of its own')
        self.in_default_zone = False
        self._end_group(0, words[1])
        return words[2:]

    def _read_value(self, words: Sequence[str]) -> None:
        """Read always, never or ignore, or groups of windows; then the options."""
        if not words:
            raise ScheduleError("an empty value", f"{_EXPECTED_HOURS}, or always, never or ignore")
        at = begin = 0  # where a group of windows begins
        if kind_of(words[0]) == "constant":
            self.constant, at = words[0].lower(), 1
        elif kind_of(words[0]) is None:
            names = f"; the settings have the schedules {', '.join(some(sorted(self.named), 10))}" if self.named else ""
            raise _slips().unknown_word(words[0], (*self.named, *EVERYTHING), _EXPECTED_VALUE + names, begins=True)
        while not self.constant and at < len(words):
            kind = kind_of(words[at])
            if kind == "zone" and begin < len(self.windows):
                begin, at = self._end_group(begin, words[at]), at + 1
            elif kind in ("months", "days", "hours") or not at:
                at = self._read_window(words, at)
            else:
                break
        self.in_default_zone = begin < len(self.windows)
        self._end_group(begin, self.default_zone.key)
        self._read_options(words[at:])

    def _end_group(self, begin: int, zone: str) -> int:
        """Give the windows from this one on their zone; return the place where the next group begins."""
        found = ZoneInfo(zones()[zone.lower()])
        self.windows[begin:] = [replace(window, zone=found) for window in self.windows[begin:]]
        return len(self.windows)

    def _read_window(self, words: Sequence[str], begin: int) -> int:
        """Read the window at this place; return the place after it."""
        at, parts, before = begin, dict[str, str](), ""
        while at < len(words) and (kind := kind_of(word := words[at])) in _EVERY:
            if kind in parts or "days" in parts:
                right = f"{before}+{word}" if kind_of(before) == kind else f"{word} {before}"
                raise ScheduleError(f'no hours between "{before}" and "{word}"', instead=(f"{before} {word}", right))
            parts[kind], before, at = word, word, at + 1
        kind = kind_of(word := words[at]) if at < len(words) else "zone"
        if kind in ("constant", "option", "zone"):
            raise ScheduleError(
                f'no hours after "{before}"' if before else f'no hours before "{word}"', _EXPECTED_HOURS
            )
        if kind is None and not word[0].isdigit():
            raise _slips().unknown_word(word, EVERYTHING, f'after "{before}" {_EXPECTED_HOURS}')
        found = _EVERY | parts
        window = Window(*_hours(word), _days(found["days"]), _months(found["months"]), hours=word)
        if not window.ever_happens:
            raise ScheduleError(f'"{" ".join(words[begin:at])}"', "there is no such date, the window can never happen")
        self._refuse_two_readings(words, begin, at, parts)
        self._parts |= {"days": found["days"]} if window.days != EVERY_DAY else {}
        self._parts |= {"months": found["months"]} if window.months != EVERY_MONTH else {}
        self.windows.append(window)
        return at + 1

    def _refuse_two_readings(self, words: Sequence[str], begin: int, at: int, parts: dict[str, str]) -> None:
        """Refuse a window that leaves out what an earlier one named: it could mean the same again, or every day."""
        if self._parts.keys() - parts:
            readings = (self._parts | parts, {kind: _EVERY[kind] for kind in self._parts} | parts)
            windows = ([reading[kind] for kind in _EVERY if kind in reading] for reading in readings)
            same, every = (" ".join((*words[:begin], *window, *words[at:])) for window in windows)
            raise ScheduleError(f'"{words[at]}" could be meant in two ways', f'write "{same}" or "{every}"')

    def _read_options(self, words: Sequence[str]) -> None:
        options = set[str]()
        for word in words:
            kind = kind_of(word)
            if self.constant or kind == "constant":
                raise ScheduleError(f'"{word}"', _ALONE)
            if kind is None:
                # The last word is neither a day nor a month.
                known = (*CONSTANTS, *OPTIONS) if word is words[-1] else EVERYTHING
                raise _slips().unknown_word(word, known, _EXPECTED_OPTION if options else _EXPECTED_ZONE)
            if kind != "option":
                raise ScheduleError(f'misplaced "{word}"', f"{_ORDER}; {_EXPECTED_OPTION}")
            options.add(self._read_option(word, options))

    def _read_option(self, word: str, earlier: Collection[str]) -> str:
        """Read an option; return its name."""
        name, equals, value = word.partition("=")
        name = name.lower()
        if name not in OPTIONS:
            raise unknown("option", name or word, OPTIONS, _EXPECTED_OPTION)
        if equals if name in FLAGS else not value:
            raise ScheduleError(f'unknown option "{word}"', _EXPECTED_OPTION)
        if name in _TIMES and name in earlier:
            raise ScheduleError(f'second "{word}"', f"a schedule has one {name}")
        if name in FLAGS:
            self.flags.add(name)
        elif name in _TIMES:
            self.times[name] = _time(name, value)
        elif name == "closed":
            self.closed.append(days_off.dates(value))
        elif value.lower() in self.calendars:
            self.dates.update(self.calendars[value.lower()])
        else:
            self.countries.add(days_off.country(value, self.calendars))
        return name

    def _check(self) -> None:
        hours = {window.is_one_sided: window.hours for window in self.windows}
        if True in hours and (False in hours or self.flags):
            other = hours.get(False) or min(self.flags)
            raise ScheduleError(f'"{other}"', f'it cannot be combined with the one-sided "{hours[True]}"')
        for name, edge, needed in (("lead", "start", "a start"), ("grace", "end", "an end")):
            if self.times[name] and all(getattr(window, edge) is None for window in self.windows):
                why = f"a {name} needs a window with {needed}, and there is none"
                raise ScheduleError(f'"{name}={self.times[name]}m"', why)
        is_always = any(window == Window(0, DAY, zone=window.zone) for window in self.windows)
        if is_always and not (self.closed or self.dates or self.countries):
            raise ScheduleError('"00:00-24:00" every day', 'the cluster would always run; write "always"')


# --- Single words


def _slips() -> ModuleType:
    from office_hours import slips  # noqa: PLC0415  only an error needs it

    return slips


@lru_cache(maxsize=4096)
def kind_of(word: str) -> str | None:
    """What a word is meant to be; None if it is like nothing known."""
    word = word.lower()
    for kind, shape in _KINDS.items():
        if shape.fullmatch(word):
            return kind
    return "zone" if word in zones() else None


@lru_cache(maxsize=1024)
def _months(word: str) -> frozenset[str]:
    return frozenset(month for item in word.lower().split("+") for month in _range(item, MONTHS, word))


@lru_cache(maxsize=1024)
def _days(word: str) -> frozenset[str]:
    days: set[str] = set()
    for item in word.lower().split("+"):
        first, _, rest = item.partition("-")
        if item in GROUPS:
            days.update(GROUPS[item])
        elif first in ORDINALS:
            known = (*WEEKDAYS, "day") if first == "last" else WEEKDAYS
            days.add(f"{first}-{_one_of(known, rest, word)}")
        else:
            days.update(_range(item, MONTH_DAYS if re.match("d[0-9]", first) else WEEKDAYS, word))
    return EVERY_DAY if days >= EVERY_DAY else frozenset(days)


def _range(item: str, vocabulary: Sequence[str], whole: str) -> Sequence[str]:
    """A word, or those from one to another; a range may wrap past the end."""
    first, dash, last = item.partition("-")
    low = vocabulary.index(_one_of(vocabulary, first, whole))
    high = vocabulary.index(_one_of(vocabulary, last, whole)) if dash else low
    return vocabulary[low : high + 1] if low <= high else (*vocabulary[low:], *vocabulary[: high + 1])


def _one_of(vocabulary: Sequence[str], word: str, whole: str) -> str:
    """The word as the vocabulary has it."""
    if (short := _SHORT.get(word, word)) in vocabulary:
        return short
    kind, others, expected = "day", (*FULL_WEEKDAYS, *GROUPS, "last"), _EXPECTED_DAYS
    if vocabulary is MONTHS:
        kind, others, expected = "month", FULL_MONTHS, _EXPECTED_MONTHS
    if not word:
        raise ScheduleError(f'incomplete {kind}s "{whole}"', expected)
    is_number = word[0].isdigit() or vocabulary is MONTH_DAYS
    raise unknown(kind, word, () if is_number else (*vocabulary, *others), expected)


def _hours(word: str) -> tuple[int | None, int | None]:
    match = _HOURS.fullmatch(word)
    if not match or word == "-":
        raise _slips().unknown_zone(word) or ScheduleError(f'unknown hours "{word}"', _EXPECTED_HOURS)
    start, end = (None if text is None else _minutes(text) for text in match.groups())
    if start == DAY:
        raise ScheduleError(f'"24:00" at the start of "{word}"', "write 00:00 for the start of the next day")
    if start == end:
        raise ScheduleError(f'start and end of "{word}"', "they are equal; write 00:00-24:00 for a whole day")
    is_overnight = start is not None and end is not None and end < start
    return start, end + DAY if end is not None and is_overnight else end


def _minutes(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    if minutes >= 60 or hours * 60 + minutes > DAY:
        raise ScheduleError(f'unknown time "{text}"', "expected a time from 00:00 to 24:00")
    return hours * 60 + minutes


def _time(name: str, value: str) -> int:
    """The minutes of a lead or a grace."""
    units, most, expected = _TIMES[name]
    match = re.fullmatch("([0-9]{1,4})(?:([mh])[a-z]*)?", value.lower())
    number = int(match[1]) if match else DAY + 1
    unit = (match and match[2]) or ("h" if "h" in units and number <= 12 else "m")
    minutes = number * 60 if unit == "h" else number
    if minutes <= most and re.fullmatch(f"[0-9]+[{units}]", value.lower()):
        return minutes
    meant = f"{name}={number}{unit}" if unit in units else f"{name}={minutes}m"
    instead = (f"{name}={value}", meant) if minutes <= most else ("", "")
    raise ScheduleError(f'unknown {name} "{value}"', expected, instead=instead)
