"""What a tag's value means, in plain words and in numbers. Pure: no AWS, no clock."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeGuard

from office_hours.clock import local, utc
from office_hours.days_off import holidays_package
from office_hours.reporting.hours import Span, coming, hours_in
from office_hours.schedule import Schedule, ScheduleError, State
from office_hours.settings import Settings
from office_hours.text import sentence

LONGEST_TAG = 256  # characters: RDS's limit
TAG_VALUE = f"the value of a tag, of {LONGEST_TAG} characters at most"  # what can be explained
VERBS: Mapping[State | None, str] = {State.RUNNING: "starts", State.STOPPED: "stops"}
_DAY = timedelta(days=1)
_WEEK = 168  # hours
_MOST_CHANGES = 6


def is_tag_value(value: object) -> TypeGuard[str]:
    """Whether this is a TAG_VALUE, and Lambda can answer with it: not with half of a surrogate pair."""
    return isinstance(value, str) and len(value) <= LONGEST_TAG and not re.search("[\ud800-\udfff]", value)


def explain(text: str, settings: Settings, now: datetime) -> dict[str, Any]:
    """What a tag of this value means, under the stack's settings. Numbers are None if they can't be known."""
    answer = {"tag": text, "valid": False, "transitions": [], "hours_a_week": None, "saved_share": None}
    try:
        schedule = settings.parse(text)
    except ScheduleError as error:
        return {**answer, "message": f"Can't be read, so a cluster with this tag is left alone: {sentence(error)}"}
    answer["valid"] = True
    if schedule.ignored:
        left = "never started, never stopped, and no complaint"
        return {**answer, "message": f"A cluster with this tag is listed and left alone: {left}."}
    present, *changes = islice(coming(schedule, None, now), 1 + _MOST_CHANGES)
    zone = schedule.zone
    told = [{"at": utc(each.start), "local": local(each.start, zone), "to": each.state} for each in changes]
    runs = "It has one side only, so how many hours a week it runs depends on you."
    if not schedule.one_sided:
        hours = round(hours_in(coming(schedule, None, now, now + 52 * 7 * _DAY), State.RUNNING) / 52, 1)
        saved = 1 - hours / _WEEK
        answer |= {"hours_a_week": hours, "saved_share": round(saved, 3)}
        of_all = f"{hours:g} of the week's {_WEEK} hours on average over the coming year"
        runs = f"Runs {of_all}, which saves {saved:.0%} of them."
    state = f"Should be {present.state} now." if present.state else "Says nothing about now."
    said = [state, _changes(schedule, changes[:2], now), *_zones(schedule, settings), runs, *_options(schedule)]
    return {**answer, "message": " ".join(said), "transitions": told}


def _changes(schedule: Schedule, changes: list[Span], now: datetime) -> str:
    if not changes:
        return "It never changes." if schedule.constant else "Nothing changes within two years."
    edges = []
    for each in changes:
        # For six days, the day of the week says which day it is.
        form = "%a %H:%M" if each.start - now < 6 * _DAY else "%a %Y-%m-%d %H:%M"
        edges.append(f"{VERBS[each.state]} {each.start.astimezone(schedule.zone):{form}}")
    text = ", ".join(edges)
    return f"{text[0].upper()}{text[1:]}."


def _zones(schedule: Schedule, settings: Settings) -> Iterator[str]:
    """Whose clocks count, and a fixed zone's offset, whose sign is the opposite of what people write."""
    zones = list(dict.fromkeys(window.zone.key for window in schedule.windows))
    default = settings.zone.key if schedule.in_default_zone else ""
    shown = [f"{zone} (the default)" if zone == default else zone for zone in zones]
    if len(zones) > 1:
        yield f"Its windows are in {' and '.join(shown)}; times here are in {zones[0]}."
    elif zones:
        yield f"Times are in {shown[0]}."
    for zone in zones:
        if zone.startswith(("Etc/GMT+", "Etc/GMT-")):
            yield f"{zone} is UTC{-int(zone.removeprefix('Etc/GMT')):+d} all year."


def _options(schedule: Schedule) -> Iterator[str]:
    days_off, grace = schedule.days_off, schedule.grace
    time = f"{grace} minutes" if grace % 60 else f"{grace // 60} h"
    yield from (f"Nothing starts on public holidays: {_country_name(code)}." for code in days_off.countries)
    options = {
        "Nothing starts on its closed days.": days_off.closed or days_off.dates,
        f"It starts {schedule.lead} minutes before each window, so that it is up in time.": schedule.lead,
        f"While somebody is connected, a stop waits for up to {time}.": grace,
        "Each cluster's maintenance window is added.": schedule.maintenance,
        "Changes by hand are undone at the next run.": schedule.enforced,
    }
    yield from (option for option, is_set in options.items() if is_set)


def _country_name(name: str) -> str:
    """What a code stands for: DE-BY is Germany (BY)."""
    code, _, part = name.partition("-")
    modules = holidays_package().registry.COUNTRIES.items()
    words = next((module for module, codes in modules if code in codes), code)
    return words.replace("_", " ").title() + (f" ({part})" if part else "")
