"""What a tag's value means, in plain words and in numbers. Pure: no AWS, no clock."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from office_hours.clock import local, utc
from office_hours.days_off import holidays_package
from office_hours.reporting.hours import coming, hours_in, up_to
from office_hours.schedule import Schedule, ScheduleError, State, Transition
from office_hours.settings import Settings
from office_hours.text import sentence

LONGEST_TAG = 256  # characters: RDS's limit
TAG_VALUE = f"the value of a tag, of {LONGEST_TAG} characters at most"  # what can be explained
VERBS = {State.RUNNING: "starts", State.STOPPED: "stops"}
_DAY = timedelta(days=1)
_WEEK = 168  # hours
_MOST_TRANSITIONS = 6


def is_tag_value(value: object) -> TypeGuard[str]:
    """Whether this is a TAG_VALUE, and Lambda can answer with it: not with half of a surrogate pair."""
    return isinstance(value, str) and len(value) <= LONGEST_TAG and not re.search("[\ud800-\udfff]", value)


def explain(text: str, settings: Settings, now: datetime) -> dict[str, Any]:
    """What a tag of this value means, under the stack's settings. Numbers are None if they can't be known."""
    transitions, hours, at = list[Transition](), None, now
    answer = {"tag": text, "valid": False, "transitions": [], "hours_a_week": None, "saved_share": None}
    try:
        schedule = settings.parse(text)
    except ScheduleError as error:
        return {**answer, "message": f"Can't be read, so a cluster with this tag is left alone: {sentence(error)}"}
    while len(transitions) < _MOST_TRANSITIONS and (upcoming := schedule.next_transition(at)):
        transitions.append(upcoming)
        at = upcoming.at
    if not schedule.one_sided and not schedule.ignored:
        hours = round(hours_in(up_to(now + 52 * 7 * _DAY, coming(schedule, None, now)), State.RUNNING) / 52, 1)
        answer |= {"hours_a_week": hours, "saved_share": round(1 - hours / _WEEK, 3)}
    told = [{"at": utc(each.at), "local": local(each.at, schedule.zone), "to": each.to.value} for each in transitions]
    message = " ".join(_sentences(schedule, transitions[:2], hours, now))
    return {**answer, "valid": True, "message": message, "transitions": told}


def _sentences(schedule: Schedule, coming: list[Transition], hours: float | None, now: datetime) -> Iterator[str]:
    if schedule.ignored:
        yield "A cluster with this tag is listed and left alone: never started, never stopped, and no complaint."
        return
    state = schedule.desired_state(now)
    yield f"Should be {state} now." if state else "Says nothing about now."
    yield _changes(schedule, coming, now)
    if schedule.windows:
        yield from _zones(schedule)
    if hours is None:
        yield "It has one side only, so how many hours a week it runs depends on you."
    else:
        saved = f"which saves {1 - hours / _WEEK:.0%} of them"
        yield f"Runs {hours:g} of the week's {_WEEK} hours on average over the coming year, {saved}."
    for code in schedule.days_off.countries:
        yield f"Nothing starts on public holidays: {_country_name(code)}."
    if schedule.days_off.closed or schedule.days_off.dates:
        yield "Nothing starts on its closed days."
    if schedule.lead:
        yield f"It starts {schedule.lead} minutes before each window, so that it is up in time."
    if schedule.grace:
        time = f"{schedule.grace} minutes" if schedule.grace % 60 else f"{schedule.grace // 60} h"
        yield f"While somebody is connected, a stop waits for up to {time}."
    if schedule.maintenance:
        yield "Each cluster's maintenance window is added."
    if schedule.enforced:
        yield "Changes by hand are undone at the next run."


def _changes(schedule: Schedule, coming: list[Transition], now: datetime) -> str:
    if not coming:
        return "It never changes." if schedule.constant else "Nothing changes within two years."
    edges = []
    for each in coming:
        # For six days, the day of the week says which day it is.
        form = "%a %H:%M" if each.at - now < 6 * _DAY else "%a %Y-%m-%d %H:%M"
        edges.append(f"{VERBS[each.to]} {each.at.astimezone(schedule.zone):{form}}")
    text = ", ".join(edges)
    return f"{text[0].upper()}{text[1:]}."


def _zones(schedule: Schedule) -> Iterator[str]:
    """Whose clocks count, and a fixed zone's offset, whose sign is the opposite of what people write."""
    zones = list(dict.fromkeys(window.zone.key for window in schedule.windows))
    if len(zones) > 1:
        yield f"Its windows are in {' and '.join(zones)}; times here are in {zones[0]}."
    else:
        yield f"Times are in {zones[0]}."
    if schedule.in_default_zone:
        yield f"Without a zone, {zones[-1]} applies, the default."
    for zone in zones:
        if zone.startswith(("Etc/GMT+", "Etc/GMT-")):
            yield f"{zone} is UTC{-int(zone.removeprefix('Etc/GMT')):+d} all year."


def _country_name(name: str) -> str:
    """What a code stands for: DE-BY is Germany (BY)."""
    code, _, part = name.partition("-")
    modules = holidays_package().registry.COUNTRIES.items()
    words = next((module for module, codes in modules if code in codes), code)
    return words.replace("_", " ").title() + (f" ({part})" if part else "")
