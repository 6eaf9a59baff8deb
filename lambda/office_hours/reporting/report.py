"""What office hours saved: hours run and stopped by RDS's event log, their price by AWS's list, and a month to come."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast
from zoneinfo import ZoneInfo

import boto3
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from office_hours import rds
from office_hours.answer import NAMESPACE, Failure, RunError, failed, in_words, logger
from office_hours.clock import local, utc
from office_hours.decision import LOG_KEPT, Decision, Reason, decide
from office_hours.regions import Invocation, parted
from office_hours.reporting.hours import MONTH, PERIODS, Period, past, period, projected, total
from office_hours.reporting.prices import Price, Prices
from office_hours.reporting.suggest import Suggestion, best, suggestions
from office_hours.reporting.survey import (
    LONGEST_ANSWER,
    LeftOut,
    OfAccount,
    Survey,
    cut,
    look_around,
    of_account,
    of_each,
)
from office_hours.schedule import Schedule
from office_hours.settings import Cluster

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import EventTypeDef

_MONDAY = 0
_MOST_CLUSTERS = 100  # in the message
_LONGEST = 250_000  # bytes: SNS takes 256 KB
_FOR_RDS = 0.5  # of the function's time, at most: prices and the message take theirs


class Total(TypedDict):
    """Past periods, and a month by the schedules, without holds: of all clusters, or of one."""

    periods: list[Period]
    projection: Period | None


class ClusterReport(Total, OfAccount):
    """One cluster. Its projection is None where no schedule is followed, and the note says why."""

    cluster: str
    region: str
    note: str


class Report(LeftOut):
    """The report function's answer. `not_sent` says why not, where that was asked for.

    more_clusters: how many are left out, and with them all periods' notes, where it would be too long.
    """

    time: str
    sent: bool
    not_sent: NotRequired[str]
    clusters: list[ClusterReport]
    total: Total
    failures: list[str]
    more_clusters: NotRequired[int]


def report(invocation: Invocation, *, send: bool) -> Report:
    """Report on all tagged clusters, and send it where that is asked for, due, and not empty.

    Raises RunError where anything failed, after all else has been reported on and sent. Of an organization's accounts
    some often can't be read: then the answer and the message name them, and that is all.
    """
    now, seconds, prices = invocation.now, invocation.seconds_left() * _FOR_RDS, Prices()
    surveys: list[Survey]
    surveys, failures, left_out = look_around(invocation, now - LOG_KEPT, seconds, lambda survey: [survey])
    clusters, broken = parted(of_each(job for survey in surveys for job in _of_region(prices, now, survey)))
    failures += broken
    clusters.sort(key=lambda each: (each.get("account_name", ""), each["region"], each["cluster"]))
    made_of = {
        "time": utc(now),
        "sent": False,
        "clusters": clusters,
        "total": _total(clusters),
        "failures": in_words(failures).splitlines(),
        **left_out,
    }
    answer, unsent = cast("Report", made_of), None
    if send:
        try:
            _send(answer, now, partial(suggestions, surveys, invocation, prices))
        except rds.CallError as error:
            failures.append(unsent := failed("Sending the report", error))
    for cluster in clusters:
        logger.info("report on %s", cluster["cluster"], extra={**cluster})
    summary = {key: value for key, value in answer.items() if key != "clusters"}
    logger.info("report: %d clusters, %d failures", len(clusters), len(failures), extra={"report": summary})
    if unsent or (failures and not any("account" in each for each in clusters)):
        raise RunError(f"{len(failures)} failed, and {len(clusters)} clusters were reported on.\n{in_words(failures)}")
    if len(json.dumps(answer)) > LONGEST_ANSWER:
        for each in clusters:
            for noted in filter(None, (*each["periods"], each["projection"])):
                noted["note"] = ""
        answer["clusters"] = cut(clusters)
        answer["more_clusters"] = len(clusters) - len(answer["clusters"])
    return answer


def _total(clusters: Sequence[ClusterReport]) -> Total:
    past = [total(days, [each["periods"][number] for each in clusters]) for number, days in enumerate(PERIODS)]
    return {
        "periods": past,
        "projection": total(MONTH, [each["projection"] for each in clusters if each["projection"]]),
    }


def _of_region(prices: Prices, now: datetime, survey: Survey) -> Iterator[tuple[Cluster, Callable[[], ClusterReport]]]:
    """What is to be done for each tagged cluster of a Region; nothing where no events, and so no hours, are known."""
    classes = survey.classes
    for cluster in survey.tagged if survey.events is not None else ():
        price = partial(prices.of, cluster.snapshot, classes, cluster.region)
        yield cluster, partial(_of_cluster, cluster, (survey.events or {}).get(cluster.identifier, ()), now, price)


def _of_cluster(
    cluster: Cluster, events: "Sequence[EventTypeDef]", now: datetime, price_of: Callable[[], Price]
) -> ClusterReport:
    hours, coming = [past(cluster.snapshot, events, now, days) for days in PERIODS], None
    decision = decide(cluster, now)
    is_left = isinstance(decision, Decision) and decision.reason in (Reason.INVALID_TAG, Reason.INELIGIBLE)
    if isinstance(cluster.schedule, Schedule) and not is_left:
        coming = projected(cluster.schedule, now)
    # Where nothing is stopped, no price is needed.
    price = price_of() if any(each.stopped for each in (*hours, coming) if each) else Price(None)
    return {
        "cluster": cluster.identifier,
        "region": cluster.region,
        **of_account(cluster),
        "periods": [period(each, price.usd, price.note) for each in hours],
        "projection": period(coming, price.usd, price.note) if coming else None,
        "note": decision.message if is_left else "",
    }


def _send(answer: Report, now: datetime, suggest: Callable[[], tuple[Sequence[Suggestion], Sequence[Failure]]]) -> None:
    """Publish the report, as text, to the stack's topic, where it is due, and say so in it. Raises CallError.

    suggest: what to do about untagged clusters. Where it fails the message says so, and the report is none the worse.

    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    if (saved := answer["total"]["periods"][0]["saved_usd"]) is not None:
        metrics = EphemeralMetrics(namespace=NAMESPACE)  # single_metric sends them also where they are switched off
        metrics.add_metric(name="SavedUSD", unit=MetricUnit.NoUnit, value=saved)
        metrics.flush_metrics()
    how_often, stopped = os.environ.get("OFFICE_HOURS_REPORT", "weekly"), _reported(answer["total"])["stopped_hours"]
    in_days = "the last day" if how_often == "daily" else "the last 7 days"
    if how_often == "never":
        answer["not_sent"] = 'The setting "report" is "never".'
    elif how_often == "weekly" and now.weekday() != _MONDAY:
        answer["not_sent"] = 'The setting "report" is "weekly": it is sent on Mondays, UTC.'
    elif not answer["failures"] and not stopped:
        answer["not_sent"] = f"No cluster was stopped in {in_days}."
    else:
        boto3.client("sns", config=rds.CONFIG).publish(
            TopicArn=os.environ["OFFICE_HOURS_TOPIC"],
            Subject=f"Aurora Office Hours: {stopped:.1f} hours stopped in {in_days}",
            Message=_text(answer, now, *suggest()).encode()[:_LONGEST].decode(errors="ignore"),
        )
        answer["sent"] = True


def _text(answer: Report, now: datetime, suggested: Sequence[Suggestion], failures: Sequence[Failure]) -> str:
    """The report for people: all periods in all, then by cluster, the biggest saving first, then what to do next."""
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415  only what is sent needs it

    def saved(cluster: ClusterReport) -> tuple[float, float]:
        return _reported(cluster)["saved_usd"] or 0.0, _reported(cluster)["stopped_hours"]

    # Plain text, in which nothing is escaped, and what AWS says of a failure may have any characters.
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
        best=best(suggested),
        failures=in_words(failures).splitlines(),
        at=local(now, ZoneInfo("UTC")),
    )


def _reported(of: Total) -> Period:
    """The period that the message is about: the day or the week since the last one."""
    return of["periods"][PERIODS.index(1 if os.environ.get("OFFICE_HOURS_REPORT") == "daily" else 7)]
