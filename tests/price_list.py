"""Products of AWS's price list, with the attributes, usage types and terms of real ones, and made-up prices."""

from typing import Any

Product = dict[str, Any]

PREFIXES = {"us-east-1": "", "eu-west-1": "EU-", "eu-central-1": "EUC1-"}


def product(usd: str, usage_type: str, family: str, region: str = "eu-west-1", **attributes: str) -> Product:
    """One product: its attributes, and its terms, reserved ones included."""

    def term(code: str, usd: str) -> dict[str, Any]:
        unit = "ACU-Hr" if family == "ServerlessV2" else "Hrs"
        charge = {f"SKU.{code}.6YS6EN2CT7": {"unit": unit, "pricePerUnit": {"USD": usd}}}
        return {f"SKU.{code}": {"offerTermCode": code, "priceDimensions": charge}}

    named = {"regionCode": region, "databaseEngine": "Aurora PostgreSQL", "servicecode": "AmazonRDS", **attributes}
    return {
        "product": {
            "productFamily": family,
            "attributes": {**named, "usagetype": PREFIXES[region] + usage_type},
            "sku": "SKU",
        },
        "serviceCode": "AmazonRDS",
        "terms": {"OnDemand": term("JRTCKXETXF", usd), "Reserved": term("38NPMPTW36", "0.111")},
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
