"""The package that is deployed to Lambda, built as for a deployment."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ListShape, ServiceModel, Shape, StructureShape
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import asset
from asset import CALLS, PROJECT, PackageError, build
from tools.sbom import sbom

# What the project itself depends on.
OURS = ("aws-lambda-powertools", "boto3", "botocore", "holidays", "jinja2", "tzdata")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package"))


def test_it_holds_our_modules_and_what_they_need(package: Path) -> None:
    source, packed = PROJECT / "lambda" / "office_hours", package / "office_hours"
    files = (entry for entry in source.rglob("*") if entry.is_file())
    ours = {entry.relative_to(source) for entry in files if entry.parent.name != "__pycache__"}
    assert {entry.relative_to(packed) for entry in packed.rglob("*") if entry.is_file()} == ours
    assert {name.replace("-", "_") for name in OURS} <= {entry.name for entry in package.iterdir()}


def test_it_holds_nothing_that_was_compiled_for_a_machine(package: Path) -> None:
    wheels = {wheel.parent.name.partition("-")[0]: wheel.read_text() for wheel in package.glob("*.dist-info/WHEEL")}
    assert len(wheels) > 5
    # One has the same in Python as well, and only that is packed.
    assert {name for name, wheel in wheels.items() if "Root-Is-Purelib: true" not in wheel} == {"markupsafe"}
    assert not [entry for entry in package.rglob("*") if entry.suffix in {".so", ".pyc", ".pyd", ".dylib"}]


def test_another_checkout_of_somebody_else_gives_the_same_to_the_last_byte(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, target = tmp_path / "another" / "checkout", tmp_path / "package"
    target.mkdir()
    shutil.copytree(PROJECT / "lambda", checkout / "lambda")
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT / name, checkout)
    monkeypatch.setattr(asset, "PROJECT", checkout)
    umask = os.umask(0o077)
    try:
        build(target)
    finally:
        os.umask(umask)
    assert cdk.FileSystem.fingerprint(str(target)) == cdk.FileSystem.fingerprint(str(package))
    for entry in [*target.rglob("*"), *package.rglob("*")]:  # any user can read it
        assert entry.stat().st_mode & 0o777 == (0o755 if entry.is_dir() else 0o644), entry


def test_it_has_at_most_six_megabytes_zipped(package: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "package"), "zip", package)
    assert Path(archive).stat().st_size <= 6_000_000


# Its bill of materials


@pytest.fixture(scope="module")
def materials(package: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom(package))
    return document


def test_the_bill_names_each_distribution_with_its_version_licence_and_the_hash_that_the_lock_has(
    package: Path, materials: dict[str, Any]
) -> None:
    lock = (PROJECT / "requirements.lock").read_text()
    components = {each["name"]: each for each in materials["components"]}
    found = {each.name.lower().replace("_", "-"): each.version for each in distributions(path=[str(package)])}
    assert {name: each["purl"] for name, each in components.items()} == {
        name: f"pkg:pypi/{name}@{version}" for name, version in found.items()
    }
    for name, each in components.items():
        locked = re.search(rf"^{name}=={re.escape(each['version'])} (?:.*\\\n)+.*", lock, re.MULTILINE)
        (known,) = each["hashes"]
        assert locked
        assert f"sha256:{known['content']}" in locked[0]
    licences = [licence["license"] for each in components.values() for licence in each["licenses"]]
    # All there are, as SECURITY.md says; the first two are known by a classifier alone.
    assert {each.get("id") or each["name"] for each in licences} == {
        *("Apache Software License", "BSD License", "Apache-2.0", "BSD-3-Clause", "MIT", "PSF-2.0")
    }


def test_the_bill_is_valid_says_what_needs_what_and_is_always_the_same(
    package: Path, materials: dict[str, Any]
) -> None:
    (asset_hash,) = materials["metadata"]["component"]["properties"]
    assert asset_hash == {"name": "cdk:asset-hash", "value": cdk.FileSystem.fingerprint(str(package))}
    assert json.loads(sbom(package)) == materials
    needs = {each["ref"]: each.get("dependsOn", []) for each in materials["dependencies"]}
    assert needs["aurora-office-hours"] == [*OURS]
    assert needs["botocore"] == ["jmespath", "python-dateutil", "urllib3"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(materials)) is None


# What runs from it, with nothing else on the path, as in Lambda. The zones of this machine are out of sight, too.


def run_alone(package: Path, program: str) -> str:
    program = f"import sys, zoneinfo; sys.path.append({str(package)!r}); zoneinfo.reset_tzpath([])\n{program}"
    region = {"AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env=region, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_describes_the_calls_that_the_code_makes_and_no_others() -> None:
    code = "".join(module.read_text() for module in (PROJECT / "lambda" / "office_hours").rglob("*.py"))
    assert set(re.findall(r'(?:client|beside)\("(.+?)"', code)) == set(CALLS)
    for service, calls in CALLS.items():
        names = botocore.session.get_session().get_service_model(service).operation_names
        # As a method, or as a paginator's name.
        made = {name for name in names if re.search(rf'[."]{xform_name(name)}\b', code)}
        assert made == set(calls), service


def test_a_model_is_whole_but_for_the_calls_that_are_not_made(package: Path) -> None:
    model = json.loads((package / "botocore" / "data" / "rds" / "2014-10-31" / "service-2.json").read_text())
    trimmed, whole = ServiceModel(model, "rds"), botocore.session.get_session().get_service_model("rds")
    for call in CALLS["rds"]:
        for shape in ("input_shape", "output_shape"):
            kept, original = getattr(trimmed.operation_model(call), shape), getattr(whole.operation_model(call), shape)
            assert members(kept) == members(original)
        errors = {error.name for error in whole.operation_model(call).error_shapes}
        assert {error.name for error in trimmed.operation_model(call).error_shapes} == errors


def members(shape: Shape | None) -> object:
    """What a shape consists of, as deep as it goes."""
    if isinstance(shape, StructureShape):
        return {name: (member.serialization, members(member)) for name, member in shape.members.items()}
    return (shape.type_name, members(shape.member)) if isinstance(shape, ListShape) else shape and shape.type_name


def test_pages_zones_holidays_and_clients_come_from_it_alone_and_a_cold_start_imports_none_of_what_few_runs_need(
    package: Path,
) -> None:
    program = """
from datetime import datetime, UTC
from office_hours.handlers import stop, start, status, report
print({'difflib', 'holidays', 'jinja2', 'office_hours.reporting'} & {*sys.modules})
from office_hours.schedule import Schedule
tag = "mon-fri 08:00-18:00 Europe/Berlin holidays=DE-BE"
print(Schedule.parse(tag).desired_state(datetime(2026, 12, 25, 12, tzinfo=UTC)))
from office_hours.reporting.widget import answer_page
print(answer_page({"mistakes": ["<b>"]}).replace("\\n", " "))
import boto3
assert boto3.__file__.startswith(sys.path[-1])
for name, operation in clients:
    client = boto3.client(name, **({"region_name": "us-east-1"} if name == "pricing" else {}))  # not everywhere
    print(client.meta.endpoint_url, hasattr(client, operation))
"""
    clients = [(service, xform_name(calls[0])) for service, calls in CALLS.items()]
    imported, state, page, *made = run_alone(package, f"clients = {clients}\n{program}").splitlines()
    assert (imported, state) == ("set()", "stopped")  # a Friday, but Christmas
    assert "<li>&lt;b&gt;</li>" in page
    assert len(made) == len(CALLS)
    assert {line.split()[1] for line in made} == {"True"}
    assert {"https://rds.eu-west-1.amazonaws.com True", "https://account.us-east-1.amazonaws.com True"} <= {*made}


# What goes wrong


def test_an_installation_that_fails_is_told_in_the_installers_words_or_with_what_puts_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset, "PYTHON_VERSION", "3.99.bad")
    with pytest.raises(PackageError, match=r"(?s)could not be installed:\n.*3\.99\.bad"):
        build(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(PackageError, match="uv is missing: `make synth` installs it"):
        build(tmp_path)
