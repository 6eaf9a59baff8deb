"""What a tag costs: to parse it, and to decide by it. All is the processor's time, in seconds."""

import gc
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from office_hours.decision import decide
from office_hours.schedule import Schedule, ScheduleError
from office_hours.settings import Cluster

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef

NOW = datetime(2026, 11, 24, 18, 2, tzinfo=UTC)
LONGEST = 256  # RDS's limit for a tag's value
REPEATS = 200
DISTINCT = 1000
MAINTENANCE = "sun:05:00-sun:05:30"
SNAPSHOT: "DBClusterTypeDef" = {
    "Engine": "aurora-postgresql",
    "Status": "available",
    "DBClusterMembers": [{"DBInstanceIdentifier": "orders-1"}],
}
COUNTRIES = ("SA", "IL", "CN", "IN", "US", "IR", "MY", "ID", "TH", "KR", "JP", "VN", "LK", "PK", "BD", "EG")
TYPICAL = (
    "mon-fri 08:00-18:00 Europe/Berlin",
    "weekdays 07:00-19:00 America/New_York",
    "daily 06:00-22:00",
    "mon-thu 07:30-19:00 fri 07:30-15:00 Europe/London",
    "daily 22:00-06:00 UTC",
    "-19:00 Europe/London",
    "weekdays 08:00- Asia/Kolkata",
    "mon-fri 08:00-18:00 sat 10:00-14:00 Europe/Paris lead=20m",
)
FILLERS = (
    *("00:00-00:01", "feb d29 00:00-00:01", "feb 5th-sun 00:00-00:01", "d31 23:59-23:58", "last-day 23:59-00:01"),
    *("5th-mon+5th-tue+5th-wed 02:00-03:00", "closed=0001-01-01:9999-12-31", "closed=2026-01-01:2035-12-31"),
    *("08:00-", "-19:00", "lead=23h", "closed=2026-11-24", "holidays=US", "holidays=DE-BY", "holidays=IN"),
    *("maintenance", "Europe/Berlin", "Amrica/New_York", "jan-dec mon-sun 00:00-23:59"),
    "feb+apr+jun+sep+nov d31+5th-mon 01:00-02:00",
)


@dataclass(frozen=True)
class Costs:
    """For a typical tag after the first time, for 1,000 distinct ones in all, and for each hostile one."""

    typical: float
    distinct: float
    hostile: dict[str, float]


def handle(tag: str, at: datetime) -> None:
    """What a run does for a cluster with this tag. One that cannot be read is told, and that is all."""
    try:
        cluster = Cluster("", "", SNAPSHOT, Schedule.parse(tag, maintenance_window=MAINTENANCE))
    except ScheduleError as error:
        cluster = Cluster("", "", SNAPSHOT, None, problem=str(error))
    decide(cluster, at)


def distinct() -> list[str]:
    """As many tags as a big account may have, no two alike."""
    chance = random.Random(7)  # noqa: S311  the same tags each time
    zones = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC")
    days = ("mon-fri", "weekdays", "daily", "mon-thu", "mon-sat", "fri-mon", "tue+thu")
    options = ("", "", "", "", "holidays=DE", "lead=15m", "closed=2026-12-24:2027-01-01", "enforced", "maintenance")
    found: set[str] = set()
    while len(found) < DISTINCT:
        begin, end = 5 + chance.randrange(6), 15 + chance.randrange(8)
        hours = f"{begin:02}:{chance.randrange(12) * 5:02}-{end}:{chance.randrange(12) * 5:02}"
        found.add(f"{chance.choice(days)} {hours} {chance.choice(zones)} {chance.choice(options)}".strip())
    return sorted(found)


def hostile(by_chance: int) -> Iterator[str]:
    """Tags that are as long as may be, and made to be slow; so many of them by chance."""
    yield from (letter * LONGEST for letter in ("x", "+", "-", ":", "1", " ", "/"))
    yield from ("mon" + "+mon" * 63, "mon" + "+mno" * 63, "mon-" * 64, "Europe/Berlin" * 19, "europe/berlinn" * 18)
    windows = " ".join(f"00:{minute:02}-00:{minute + 1:02}" for minute in range(0, 36, 2))
    yield from (f"{windows} lead=1440m", f"{windows} closed=2000-01-01:2050-12-31")
    yield _full(["daily 08:00-18:00", *(f"holidays={country}" for country in COUNTRIES)])
    yield from ("holidays=" + "D" * 247, "closed=" + "9" * 249, "lead=" + "9" * 251, "holidays=US-" + "X" * 244)
    for filler in FILLERS:
        yield _full([filler] * LONGEST)
        yield _full(["feb 5th-mon 00:00-00:01 Europe/Dublin", *[filler] * LONGEST])
        yield _full(["feb d29 00:00-00:01 closed=2027-01-01:2036-12-31 holidays=US", *[filler] * LONGEST])
    chance = random.Random(7)  # noqa: S311  the same tags each time
    words = sorted({word for tag in (*TYPICAL, *FILLERS) for word in tag.split()})
    for _ in range(by_chance):
        yield _full([chance.choice(words) for _ in range(LONGEST)])


def _full(words: Sequence[str]) -> str:
    """As many of the words as fit."""
    tag = ""
    for word in words:
        if len(tag) + len(word) + 1 > LONGEST:
            break
        tag = f"{tag} {word}".strip()
    return tag


def seconds(tags: Sequence[str], instants: Sequence[datetime]) -> float:
    began = time.process_time()
    for tag in tags:
        for at in instants:
            handle(tag, at)
    return time.process_time() - began


def repeated(tag: str) -> float:
    """What a tag takes after the first time, when each decision is for another instant, as each run's is."""
    handle(tag, NOW)
    return seconds([tag], [NOW + timedelta(minutes=47 * number) for number in range(REPEATS)]) / REPEATS


def measure(by_chance: int) -> Costs:
    gc.disable()  # what one tag left would be swept up at the cost of another
    try:
        # What is imported for the first one is not a tag's cost.
        handle("mon 09:00-17:00 Europe/Madrid holidays=ES", NOW)
        of_distinct = seconds(distinct(), [NOW])
        costly = {tag: seconds([tag], [NOW]) for tag in hostile(by_chance)}
        return Costs(median(repeated(tag) for tag in TYPICAL), of_distinct, costly)
    finally:
        gc.enable()
