"""The `DBCluster` structure: one with every member that botocore knows, and what two of them differ in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as many types as the model has
    """Every leaf with its path; an empty list is a leaf."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from leaves(member, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def same(logged: object, returned: object) -> bool:
    if isinstance(returned, datetime):
        assert isinstance(logged, str)
        moment = datetime.fromisoformat(logged)
        return moment == returned and moment.utcoffset() == timedelta(0)
    return type(logged) is type(returned) and logged == returned


def difference(logged: object, returned: object) -> list[str]:
    """The paths at which what was logged is not what RDS returned."""
    there, wanted = dict(leaves(logged)), dict(leaves(returned))
    return [path for path in sorted(there.keys() | wanted.keys()) if not same(there.get(path), wanted.get(path))]
