"""The simulated account: its clusters, and what people do to them in the simulated week."""

import json
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from office_hours.reporting.explain import LONGEST_TAG

REGION = "eu-central-1"
# A week and a day, with a public holiday on a working day: Christmas, on a Friday.
START = datetime(2026, 12, 21, tzinfo=UTC)
DAYS = 8
END = START + timedelta(days=DAYS)
EVERY = timedelta(minutes=5)  # how often the functions are invoked
# How long RDS takes. Real clusters take from a few minutes to a quarter of an hour, or more.
STOPPING = timedelta(minutes=6)
STARTING = timedelta(minutes=8)
MODIFYING = timedelta(minutes=35)

TAG_KEY = "office-hours"
# Wednesday night, in the middle of the timeline, so that a tag with `maintenance` shows.
MAINTENANCE_WINDOW = "wed:02:40-wed:03:10"
YOURS = "yours"  # the cluster with the user's own tag
WAITED_FOR = "reporting"  # the cluster with grace
NOTICE_MINUTES = 30
# US dollars an hour: made up, but close to what Aurora costs in many Regions.
SAMPLE_PRICES = {"db.r8g.large": 0.30, "db.r8g.2xlarge": 1.20}


class RefusedTagError(ValueError):
    """A tag value that RDS would refuse. The text is a sentence for the user."""


@dataclass(frozen=True)
class Cluster:
    """One cluster of the account.

    tag: its office-hours tag; None for a cluster without one.
    about: why it is here.
    global_database: the Aurora global database that it belongs to.
    instance_class: of its one instance, from SAMPLE_PRICES.
    used: when people are connected, as a tag would say it; "" if it doesn't matter.
    """

    name: str
    tag: str | None
    about: str
    global_database: str | None = None
    instance_class: str = "db.r8g.large"
    used: str = ""


@dataclass(frozen=True)
class Deed:
    """What a person does to a cluster by hand.

    at: when, on a full minute.
    action: `start`, `stop` or `modify`.
    event: the JSON that the function of that name is invoked with; "" if it is done in the AWS console.
    by: who does it.
    """

    at: datetime
    cluster: str
    action: str
    event: str = ""
    by: str = "alice"


CLUSTERS = (
    Cluster("shop", "mon-fri 08:00-18:00 Europe/Berlin holidays=DE", "stays off on Christmas Day"),
    Cluster(
        "crm",
        "mon-thu 07:30-19:00 fri 07:30-15:00 America/New_York holidays=US lead=15m",
        "is being modified at closing time on Tuesday",
        instance_class="db.r8g.2xlarge",
    ),
    Cluster(
        "etl",
        "mon-fri 22:00-06:00 UTC",
        "works at night, and is kept down over Christmas",
        instance_class="db.r8g.2xlarge",
    ),
    Cluster("qa", "mon-fri 08:00-18:00 Europe/Berlin", "somebody works late on Tuesday"),
    Cluster(
        "sandbox",
        "mon-fri 08:00-20:00 Europe/Berlin",
        "is stopped at noon: on Wednesday by the function, on Thursday in the AWS console",
    ),
    Cluster(
        WAITED_FOR,
        "mon-fri 08:00-18:30 Europe/Berlin grace=2h",
        "somebody is still connected at closing time on Tuesday",
        used="mon-fri 08:00-18:00 tue 08:00-19:20 Europe/Berlin",
    ),
    Cluster("release", "mon-fri 07:00-19:00 UTC", "is kept up over the weekend"),
    Cluster("billing", "mon-fri 07:00-19:00 Europe/London enforced", "is started on Tuesday night, and stopped again"),
    Cluster("month-end", "last-day 06:00-22:00 UTC", "is started by AWS after seven days"),
    Cluster("batch", "-19:00 Europe/London", "is stopped in the evening, and only started by people"),
    Cluster("search", "mno-fri 08:00-18:00 Europe/Berlin", "has a typo in its tag"),
    Cluster("orders", "mon-fri 07:00-20:00 UTC", "belongs to a global database", global_database="world"),
    Cluster("legacy", None, "has no tag, so nothing touches it", used="never"),
)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-12-{text}Z")


DEEDS = (
    Deed(_at("14T22:30"), "month-end", "stop"),
    Deed(_at("22T10:03"), "batch", "start"),
    Deed(_at("22T18:12"), "qa", "start", '{"clusters": ["qa"], "until": "22:00"}'),
    Deed(_at("22T21:33"), "billing", "start"),
    Deed(_at("22T23:50"), "crm", "modify"),
    Deed(_at("23T11:02"), "sandbox", "stop", '{"clusters": ["sandbox"]}'),
    Deed(_at("24T11:02"), "sandbox", "stop", by="bob"),
    Deed(_at("24T13:20"), "etl", "stop", '{"clusters": ["etl"], "until": "4d"}'),
    Deed(_at("25T16:40"), "release", "start", '{"clusters": ["release"], "until": "2026-12-28T07:00"}'),
    Deed(_at("28T09:17"), "batch", "start"),
)


def of_your_own(tag: str) -> Cluster:
    """A cluster with the user's own tag. Raises RefusedTagError if RDS would refuse it."""
    refused = dict.fromkeys(
        char for char in tag if unicodedata.category(char)[0] not in "LNZ" and char not in "_.:/=+-@"
    )
    if refused:
        names = " ".join(char if char.isprintable() else ascii(char)[1:-1] for char in refused)
        raise RefusedTagError(
            f"RDS refuses {names} in a tag's value: it only takes letters, digits, spaces and _ . : / = + - @."
        )
    if len(tag) > LONGEST_TAG:
        raise RefusedTagError(f"RDS refuses a tag's value of {len(tag)} characters: it takes at most {LONGEST_TAG}.")
    return Cluster(YOURS, tag, "your own tag")


def price_list() -> list[str]:
    """The sample prices as GetProducts answers them, for any Region and engine."""
    products = [
        {
            "product": {"attributes": {"usagetype": f"InstanceUsage:{name}", "instanceType": name}},
            "terms": {"OnDemand": {"term": {"priceDimensions": {"hour": {"pricePerUnit": {"USD": str(usd)}}}}}},
        }
        for name, usd in SAMPLE_PRICES.items()
    ]
    return [json.dumps(each) for each in products]
