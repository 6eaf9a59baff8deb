"""The `DBCluster` structure: one with every member that botocore knows, and what two of them differ in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

STRUCTURE = botocore.session.get_session().get_service_model("rds").shape_for("DBCluster")


def filled(shape: Shape, path: str, numbers: Iterator[int]) -> Any:  # noqa: ANN401 - as many types as the model has
    """A value in which every member is there, no two leaves of a kind alike, lists and maps of two entries."""
    if isinstance(shape, StructureShape):
        return {name: filled(member, f"{path}.{name}", numbers) for name, member in shape.members.items()}
    if isinstance(shape, ListShape):
        return [filled(shape.member, f"{path}[{index}]", numbers) for index in (0, 1)]
    if isinstance(shape, MapShape):
        return {f"key-{index}": filled(shape.value, f"{path}.key-{index}", numbers) for index in (0, 1)}
    number = next(numbers)
    leaves = {
        "string": f'{path} <&> "é" {number}',
        "boolean": number % 2 == 0,
        "integer": number,
        "long": 2**40 + number,
        "double": number + 0.5,
        "float": number + 0.5,
        "timestamp": datetime(2026, 1, 1, 2, 3, 4, 567000, tzinfo=UTC) + timedelta(hours=number),
    }
    return leaves[shape.type_name]


def hollow(shape: Shape) -> Any:  # noqa: ANN401 - as many types as the model has
    """A value in which every member is there and says nothing: what a careless writer takes for missing."""
    if isinstance(shape, StructureShape):
        return {name: hollow(member) for name, member in shape.members.items()}
    leaves = {"list": [], "map": {}, "string": "", "boolean": False}
    leaves |= {"integer": 0, "long": 0, "double": 0.0, "float": 0.0}
    return leaves.get(shape.type_name, datetime(1970, 1, 1, tzinfo=UTC))


def difference(logged: Any, returned: Any, path: str = "") -> list[str]:  # noqa: ANN401 - as many types as the model has
    """The paths at which what was logged is not what RDS returned."""
    if isinstance(returned, dict) and isinstance(logged, dict):
        pairs = [(f".{name}", (logged.get(name), returned.get(name))) for name in sorted({*logged, *returned})]
    elif isinstance(returned, list) and isinstance(logged, list):
        pairs = [(f"[{index}]", each) for index, each in enumerate(zip_longest(logged, returned))]
    elif isinstance(returned, datetime):
        moment = datetime.fromisoformat(str(logged))
        return [] if (moment, moment.utcoffset()) == (returned, timedelta(0)) else [path]
    else:
        return [] if type(logged) is type(returned) and logged == returned else [path]
    return [each for name, both in pairs for each in difference(*both, f"{path}{name}")]
