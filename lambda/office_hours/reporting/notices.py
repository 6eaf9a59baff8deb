"""Notices before scheduled stops: one message a run, for people who may want to keep a cluster up.

Each stop is announced once, by the clock alone: a run announces the stops that come within `noticeMinutes` of it, but
not those that an earlier run announced. It does so in its first minute only, since Lambda waits a minute before it
retries a failed run. So a run that is late or missing announces nothing, and no stop is announced twice.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import os
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta

import boto3
from botocore.config import Config

from office_hours import rds
from office_hours.answer import Outcome, failed
from office_hours.clock import local, utc
from office_hours.decision import Action, Reason
from office_hours.event import Event
from office_hours.reporting.hours import coming_spans, next_start
from office_hours.run import Order
from office_hours.schedule import State

_MOST = 20  # clusters in a message
_LONGER = timedelta(hours=2)
_LEFT = (Reason.HELD, Reason.AS_SCHEDULED, Reason.CHANGED_BY_HAND, Reason.IN_USE)
# An attempt whose answer is lost may have sent it, so there is no retry.
_CONFIG = rds.IMPATIENT.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))


def send(order: Order, outcomes: Sequence[Outcome]) -> None:
    """Announce the stops that are this run's to announce, if there are any."""
    minute, every = order.now.replace(second=0, microsecond=0), order.settings.every_minutes
    if order.event != Event() or minute.minute % every:
        return
    until = minute + timedelta(minutes=order.settings.notice_minutes)
    after = until - timedelta(minutes=every)
    try:
        stops = [(at, each) for each in outcomes if (at := stop_of(each, order.now, after, until))]
        if stops:
            sns = boto3.client("sns", config=_CONFIG)
            text = message(sorted(stops, key=lambda stop: (stop[0], stop[1].cluster.name)), sns.meta.region_name)
            sns.publish(TopicArn=os.environ["OFFICE_HOURS_NOTICES"], MessageStructure="json", **text)
    except Exception as error:  # noqa: BLE001  notices never fail what is stopped and started
        order.failures.append(failed("Sending the notices", error))


def stop_of(outcome: Outcome, now: datetime, after: datetime, until: datetime) -> datetime | None:
    """When this cluster will be stopped, if it is up and that is after `after` and not after `until`."""
    cluster, decision, schedule = outcome.cluster, outcome.decision, outcome.cluster.schedule
    is_up = cluster.status == "available" and decision.action is Action.LEAVE and decision.reason in _LEFT
    if not is_up or not schedule:
        return None
    coming, stops = coming_spans(schedule, cluster.hold, now, until + timedelta(minutes=1)), list[datetime]()
    if decision.reason is Reason.IN_USE:  # it stops when its grace ends, unless anything else comes before
        grace, is_up = decision.until, False
        stops += [grace] if grace and grace < coming[0].end else []
    for change in coming[1:]:
        stops += [change.start] if is_up and change.state is State.STOPPED else []
        is_up = change.state is State.RUNNING
    return min((each for each in stops if after < each <= until), default=None)


def message(stops: list[tuple[datetime, Outcome]], region: str) -> dict[str, str]:
    """The subject, and the texts for mail and for chat, which Amazon Q Developer gets over HTTPS.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    at, first = stops[0][0], stops[0][1].cluster
    what = f"{first.identifier} stops" if len(stops) == 1 else f"{len(stops)} clusters stop"
    lines = [_line(*stop) for stop in stops[:_MOST]] + [f"And {len(stops) - _MOST} more."] * (len(stops) > _MOST)
    event = json.dumps({"clusters": first.name, "until": utc(at + _LONGER)})
    command = f"aws lambda invoke --function-name {rds.USER_AGENT}-start --region {region}"
    ready = f"echo {shlex.quote(event)} | {command} --payload fileb:///dev/stdin /dev/stdout"
    keep, subject = f"To keep {first.identifier} up for two hours longer:", f"Aurora Office Hours: {what} soon"
    # For the buttons, which keep up every cluster of the notice. Too many clusters get no buttons.
    context = {
        "clusters": ",".join(outcome.cluster.name for _, outcome in stops),
        "longer": utc(stops[-1][0] + _LONGER),
        "tomorrow": utc(max(_next_start(*stop) for stop in stops)),
    }
    chat = {
        "version": "1.0",
        "source": "custom",
        "content": {"title": subject, "description": "\n".join(lines), "nextSteps": [f"{keep} `{ready}`"]},
        "metadata": {"additionalContext": context if len(stops) <= _MOST else {}},
    }
    texts = {"default": "\n".join([*lines, "", keep, "", ready]), "https": json.dumps(chat)}
    return {"Subject": subject, "Message": json.dumps(texts)}


def _next_start(at: datetime, outcome: Outcome) -> datetime:
    """When a cluster that stops at this instant starts again, a day later at the latest."""
    schedule, a_day_later = outcome.cluster.schedule, at + timedelta(days=1)
    start = next_start(schedule, at) if schedule else None
    return min(start or a_day_later, a_day_later)


def _line(at: datetime, outcome: Outcome) -> str:
    cluster, later = outcome.cluster, ""
    if cluster.schedule and cluster.schedule.grace and outcome.decision.reason != Reason.IN_USE:
        latest = at + timedelta(minutes=cluster.schedule.grace)
        later = f", or up to {local(latest, cluster.zone)} while somebody is connected"
    return f"{cluster.name} stops on {local(at, cluster.zone)}{later}."
