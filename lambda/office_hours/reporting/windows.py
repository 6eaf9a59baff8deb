"""Hours of the week as a tag's windows. Pure: no AWS, no clock.

Hours are counted from Monday 00:00 to Sunday 23:00, and the week is round.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

from office_hours.tag import WEEKDAYS

Hours = AbstractSet[int]

WEEK = frozenset(range(7 * 24))
LONGEST_TAG = 256  # characters: RDS's limit
# An idle stretch of so many hours is not worth a stop and a start, of which each takes RDS its minutes.
_TOO_SHORT = 1
# Days that get the same windows where there would be too many otherwise.
_ALIKE = ((range(5), range(5, 7)), (range(7),))


@lru_cache(maxsize=1024)  # clusters share hours
def windows(hours: frozenset[int]) -> str:
    """Windows for these hours, and no more than have to be: empty where there are none that leave anything out.

    Single hours between them are covered as well; more are where it would be too long for a tag.
    """
    exact = _filled(hours, _TOO_SHORT)
    if exact == WEEK or len(text := _text(exact)) <= LONGEST_TAG:
        return "" if exact == WEEK else text
    wider = [_filled(hours, gap) for gap in range(_TOO_SHORT + 1, 24)]
    wider += [_alike(exact, groups) for groups in _ALIKE]
    tags = [(len(each), _text(each)) for each in wider if each != WEEK]
    return min((tag for tag in tags if len(tag[1]) <= LONGEST_TAG), default=(0, ""))[1]


def _filled(hours: Hours, gap: int) -> frozenset[int]:
    """These hours and those between them, where the gap is no longer than this."""
    gaps = [(first, length) for first, length in _stretches(WEEK - hours) if length <= gap]
    return frozenset(hours) | {(first + hour) % len(WEEK) for first, length in gaps for hour in range(length)}


def _alike(hours: Hours, groups: Sequence[Sequence[int]]) -> frozenset[int]:
    """These hours, on all days of a group."""
    return frozenset(day * 24 + hour % 24 for group in groups for hour in hours if hour // 24 in group for day in group)


def _stretches(hours: Hours) -> Iterator[tuple[int, int]]:
    """Where hours that follow one another begin, and how many they are. All hours of the week begin nowhere."""
    for first in sorted(hours):
        if (first - 1) % len(WEEK) not in hours:
            length = 1
            while (first + length) % len(WEEK) in hours:
                length += 1
            yield first, length


def _text(hours: Hours) -> str:
    """The windows for exactly these hours: over midnight where one window can be, else up to it."""
    found = defaultdict[str, set[int]](set)
    for begin, length in _stretches(hours):
        first, last = begin, begin + length
        while first < last:
            hour, left = first % 24, last - first
            part = left if left < 24 or hour + left <= 24 else 24 - hour
            end = hour + part if hour + part <= 24 else hour + part - 24
            found[f"{hour:02}:00-{end:02}:00"].add(first // 24 % 7)
            first += part
    return " ".join(f"{_days(days)} {window}" for window, days in found.items())


def _days(days: AbstractSet[int]) -> str:
    """Days as a tag has them: mon-wed+fri."""
    if len(days) == 7:
        return "daily"
    items = []
    for first in sorted(days):
        if (first - 1) % 7 not in days:
            last = first
            while (last + 1) % 7 in days:
                last = (last + 1) % 7
            items.append(WEEKDAYS[first] if first == last else f"{WEEKDAYS[first]}-{WEEKDAYS[last]}")
    return "+".join(items)
