"""What people write that can't be read, and what they mean by it: tables. Pure, and only loaded for an error.

A suggestion never changes what a zone's clocks show, so zones for abbreviations come from a table.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from office_hours.clock import TRAPS, moment, zones
from office_hours.schedule import ORDINALS, WEEKDAYS
from office_hours.tag import CONSTANTS, EXPECTED_VALUE, OPTIONS, ORDER, PIECES, kind_of
from office_hours.text import ScheduleError, nearest, some

_MOST = 9  # words of a value that are mended

# --- Words

_PIECES = filter(str.isalpha, PIECES["month"] | PIECES["day"] - {"last", "day"})
_VOCABULARY = (*CONSTANTS, *OPTIONS, *_PIECES, "last-day")
_EXPECTED_WORD = "expected days, hours such as 08:00-18:00, a zone such as Europe/Berlin, or an option"
_ABOUT_CONSTANTS = '"never" keeps a cluster stopped, "always" keeps it running, "ignore" leaves it alone'
_SAME_AS = {
    "never": "off stop stopped down no false shutdown sleep pause paused",
    "always": "on run running start started up yes true 24x7 24/7",
    "ignore": "none null nil skip ignored exclude excluded manual n/a na disabled unmanaged",
}
# Winter's offset, a city that has it, and what its standard and its summer time are called. The likeliest city first.
_ZONES = """
    -5 America/New_York EST EDT ET | -6 America/Chicago CST CDT CT | -7 America/Denver MST MDT MT
    -7 America/Phoenix MST | -8 America/Los_Angeles PST PDT PT | -9 America/Anchorage AKST AKDT
    -10 Pacific/Honolulu HST | -3:30 America/St_Johns NST NDT | -4 America/Halifax AST ADT
    -4 America/Puerto_Rico AST | -3 America/Sao_Paulo BRT | -3 America/Argentina/Buenos_Aires ART
    -4 America/Santiago CLT | -5 America/Bogota COT | +0 Europe/London GMT BST | +0 Africa/Accra GMT
    +0 Europe/Lisbon WEST | +1 Europe/Berlin MEZ MESZ CEST | +1 Europe/Paris CEST | +1 Africa/Lagos WAT
    +2 Europe/Athens EEST | +2 Africa/Johannesburg SAST | +2 Africa/Maputo CAT | +3 Europe/Istanbul TRT
    +3 Africa/Nairobi EAT | +3 Europe/Moscow MSK | +3 Asia/Riyadh AST | +3:30 Asia/Tehran IRST | +4 Asia/Dubai GST
    +4:30 Asia/Kabul AFT | +5 Asia/Karachi PKT | +5:30 Asia/Kolkata IST MUMBAI DELHI BANGALORE | +0 Europe/Dublin IST
    +2 Asia/Jerusalem IST | +5:45 Asia/Kathmandu NPT | +6 Asia/Dhaka BST | +6:30 Asia/Yangon MMT
    +7 Asia/Bangkok ICT | +7 Asia/Jakarta WIB | +8 Asia/Singapore SGT | +8 Asia/Shanghai CST | +8 Asia/Hong_Kong HKT
    +8 Asia/Kuala_Lumpur MYT | +8 Asia/Manila PHT | +8 Australia/Perth AWST | +9 Asia/Tokyo JST | +9 Asia/Seoul KST
    +9:30 Australia/Adelaide ACST ACDT | +9:30 Australia/Darwin ACST | +10 Australia/Sydney AEST AEDT
    +10 Australia/Brisbane AEST | +11 Pacific/Noumea NCT | +12 Pacific/Auckland NZST NZDT
"""
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE | re.ASCII)


def unknown_word(word: str, words: Sequence[str], named: Iterable[str]) -> ScheduleError:
    """The error for one of a value's words that is unlike any of the grammar's: it suggests what may be meant.

    The first word may be meant as a name of the settings' schedules, any other as a zone.
    """
    fault = f'unknown word "{word}"'
    if word is words[0]:
        if constants := [constant for constant, same in _SAME_AS.items() if word.lower() in same.split()]:
            # Alone only: "off 19:00-07:00" isn't "never".
            return ScheduleError(fault, _ABOUT_CONSTANTS, (word, "" if words[1:] else constants[0]))
        if names := nearest(word, named, likeness=0.8):
            return ScheduleError(fault, instead=(word, names[0]))
    elif meant := likely_zones(word):
        return _unknown_zone(word, meant)
    for piece in re.split("[+-]", word):
        if near := _near_word(piece):
            kind = kind_of(near)
            return ScheduleError(f'unknown {kind if kind in PIECES else "word"} "{piece}"', instead=(piece, near))
    if word is not words[0]:
        return ScheduleError(fault.replace("word", "zone", 1) if "/" in word else fault, _EXPECTED_WORD)
    others = f", only {', '.join(some(sorted(named), 10))}" if named else ""
    return ScheduleError(fault, f'{EXPECTED_VALUE}; the setting "schedules" has no schedule of that name{others}')


def _unknown_zone(word: str, meant: Sequence[str]) -> ScheduleError:
    others = f"Or {', '.join(meant[1:])}." if meant[1:] else ""
    if any(each.startswith(("UTC", "Etc/")) for each in meant):
        others += " UTC and Etc/ zones have no daylight saving time."
    return ScheduleError(f'unknown zone "{word}"', others.strip(), (word, meant[0]))


def _near_word(piece: str) -> str | None:
    """The grammar's word that these letters were probably meant as. Of two in one, such as sat/sun, it is neither."""
    near = nearest(piece, _VOCABULARY) if piece.strip(".,").isalpha() else []
    likely = (each for each in near if each[0] == piece[0].lower() or sorted(each) == sorted(piece.lower()))
    return next((each for each in likely if each != piece.lower()), None)


def likely_zones(word: str) -> list[str]:
    """The zones that a word may mean, the likeliest first: those of an offset or an abbreviation, else the nearest."""
    entries = [entry.split() for entry in re.split(r"[|\n]", _ZONES.strip())]
    if match := _OFFSET.fullmatch(word):
        sign, hours, minutes = match.groups("00")
        offset = f"{sign}{int(hours)}:{minutes}".removesuffix(":00").replace("-0", "+0")
        # The name of a zone with this offset all year has the opposite sign.
        fixed = "utc" if offset == "+0" else "etc/gmt" + offset.translate(str.maketrans("+-", "-+"))
        cities = [city for each, city, *_ in entries if each == offset][:3]
        return [zones()[fixed], *cities] if fixed in zones() else cities
    name = word.rpartition("/")[2].upper()
    is_city = "/" in word  # then it is no abbreviation, all of which are shorter
    if cities := [city for _, city, *names in entries if name in names and (len(name) > 4 or not is_city)]:
        return [*cities, TRAPS[word.lower()]] if word.lower() in TRAPS else cities
    return _near_zones(word)


_PLACE = re.compile("(?!Etc/).+/(?!East|North|South|West)[^/]+")


@lru_cache(maxsize=1024)
def _near_zones(word: str) -> list[str]:
    """The zone that was probably meant, by a slip in its name or by its city alone.

    A city that is merely spelled alike is no match: Milan's clocks don't show what Minsk's do.
    """
    if len(word) < 4 or (word.isupper() and len(word) < 6):  # an abbreviation
        return []
    places = [zone for zone in zones().values() if _PLACE.fullmatch(zone)]
    city = word.rpartition("/")[2]
    if elsewhere := [zone for zone in places if zone.lower().endswith(f"/{city.lower()}")]:
        return elsewhere[:1]
    names = {zone if "/" in word else zone.rpartition("/")[2]: zone for zone in reversed(places)}
    near = nearest(word, names, likeness=0.8)
    return [names[each] for each in near if nearest(city, [each.rpartition("/")[2]], likeness=0.8)][:1]


# --- Whole values

_TIME = r"(\d{1,2})(?:[:.h]?(\d\d)|h)?(?::00)?\s?(?:([ap])\.?m\.?)?"
_DAYS = "|".join(WEEKDAYS)


def _hours(match: re.Match[str]) -> str:
    """8-18, 0800-1800, 9am-5pm in the grammar's form; unchanged if they could mean two things."""
    sides, before = [match.groups()[:3], match.groups()[3:]], match.string[: match.start()].split()
    if before and sides[0][0] is None and kind_of(before[-1]) == "hours":  # -5 may be an offset
        return match[0]
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


_SPACED = "|".join(zone.rpartition("/")[2].replace("_", " ") for zone in zones().values() if "_" in zone)
_TABLE: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"[\"']", ""),
    (r"^\s*(?:key=)?office-hours(?:,value)?\s*[=:]", ""),
    (rf"\b({_SPACED})\b", lambda match: match[0].replace(" ", "_")),
    (r"\s*[\u2013\u2014]\s*", "-"),
    (r"(?<=\w)\s+(?:to|till|until|through)\s+(?=\w)", "-"),
    (r"(?<=[a-z])\s*-\s*(?=[a-z])", "-"),
    (rf"(?<!\S)(?:{_TIME})?\s?-\s?(?:{_TIME})?(?!\S)", _hours),
    (r"(?<=[a-z])\s*[,;&]\s*(?=[a-z])", "+"),
    (r"\s*[,;]\s*", " "),
    (rf"\b((?:{_DAYS})[a-z]*)#([1-5])", lambda match: f"{ORDINALS[int(match[2]) - 1]}-{match[1]}"),
    (rf"\b({'|'.join(ORDINALS)})\s+(?={_DAYS}|day\b)", r"\1-"),
    (r"\bevery ?day\b", "daily"),
)


def mended(error: ScheduleError, value: str, read: Callable[[str], object]) -> ScheduleError:
    """The error in the whole value, with the mended value as its suggestion if that can be read."""
    fault, better, hint = f'{error.fault} in "{value}"', value, ""
    for pattern, right in _TABLE:
        better = re.sub(pattern, right, better, flags=re.IGNORECASE | re.ASCII)
    better = better.strip()
    for _ in range(_MOST + 1):
        try:
            read(better)
        except ScheduleError as mistake:
            wrong, meant = mistake.instead
            if mistake.hint == ORDER:  # only a misplaced zone moves: another one is that of the windows before it
                places = {"option": 2, "zone": int(kind_of(wrong) == "zone")}
                words = sorted(better.split(), key=lambda each: places.get(str(kind_of(each)), 0))
                wrong, meant = better, " ".join(words)
            word = rf"(?<![\w/]){re.escape(wrong)}(?![\w/])"
            before, better = better, re.sub(word, meant.replace("\\", r"\\"), better, count=1, flags=re.IGNORECASE)
            if not meant or better == before:
                break
            hint = mistake.hint or hint
        else:
            return ScheduleError(fault, hint, instead=(error.instead[0], better))
    return ScheduleError(fault, error.hint, instead=error.instead)


# --- Times of a command

_DURATION = re.compile(r"(\d{1,4}) ?([mhdw])(?:in|inute|r|our|ay|k|eek)?s?", re.ASCII)


def likely_time(key: str, given: object, now: datetime, zone: ZoneInfo) -> str:
    """What was probably meant by the event's `from`, `until` or `time`: 18:00 for `6pm`, 7d for `1w`; else empty."""
    plain, today, form = " ".join(str(given).lower().split()), now.astimezone(zone), ""
    time, duration = re.fullmatch(_TIME, plain, re.ASCII), _DURATION.fullmatch(plain)
    if plain == "tomorrow":
        form = f"{today + timedelta(days=1):%Y-%m-%d}"
    elif duration and key == "until":
        form = f"{7 * int(duration[1])}d" if duration[2] == "w" else f"{int(duration[1])}{duration[2]}"
    elif time and (time[2] or time[3]):
        clock = _time(time[1], time[2], time[3])
        form = clock if key == "until" else f"{today:%Y-%m-%d}T{clock}"
    # A time of day that has just passed is refused.
    at = moment(form, zone, now - timedelta(minutes=30) if form[2:3] == ":" else now)
    return form if at and (at > now or key == "time") else ""
