"""What comes of a run: entries, the answer, the log, metrics, failures."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NotRequired, TypedDict, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from office_hours import rds
from office_hours.clock import utc
from office_hours.decision import Action, Decision, Reason
from office_hours.event import Event
from office_hours.settings import Cluster
from office_hours.text import some

NAMESPACE = "AuroraOfficeHours"  # of all our metrics
_MOST_CAUSES, _MOST = 20, 50  # in an error's text: causes, and names of each; invalid tags in a run's summary


def _as_json(value: object) -> str:
    return utc(value, "auto") if isinstance(value, datetime) else str(value)


# Plain ASCII, so that no character of a tag can control the terminal that shows the log.
logger = Logger(json_serializer=partial(json.dumps, default=_as_json), use_rfc3339=True, utc=True)


class RunError(Exception):
    """Some clusters or Regions could not be handled; all others were. Counts them, and names them by cause."""


Answer = dict[str, object]  # what a run returns, as in lambda/README.md


class Entry(TypedDict):
    """One cluster in an answer; lambda/README.md says what the keys mean."""

    cluster: str
    region: str
    status: str
    decision: str
    reason: str
    message: str
    next: str | None
    hold: NotRequired[str]
    by: NotRequired[str]
    error: NotRequired[str]


@dataclass(frozen=True)
class Outcome:
    """What became of a cluster.

    next: when its desired state may change next.
    effect: what came or would come of the decision, a sentence; empty if nothing.
    hold: the value of the hold tag that a command wrote or, in a dry run, would write.
    error: why RDS refused, because of the cluster's state.
    done: whether RDS has begun it.
    """

    cluster: Cluster
    decision: Decision
    next: datetime | None
    effect: str = ""
    hold: str | None = None
    error: str | None = None
    done: bool = False

    @property
    def entry(self) -> Entry:
        """The cluster's entry in the answer."""
        entry = {
            "cluster": self.cluster.identifier,
            "region": self.cluster.region,
            "status": self.cluster.status,
            "decision": self.decision.action.value,
            "reason": self.decision.reason.value,
            "message": f"{self.effect} {self.decision.message}".lstrip(),
            "next": utc(self.next) if self.next else None,
        }
        more = {"hold": self.hold, "by": self.decision.by, "error": self.error}
        return cast("Entry", {**entry, **{key: value for key, value in more.items() if value}})

    def logged(self, write: Callable[..., None], **more: object) -> "Outcome":
        """Log it, and return it: its message is the line's, everything else is keys."""
        keys: dict[str, object] = {**self.entry}
        keys["action"] = keys.pop("decision")
        write("%s: %s", self.cluster.identifier, keys.pop("message"), extra=keys | more)
        return self


@dataclass(frozen=True)
class Failure:
    """What could not be handled, and why.

    what: a cluster's name, or a Region in words.
    why: AWS's code and words, without the cluster's own name, so that clusters with one cause share a sentence.
    region: empty if it was in none.
    unlisted: whether not all clusters of its Region are known.
    denied: whether it is a Region that a policy denies.
    """

    what: str
    why: str
    region: str = ""
    unlisted: bool = False
    denied: bool = False


def failed(what: str, error: BaseException, *, unlisted: bool = False, denied: bool = False, **keys: str) -> Failure:
    """Log a failure with AWS's own words, and return it for the run's error."""
    code, words = rds.words(error)
    write, extra = logger.info if denied else logger.error, {**keys, "error_code": code, "error_message": words}
    trace = None if isinstance(error, (*rds.CallError, TimeoutError)) else error
    write("%s could not be handled: %s: %s", what, code, words, exc_info=trace, extra=extra)
    name = re.escape(what.rpartition("/")[2])
    why = re.sub(rf"(?<![\w-]){name}(?![\w-])", "...", " ".join(f"{code}: {words}".split()))
    return Failure(what, why, keys.get("region", ""), unlisted, denied)


def in_words(failures: Iterable[Failure]) -> str:
    """A line for each cause, with the names of everything that failed because of it."""
    by_cause = defaultdict[str, list[str]](list)
    for failure in failures:
        by_cause[failure.why].append(failure.what)
    lines = (f"{', '.join(some(sorted(names), _MOST))}: {cause}" for cause, names in by_cause.items())
    return "\n".join(some(sorted(lines), _MOST_CAUSES))


def report(  # noqa: PLR0913, PLR0917  all that an answer says
    action: Action, event: Event, now: datetime, outcomes: Sequence[Outcome], failures: list[Failure], denied: list[str]
) -> Answer:
    """A run's answer. Logs its summary and sends its metrics. Raises RunError for failures."""
    outcomes = sorted(outcomes, key=lambda each: each.cluster.name)
    answer: Answer = {
        "action": action.value,
        "time": utc(now),
        "dry_run": event.dry_run,
        "counts": Counter(sorted(each.decision.reason.value for each in outcomes)),
        "clusters": [each.entry for each in outcomes],
    }
    if denied:
        answer["denied_regions"] = denied
    invalid = [each for each in outcomes if each.decision.reason is Reason.INVALID_TAG]
    tags = some((f"{each.cluster.name}: {each.decision.message}" for each in invalid), _MOST)
    summary = {"clusters": len(outcomes), "failures": len(failures), "invalid_tags": tags}
    logger.info("%s run: %d clusters, %d failures", action, len(outcomes), len(failures), extra=answer | summary)
    if not event.dry_run:
        _send_metrics(action, event, outcomes, len(failures))
    if failures:
        head = f"{len(failures)} failed and {len(outcomes)} clusters were handled."
        again = "The next run tries again." if event.clusters is None else "Where no hold was written, ask again."
        raise RunError(f"{head} {again}\n{in_words(failures)}")
    return answer


def _send_metrics(action: Action, event: Event, outcomes: Sequence[Outcome], failures: int) -> None:
    """Send a run's metrics, as a line of the log."""
    counts = {
        "Failures": failures,
        "Refused": sum(bool(each.error) for each in outcomes),
        "Stopped" if action is Action.STOP else "Started": sum(each.done for each in outcomes),
    }
    if action is Action.STOP and event.clusters is None:  # the start function would count the same again
        counts["InvalidTags"] = sum(each.decision.reason is Reason.INVALID_TAG for each in outcomes)
        counts["OverdueClusters"] = sum(each.decision.overdue and not each.done for each in outcomes)
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()
