"""What the tool itself costs in a month: a table, computed from measured figures and the prices that AWS publishes.

Nothing of it was measured in an AWS account, whose processors may be faster or slower than the one that measured.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

# --- What is assumed.

DAYS, WORKDAYS, HOURS = 30, 22, 720
EVERY_MINUTES, KEPT_DAYS = 5, 90
RUNS = DAYS * 24 * 60 // EVERY_MINUTES  # of a function
# All clusters stop in one run, and where grace is used, all of it is: for two hours after that.
IN_GRACE = 120 // EVERY_MINUTES - 1
WEEKLY = DAYS / 7
# The kinds of invocations: of which function they are, and how many a month has.
KINDS: Mapping[str, tuple[str, float]] = {
    "start": ("start", RUNS - WORKDAYS),
    "stop": ("stop", RUNS - (2 + IN_GRACE) * WORKDAYS),
    "notice": ("stop", WORKDAYS),  # `noticeMinutes` before the clusters stop
    "acting": ("stop", 2 * WORKDAYS),  # to start them takes as much
    "grace": ("stop", IN_GRACE * WORKDAYS),
    "report": ("report", DAYS - WEEKLY),
    "message": ("report", WEEKLY),
    # The dashboard is open for an hour of each workday, and refreshes itself every minute, but for what it suggests.
    "page": ("status", 60 * WORKDAYS),
    "suggest": ("report", WORKDAYS),
}
ON_DASHBOARD = "page", "suggest"
# RDS's answer to a call, in seconds.
ANSWER = 0.03
# With so much memory a function has a whole processor, with less a share of one.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_OF_A_PROCESSOR = 1769
# Lambda's own three lines on an invocation, and what CloudWatch adds to each line when it counts bytes.
LAMBDA_LINES, LAMBDA_BYTES, LINE_BYTES = 3, 250, 26


@dataclass(frozen=True)
class Work:
    """What one invocation was seen to take.

    cpu: seconds of a whole processor.
    calls: of AWS's APIs.
    answers: for how many of their answers it waits, one after the other.
    log: bytes, and `lines` of it.
    metrics: those that it sends.
    metrics_read: how many it asks CloudWatch for.
    """

    cpu: float
    calls: float
    answers: float
    log: int
    lines: int
    metrics: frozenset[str]
    metrics_read: float

    def gb_seconds(self, memory: int) -> float:
        """What Lambda bills for it, to a function with so many MB: its time is billed while it waits, too."""
        share = min(1, memory / MB_OF_A_PROCESSOR)
        return (self.cpu / share + self.answers * ANSWER) * memory / 1024

    @property
    def bytes_of_log(self) -> int:
        return self.log + self.lines * LINE_BYTES + LAMBDA_BYTES + LAMBDA_LINES * LINE_BYTES


@dataclass(frozen=True)
class Month:
    """What is billed for a month, apart from what it costs; and the calls, which are not."""

    requests: float
    scheduled: float
    calls: float
    gb_seconds: float
    log_gb: float
    metrics: float
    alarm_metrics: float
    dashboards: float
    metrics_read: float

    def items(self) -> list[tuple[str, float, float, float]]:
        """A column of the table, how much is used, its price, and how much of it AWS gives away each month, for good.

        US dollars, us-east-1, as published in November 2026. What is free is an account's, or an organization's.
        https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/eventbridge/pricing/
        https://aws.amazon.com/cloudwatch/pricing/
        """
        months_kept = KEPT_DAYS / DAYS
        return [
            ("Lambda, Scheduler", self.gb_seconds, 0.0000133334, 400_000),  # on Arm
            ("Lambda, Scheduler", self.requests, 0.20 / 1e6, 1_000_000),
            ("Lambda, Scheduler", self.scheduled, 1.00 / 1e6, 14_000_000),  # by EventBridge Scheduler
            # Of the free 5 GB, what is kept counts like what is written.
            ("logs", self.log_gb, 0.50 + 0.03 * months_kept, 5 / (1 + months_kept)),
            ("metrics", self.metrics, 0.30, 10),  # in proportion to the hours in which they are sent
            ("alarms", self.alarm_metrics, 0.10, 10),
            ("dashboard", self.dashboards, 3.00, 3),
            ("metrics read", self.metrics_read, 0.01 / 1000, 0),  # by GetMetricData, for four weeks of one as well
        ]

    def costs(self) -> dict[str, float]:
        """At list price."""
        columns: dict[str, float] = {}
        for column, used, price, _ in self.items():
            columns[column] = columns.get(column, 0) + used * price
        return columns

    def cost_beyond_what_is_free(self) -> float:
        """In an account, or an organization, that uses none of it otherwise."""
        return sum(max(0, used - free) * price for _, used, price, free in self.items())


def month(work: Mapping[str, Work], memory: Mapping[str, int], alarm_metrics: int, dashboards: int) -> Month:
    """What a month of this work is: of each kind, what one invocation takes.

    memory: each function's, in MB.
    """
    done: list[tuple[float, int, Work]] = []
    hours: dict[str, float] = {}
    for kind, each in work.items():
        function, times = KINDS[kind]
        times *= dashboards if kind in ON_DASHBOARD else 1
        done.append((times, memory[function], each))
        for metric in each.metrics:
            hours[metric] = min(HOURS, hours.get(metric, 0) + times)
    return Month(
        requests=sum(times for times, _, _ in done),
        scheduled=2 * RUNS + DAYS,
        calls=sum(times * each.calls for times, _, each in done),
        gb_seconds=sum(times * each.gb_seconds(size) for times, size, each in done),
        log_gb=sum(times * each.bytes_of_log for times, _, each in done) / 1e9,
        metrics=sum(hours.values()) / HOURS,
        alarm_metrics=alarm_metrics,
        dashboards=dashboards,
        metrics_read=sum(times * each.metrics_read for times, _, each in done),
    )


def together(months: Iterable[Month]) -> Month:
    """What several accounts take."""
    return Month(*map(sum, zip(*map(astuple, months), strict=True)))


def table(months: Mapping[str, Month]) -> str:
    """The one in infra/README.md, in Markdown: a row for each variant; what is measured, then US dollars."""
    prices = next(iter(months.values())).costs()
    head = ["", "calls", "GB-seconds", "log, MB", *prices, "**in all**", "beyond what is free"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, each in months.items():
        costs = [*each.costs().values()]
        measured = [f"{figure:,.0f}" for figure in (each.calls, each.gb_seconds, each.log_gb * 1000)]
        in_all = [f"**{sum(costs):.2f}**", f"{each.cost_beyond_what_is_free():.2f}"]
        lines.append([name, *measured, *(f"{cost:.2f}" for cost in costs), *in_all])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
