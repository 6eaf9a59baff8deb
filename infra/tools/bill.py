"""What the tool itself costs in a month: a table, computed from measured figures and the prices that AWS publishes.

Nothing of it was measured in an AWS account, whose processors may be faster or slower than the one that measured.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

# --- Prices in US dollars, us-east-1, as published in November 2026, without what AWS gives away each month.

GB_SECOND = 0.0000133334  # on Arm; https://aws.amazon.com/lambda/pricing/
REQUEST = 0.20 / 1e6
SCHEDULED = 1.00 / 1e6  # an invocation by EventBridge Scheduler; https://aws.amazon.com/eventbridge/pricing/
LOG_GB = 0.50  # https://aws.amazon.com/cloudwatch/pricing/
LOG_GB_KEPT = 0.03  # a month
METRIC = 0.30  # in proportion to the hours in which it is sent
ALARM_METRIC = 0.10
METRIC_READ = 0.01 / 1000  # by GetMetricData, of which AWS gives nothing away; for four weeks of one metric as well
DASHBOARD = 3.00
# Of these, AWS gives away so many each month, for good, to an account in all.
FREE_GB_SECONDS, FREE_REQUESTS, FREE_SCHEDULED = 400_000, 1_000_000, 14_000_000
FREE_LOG_GB, FREE_METRICS, FREE_ALARM_METRICS, FREE_DASHBOARDS = 5, 10, 10, 3

# --- What is assumed.

DAYS, WORKDAYS, HOURS = 30, 22, 720
EVERY_MINUTES, KEPT_DAYS = 5, 90
# Each cluster is stopped and started on each workday, all of them in the same two runs.
ACTING_RUNS = 2 * WORKDAYS
# The dashboard is open for an hour of each workday, and refreshes itself every minute.
VIEWS = 60 * WORKDAYS
# What it suggests for untagged clusters is read when it is opened, not when it refreshes; and for each weekly message.
OPENED, MESSAGES = WORKDAYS, DAYS / 7
# Where grace is used, all of it is: at each run of two hours of a workday a cluster's connections are looked up.
GRACE_LOOK_UPS = 120 // EVERY_MINUTES * WORKDAYS
# RDS's answer to a call, in seconds.
ANSWER = 0.03
# With so much memory a function has a whole processor, with less a share of one.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_OF_A_PROCESSOR = 1769
# What the stack's settings leave out.
_SWITCHED_OFF = {
    "with `dashboard: false`": ("dashboard",),
    "with `alarms: false`": ("alarms",),
    "with both": ("dashboard", "alarms"),
}
# Lambda's own three lines on an invocation, and what CloudWatch adds to each line when it counts bytes.
LAMBDA_LINES, LAMBDA_BYTES, LINE_BYTES = 3, 250, 26


@dataclass(frozen=True)
class Work:
    """What one invocation was seen to take.

    cpu: seconds of a whole processor.
    answers: for how many calls' answers it waits, one after the other.
    log: bytes, and `lines` of it.
    metrics: those that it sends.
    """

    cpu: float
    answers: float
    log: int
    lines: int
    metrics: frozenset[str]

    def gb_seconds(self, memory: int) -> float:
        """What Lambda bills for it, to a function with so many MB: its time is billed while it waits, too."""
        share = min(1, memory / MB_OF_A_PROCESSOR)
        return (self.cpu / share + self.answers * ANSWER) * memory / 1024

    @property
    def bytes_of_log(self) -> int:
        return self.log + self.lines * LINE_BYTES + LAMBDA_BYTES + LAMBDA_LINES * LINE_BYTES


@dataclass(frozen=True)
class Month:
    """What is billed for a month, apart from what it costs.

    untagged: clusters without a tag, for which tags are suggested.
    """

    runs: int
    views: int
    reports: int
    gb_seconds: float
    log_gb: float
    metrics: float
    alarm_metrics: int
    dashboards: int = 1
    untagged: int = 0

    @property
    def requests(self) -> int:
        return self.runs + self.views + self.reports

    @property
    def metrics_read(self) -> float:
        return (self.dashboards * OPENED + MESSAGES) * self.untagged

    def costs(self) -> dict[str, float]:
        """At list price."""
        return {
            "Lambda": self.gb_seconds * GB_SECOND + self.requests * REQUEST,
            "EventBridge Scheduler": (self.runs + self.reports) * SCHEDULED,
            "logs": self.log_gb * (LOG_GB + LOG_GB_KEPT * KEPT_DAYS / DAYS),
            "metrics": self.metrics * METRIC,
            "alarms": self.alarm_metrics * ALARM_METRIC,
            "dashboard": self.dashboards * (DASHBOARD + OPENED * self.untagged * METRIC_READ),
            "suggestions in the message": MESSAGES * self.untagged * METRIC_READ,
        }

    def cost_beyond_what_is_free(self) -> float:
        """In an account that uses none of it otherwise."""

        def beyond(used: float, free: float) -> float:
            return max(0, used - free)

        return (
            beyond(self.gb_seconds, FREE_GB_SECONDS) * GB_SECOND
            + beyond(self.requests, FREE_REQUESTS) * REQUEST
            + beyond(self.runs + self.reports, FREE_SCHEDULED) * SCHEDULED
            # What is kept counts like what is written.
            + beyond(1, FREE_LOG_GB / (self.log_gb * (1 + KEPT_DAYS / DAYS))) * self.costs()["logs"]
            + beyond(self.metrics, FREE_METRICS) * METRIC
            + beyond(self.alarm_metrics, FREE_ALARM_METRICS) * ALARM_METRIC
            + beyond(self.dashboards, FREE_DASHBOARDS) * DASHBOARD
            + self.metrics_read * METRIC_READ
        )


def month(work: Mapping[str, Work], memory: Mapping[str, int], alarm_metrics: int, untagged: int = 0) -> Month:
    """What a month of this work is.

    work: of a run of `stop` and of `start` that leaves all clusters as they are, of one that acts on all of them
        (`acting`), of a `status` and of a `report`.
    memory: each function's, in MB.
    """
    runs = 2 * DAYS * 24 * 60 // EVERY_MINUTES
    times = {
        "stop": runs / 2 - ACTING_RUNS / 2,
        "start": runs / 2 - ACTING_RUNS / 2,
        "acting": ACTING_RUNS,
        "status": VIEWS,
        "report": DAYS,
    }
    sized = {"acting": memory["stop"], **memory}
    hours: dict[str, float] = {}
    for name, each in work.items():
        for metric in each.metrics:
            hours[metric] = min(HOURS, hours.get(metric, 0) + times[name])
    return Month(
        runs=runs,
        views=VIEWS,
        reports=DAYS,
        gb_seconds=sum(times[name] * each.gb_seconds(sized[name]) for name, each in work.items()),
        log_gb=sum(times[name] * each.bytes_of_log for name, each in work.items()) / 1e9,
        metrics=sum(hours.values()) / HOURS,
        alarm_metrics=alarm_metrics,
        untagged=untagged,
    )


# What is measured, and how it is written.
_ROWS: Mapping[str, Callable[[Month], str]] = {
    "runs of stop and start": lambda month: f"{month.runs:,}",
    "refreshes of the dashboard, reports": lambda month: f"{month.views:,}, {month.reports}",
    "GB-seconds": lambda month: f"{month.gb_seconds:,.0f}",
    "log": lambda month: f"{month.log_gb * 1000:,.0f} MB",
    "metrics of its own, full months": lambda month: f"{month.metrics:.1f}",
    "metrics in alarms": lambda month: f"{month.alarm_metrics}",
    "dashboards": lambda month: f"{month.dashboards}",
    "metrics read, for as many untagged clusters": lambda month: f"{month.metrics_read:,.0f}",
}


def table(months: Mapping[int, Month]) -> str:
    """The one in infra/README.md, in Markdown: a column for each number of clusters."""
    costs = [each.costs() for each in months.values()]
    rows = [("", [f"{clusters:,} clusters" for clusters in months])]
    rows += [(words, [write(each) for each in months.values()]) for words, write in _ROWS.items()]
    rows += [(f"{what}, USD", [f"{each[what]:.2f}" for each in costs]) for what in costs[0]]
    rows.append(("**in all, USD a month**", [f"**{sum(each.values()):.2f}**" for each in costs]))
    rows += [(words, _without(costs, parts)) for words, parts in _SWITCHED_OFF.items()]
    rows.append(("beyond what AWS gives away", [f"{each.cost_beyond_what_is_free():.2f}" for each in months.values()]))
    grace = [f"{clusters * GRACE_LOOK_UPS * METRIC_READ:.2f}" for clusters in months]
    rows.append(("beside these, where all have `grace=2h` and use it up", grace))
    head, *lines = (f"| {first} | {' | '.join(others)} |" for first, others in rows)
    return "\n".join([head, f"| --- |{' ---: |' * len(months)}", *lines])


def _without(costs: Sequence[Mapping[str, float]], parts: Collection[str]) -> list[str]:
    return [f"{sum(cost for what, cost in each.items() if what not in parts):.2f}" for each in costs]
