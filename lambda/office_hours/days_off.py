"""Days on which no window starts: public holidays, the settings' calendars, closed dates. Pure."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from types import ModuleType

from office_hours.text import ScheduleError, unknown

Calendars = Mapping[str, frozenset[date]]  # the settings', by their names in lower case

_LONGEST_RANGE = timedelta(days=3653)
_EXPECTED_DATES = "expected a date such as 2026-12-24, or a range such as 2026-12-24:2027-01-01"
_EXPECTED_HOLIDAYS = "expected a country such as DE, a part of one such as US-NY, or one of the settings' calendars"


@dataclass(frozen=True)
class DaysOff:
    """The local days on which no window starts.

    closed: ranges of days, first and last.
    dates: the days of the calendars.
    countries: countries whose public holidays count, or parts of them: DE, DE-BY.
    """

    closed: tuple[tuple[date, date], ...] = ()
    dates: frozenset[date] = frozenset()
    countries: tuple[str, ...] = ()

    def __contains__(self, day: date) -> bool:
        return (
            day in self.dates
            or any(first <= day <= last for first, last in self.closed)
            or any(day in _public_holidays(country, day.year) for country in self.countries)
        )

    def with_option(self, name: str, value: str, calendars: Calendars) -> "DaysOff":
        """Those of an option closed= or holidays= as well: dates, a calendar's, a country's. Raises ScheduleError."""
        if name == "closed":
            return replace(self, closed=(*self.closed, _dates(value)))
        if value.lower() in calendars:
            return replace(self, dates=self.dates.union(calendars[value.lower()]))
        known = _codes()
        if value.lower() not in known:
            expected = ", ".join((_EXPECTED_HOLIDAYS, *sorted(calendars)))
            raise unknown("holidays", value, (*calendars, *known.values()), expected, likeness=0.85)
        return replace(self, countries=(*self.countries, known[value.lower()]))


@lru_cache(maxsize=4096)
def _public_holidays(name: str, year: int) -> frozenset[date]:
    country, _, part = name.partition("-")
    return frozenset(holidays_package().country_holidays(country, subdiv=part or None, years=year))


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """The codes of all countries and their parts, by lower case."""
    every = holidays_package().list_supported_countries().items()
    codes = [each for code, parts in every if len(code) == 2 for each in (code, *(f"{code}-{part}" for part in parts))]
    return {code.lower(): code for code in codes}


@lru_cache(maxsize=1)
def holidays_package() -> ModuleType:
    import holidays  # noqa: PLC0415  slow to import, and most tags do without

    # Where its data on a country ends it warns at each look, in a line that isn't JSON.
    warnings.filterwarnings("ignore", message="Requested Holidays are available only")
    return holidays


def _dates(text: str) -> tuple[date, date]:
    """The first and the last day of a date or a range. Raises ScheduleError."""
    try:
        edges = [date.fromisoformat(each) for each in text.split(":")]
    except ValueError:
        edges = []
    # Python also reads 20261224 and 2026-W52-4.
    if not edges or ":".join(map(str, edges[:2])) != text or edges[-1] < edges[0]:
        raise ScheduleError(f'unknown dates "{text}"', _EXPECTED_DATES)
    return edges[0], edges[-1]


def parse_dates(items: Iterable[str]) -> list[date]:
    """The days of a calendar of the settings, given as dates and ranges. Raises ScheduleError."""
    days: set[date] = set()
    for item in items:
        first, last = _dates(item)
        if last - first > _LONGEST_RANGE:
            raise ScheduleError(f'dates "{item}"', "expected a range of ten years at the most")
        days.update(first + timedelta(days=number) for number in range((last - first).days + 1))
    return sorted(days)
