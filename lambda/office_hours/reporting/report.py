"""What office hours saved: hours from RDS's event log, prices from AWS's list, and the month to come."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from office_hours import rds
from office_hours.answer import NAMESPACE, RunError, failed, in_words, logger
from office_hours.decision import LOG_KEPT, Decision, Reason, decide
from office_hours.regions import Invocation
from office_hours.reporting.hours import MONTH, PERIODS, Period, past, projected, total
from office_hours.reporting.prices import Prices
from office_hours.reporting.suggest import Suggestions, suggest
from office_hours.reporting.survey import OfCluster, Survey, cut, look_around, of_cluster, place
from office_hours.settings import Cluster

_MONDAY = 0
_LONGEST = 250_000  # bytes: SNS takes 256 KB
_FOR_RDS = 0.5  # of the function's time, at most: prices and the message take theirs


class ClusterReport(OfCluster):
    """Past periods, and a month by the schedule, without holds; None if it follows none, and the note says why."""

    periods: list[Period]
    projection: Period | None
    note: str


def report(invocation: Invocation, *, send: bool) -> dict[str, Any]:
    """Report on all tagged clusters, and send the report if asked to, if it is due, and if it isn't empty.

    Raises RunError if anything failed, after all else has been reported and sent. In an organization, some accounts
    often can't be read: the answer and the message name them, and nothing is raised.
    """
    now, failures, unsent = invocation.now, invocation.failures, False
    clusters, looked = look_around(invocation, now - LOG_KEPT, _FOR_RDS, partial(_of_region, Prices()))
    clusters.sort(key=place)
    in_all = {
        "periods": [total(days, [each["periods"][number] for each in clusters]) for number, days in enumerate(PERIODS)],
        "projection": total(MONTH, [each["projection"] for each in clusters if each["projection"]]),
    }
    answer = {**looked, "sent": False, "total": in_all, "failures": in_words(failures).splitlines()}
    if send:
        try:
            answer |= _send(answer, clusters, invocation)
        except rds.CallError as error:
            failures.append(failed("Sending the report", error))
            unsent = True
    for cluster in clusters:
        logger.info("report on %s", cluster["cluster"], extra={**cluster})
    logger.info("report: %d clusters, %d failures", len(clusters), len(failures), extra={"report": answer})
    if unsent or (failures and not any("account" in each for each in clusters)):
        raise RunError(f"{len(failures)} failed, and {len(clusters)} clusters were reported on.\n{in_words(failures)}")
    return {**answer, **cut("clusters", clusters)}


def _of_region(prices: Prices, invocation: Invocation, survey: Survey) -> Iterator[ClusterReport]:
    """A report on each tagged cluster of a Region; none if its events, and so its hours, are unknown."""
    for each in survey.clusters:
        if each.is_tagged and each.identifier in survey.events:
            with invocation.guard(each):
                yield _of_cluster(each, invocation.now, prices, survey)


def _of_cluster(cluster: Cluster, now: datetime, prices: Prices, survey: Survey) -> ClusterReport:
    snapshot, schedule, events = cluster.snapshot, cluster.schedule, survey.events[cluster.identifier]
    price, decision = prices.of(snapshot, survey.classes_of(cluster), cluster.region), decide(cluster, now)
    left = (Reason.IGNORED, Reason.INVALID_TAG, Reason.INELIGIBLE)
    note = decision.message if isinstance(decision, Decision) and decision.reason in left else ""
    return {
        **of_cluster(cluster),
        "periods": [past(snapshot, events, now, days, price) for days in PERIODS],
        "projection": projected(schedule, now, price) if schedule and not note else None,
        "note": note,
    }


def _send(answer: dict[str, Any], clusters: list[ClusterReport], invocation: Invocation) -> dict[str, object]:
    """Publish the report as text to the stack's topic, if it is due. Returns whether it was. Raises CallError.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    periods: list[Period] = answer["total"]["periods"]
    if (saved := periods[0]["saved_usd"]) is not None:
        metrics = EphemeralMetrics(namespace=NAMESPACE)  # single_metric would send it even if metrics are off
        metrics.add_metric(name="SavedUSD", unit=MetricUnit.NoUnit, value=saved)
        metrics.flush_metrics()
    how_often = os.environ.get("OFFICE_HOURS_REPORT", "weekly")
    # The time since the last message.
    number, in_days = (0, "the last day") if how_often == "daily" else (1, f"the last {PERIODS[1]} days")
    stopped = periods[number]["stopped_hours"]
    if how_often == "never":
        return {"not_sent": 'The setting "report" is "never".'}
    if how_often == "weekly" and invocation.now.weekday() != _MONDAY:
        return {"not_sent": 'The setting "report" is "weekly": it is sent on Mondays, UTC.'}
    if not answer["failures"] and not stopped:
        return {"not_sent": f"No cluster was stopped in {in_days}."}
    suggested = suggest(replace(invocation, failures=[]), or_fail=False)  # it tells its own failures
    boto3.client("sns", config=rds.CONFIG).publish(
        TopicArn=os.environ["OFFICE_HOURS_TOPIC"],
        Subject=f"Aurora Office Hours: {stopped:.1f} hours stopped in {in_days}",
        Message=_text(answer, clusters, number, suggested).encode()[:_LONGEST].decode(errors="ignore"),
    )
    return {"sent": True}


def _text(answer: dict[str, Any], clusters: list[ClusterReport], number: int, suggested: Suggestions) -> str:
    """The report for people: totals by period, then clusters, the biggest saving first, then what to do next."""
    from office_hours.reporting.widget import PAGES  # noqa: PLC0415  slow to import, and only what is sent needs it

    def saved(cluster: ClusterReport) -> tuple[float, float]:
        period = cluster["periods"][number]
        return period["saved_usd"] or 0.0, period["stopped_hours"]

    # In plain text nothing is escaped, and AWS's words about a failure may have any characters.
    texts = PAGES.overlay(
        autoescape=False, finalize=lambda value: "".join(char if char.isprintable() else " " for char in str(value))
    )
    template, ranked = texts.get_template("report.txt"), sorted(clusters, key=saved, reverse=True)
    return template.render(answer=answer, clusters=ranked, suggested=suggested)
