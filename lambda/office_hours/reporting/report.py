"""What office hours saved: hours from RDS's event log, prices from AWS's list, and the month to come."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import boto3
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from office_hours import rds
from office_hours.answer import NAMESPACE, Failure, RunError, failed, in_words, logger
from office_hours.decision import LOG_KEPT, Decision, Reason, decide
from office_hours.regions import Invocation
from office_hours.reporting.hours import MONTH, PERIODS, Period, past, period, projected, total
from office_hours.reporting.prices import Prices
from office_hours.reporting.suggest import Suggestions, best, suggest
from office_hours.reporting.survey import Looked, OfCluster, Survey, cut, look_around, of_cluster, of_each, place
from office_hours.schedule import Schedule
from office_hours.settings import Cluster

_MONDAY = 0
_MOST_CLUSTERS = 100  # in the message
_LONGEST = 250_000  # bytes: SNS takes 256 KB
_FOR_RDS = 0.5  # of the function's time, at most: prices and the message take theirs


class Total(TypedDict):
    """Past periods, and a month by the schedules, without holds: for all clusters, or for one."""

    periods: list[Period]
    projection: Period | None


class ClusterReport(Total, OfCluster):
    """One cluster. Its projection is None if it follows no schedule, and the note says why."""

    note: str


class Report(Looked):
    """The report function's answer.

    not_sent: why it wasn't sent, if it was asked to.
    more_clusters: how many were left out because it would be too long.
    """

    sent: bool
    not_sent: NotRequired[str]
    clusters: list[ClusterReport]
    total: Total
    failures: list[str]
    more_clusters: NotRequired[int]


def report(invocation: Invocation, *, send: bool) -> Report:
    """Report on all tagged clusters, and send the report if asked to, if it is due, and if it isn't empty.

    Raises RunError if anything failed, after all else has been reported and sent. In an organization, some accounts
    often can't be read: the answer and the message name them, and nothing is raised.
    """
    now, seconds, unsent = invocation.now, invocation.seconds_left() * _FOR_RDS, False
    clusters, failures, looked = look_around(invocation, now - LOG_KEPT, seconds, partial(_of_region, now, Prices()))
    clusters.sort(key=place)
    total, told = _total(clusters), in_words(failures).splitlines()
    answer = cast("Report", {**looked, "sent": False, "clusters": clusters, "total": total, "failures": told})
    if send:
        try:
            _send(answer, invocation)
        except rds.CallError as error:
            failures.append(failed("Sending the report", error))
            unsent = True
    for cluster in clusters:
        logger.info("report on %s", cluster["cluster"], extra={**cluster})
    summary = {key: value for key, value in answer.items() if key != "clusters"}
    logger.info("report: %d clusters, %d failures", len(clusters), len(failures), extra={"report": summary})
    if unsent or (failures and not any("account" in each for each in clusters)):
        raise RunError(f"{len(failures)} failed, and {len(clusters)} clusters were reported on.\n{in_words(failures)}")
    answer["clusters"], more = cut(clusters)
    if more:
        answer["more_clusters"] = more
    return answer


def _total(clusters: Sequence[ClusterReport]) -> Total:
    past = [total(days, [each["periods"][number] for each in clusters]) for number, days in enumerate(PERIODS)]
    return {
        "periods": past,
        "projection": total(MONTH, [each["projection"] for each in clusters if each["projection"]]),
    }


def _of_region(now: datetime, prices: Prices, survey: Survey) -> Iterator[ClusterReport | Failure]:
    """A report on each tagged cluster of a Region; none if its events, and so its hours, are unknown."""
    if survey.events is not None:
        yield from of_each(survey.tagged, partial(_of_cluster, now=now, prices=prices, survey=survey))


def _of_cluster(cluster: Cluster, now: datetime, prices: Prices, survey: Survey) -> ClusterReport:
    events = survey.events_of(cluster)
    hours, coming = [past(cluster.snapshot, events, now, days) for days in PERIODS], None
    decision = decide(cluster, now)
    left = (Reason.INVALID_TAG, Reason.INELIGIBLE)
    note = decision.message if isinstance(decision, Decision) and decision.reason in left else ""
    if isinstance(cluster.schedule, Schedule) and not note:
        coming = projected(cluster.schedule, now)
    price = prices.of(cluster.snapshot, survey.classes_of(cluster), cluster.region)
    return {
        **of_cluster(cluster),
        "periods": [period(each, price.usd, price.note) for each in hours],
        "projection": period(coming, price.usd, price.note) if coming else None,
        "note": note,
    }


def _send(answer: Report, invocation: Invocation) -> None:
    """Publish the report as text to the stack's topic, if it is due, and say in it whether it was. Raises CallError.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    if (saved := answer["total"]["periods"][0]["saved_usd"]) is not None:
        metrics = EphemeralMetrics(namespace=NAMESPACE)  # single_metric would send it even if metrics are off
        metrics.add_metric(name="SavedUSD", unit=MetricUnit.NoUnit, value=saved)
        metrics.flush_metrics()
    how_often = os.environ.get("OFFICE_HOURS_REPORT", "weekly")
    # The time since the last message.
    number, in_days = (0, "the last day") if how_often == "daily" else (1, f"the last {PERIODS[1]} days")
    stopped = answer["total"]["periods"][number]["stopped_hours"]
    if how_often == "never":
        answer["not_sent"] = 'The setting "report" is "never".'
    elif how_often == "weekly" and invocation.now.weekday() != _MONDAY:
        answer["not_sent"] = 'The setting "report" is "weekly": it is sent on Mondays, UTC.'
    elif not answer["failures"] and not stopped:
        answer["not_sent"] = f"No cluster was stopped in {in_days}."
    else:
        boto3.client("sns", config=rds.CONFIG).publish(
            TopicArn=os.environ["OFFICE_HOURS_TOPIC"],
            Subject=f"Aurora Office Hours: {stopped:.1f} hours stopped in {in_days}",
            Message=_text(answer, number, suggest(invocation, or_fail=False))
            .encode()[:_LONGEST]
            .decode(errors="ignore"),
        )
        answer["sent"] = True


def _text(answer: Report, number: int, suggested: Suggestions) -> str:
    """The report for people: totals by period, then clusters, the biggest saving first, then what to do next."""
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415  only what is sent needs it

    def saved(cluster: ClusterReport) -> tuple[float, float]:
        return cluster["periods"][number]["saved_usd"] or 0.0, cluster["periods"][number]["stopped_hours"]

    # In plain text nothing is escaped, and AWS's words about a failure may have any characters.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: "".join(char if char.isprintable() else " " for char in str(value)),
    )
    clusters = sorted(answer["clusters"], key=saved, reverse=True)
    return environment.get_template("report.txt").render(
        answer=answer,
        clusters=clusters,
        most=_MOST_CLUSTERS,
        suggested=suggested,
        best=best(suggested),
    )
