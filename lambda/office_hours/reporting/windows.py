"""Hours of the week as a tag's windows. Pure: no AWS, no clock.

Hours are counted from Monday 00:00 to Sunday 23:00, and the week is round.
"""

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import count, groupby, takewhile

from office_hours.tag import WEEKDAYS

WEEK = frozenset(range(7 * 24))
LONGEST_TAG = 256  # characters: RDS's limit


def windows(hours: AbstractSet[int]) -> str:
    """Windows for these hours and as few others as possible; empty if that is the whole week.

    Single hours between them are covered too, since each stop and start takes RDS minutes. Longer gaps are covered if
    the tag would otherwise be too long.
    """
    for longest in range(1, 24):
        gaps = [gap for gap in _stretches(WEEK - hours) if len(gap) <= longest]
        filled = frozenset(hours).union(*gaps)
        if filled == WEEK:
            break
        if len(text := _text(filled)) <= LONGEST_TAG:
            return text
    return ""


def _stretches(members: AbstractSet[int], around: int = len(WEEK)) -> Iterator[list[int]]:
    """Runs of consecutive members. A full round begins nowhere."""
    for first in sorted(members):
        if (first - 1) % around not in members:
            yield list(takewhile(members.__contains__, (each % around for each in count(first))))


def _text(hours: AbstractSet[int]) -> str:
    """The windows for exactly these hours: across midnight if one window can be, else up to it."""
    days_of = defaultdict[str, set[int]](set)
    for stretch in _stretches(hours):
        by_day = [list(its) for _, its in groupby(stretch, key=lambda hour: hour // 24)]
        for window in by_day if len(stretch) >= 24 else [stretch]:
            days_of[f"{window[0] % 24:02}:00-{window[-1] % 24 + 1:02}:00"].add(window[0] // 24)
    return " ".join(f"{_days(days)} {window}" for window, days in days_of.items())


def _days(days: AbstractSet[int]) -> str:
    """Days as a tag has them: mon-wed+fri."""
    if len(days) == 7:
        return "daily"
    ends = [(WEEKDAYS[its[0]], WEEKDAYS[its[-1]]) for its in _stretches(days, 7)]
    return "+".join(first if first == last else f"{first}-{last}" for first, last in ends)
