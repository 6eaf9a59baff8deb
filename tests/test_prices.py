"""What an hour of a cluster costs, against the Price List API at the wire."""

import json
from typing import Any, cast

import pytest
from types_boto3_rds.type_defs import DBClusterTypeDef

from aws_server import HOME, Account, Refusal
from office_hours.reporting.prices import Price, Prices
from price_list import instance, product, serverless

pytest_plugins = ["aws_server"]

LARGE, MEDIUM, SERVERLESS = "db.r6g.large", "db.t4g.medium", "db.serverless"
DENIED = Refusal("AccessDeniedException", "User: x is not authorized to perform: pricing:GetProducts.")


def cluster(**members: object) -> DBClusterTypeDef:
    return cast("DBClusterTypeDef", {"DBClusterIdentifier": "reporting", "Engine": "aurora-postgresql", **members})


def price(*classes: str, region: str = HOME, **members: object) -> Price:
    return Prices().of(cluster(**members), classes, region)


@pytest.fixture(autouse=True)
def stocked(account: Account) -> None:
    """Two classes and Serverless v2 of PostgreSQL in Ireland, and some of what else is in such a list."""
    account.products += [
        *instance(LARGE, "0.2900000000", "0.3770000000"),
        *instance(MEDIUM, "0.0800000000", "0.1040000000"),
        *instance(LARGE, "0.3100000000", databaseEngine="Aurora MySQL"),
        *instance(LARGE, "0.2600000000", region="us-east-1"),
        *serverless("0.1400000000", "0.1900000000"),
        product("0.1000000000", "Aurora:StorageUsage", "Database Storage", volumeType="General Purpose-Aurora"),
        product("0.1000000000", "ExtendedSupport:Yr1-Yr2:AuroraPostgreSQL11", "Database Instance", instanceType=LARGE),
        product("0.5800000000", "Multi-AZUsage:db.r6g.large", "Database Instance", instanceType=LARGE),
    ]


# --- What it costs


@pytest.mark.parametrize(
    ("classes", "where", "usd"),
    [
        ([], {}, 0.0),
        ([LARGE, LARGE, MEDIUM], {}, 0.66),
        ([LARGE], {"StorageType": "aurora-iopt1"}, 0.377),
        ([LARGE], {"Engine": "aurora-mysql"}, 0.31),
        ([LARGE], {"region": "us-east-1"}, 0.26),
        (["db.r6g.2xlarge"], {}, 1.16),  # which its usage type shortens
    ],
)
def test_a_cluster_costs_what_its_instances_cost(
    account: Account, classes: list[str], where: dict[str, Any], usd: float
) -> None:
    account.products += instance("db.r6g.2xlarge", "1.1600000000")
    found = price(*classes, **where)
    assert found.usd == pytest.approx(usd)
    assert found.note == ""


@pytest.mark.parametrize(
    ("classes", "least", "storage", "usd"),
    [
        ([SERVERLESS, SERVERLESS], 1.5, "", 2 * 1.5 * 0.14),
        ([SERVERLESS], 2, "aurora-iopt1", 2 * 0.19),
        ([LARGE, SERVERLESS], 0.5, "", 0.29 + 0.07),
        ([SERVERLESS], 0, "", 0.0),
    ],
)
def test_serverless_counts_with_its_minimum_capacity_and_is_an_estimate(
    classes: list[str], least: float, storage: str, usd: float
) -> None:
    found = price(*classes, StorageType=storage, ServerlessV2ScalingConfiguration={"MinCapacity": least})
    assert found.usd == pytest.approx(usd)
    assert found.note.startswith("An estimate: ")
    assert f"{least} ACU" in found.note


# --- What is not known


@pytest.mark.parametrize(
    ("classes", "storage", "what"),
    [
        ([LARGE, "db.z2", "db.z1", "db.z1"], "", "db.z1, db.z2 (aurora-postgresql, standard storage) in eu-west-1"),
        (["db.x9.huge"], "aurora-iopt1", "db.x9.huge (aurora-postgresql, I/O-Optimized storage) in eu-west-1"),
    ],
)
def test_what_is_missing_for_a_price_is_named(classes: list[str], storage: str, what: str) -> None:
    found = price(*classes, StorageType=storage)
    assert found.usd is None
    assert what in found.note


def test_a_price_is_taken_where_the_list_has_exactly_one(account: Account) -> None:
    account.products += [*instance(LARGE, "0.3000000000"), *instance(MEDIUM, "0.08")]
    for instance_class, usd in (("db.r9g.large", "0.0000000000"), ("db.r8g.large", "0.50"), ("db.r8g.large", "0.00")):
        account.products += instance(instance_class, usd)
    assert price(LARGE).usd is None  # there are two
    assert price(MEDIUM) == Price(0.08)  # the same twice
    assert price("db.r9g.large").usd is None  # what costs nothing has no price
    assert price("db.r8g.large") == Price(0.5)
    # A standard price is never taken for I/O-Optimized storage.
    assert price(LARGE, Engine="aurora-mysql", StorageType="aurora-iopt1").usd is None


def test_a_product_that_is_not_understood_is_left_out_and_no_other(account: Account) -> None:
    attributes = {"usagetype": "Aurora:ServerlessV2Usage"}
    account.products[:0] = [
        *("{", "null"),
        json.dumps({"product": {"attributes": {"usagetype": 7}}}),
        json.dumps({"product": {"attributes": attributes}}),
        json.dumps({"product": {"attributes": attributes}, "terms": {"OnDemand": []}}),
        *instance("db.r9g.large", "free"),
    ]
    assert price(LARGE) == Price(0.29)
    assert price("db.r9g.large").usd is None
    assert price(SERVERLESS, ServerlessV2ScalingConfiguration={"MinCapacity": 1.0}).usd == 0.14


# --- How it is asked


def test_one_question_to_a_region_that_has_the_api_answers_for_all_classes_of_an_engine(account: Account) -> None:
    prices = Prices()
    for classes in ([LARGE], [MEDIUM, LARGE], ["db.x9.huge"]):
        prices.of(cluster(), classes, HOME)
        prices.of(cluster(StorageType="aurora-iopt1"), classes, HOME)
    (call,) = account.calls
    assert call.region == "us-east-1"
    assert json.loads(call.parameters["Filters"]) == [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
        {"Type": "TERM_MATCH", "Field": "databaseEngine", "Value": "Aurora PostgreSQL"},
    ]


def test_every_page_is_read(account: Account) -> None:
    for number in range(300):
        account.products += instance(f"db.r{number}.large", f"{number + 1}.0000000000")
    assert price("db.r299.large") == Price(300.0)
    assert account.counts() == {"GetProducts": 4}


def test_a_list_that_cannot_be_read_is_asked_for_once_a_run(account: Account) -> None:
    account.fail("GetProducts", DENIED, times=1)
    prices = Prices()
    why = f"AWS's list of aurora-postgresql in eu-west-1 could not be read: {DENIED.code}: {DENIED.words}"
    assert [prices.of(cluster(), [LARGE], HOME) for _ in range(2)] == [Price(None, f"No price: {why}")] * 2
    assert account.counts() == {"GetProducts": 1}
    assert price(LARGE) == Price(0.29)
