"""Tags for clusters that have none, from their connections in the last four weeks. Nothing is ever tagged here.

An hour is idle if no more were connected than in the cluster's quietest hours: pools and monitoring stay connected.
An hour of the week is idle if it was in every week. Windows cover all other hours, and those without data.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import count, groupby, takewhile
from typing import NotRequired, cast
from zoneinfo import ZoneInfo

from office_hours import rds
from office_hours.answer import RunError, failed, in_words
from office_hours.clock import FIRST
from office_hours.decision import obstacle
from office_hours.evidence import connected
from office_hours.regions import Invocation
from office_hours.reporting.explain import LONGEST_TAG
from office_hours.reporting.hours import projected
from office_hours.reporting.prices import SERVERLESS, Prices
from office_hours.reporting.survey import Looked, OfCluster, Survey, cut, look_around, of_cluster, place
from office_hours.schedule import WEEKDAYS, Schedule
from office_hours.settings import Cluster, Settings

_PERIOD, _LEAST_DAYS, _HOUR = timedelta(days=28), 7, timedelta(hours=1)
_WEEK = frozenset(range(7 * 24))  # hours: from Monday 00:00 to Sunday 23:00, and round
_FOR_READING = 0.5  # of the time that is left, at most
# Clusters a call. Four weeks of these are one page, little memory, and less than CloudWatch gives in a second.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
_AT_ONCE = 100

Connections = Mapping[datetime, float]  # the most that were connected in each hour, by its beginning, in UTC


class Suggestion(OfCluster):
    """What one cluster could save, by `days` of data: nothing without a tag, and the note says why there is none.

    command: the line for the AWS CLI that sets the tag.
    """

    tag: str | None
    saved_hours_a_month: float
    saved_usd_a_month: float | None
    days: float
    note: str
    command: str | None


class Suggestions(Looked):
    """The answer, the biggest saving first. `more_suggestions` counts those left out because it would be too long."""

    suggestions: list[Suggestion]
    failures: list[str]
    more_suggestions: NotRequired[int]


# --- What to suggest. Pure: no AWS, no clock.


def propose(seen: Connections, settings: Settings) -> tuple[str, str]:
    """A tag, empty if there is none, and a note that says why not, or how sure it is."""
    zone, days = settings.zone, len(seen) / 24
    if days < _LEAST_DAYS:
        return "", f"Too little data: {days:.1f} days, and it takes {_LEAST_DAYS}."
    busiest: dict[int, float] = {}  # the most in each hour of the week
    for at, most in seen.items():
        for hour in _hours_of_the_week(at, zone):
            busiest[hour] = max(most, busiest.get(hour, most))
    quietest = min(seen.values())
    used = {hour for hour, most in busiest.items() if most > quietest}
    unknown = _WEEK - busiest.keys()
    if quietest and not used:
        return "", f"Always {quietest:g} connected, no more and no fewer: can't tell a pool in use from an idle one."
    tag = windows(used | unknown) if used or unknown else "never"
    if not tag:
        busy = "in all or nearly all hours of the week"
        return "", f"Never idle: {busy}, more than {quietest:g} were connected at least once."
    notes = [f"Nothing connected in {days:.0f} days: is it still needed?"] * (not used)
    if quietest:
        notes.append(f"{quietest:g} are always connected, perhaps a pool or monitoring, and count as idle.")
    if unknown:
        notes.append(f"No data for {len(unknown)} hours of the week: it runs in them.")
    return tag, " ".join([*notes, f"From {days:.0f} days of data."])


@lru_cache(maxsize=4096)  # clusters share hours
def _hours_of_the_week(at: datetime, zone: ZoneInfo) -> frozenset[int]:
    """The local hours that an hour of UTC touches: two if the zone's offset isn't a full hour."""
    edges = [each.astimezone(zone) for each in (at, at + _HOUR - timedelta(seconds=1))]
    return frozenset(each.weekday() * 24 + each.hour for each in edges)


def windows(hours: AbstractSet[int]) -> str:
    """Windows for these hours and as few others as possible; empty if that is the whole week.

    Single hours between them are covered too, since each stop and start takes RDS minutes. Longer gaps are covered if
    the tag would otherwise be too long.
    """
    for longest in range(1, 24):
        gaps = [gap for gap in _stretches(_WEEK - hours) if len(gap) <= longest]
        if len(text := _text(frozenset(hours).union(*gaps))) <= LONGEST_TAG:
            return text
    return ""


def _stretches(members: AbstractSet[int], around: int = len(_WEEK)) -> Iterator[list[int]]:
    """Runs of consecutive members. A full round begins nowhere."""
    for first in sorted(members):
        if (first - 1) % around not in members:
            yield list(takewhile(members.__contains__, (each % around for each in count(first))))


def _text(hours: AbstractSet[int]) -> str:
    """The windows for exactly these hours: across midnight if one window can be, else up to it. None for a week."""
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


# --- What it reads.


def suggest(invocation: Invocation, *, or_fail: bool = True) -> Suggestions:
    """Suggest tags in all places. If `or_fail`, raises RunError where there are only failures."""
    found, looked = look_around(invocation, None, _FOR_READING, partial(_of_region, Prices()))
    failures = in_words(invocation.failures)
    if or_fail and failures and not found:
        raise RunError(f"Nothing can be suggested.\n{failures}")
    found.sort(key=lambda each: (-(each["saved_usd_a_month"] or 0.0), -each["saved_hours_a_month"], place(each)))
    return cast("Suggestions", {**looked, "failures": failures.splitlines(), **cut("suggestions", found)})


def _of_region(prices: Prices, invocation: Invocation, survey: Survey) -> Iterator[Suggestion]:
    """A suggestion for each untagged cluster that RDS can stop."""
    region, end = survey.region, invocation.now.replace(minute=0, second=0, microsecond=0)
    clusters = [each for each in survey.clusters if not each.is_tagged and not obstacle(each.snapshot)]
    for begin in range(0, len(clusters), _AT_ONCE):
        some = clusters[begin : begin + _AT_ONCE]
        seen = {each.identifier: dict[datetime, float]() for each in some}
        try:
            for name, times, values in connected(region, list(seen), _HOUR, end - _PERIOD, end):
                seen[name].update(zip((at.astimezone(UTC) for at in times), values, strict=True))
        except rds.CallError as error:
            invocation.failures.append(failed(f"{region}, reading its connections", error, region=region.path))
            return
        for each in some:
            with invocation.guard(each):
                yield _suggestion(each, seen, invocation, prices, survey)


def _suggestion(
    cluster: Cluster, seen: Mapping[str, Connections], invocation: Invocation, prices: Prices, survey: Survey
) -> Suggestion:
    settings, snapshot, classes = invocation.settings, cluster.snapshot, survey.classes_of(cluster)
    # Earlier data are about another cluster of the same name.
    since = snapshot.get("ClusterCreateTime", FIRST)
    known = {at: most for at, most in seen[cluster.identifier].items() if at + _HOUR > since}
    tag, note = propose(known, settings)
    capacity = snapshot.get("ServerlessV2ScalingConfiguration", {})
    if capacity.get("MinCapacity") == 0 and {*classes} <= {SERVERLESS}:
        tag, note = "", "Serverless v2 with a minimum capacity of 0 pauses by itself: it needs no tag."
    words = ["aws", "rds", "add-tags-to-resource", "--region", cluster.region, "--resource-name", cluster.arn]
    command = [*words, "--tags", f"Key={settings.tag_key},Value={tag}"]
    schedule = Schedule.parse(tag or "always", default_zone=settings.default_zone)
    month = projected(schedule, invocation.now, prices.of(snapshot, classes, cluster.region))
    return {
        **of_cluster(cluster),
        "tag": tag or None,
        "saved_hours_a_month": month["stopped_hours"],
        "saved_usd_a_month": month["saved_usd"],
        "days": round(len(known) / 24, 1),
        "note": " ".join(filter(None, (note, month["note"]))),
        "command": shlex.join(command) if tag else None,
    }
