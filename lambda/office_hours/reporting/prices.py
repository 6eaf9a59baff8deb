"""What an hour of a cluster's instances costs: the only module that talks to AWS's Price List API.

These are list prices on demand, in US dollars, for the cluster as configured now: reserved instances, savings plans,
other discounts, Extended Support and taxes are not known here. Storage is left out, since a stopped cluster pays for it
as well, and so are I/O requests: how many were saved is not known.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from office_hours.rds import CallError, words

if TYPE_CHECKING:
    from types_boto3_rds.type_defs import DBClusterTypeDef

# USD for an hour of an instance class, or of a capacity unit of SERVERLESS, with I/O-Optimized storage (True) or not.
PriceList = Mapping[tuple[str, bool], float]

SERVERLESS = "db.serverless"
_ENGINES = {"aurora-mysql": "Aurora MySQL", "aurora-postgresql": "Aurora PostgreSQL"}
# `EU-InstanceUsageIOOptimized:db.r6g.2xl`: the class is shortened here, and whole in the attribute `instanceType`.
_USAGE_TYPE = re.compile(r"InstanceUsage(?:IOOptimized)?:|Aurora:ServerlessV2(?:IOOptimized)?Usage$")
_ENDPOINT = "us-east-1"  # one of the three Regions that have one; each knows the prices of all
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=20)


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of a running cluster costs; None where that is not known. The note says why, or why it's a guess."""

    usd: float | None
    note: str = ""


def fetch(region: str, engine: str) -> PriceList:
    """The prices of an engine (`Aurora MySQL`) in a Region: a few pages, for all its classes.

    Where there are several for one class, the list says too little to choose, and none is taken.
    """
    wanted = {"regionCode": region, "databaseEngine": engine}
    pages = boto3.client("pricing", region_name=_ENDPOINT, config=_CONFIG).get_paginator("get_products")
    answers = pages.paginate(
        ServiceCode="AmazonRDS",
        Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
        PaginationConfig={"PageSize": 100},
    )
    prices = defaultdict[tuple[str, bool], set[float]](set)
    for text in (product for answer in answers for product in answer.get("PriceList", ())):
        with suppress(ValueError, LookupError, TypeError, AttributeError):  # what can't be read is left out
            product = json.loads(text)
            attributes = product["product"]["attributes"]
            if usage_type := _USAGE_TYPE.search(attributes["usagetype"]):
                instance_class = attributes["instanceType"] if usage_type[0].endswith(":") else SERVERLESS
                terms = product["terms"]["OnDemand"].values()
                charges = [charge["pricePerUnit"] for term in terms for charge in term["priceDimensions"].values()]
                found = {float(charge["USD"]) for charge in charges} - {0.0}  # what costs nothing is a preview
                prices[instance_class, "IOOptimized" in usage_type[0]] |= found
    return {key: min(usd) for key, usd in prices.items() if len(usd) == 1}


class Prices:
    """The prices that one run needs. Each list is asked for once."""

    def __init__(self) -> None:
        self._list, self._lock = cache(_read), Lock()  # many places need the same list at once

    def of(self, snapshot: "DBClusterTypeDef", classes: Sequence[str], region: str) -> Price:
        """What an hour of this cluster costs while it runs: the sum over its instances, whose classes are given.

        Serverless v2 counts with its minimum capacity, so that its price is rather too low.
        """
        engine, optimized = snapshot.get("Engine", ""), snapshot.get("StorageType") == "aurora-iopt1"
        with self._lock:
            prices = self._list(region, _ENGINES.get(engine, engine))
        if isinstance(prices, str):
            return Price(None, f"No price: AWS's list of {engine} in {region} could not be read: {prices}.")
        if unknown := {each for each in classes if (each, optimized) not in prices}:
            what = f"{', '.join(sorted(unknown))} ({engine}, {'I/O-Optimized' if optimized else 'standard'} storage)"
            return Price(None, f"No price: AWS's list has none, or several, for {what} in {region}.")
        units = snapshot.get("ServerlessV2ScalingConfiguration", {}).get("MinCapacity", 0.0)
        usd = sum(prices[each, optimized] * (units if each == SERVERLESS else 1) for each in classes)
        note = f"An estimate: Serverless v2 is counted with its minimum capacity, {units:g} ACU an instance."
        return Price(usd, note if SERVERLESS in classes else "")


def _read(region: str, engine: str) -> PriceList | str:
    """The prices, or why they can't be read."""
    try:
        return fetch(region, engine)
    except CallError as error:
        return ": ".join(words(error)).rstrip(".")
