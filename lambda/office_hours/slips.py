"""What people write that can't be read, and what they mean by it: tables. Pure, and only loaded for an error.

A suggestion never changes what a zone's clocks show, so zones for abbreviations come from a table.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from office_hours.clock import zones
from office_hours.tag import EVERYTHING, WEEKDAYS, kind_of
from office_hours.text import ScheduleError, nearest, some

_MOST = 4  # words of a value that are mended


def _meanings(table: str) -> dict[str, list[str]]:
    """What each word may mean, the likeliest first. Each entry of the table begins with the meaning."""
    found = defaultdict(list)
    for entry in re.split(r"[|\n]", table.strip()):
        meant, *words = entry.split()
        for word in words:
            found[word.lower()].append(meant)
    return dict(found)


# Whole values.
_CONSTANTS = _meanings("""
    never off stop stopped down no false shutdown sleep pause paused
    always on run running start started up yes true 24x7 24/7
    ignore none null nil skip ignored exclude excluded manual n/a na disabled unmanaged
""")
_EXPECTED_VALUE = "expected days and hours such as mon-fri 08:00-18:00, or always, never or ignore"
_EXPECTED_WORD = "expected days, hours such as 08:00-18:00, a zone such as Europe/Berlin, or an option"
_ABOUT_CONSTANTS = '"never" keeps a cluster stopped, "always" keeps it running, "ignore" leaves it alone'

_WORDS = _meanings("""
    mon mo mondays | tue tu tues tuesdays | wed we weds wednesdays | thu th thur thurs thursdays
    fri fr fridays | sat sa saturdays | sun su sundays | sep sept
    daily everyday | weekdays weekday workday workdays | weekends weekend
    1st first | 2nd second | 3rd third | 4th fourth | 5th fifth
""")
# Two words in one, such as sat/sun: the nearest word would leave out the other.
_JOINED = re.compile("[a-z][^a-z-]+[a-z]", re.IGNORECASE)
_ORDINALS = {"1": "1st", "2": "2nd", "3": "3rd", "4": "4th", "5": "5th", "l": "last", "-1": "last"}

# Abbreviations of standard and summer time, by city.
_CITIES = _meanings("""
    America/New_York EST EDT ET | America/Chicago CST CDT CT | America/Denver MST MDT MT | America/Phoenix MST
    America/Los_Angeles PST PDT PT | America/Anchorage AKST AKDT | Pacific/Honolulu HST | America/St_Johns NST NDT
    America/Halifax AST ADT | America/Puerto_Rico AST | America/Sao_Paulo BRT | America/Argentina/Buenos_Aires ART
    America/Santiago CLT | America/Bogota COT | Europe/London GMT BST | Africa/Accra GMT | Europe/Lisbon WEST
    Europe/Berlin MEZ MESZ CEST | Europe/Paris CEST | Africa/Lagos WAT | Europe/Athens EEST | Africa/Johannesburg SAST
    Africa/Maputo CAT | Europe/Istanbul TRT | Africa/Nairobi EAT | Europe/Moscow MSK | Asia/Riyadh AST
    Asia/Tehran IRST | Asia/Dubai GST | Asia/Kabul AFT | Asia/Karachi PKT | Asia/Kolkata IST | Europe/Dublin IST
    Asia/Jerusalem IST | Asia/Kathmandu NPT | Asia/Dhaka BST | Asia/Yangon MMT | Asia/Bangkok ICT | Asia/Jakarta WIB
    Asia/Singapore SGT | Asia/Shanghai CST | Asia/Hong_Kong HKT | Asia/Kuala_Lumpur MYT | Asia/Manila PHT
    Australia/Perth AWST | Asia/Tokyo JST | Asia/Seoul KST | Australia/Adelaide ACST ACDT | Australia/Darwin ACST
    Australia/Sydney AEST AEDT | Australia/Brisbane AEST | Pacific/Noumea NCT | Pacific/Auckland NZST NZDT
""")
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE | re.ASCII)


def unknown_word(word: str, named: Iterable[str], *, begins: bool, alone: bool) -> ScheduleError:
    """The error for a word unlike any of the grammar's: it suggests its meaning, or the nearest word.

    named: the settings' schedules.
    begins: whether the value begins with it. If not, it may be meant as a zone.
    alone: whether it is the whole value. If not, "off 19:00-07:00" isn't "never".
    """
    if begins and (constants := _CONSTANTS.get(word.lower())):
        return ScheduleError(f'unknown word "{word}"', _ABOUT_CONSTANTS, instead=(word, constants[0] if alone else ""))
    if not begins and (error := unknown_zone(word)):
        return error
    for piece in dict.fromkeys((word, *re.split(r"[+-]", word))):
        for near in nearest(piece, named if _JOINED.search(piece) else (*named, *EVERYTHING)):
            is_likely = near[0] == piece[0].lower() or sorted(near) == sorted(piece.lower())
            if is_likely and near != piece.lower():
                kind = {"days": "day", "months": "month"}.get(str(kind_of(near)), "word")
                return ScheduleError(f'unknown {kind} "{piece}"', instead=(piece, near))
    names = f"; the settings have the schedules {', '.join(some(sorted(named), 10))}" if named else ""
    return ScheduleError(f'unknown word "{word}"', _EXPECTED_VALUE + names if begins else _EXPECTED_WORD)


def unknown_zone(word: str) -> ScheduleError | None:
    """The error for a word that is meant as a zone; None for any other word."""
    if match := _OFFSET.fullmatch(word):
        sign, hours, minutes = match.groups("00")
        offset = timedelta(hours=int(f"{sign}{hours}"), minutes=int(f"{sign}{minutes}"))
        cities = dict.fromkeys(city for some in _CITIES.values() for city in some if _standard(city) == offset)
        likely = [*_fixed(offset), *list(cities)[:3]]
    elif word.lower() in _CITIES:
        likely = [*_CITIES[word.lower()], *_fixed(_standard(_CITIES[word.lower()][0]))]
    else:
        likely = _near_zones(word)
    if not likely:
        return None
    others = f"Or {', '.join(likely[1:])}. UTC and zones such as Etc/GMT+5 know no summer time." if likely[1:] else ""
    return ScheduleError(f'unknown zone "{word}"', others, instead=(word, likely[0]))


def _near_zones(word: str) -> list[str]:
    """The zone that was probably meant, by a slip in its name or by its city alone.

    A city that is merely spelled alike is no match: Mumbai's clocks don't show what Dubai's do.
    """
    if word.isupper() and len(word) < 5:  # an abbreviation that isn't in the table
        return []
    places = [zone for zone in zones().values() if "/" in zone and not zone.startswith("Etc/")]
    names = {zone if "/" in word else zone.rpartition("/")[2]: zone for zone in reversed(places)}
    city = word.rpartition("/")[2]
    near = [
        each for each in nearest(word, names, likeness=0.8) if nearest(city, [each.rpartition("/")[2]], likeness=0.8)
    ]
    return [names[each] for each in near[:1]]


@lru_cache
def _standard(city: str) -> timedelta:
    """A city's offset from UTC in winter."""
    return min(datetime(2026, month, 1, tzinfo=ZoneInfo(city)).utcoffset() or timedelta() for month in (1, 7))


def _fixed(offset: timedelta) -> list[str]:
    """The zone with this offset all year, if there is one. Its name has the opposite sign."""
    hours, rest = divmod(offset, timedelta(hours=1))
    name = f"etc/gmt{-hours:+}" if hours else "utc"
    return [zones()[name]] if not rest and name in zones() else []


# --- Whole values

_TIME = r"(\d{1,2})(?:[:.h]?(\d\d)|h)?(?::00)?\s?(?:([ap])\.?m\.?)?"
_DAYS = "|".join(WEEKDAYS)


def _hours(match: re.Match[str]) -> str:
    """8-18, 0800-1800, 9am-5pm in the grammar's form; unchanged if they could mean two things."""
    sides = [match.groups()[:3], match.groups()[3:]]
    times = [_time(*side) for side in sides]
    halves = {bool(half) for hour, _, half in sides if hour}
    start, end = times
    # 9-5 may end in the afternoon, and 1-5 may be days.
    is_unclear = start and end and start <= "12:00" and (end <= start or (end <= "07:00" and not sides[1][1]))
    return "-".join(times) if halves == {True} or (halves == {False} and not is_unclear) else match[0]


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
    (rf"(?<![\w/=.])({'|'.join(_WORDS)})(?![\w/=.])", lambda match: _WORDS[match[0].lower()][0]),
    (rf"\b((?:{_DAYS})[a-z]*)#(-?\w)\w*", lambda match: f"{_ORDINALS.get(match[2].lower(), match[2])}-{match[1]}"),
    (rf"\b({'|'.join(_ORDINALS.values())})\s+(?={_DAYS}|day\b)", r"\1-"),
)


def mended(error: ScheduleError, value: str, read: Callable[[str], object]) -> ScheduleError:
    """The error in the whole value, with the mended value as its suggestion if that can be read."""
    where = error.where or f'"{value}"'
    better, hint = value, ""
    for pattern, right in _TABLE:
        better = re.sub(pattern, right, better, flags=re.IGNORECASE | re.ASCII)
    better = better.strip()
    for _ in range(_MOST + 1):
        try:
            read(better)
        except ScheduleError as fault:
            wrong, meant = fault.instead
            word = rf"(?<![\w/]){re.escape(wrong)}(?![\w/])"
            better, found = re.subn(word, meant.replace("\\", r"\\"), better, count=1, flags=re.IGNORECASE)
            if not meant or not found:
                break
            hint = fault.hint or hint
        else:
            return ScheduleError(error.fault, hint, where, (error.instead[0], better))
    return ScheduleError(error.fault, error.hint, where, error.instead)


# --- Times of a command

_DURATION = re.compile(r"(\d{1,4}) ?([mhdw])(?:in|inute|r|our|ay|k|eek)?s?", re.ASCII)


def form_of(given: object, now: datetime, *, with_day: bool) -> str:
    """The form of a command's time that was probably meant: 18:00 for `6pm`, 7d for `1w`; empty if none is likely.

    now: in the default zone.
    with_day: whether it must name the day.
    """
    plain = " ".join(str(given).lower().split())
    if plain == "tomorrow":
        return f"{now + timedelta(days=1):%Y-%m-%d}"
    if (match := _DURATION.fullmatch(plain)) and not with_day:
        return f"{7 * int(match[1])}d" if match[2] == "w" else f"{int(match[1])}{match[2]}"
    time = re.fullmatch(_TIME, plain, re.ASCII)
    clock = _time(time[1], time[2], time[3]) if time and (time[2] or time[3]) else ""
    return f"{now:%Y-%m-%d}T{clock}" if clock and with_day else clock
