"""The package that is deployed to Lambda: our modules, and the dependencies that requirements.lock pins. No Docker.

The same inputs give the same files on any machine, so the asset's hash, which the CDK computes from them, changes if
and only if the package does.
"""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent

# The newest Python that Lambda offers and aws-cdk-lib knows.
PYTHON_VERSION = "3.14"
# The calls that we make, by service; new ones must be added here. botocore describes more than 400 services in 27 MB,
# which also slow down each cold start.
CALLS = {
    "account": ("ListRegions",),
    "cloudtrail": ("LookupEvents",),
    "cloudwatch": ("GetMetricData",),
    "organizations": ("ListAccountsForParent", "ListOrganizationalUnitsForParent"),
    "pricing": ("GetProducts",),
    "rds": (
        "AddTagsToResource",
        "DescribeDBClusters",
        "DescribeDBInstances",
        "DescribeEvents",
        "StartDBCluster",
        "StopDBCluster",
    ),
    "sns": ("Publish",),
    "sts": ("AssumeRole", "GetCallerIdentity"),
}
# What the installer leaves behind, which differs between machines and isn't read in Lambda; and compiled code that also
# exists in Python.
LEFTOVERS = (".lock", "bin", "*.dist-info/RECORD", "markupsafe/_speedups.*")


class PackageError(Exception):
    """The package could not be built. The text says why, in the installer's words."""


def build(target: Path) -> Path:
    """Fill the empty folder `target` with the package, and return it."""
    # As copies from uv's cache, since their modes are changed below.
    into = ("--python", sys.executable, "--target", str(target), "--link-mode", "copy", "--no-compile-bytecode")
    uv("install", *into, "--require-hashes", "--requirements", "pyproject.toml")
    remove(entry for pattern in LEFTOVERS for entry in target.glob(pattern))
    trim_models(target / "botocore" / "data")
    shutil.copytree(
        PROJECT / "lambda" / "office_hours", target / "office_hours", ignore=shutil.ignore_patterns("__pycache__", ".*")
    )
    # Lambda runs as another user, who must be able to read everything, whatever this machine's umask is.
    for entry in target.rglob("*"):
        entry.chmod(0o755 if entry.is_dir() else 0o644)
    return target


def remove(entries: Iterable[Path]) -> None:
    for entry in entries:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def trim_models(data: Path) -> None:
    """Keep in botocore's `data` only what our calls need: their operations, shapes, paginators and endpoints."""
    remove(entry for entry in data.glob("*/") if entry.name not in CALLS)
    prefixes = set()
    for service, calls in CALLS.items():
        *older, version = sorted((data / service).iterdir())
        model = read_json(version / "service-2.json.gz")
        paginators = read_json(version / "paginators-1.json")
        remove([*older, *(entry for entry in version.iterdir() if entry.name != "endpoint-rule-set-1.json.gz")])
        model["operations"] = {name: model["operations"][name] for name in calls}
        model["shapes"] = {name: model["shapes"][name] for name in sorted(shapes_of(model))}
        prefixes.add(model["metadata"]["endpointPrefix"])
        write_json(version / "service-2.json", without_documentation(model))
        pagination = {name: paginator for name, paginator in paginators["pagination"].items() if name in calls}
        write_json(version / "paginators-1.json", {"pagination": pagination})
    endpoints = read_json(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in prefixes}
    write_json(data / "endpoints.json", endpoints)


def shapes_of(model: Any) -> set[str]:  # noqa: ANN401  JSON, like botocore's models
    """The names of the shapes that a model's operations refer to, directly or through other shapes."""

    def references(part: object) -> Iterable[str]:
        if isinstance(part, dict):
            yield from (name for key, name in part.items() if key == "shape" and isinstance(name, str))
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                yield from references(each)

    found, new = set[str](), set(references(model["operations"]))
    while new:
        found |= new
        new = {name for shape in new for name in references(model["shapes"][shape])} - found
    return found


def without_documentation(part: Any) -> Any:  # noqa: ANN401  as above
    if isinstance(part, dict):
        return {
            key: without_documentation(value)
            for key, value in part.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    return [without_documentation(each) for each in part] if isinstance(part, list) else part


def read_json(path: Path) -> Any:  # noqa: ANN401  as above
    return json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))


def uv(command: str, *arguments: str) -> str:
    """Run `uv pip` for Lambda's Python and processor, with the locked versions, and return what it prints.

    uv is next to the Python that runs this. It takes no source distributions: they would be built for this machine.
    """
    program = Path(sys.executable).with_name("uv")
    common = [
        *("--quiet", "--constraints", "requirements.lock", "--only-binary", ":all:"),
        *("--python-version", PYTHON_VERSION, "--python-platform", "aarch64-manylinux_2_28"),
    ]
    try:
        done = subprocess.run(
            [str(program), "pip", command, *common, *arguments], cwd=PROJECT, check=True, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise PackageError(f"{program} is missing: `make synth` installs it.") from error
    except subprocess.CalledProcessError as error:
        raise PackageError(f"The package's dependencies could not be installed:\n{error.stderr}") from error
    return done.stdout
