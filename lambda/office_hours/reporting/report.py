"""What office hours saved: hours run and stopped by RDS's event log, their price by AWS's list, and a month to come."""

import os
from datetime import datetime
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo

import boto3
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from office_hours import rds
from office_hours.command import Cluster
from office_hours.decision import LOG_KEPT, Reason, decide, local
from office_hours.event import EventError, shown, unknown_keys
from office_hours.hours import MONTH, PERIODS, Hours, Period, past, period, projected, total
from office_hours.prices import Price, Prices
from office_hours.run import NAMESPACE, Order, RunError, failed, in_words, logger, utc
from office_hours.schedule import ScheduleError
from office_hours.survey import Region, survey

_MONDAY = 0
_ACCEPTED = 'Accepted: {} to have the report as the answer, {"send": true} to have it sent as well, when it is due'
_MOST_TOLD = 100  # clusters in the message
_LONGEST = 250_000  # bytes: SNS takes 256 KB
_FOR_RDS = 0.5  # of the function's time, at most: prices and the message take theirs


class ClusterReport(TypedDict):
    """One cluster. `projection` is a month by its schedule, without holds; None where none is followed: see `note`."""

    cluster: str
    region: str
    periods: list[Period]
    projection: Period | None
    note: str


class Total(TypedDict):
    """The sum over all clusters."""

    periods: list[Period]
    projection: Period


class Report(TypedDict):
    """The report function's answer. `failures` are those of Regions that could not be read."""

    time: str
    sent: bool
    clusters: list[ClusterReport]
    total: Total
    failures: list[str]


def report(order: Order, *, send: bool) -> Report:
    """Report on all tagged clusters, and send it where it is to be sent and there is something to say.

    Raises RunError where a Region failed, after all others have been reported on, and what is to be sent has been.
    """
    regions, failures = survey(order, order.now - LOG_KEPT, _FOR_RDS)
    prices = Prices()
    clusters = [
        _of_cluster(order, region, cluster, prices)
        for region in regions.values()
        if region.events is not None
        for cluster in region.clusters
    ]
    clusters.sort(key=lambda each: (each["region"], each["cluster"]))
    answer: Report = {
        "time": utc(order.now),
        "sent": False,
        "clusters": clusters,
        "total": {
            "periods": [
                total(days, [each["periods"][number] for each in clusters]) for number, days in enumerate(PERIODS)
            ],
            "projection": total(MONTH, [each["projection"] for each in clusters if each["projection"]]),
        },
        "failures": sorted(failures),
    }
    if send and _is_due(order, answer):
        try:
            _send(order, answer)
            answer["sent"] = True
        except rds.CallError as error:
            failures.append(failed("Sending the report", error))
    if send and (saved := answer["total"]["periods"][0]["saved_usd"]) is not None:
        with single_metric(name="SavedUSD", unit=MetricUnit.NoUnit, value=saved, namespace=NAMESPACE):
            pass
    logger.info("report: %d clusters, %d failures", len(clusters), len(failures), extra={"report": answer})
    if failures:
        raise RunError(f"{len(failures)} failed, and {len(clusters)} clusters were reported on.\n{in_words(failures)}")
    return answer


def read_event(event: object) -> bool:
    """Whether the report is to be sent as well. Raises EventError."""
    if not isinstance(event, dict):
        raise EventError([f"The event is no JSON object. {_ACCEPTED}."])
    mistakes = unknown_keys(event, ("send",), _ACCEPTED)
    if not isinstance(event.get("send", False), bool):
        mistakes.append(f'"send" has {shown(event["send"])}: expected true or false.')
    if mistakes:
        raise EventError(mistakes)
    return bool(event.get("send", False))


def _of_cluster(order: Order, region: Region, cluster: Cluster, prices: Prices) -> ClusterReport:
    snapshot, events = cluster.snapshot, (region.events or {}).get(cluster.identifier, [])
    hours = [past(snapshot, events, order.now, days) for days in PERIODS]
    coming, note = _coming(order, cluster)
    # Where nothing is saved, nobody needs to know the price.
    needed = any(each.stopped for each in [*hours, *([coming] if coming else [])])
    price = prices.of(snapshot, region.classes, cluster.region) if needed else Price(None)
    return {
        "cluster": cluster.identifier,
        "region": cluster.region,
        "periods": [period(each, price.usd, price.note) for each in hours],
        "projection": period(coming, price.usd, price.note) if coming else None,
        "note": note,
    }


def _coming(order: Order, cluster: Cluster) -> tuple[Hours | None, str]:
    """The month that its schedule asks for; None where nobody follows it, and why."""
    schedule, hold = cluster.tags or (None, None)
    if schedule is None:
        return None, ""
    decision = decide(cluster.snapshot, schedule, hold, (), order.now)
    if isinstance(schedule, ScheduleError) or decision.reason in (Reason.INVALID_TAG, Reason.INELIGIBLE):
        return None, decision.message
    return projected(schedule, order.now), ""


def _is_due(order: Order, answer: Report) -> bool:
    """Whether it is the day to send a report, and there is something to say."""
    how_often = os.environ.get("OFFICE_HOURS_REPORT", "weekly")
    if how_often == "never" or (how_often == "weekly" and order.now.weekday() != _MONDAY):
        return False
    return bool(answer["failures"]) or _reported(answer["total"])["stopped_hours"] > 0


def _reported(of: Total | ClusterReport) -> Period:
    """The period that the message is about: the day or the week since the last one."""
    daily = os.environ.get("OFFICE_HOURS_REPORT") == "daily"
    return of["periods"][PERIODS.index(1 if daily else 7)]


def _send(order: Order, answer: Report) -> None:
    """Publish the report, as text, to the stack's topic. Raises CallError.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    of_all = _reported(answer["total"])
    text = message(answer, order.now)
    client = boto3.client("sns", config=rds.CONFIG)
    client.publish(
        TopicArn=os.environ["OFFICE_HOURS_TOPIC"],
        Subject=f"Aurora Office Hours: {of_all['stopped_hours']:.1f} hours stopped in {_in_days(of_all)}",
        Message=text.encode()[:_LONGEST].decode(errors="ignore"),
    )


def message(answer: Report, now: datetime) -> str:
    """The report for people: all periods in all, then by cluster, the one that saved the most first."""
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415  only what is sent needs it

    # Plain text, in which nothing is escaped.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_in_one_line,
    )
    clusters = sorted(answer["clusters"], key=_saved, reverse=True)
    return environment.get_template("report.txt").render(
        answer=answer, clusters=clusters, most=_MOST_TOLD, at=local(now, ZoneInfo("UTC"))
    )


def _saved(cluster: ClusterReport) -> tuple[float, float]:
    reported = _reported(cluster)
    return reported["saved_usd"] or 0.0, reported["stopped_hours"]


def _in_one_line(value: object) -> str:
    """A value as the message has it: what AWS says of a failure may have any characters."""
    return "".join(char if char.isprintable() else " " for char in str(value))


def _in_days(of: Period) -> str:
    return "the last day" if of["days"] == 1 else f"the last {of['days']} days"
