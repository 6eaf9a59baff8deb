"""What people write that can't be read, and what they mean by it: tables. Pure, and only loaded for an error.

A suggestion never changes what a zone's clocks show: another offset is no slip, so such zones come from a table.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from office_hours.clock import zones
from office_hours.tag import WEEKDAYS, kind_of
from office_hours.text import ScheduleError, nearest

_MOST = 4  # words of a value that are mended one after another

# --- Single words

# For a whole value.
_CONSTANTS = {
    "never": "off stop stopped down no false shutdown",
    "always": "on run running start started up yes true 24x7 24/7",
    "ignore": "none null nil skip ignored exclude excluded manual n/a na disabled unmanaged",
}
_CONSTANT = {word: constant for constant, words in _CONSTANTS.items() for word in words.split()}
_ABOUT_CONSTANTS = '"never" keeps a cluster stopped, "always" keeps it running, "ignore" leaves it alone'

_WORDS = {
    "mon": "mo mondays",
    "tue": "tu tues tuesdays",
    "wed": "we weds wednesdays",
    "thu": "th thur thurs thursdays",
    "fri": "fr fridays",
    "sat": "sa saturdays",
    "sun": "su sundays",
    "daily": "everyday",
    "weekdays": "weekday workday workdays",
    "weekends": "weekend",
    "sep": "sept",
    "1st": "first",
    "2nd": "second",
    "3rd": "third",
    "4th": "fourth",
    "5th": "fifth",
}
_SHORT = {word: right for right, words in _WORDS.items() for word in words.split()}
_ORDINALS = {"1": "1st", "2": "2nd", "3": "3rd", "4": "4th", "5": "5th", "l": "last", "-1": "last"}

# --- Zones

# An abbreviation, the offset that it is for, and zones of cities that use it, the likeliest first.
_ABBREVIATIONS = """
    EST -5 America/New_York | EDT -4 America/New_York | ET -5 America/New_York
    CST -6 America/Chicago Asia/Shanghai | CDT -5 America/Chicago | CT -6 America/Chicago
    MST -7 America/Denver America/Phoenix | MDT -6 America/Denver | MT -7 America/Denver
    PST -8 America/Los_Angeles | PDT -7 America/Los_Angeles | PT -8 America/Los_Angeles
    AKST -9 America/Anchorage | AKDT -8 America/Anchorage | HST -10 Pacific/Honolulu
    AST -4 America/Halifax America/Puerto_Rico Asia/Riyadh | ADT -3 America/Halifax
    NST -3:30 America/St_Johns | NDT -2:30 America/St_Johns
    BRT -3 America/Sao_Paulo | ART -3 America/Argentina/Buenos_Aires | CLT -4 America/Santiago | COT -5 America/Bogota
    GMT +0 Europe/London Africa/Accra | BST +1 Europe/London Asia/Dhaka | WEST +1 Europe/Lisbon
    MEZ +1 Europe/Berlin | MESZ +2 Europe/Berlin | CEST +2 Europe/Berlin Europe/Paris | EEST +3 Europe/Athens
    IST +5:30 Asia/Kolkata Europe/Dublin Asia/Jerusalem | MSK +3 Europe/Moscow | TRT +3 Europe/Istanbul
    WAT +1 Africa/Lagos | CAT +2 Africa/Maputo | SAST +2 Africa/Johannesburg | EAT +3 Africa/Nairobi
    GST +4 Asia/Dubai | PKT +5 Asia/Karachi | ICT +7 Asia/Bangkok | WIB +7 Asia/Jakarta | SGT +8 Asia/Singapore
    HKT +8 Asia/Hong_Kong | MYT +8 Asia/Kuala_Lumpur | PHT +8 Asia/Manila | AWST +8 Australia/Perth
    JST +9 Asia/Tokyo | KST +9 Asia/Seoul | ACST +9:30 Australia/Adelaide Australia/Darwin
    ACDT +10:30 Australia/Adelaide | AEST +10 Australia/Sydney Australia/Brisbane | AEDT +11 Australia/Sydney
    NZST +12 Pacific/Auckland | NZDT +13 Pacific/Auckland
"""
_PLACES = {entry[0].lower(): entry[1:] for each in re.split(r"[|\n]", _ABBREVIATIONS) if (entry := each.split())}

# An offset, and zones of cities that have it for all of the year or in winter.
_OFFSETS = """
    -10 Pacific/Honolulu | -9 America/Anchorage | -8 America/Los_Angeles | -7 America/Denver America/Phoenix
    -6 America/Chicago America/Costa_Rica | -5 America/New_York America/Bogota | -4 America/Halifax America/Puerto_Rico
    -3:30 America/St_Johns | -3 America/Sao_Paulo | -2 America/Noronha | -1 Atlantic/Azores | +0 Europe/London
    +1 Europe/Berlin Africa/Lagos | +2 Europe/Athens Africa/Johannesburg | +3 Europe/Istanbul Africa/Nairobi
    +3:30 Asia/Tehran | +4 Asia/Dubai | +4:30 Asia/Kabul | +5 Asia/Karachi | +5:30 Asia/Kolkata | +5:45 Asia/Kathmandu
    +6 Asia/Dhaka | +6:30 Asia/Yangon | +7 Asia/Bangkok | +8 Asia/Singapore Asia/Shanghai | +9 Asia/Tokyo Asia/Seoul
    +9:30 Australia/Adelaide Australia/Darwin | +10 Australia/Sydney Australia/Brisbane | +11 Pacific/Noumea
    +12 Pacific/Auckland | +13 Pacific/Tongatapu | +14 Pacific/Kiritimati
"""
_CITIES = {entry[0]: entry[1:] for each in re.split(r"[|\n]", _OFFSETS) if (entry := each.split())}
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE | re.ASCII)


def unknown_word(word: str, vocabulary: Iterable[str], expected: str, *, begins: bool = False) -> ScheduleError:
    """The error for a word that is like none of the grammar's: with what it means, or the nearest of these."""
    if error := error_for(word, begins=begins):
        return error
    for piece in dict.fromkeys((word, *re.split(r"[+-]", word))):
        near = nearest(piece, vocabulary)
        if near and near != piece.lower() and (near[0] == piece[0].lower() or sorted(near) == sorted(piece.lower())):
            kind = {"days": "day", "months": "month"}.get(str(kind_of(near)), "word")
            return ScheduleError(f'unknown {kind} "{piece}"', instead=(piece, near))
    return ScheduleError(f'unknown {"zone" if "/" in word else "word"} "{word}"', expected)


def error_for(word: str, *, begins: bool) -> ScheduleError | None:
    """The error for a word that means a constant, where it begins a value, or a zone; None for any other word."""
    if begins:
        constant = _CONSTANT.get(word.lower())
        fault = f'unknown word "{word}"'
        return ScheduleError(fault, _ABOUT_CONSTANTS, instead=(word, constant)) if constant else None
    if place := _PLACES.get(word.lower()):
        offset, city, *others = place
        also = f"Other places that use it: {', '.join(others)}." if others else ""
        fixed = f"For UTC{offset} all year, write {_fixed(offset)}." if _fixed(offset) else ""
        return ScheduleError(f'unknown zone "{word}"', f"{also} {fixed}".strip(), instead=(word, city))
    if error := offset_error(word):
        return error
    near = near_zone(word)
    return ScheduleError(f'unknown zone "{word}"', instead=(word, near)) if near else None


def offset_error(word: str) -> ScheduleError | None:
    """The error for an offset from UTC in place of a zone; None for any other word."""
    match = _OFFSET.fullmatch(word)
    if not match:
        return None
    sign, hours, minutes = match[1], int(match[2]), match[3] or "00"
    offset = f"{sign if hours else '+'}{hours}{f':{minutes}' if minutes != '00' else ''}"
    fixed, cities = _fixed(offset), _CITIES.get(offset, [])
    hint = f"{fixed} is UTC{offset} all year. " if fixed else ""
    hint += f"Zones with a summer time have a city's name, such as {' or '.join(cities)}." if fixed and cities else ""
    meant = fixed or (cities[0] if cities else "")
    expected = "expected a zone such as Europe/Berlin"
    return (
        ScheduleError(f'unknown zone "{word}"', hint.strip(), instead=(word, meant))
        if meant
        else ScheduleError(f'unknown zone "{word}"', expected)
    )


def near_zone(word: str) -> str | None:
    """The city's zone that was probably meant: by a slip in its name, or by its city alone."""
    places = {zone.lower(): zone for zone in zones().values() if "/" in zone and not zone.startswith("Etc/")}
    if "/" in word:
        return nearest(word, places.values(), likeness=0.7)
    cities = {zone.rpartition("/")[2].lower(): zone for zone in reversed(places.values())}
    near = nearest(word, cities, likeness=0.8)
    return cities[near] if near and near[0] == word[0].lower() else None


def _fixed(offset: str) -> str:
    """The zone that is this far from UTC all year; its name has the opposite sign. Empty where there is none."""
    if offset == "+0":
        return "UTC"
    sign, hours = "-" if offset[0] == "+" else "+", offset[1:]
    return zones().get(f"etc/gmt{sign}{hours}", "")


# --- Whole values

_TIME = r"(\d{1,2})(?:[:.h]?(\d\d)|h)?(?::00)?\s?(?:([ap])\.?m\.?)?"
_DAYS = "|".join(WEEKDAYS)


def _hours(match: re.Match[str]) -> str:
    """8-18, 0800-1800, 9am-5pm as the grammar has them; what could be meant in two ways as it is."""
    sides = [match.groups()[:3], match.groups()[3:]]
    times = [_time(*side) for side in sides]
    halves = {bool(half) for hour, _, half in sides if hour}
    by_day = times[0] and times[1] and times[1] <= times[0] <= "12:00" and halves == {False}  # 9-5: in the afternoon?
    return match[0] if by_day or len(halves) != 1 else "-".join(times)


def _time(hour: str | None, minutes: str | None, half: str | None) -> str:
    if hour is None:
        return ""
    number = int(hour) % 12 + 12 * (half in ("p", "P")) if half else int(hour)
    return f"{number:02}:{minutes or '00'}"


_TABLE: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\s*[\u2013\u2014]\s*", "-"),
    (r"(?<=\w)\s+(?:to|till|until|through)\s+(?=\w)", "-"),
    (r"(?<=[a-z])\s*-\s+(?=[a-z])|(?<=[a-z])\s+-\s*(?=[a-z])", "-"),
    (rf"(?<!\S)(?:{_TIME})?\s?-\s?(?:{_TIME})?(?!\S)", _hours),
    (r"(?<=[a-z])\s*[,;&]\s*(?=[a-z])", "+"),
    (r"\s*[,;]\s*", " "),
    (rf"(?<![\w/=.])({'|'.join(_SHORT)})(?![\w/=.])", lambda match: _SHORT[match[0].lower()]),
    (rf"\b((?:{_DAYS})[a-z]*)#(-?\w)\w*", lambda match: f"{_ORDINALS.get(match[2].lower(), match[2])}-{match[1]}"),
    (rf"\b({'|'.join(_ORDINALS.values())})\s+(?={_DAYS}|day\b)", r"\1-"),
)


def mended(error: ScheduleError, value: str, read: Callable[[str], object]) -> ScheduleError:
    """The same error with the whole value, mended, as what was meant; the error itself if that can't be read either."""
    better = value
    for pattern, right in _TABLE:
        better = re.sub(pattern, right, better, flags=re.IGNORECASE | re.ASCII)
    fault = error if better == value else _fault(better, read)
    hints: list[str] = []
    for _ in range(_MOST):
        if fault is None:
            hint = " ".join(dict.fromkeys(filter(None, hints)))
            return ScheduleError(error.fault, hint, error.where, (error.instead[0], better))
        wrong, meant = fault.instead
        before, at, after = _split(better, wrong) if meant else ("", "", "")
        if not at:
            break
        better = f"{before}{meant}{after}"
        hints.append(fault.hint)
        fault = _fault(better, read)
    return error


def _fault(value: str, read: Callable[[str], object]) -> ScheduleError | None:
    try:
        read(value)
    except ScheduleError as error:
        return error
    return None


def _split(value: str, word: str) -> tuple[str, str, str]:
    """What stands before a word, the word, and what comes after it; empty where it is not there."""
    match = re.search(rf"(?<![\w/]){re.escape(word)}(?![\w/])", value, re.IGNORECASE)
    return (value[: match.start()], match[0], value[match.end() :]) if match else ("", "", "")


# --- Times of a command

_UNITS = {
    "m": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
    "w": "w wk week weeks",
}
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_TIMES = {"noon": "12:00", "midnight": "24:00", "today": "24:00", "tonight": "20:00", "this evening": "20:00"}


def form_of(given: object, now: datetime, *, with_day: bool) -> str:
    """The form of a command's time that was probably meant: `6pm` is 18:00, `1w` 7d; empty where none is likely.

    now: by the clocks of the default zone.
    with_day: whether the day has to be in it.
    """
    plain = " ".join(given.lower().split()).removeprefix("next ") if isinstance(given, str) else ""
    ahead = 1 if plain == "tomorrow" else 0
    if plain.isalpha() and plain[:3] in WEEKDAYS:
        ahead = (WEEKDAYS.index(plain[:3]) - now.weekday() - 1) % 7 + 1
    if ahead:
        return f"{now + timedelta(days=ahead):%Y-%m-%d}"
    duration = re.fullmatch(r"(\d{1,4}) ?([a-z]+)", plain, re.ASCII)
    if duration and (unit := _UNIT.get(duration[2])) and not with_day:
        return f"{7 * int(duration[1])}d" if unit == "w" else f"{int(duration[1])}{unit}"
    time = re.fullmatch(_TIME, plain, re.IGNORECASE | re.ASCII)
    clock = _time(time[1], time[2], time[3]) if time and (time[2] or time[3]) else _TIMES.get(plain, "")
    return f"{now:%Y-%m-%d}T{clock}" if clock and with_day else clock
