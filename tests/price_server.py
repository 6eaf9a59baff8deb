"""AWS's Price List API at the wire, in one small HTTP server behind AWS_ENDPOINT_URL_PRICING.

Its products have the attributes, usage types and terms of real ones, and made-up prices. They are filtered and come in
pages as AWS's do.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixture.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from office_hours.reporting import prices

Product = dict[str, Any]

PREFIXES = {"us-east-1": "", "eu-west-1": "EU-", "eu-central-1": "EUC1-"}
RESERVED = {
    "SKU.38NPMPTW36": {
        "priceDimensions": {
            "SKU.38NPMPTW36.6YS6EN2CT7": {"unit": "Hrs", "description": "reserved", "pricePerUnit": {"USD": "0.111"}}
        },
        "offerTermCode": "38NPMPTW36",
        "termAttributes": {"LeaseContractLength": "1yr", "OfferingClass": "standard", "PurchaseOption": "No Upfront"},
    }
}


def product(usd: str, usage_type: str, family: str, region: str = "eu-west-1", **attributes: str) -> Product:
    """One product: its attributes, and its terms, reserved ones included."""
    unit = "ACU-Hr" if family == "ServerlessV2" else "Hrs"
    charge = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"$ {usd} per hour",
        "appliesTo": [],
        "rateCode": "SKU.JRTCKXETXF.6YS6EN2CT7",
        "pricePerUnit": {"USD": usd},
    }
    on_demand = {
        "SKU.JRTCKXETXF": {
            "priceDimensions": {"SKU.JRTCKXETXF.6YS6EN2CT7": charge},
            "sku": "SKU",
            "effectiveDate": "2026-11-01T00:00:00Z",
            "offerTermCode": "JRTCKXETXF",
            "termAttributes": {},
        }
    }
    named = {"regionCode": region, "databaseEngine": "Aurora PostgreSQL", "servicecode": "AmazonRDS", **attributes}
    return {
        "product": {
            "productFamily": family,
            "attributes": {**named, "usagetype": PREFIXES[region] + usage_type},
            "sku": "SKU",
        },
        "serviceCode": "AmazonRDS",
        "terms": {"OnDemand": on_demand, "Reserved": RESERVED},
        "version": "20261118225923",
        "publicationDate": "2026-11-18T22:59:23Z",
    }


def instance(instance_class: str, usd: str, io_optimized_usd: str | None = None, **attributes: str) -> list[Product]:
    """The products of an instance class, with standard and with I/O-Optimized storage."""
    short = instance_class.replace("xlarge", "xl")  # as usage types have it
    named = {"instanceType": instance_class, "deploymentOption": "Single-AZ", **attributes}
    usage = {
        "InstanceUsage": ("EBS Only", usd),
        "InstanceUsageIOOptimized": ("Aurora IO Optimization Mode", io_optimized_usd),
    }
    return [
        product(price, f"{name}:{short}", "Database Instance", storage=storage, **named)
        for name, (storage, price) in usage.items()
        if price
    ]


def serverless(usd: str, io_optimized_usd: str, **attributes: str) -> list[Product]:
    """The products of Serverless v2, and those that are like them and are not."""
    usage = {"Aurora:ServerlessV2Usage": usd, "Aurora:ServerlessV2IOOptimizedUsage": io_optimized_usd}
    others = {"Aurora:ServerlessUsage": "0.07", "Aurora:ServerlessV2Usage-LimitlessPreview": "0.05"}
    return [product(price, name, "ServerlessV2", **attributes) for name, price in {**others, **usage}.items()]


@dataclass
class PriceServer:
    """The price list. `calls` is what was asked, in order; `refusal` is answered instead, if there is one."""

    products: list[Product | str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    refusal: dict[str, str] | None = None
    regions: set[str] = field(default_factory=set)  # those for which the calls were signed

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A page of what matches the filters. What is no product is never filtered out."""
        wanted = {each["Field"]: each["Value"] for each in asked["Filters"] if each["Type"] == "TERM_MATCH"}
        assert len(wanted) == len(asked["Filters"]), "only TERM_MATCH is understood"
        found = [
            each
            for each in self.products
            if isinstance(each, str) or wanted.items() <= each["product"]["attributes"].items()
        ]
        texts = [each if isinstance(each, str) else json.dumps(each) for each in found]
        start, size = int(asked.get("NextToken", "0")), asked.get("MaxResults", 100)
        assert 1 <= size <= 100, "as much as AWS allows"
        more = {"NextToken": str(start + size)} if start + size < len(texts) else {}
        return {"FormatVersion": "aws_v1", "PriceList": texts[start : start + size], **more}


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[PriceServer]:
    """An empty price list, which every client for prices reaches; nothing that was fetched before is remembered."""
    server = PriceServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
            scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/pricing/", self.headers["Authorization"])
            assert scope, "botocore signs every call"
            server.regions.add(scope[1])
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.calls.append(asked)
            body = json.dumps(server.refusal or server.answer(asked)).encode()
            self.send_response(400 if server.refusal else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests read `calls`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{listener.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
    prices.fetch.cache_clear()
    yield server
    prices.fetch.cache_clear()
    listener.shutdown()
    listener.server_close()
