"""Hours of the week as a tag's windows. Pure: no AWS, no clock.

Hours are counted from Monday 00:00 to Sunday 23:00, and the week is round.
"""

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from office_hours.schedule import WEEKDAYS

Hours = AbstractSet[int]
WEEK = frozenset(range(7 * 24))
LONGEST_TAG = 256  # characters: RDS's limit


def windows(hours: Hours) -> str:
    """Windows for these hours and as few others as possible; empty if that is the whole week.

    Single hours between them are covered too, since each stop and start takes RDS minutes. Longer gaps are covered if
    the tag would otherwise be too long.
    """
    for gap in range(1, 24):
        filled = _filled(hours, gap)
        if filled == WEEK:
            break
        if len(text := _text(filled)) <= LONGEST_TAG:
            return text
    return ""


def _filled(hours: Hours, gap: int) -> Hours:
    """These hours and the gaps between them that are no longer than this."""
    gaps = [(first, length) for first, length in _stretches(WEEK - hours) if length <= gap]
    return hours | {(first + hour) % len(WEEK) for first, length in gaps for hour in range(length)}


def _stretches(members: AbstractSet[int], around: int = len(WEEK)) -> Iterator[tuple[int, int]]:
    """Where runs of consecutive members begin, and how long they are. A full round begins nowhere."""
    for first in sorted(members):
        if (first - 1) % around not in members:
            length = 1
            while (first + length) % around in members:
                length += 1
            yield first, length


def _text(hours: Hours) -> str:
    """The windows for exactly these hours: across midnight if one window can be, else up to it."""
    found = defaultdict[str, set[int]](set)
    for first, length in _stretches(hours):
        begin, last = first, first + length
        while begin < last:
            end = last if length < 24 else min(last, begin - begin % 24 + 24)
            found[f"{begin % 24:02}:00-{end % 24 or 24:02}:00"].add(begin // 24 % 7)
            begin = end
    return " ".join(f"{_days(days)} {window}" for window, days in found.items())


def _days(days: AbstractSet[int]) -> str:
    """Days as a tag has them: mon-wed+fri."""
    if len(days) == 7:
        return "daily"
    ends = [(WEEKDAYS[first], WEEKDAYS[(first + length - 1) % 7]) for first, length in _stretches(days, 7)]
    return "+".join(first if first == last else f"{first}-{last}" for first, last in ends)
