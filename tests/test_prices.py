"""What an hour of a cluster costs, against the Price List API at the wire."""

import json
from typing import Any, cast

import pytest
from types_boto3_rds.type_defs import DBClusterTypeDef

from office_hours.reporting.prices import Price, Prices, parse
from price_server import PriceServer, instance, product, serverless
from rds_server import never_wait

pytest_plugins = ["price_server"]

HOME = "eu-west-1"
LARGE, MEDIUM, SERVERLESS = "db.r6g.large", "db.t4g.medium", "db.serverless"


def cluster(*classes: str, **members: object) -> tuple[DBClusterTypeDef, dict[str, str]]:
    """A cluster's snapshot, and the classes of its instances."""
    listed = {f"reporting-{number}": each for number, each in enumerate(classes, start=1)}
    snapshot = {
        "DBClusterIdentifier": "reporting",
        "Engine": "aurora-postgresql",
        "DBClusterMembers": [{"DBInstanceIdentifier": name} for name in listed],
        **members,
    }
    return cast("DBClusterTypeDef", snapshot), listed


def price(*classes: str, region: str = HOME, **members: object) -> Price:
    return Prices().of(*cluster(*classes, **members), region)


@pytest.fixture(autouse=True)
def stocked(price_list: PriceServer) -> None:
    """Two classes and Serverless v2 of PostgreSQL in Ireland, and some of what else is in such a list."""
    price_list.products += [
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


def test_an_instance_costs_the_price_of_its_class() -> None:
    assert price(LARGE) == Price(0.29)
    assert price(MEDIUM) == Price(0.08)


def test_a_cluster_costs_the_sum_over_its_instances() -> None:
    found = price(LARGE, LARGE, MEDIUM)
    assert found.usd == pytest.approx(0.66)
    assert found.note == ""


def test_a_cluster_without_instances_costs_nothing_and_asks_for_nothing(price_list: PriceServer) -> None:
    assert price() == Price(0.0)
    assert price_list.calls == []


def test_instances_of_other_clusters_do_not_count() -> None:
    snapshot, classes = cluster(LARGE)
    assert Prices().of(snapshot, {**classes, "other-1": MEDIUM}, HOME) == Price(0.29)


@pytest.mark.parametrize(("storage", "usd"), [("aurora-iopt1", 0.377), ("aurora", 0.29), ("", 0.29)])
def test_the_storage_type_decides_which_of_two_prices(storage: str, usd: float) -> None:
    assert price(LARGE, StorageType=storage) == Price(usd)


def test_the_engine_decides_which_list() -> None:
    assert price(LARGE, Engine="aurora-mysql") == Price(0.31)


def test_the_region_decides_which_list() -> None:
    assert price(LARGE, region="us-east-1") == Price(0.26)


def test_a_class_is_known_where_its_usage_type_shortens_it(price_list: PriceServer) -> None:
    price_list.products += instance("db.r6g.2xlarge", "1.1600000000")
    assert price("db.r6g.2xlarge") == Price(1.16)


# --- Serverless v2


def test_serverless_counts_with_its_minimum_capacity_and_is_an_estimate() -> None:
    found = price(SERVERLESS, SERVERLESS, ServerlessV2ScalingConfiguration={"MinCapacity": 1.5, "MaxCapacity": 16.0})
    assert found.usd == pytest.approx(2 * 1.5 * 0.14)
    assert found.note == "An estimate: Serverless v2 is counted with its minimum capacity, 1.5 ACU an instance."


def test_serverless_with_io_optimized_storage_has_its_own_price() -> None:
    found = price(SERVERLESS, StorageType="aurora-iopt1", ServerlessV2ScalingConfiguration={"MinCapacity": 2})
    assert found.usd == pytest.approx(0.38)


def test_a_serverless_instance_beside_another_makes_the_whole_an_estimate() -> None:
    found = price(LARGE, SERVERLESS, ServerlessV2ScalingConfiguration={"MinCapacity": 0.5})
    assert found.usd == pytest.approx(0.29 + 0.07)
    assert found.note.startswith("An estimate: ")


def test_serverless_that_may_pause_is_counted_with_nothing_and_says_so() -> None:
    found = price(SERVERLESS, ServerlessV2ScalingConfiguration={"MinCapacity": 0.0})
    assert (found.usd, "its minimum capacity, 0 ACU an instance" in found.note) == (0.0, True)


def test_serverless_without_a_capacity_has_no_price() -> None:
    assert price(SERVERLESS) == Price(None, "No price: RDS does not say the capacity of its Serverless v2 instances.")


# --- What is not known


@pytest.mark.parametrize(
    ("classes", "storage", "what"),
    [
        (["db.x9.huge"], "", "db.x9.huge (Aurora PostgreSQL, standard storage) in eu-west-1"),
        ([LARGE, "db.z2", "db.z1", "db.z1"], "", "db.z1, db.z2 (Aurora PostgreSQL, standard storage) in eu-west-1"),
        (["db.x9.huge"], "aurora-iopt1", "db.x9.huge (Aurora PostgreSQL, I/O-Optimized storage) in eu-west-1"),
    ],
)
def test_a_class_that_the_list_lacks_is_named(classes: list[str], storage: str, what: str) -> None:
    assert price(*classes, StorageType=storage) == Price(
        None, f"No price: AWS's price list has none, or several, for {what}."
    )


def test_a_standard_price_is_never_taken_for_io_optimized_storage() -> None:
    assert price(LARGE, Engine="aurora-mysql", StorageType="aurora-iopt1").usd is None


def test_two_products_with_different_prices_leave_it_open(price_list: PriceServer) -> None:
    price_list.products += instance(LARGE, "0.3000000000")
    assert price(LARGE).usd is None
    assert price(MEDIUM) == Price(0.08)


def test_two_products_with_the_same_price_do_not(price_list: PriceServer) -> None:
    price_list.products += instance(LARGE, "0.29")
    assert price(LARGE) == Price(0.29)


def test_a_product_that_costs_nothing_is_no_price(price_list: PriceServer) -> None:
    price_list.products += [*instance("db.r9g.large", "0.0000000000"), *instance(LARGE, "0.0000000000")]
    assert price("db.r9g.large").usd is None
    assert price(LARGE) == Price(0.29)


def test_an_instance_that_rds_does_not_list_is_named_before_anything_is_fetched(price_list: PriceServer) -> None:
    snapshot, _ = cluster(LARGE, MEDIUM)
    found = Prices().of(snapshot, {"reporting-1": LARGE}, HOME)
    assert found == Price(None, "No price: RDS does not list its instances reporting-2.")
    assert price_list.calls == []


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"])
def test_other_partitions_have_no_price_in_dollars_and_are_not_asked_for(price_list: PriceServer, region: str) -> None:
    found = price(LARGE, region=region)
    assert found == Price(None, f"No price: AWS has no price list in US dollars for {region}.")
    assert price_list.calls == []


def test_a_refusal_is_told_in_aws_s_words(price_list: PriceServer) -> None:
    price_list.refusal = {
        "__type": "AccessDeniedException",
        "Message": "User: x is not authorized to perform: pricing:GetProducts.",
    }
    assert price(LARGE) == Price(
        None,
        "No price: AWS's price list of Aurora PostgreSQL in eu-west-1 could not be read: "
        "AccessDeniedException: User: x is not authorized to perform: pricing:GetProducts.",
    )


def test_no_answer_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    never_wait(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", "http://127.0.0.1:1")  # where nobody listens
    found = price(LARGE)
    assert found.usd is None
    assert "could not be read: EndpointConnectionError: Could not connect" in found.note


BROKEN: list[Any] = [
    "{",
    "[]",
    "null",
    "{}",
    json.dumps({"product": {"attributes": {}}}),
    json.dumps({"product": {"attributes": {"usagetype": 7}}}),
    json.dumps({"product": {"attributes": {"usagetype": "Aurora:ServerlessV2Usage"}}}),
    json.dumps({"product": {"attributes": {"usagetype": "Aurora:ServerlessV2Usage"}}, "terms": {"OnDemand": []}}),
]


def test_a_product_that_is_not_understood_is_left_out_and_no_other(price_list: PriceServer) -> None:
    without_class, without_terms, without_usd, without_number = (instance("db.r9g.large", "0.5")[0] for _ in range(4))
    del without_class["product"]["attributes"]["instanceType"]
    del without_terms["terms"]["OnDemand"]
    charge = without_usd["terms"]["OnDemand"]["SKU.JRTCKXETXF"]["priceDimensions"]["SKU.JRTCKXETXF.6YS6EN2CT7"]
    charge["pricePerUnit"] = {"CNY": "3.6"}
    charge = without_number["terms"]["OnDemand"]["SKU.JRTCKXETXF"]["priceDimensions"]["SKU.JRTCKXETXF.6YS6EN2CT7"]
    charge["pricePerUnit"] = {"USD": "free"}
    price_list.products[:0] = [*BROKEN, without_class, without_terms, without_usd, without_number]
    assert price(LARGE) == Price(0.29)
    assert price("db.r9g.large").usd is None
    assert price(SERVERLESS, ServerlessV2ScalingConfiguration={"MinCapacity": 1.0}).usd == 0.14


def test_what_the_filters_let_through_by_mistake_is_not_taken() -> None:
    products = [
        *instance(LARGE, "0.1", region="us-east-1"),
        *instance(LARGE, "0.2", databaseEngine="Aurora MySQL"),
        *instance(LARGE, "0.3"),
    ]
    del products[-1]["product"]["attributes"]["regionCode"]  # nor is what only lacks an attribute left out
    wanted = {"regionCode": HOME, "databaseEngine": "Aurora PostgreSQL"}
    assert parse(map(json.dumps, products), wanted) == {(LARGE, False): {0.3}}


# --- How it is asked


def test_one_question_answers_for_all_classes_of_an_engine_in_a_region(price_list: PriceServer) -> None:
    prices = Prices()
    for classes in ([LARGE], [MEDIUM, LARGE], ["db.x9.huge"]):
        prices.of(*cluster(*classes), HOME)
        prices.of(*cluster(*classes, StorageType="aurora-iopt1"), HOME)
    assert price_list.calls == [
        {
            "ServiceCode": "AmazonRDS",
            "Filters": [
                {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
                {"Type": "TERM_MATCH", "Field": "databaseEngine", "Value": "Aurora PostgreSQL"},
            ],
            "MaxResults": 100,
        }
    ]


def test_the_question_goes_to_a_region_that_has_the_api(price_list: PriceServer) -> None:
    price(LARGE)
    assert price_list.regions == {"us-east-1"}


def test_every_page_is_read(price_list: PriceServer) -> None:
    for number in range(300):
        price_list.products += instance(f"db.r{number}.large", f"{number + 1}.0000000000")
    assert price("db.r299.large") == Price(300.0)
    assert [call.get("NextToken") for call in price_list.calls] == [None, "100", "200", "300"]


def test_another_run_in_the_same_process_asks_for_nothing_again(price_list: PriceServer) -> None:
    assert price(LARGE) == price(LARGE)
    assert len(price_list.calls) == 1


def test_a_list_that_could_not_be_read_is_asked_for_once_a_run(price_list: PriceServer) -> None:
    price_list.refusal = {"__type": "AccessDeniedException", "Message": "No."}
    prices = Prices()
    assert prices.of(*cluster(LARGE), HOME) == prices.of(*cluster(LARGE), HOME)
    assert len(price_list.calls) == 1
    price_list.refusal = None
    assert price(LARGE) == Price(0.29)
