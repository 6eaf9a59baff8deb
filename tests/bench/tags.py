"""What a tag costs: to parse it, and to decide by it. `python -m bench.tags [HOSTILE]` measures it, and tells in JSON.

All is the processor's time. Each decision is for another instant, as each run's is.
"""

import gc
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
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
HOSTILE = 600  # by chance, beside those that are written down
MAINTENANCE = "sun:05:00-sun:05:30"
COUNTRIES = (
    ("SA", "IL", "CN", "IN", "US", "IR", "MY", "ID", "TH", "KR", "JP", "VN", "LK", "PK", "BD", "EG"),
    ("ES-CT", "IT-BZ", "CH-ZH", "AU-NSW", "CA-QC", "BR-SP", "GB-SCT", "DE-BY", "US-NY", "PT-11", "FR-57", "AT-9"),
)
SNAPSHOT: "DBClusterTypeDef" = {
    "DBClusterIdentifier": "orders",
    "Engine": "aurora-postgresql",
    "Status": "available",
    "EngineMode": "provisioned",
    "DBClusterMembers": [{"DBInstanceIdentifier": "orders-1", "IsClusterWriter": True}],
    "ClusterCreateTime": datetime(2025, 1, 1, tzinfo=UTC),
}
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
HARDEST = (
    (
        "jan-mar mon-fri 07:00-20:00 apr-oct mon-fri 08:00-18:00 nov-dec weekdays 06:00-22:00 Europe/Paris holidays=FR "
        "closed=2026-12-24:2027-01-01 closed=2027-05-14 lead=15m"
    ),
    "1st-mon 06:00-22:00 last-fri 00:00-24:00 d28-d31 22:00-06:00 America/New_York holidays=US-NY maintenance",
    "nov-feb 5th-sun 01:30-02:30 feb d29 00:00-24:00 jan-dec last-day 23:00-01:00 Europe/London holidays=GB lead=90m",
)


def handle(tag: str, at: datetime) -> None:
    """What a run does for a cluster with this tag. One that cannot be read is told, and that is all."""
    try:
        schedule = Schedule.parse(tag, maintenance_window=MAINTENANCE)
    except ScheduleError as error:
        decide(Cluster("", "", SNAPSHOT, error), at)
    else:
        decide(Cluster("", "", SNAPSHOT, schedule), at)


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
        words = (chance.choice(days), hours, chance.choice(zones), chance.choice(options))
        found.add(" ".join(word for word in words if word))
    return sorted(found)


FILLERS = (
    "00:00-00:01, feb d29 00:00-00:01, feb 5th-sun 00:00-00:01, d31 23:59-23:58, last-day 23:59-00:01, lead=23h, "
    "5th-mon+5th-tue+5th-wed 02:00-03:00, closed=0001-01-01:9999-12-31, closed=2026-01-01:2035-12-31, 08:00-, -19:00, "
    "closed=2026-11-24, holidays=US, holidays=DE-BY, holidays=IN, maintenance, Europe/Berlin, Amrica/New_York, "
    "jan-dec mon-sun 00:00-23:59, feb+apr+jun+sep+nov d31+5th-mon 01:00-02:00"
)


def hostile(by_chance: int = HOSTILE) -> Iterator[str]:
    """Tags that are as long as may be, and made to be slow."""
    yield from ("x" * LONGEST, "+" * LONGEST, "-" * LONGEST, ":" * LONGEST, "1" * LONGEST, " " * LONGEST, "/" * LONGEST)
    yield from ("mon" + "+mon" * 63, "mon" + "+mno" * 63, "mon-" * 64, "Europe/Berlin" * 19, "europe/berlinn" * 18)
    yield from (_full(["daily 08:00-18:00", *(f"holidays={country}" for country in some)]) for some in COUNTRIES)
    yield from ("holidays=" + "D" * 247, "closed=" + "9" * 249, "lead=" + "9" * 251, "holidays=US-" + "X" * 244)
    fillers = FILLERS.split(", ")
    for filler in fillers:
        yield _full([filler] * LONGEST)
        yield _full(["feb 5th-mon 00:00-00:01 Europe/Dublin", *[filler] * LONGEST])
        yield _full(["feb d29 00:00-00:01 closed=2027-01-01:2036-12-31 holidays=US", *[filler] * LONGEST])
    further = " ".join(f"closed={year}-01-01:{year + 9}-12-31" for year in range(2026, 2126, 10))
    for begins in ("feb d29", "feb 5th-sun", "daily", "last-day", "dec d31"):
        yield _full(f"{begins} 00:00-00:01 America/Santiago {further}".split())
    chance = random.Random(7)  # noqa: S311  the same tags each time
    words = sorted({word for tag in (*TYPICAL, *HARDEST, *fillers) for word in tag.split()})
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
    """What a tag takes after the first time."""
    handle(tag, NOW)
    return seconds([tag], [NOW + timedelta(minutes=47 * number) for number in range(REPEATS)]) / REPEATS


def main(by_chance: int) -> None:
    # What one tag left would be swept up at the cost of another.
    gc.disable()
    # What is imported for the first one is not a tag's cost.
    handle("mon 09:00-17:00 Europe/Madrid holidays=ES", NOW)
    of_distinct = seconds(distinct(), [NOW])
    json.dump(
        {
            "typical": median(repeated(tag) for tag in TYPICAL),
            "hardest": max(repeated(tag) for tag in HARDEST),
            "distinct": of_distinct,
            "hostile": {tag: seconds([tag], [NOW]) for tag in hostile(by_chance)},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else HOSTILE)
