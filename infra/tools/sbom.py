"""The package's bill of materials: each distribution in it, as CycloneDX. The same package gives the same text.

https://cyclonedx.org/docs/1.6/json/
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import aws_cdk as cdk
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

import asset

LICENCES = LicenseFactory()


def sbom(package: Path) -> str:
    """The bill of materials of a built package."""
    found = {canonicalize_name(each.name): each for each in distributions(path=[str(package)])}
    hashes = wheel_hashes()
    components = {name: component(name, each, hashes[name]) for name, each in found.items()}
    project = tomllib.loads((asset.PROJECT / "pyproject.toml").read_text())["project"]
    fingerprint = cdk.FileSystem.fingerprint(str(package))
    application = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        bom_ref=project["name"],
        description=project["description"],
        licenses=[LICENCES.make_from_string(project["license"])],
        properties=[Property(name="cdk:asset-hash", value=fingerprint)],  # by which the CDK names what it uploads
    )
    bom = Bom(
        serial_number=uuid5(NAMESPACE_OID, fingerprint),
        metadata=BomMetaData(component=application),
        components=components.values(),
    )
    bom.register_dependency(application, [components[each] for each in needed(project["dependencies"])])
    for name, each in found.items():
        bom.register_dependency(components[name], [components[other] for other in needed(each.requires or ())])
    document = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del document["metadata"]["timestamp"]  # the one thing that differs each time
    return json.dumps(document, indent=2) + "\n"


def component(name: str, of: Distribution, hashes: Iterable[str]) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=of.version,
        bom_ref=name,
        purl=PackageURL("pypi", name=name, version=of.version),
        licenses=licences(of),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes],
    )


def licences(of: Distribution) -> list[License]:
    """What a distribution says about its licence: in SPDX's words, or else in its classifiers'."""
    metadata = of.metadata.json
    said = LICENCES.make_from_string(str(metadata.get("license_expression") or metadata.get("license") or "none said"))
    if isinstance(said, LicenseExpression) or said.id:
        return [said]
    classifiers = [each for each in metadata.get("classifier", ()) if each.startswith("License :: ")]
    return [LICENCES.make_from_string(each.rpartition(" :: ")[2]) for each in classifiers] or [said]


def needed(requirements: Iterable[str]) -> set[NormalizedName]:
    """The names of what these require on Lambda's Python, without extras."""
    lambdas = {"python_version": asset.PYTHON_VERSION, "python_full_version": f"{asset.PYTHON_VERSION}.0", "extra": ""}
    read = (Requirement(each) for each in requirements)
    return {canonicalize_name(each.name) for each in read if not each.marker or each.marker.evaluate(lambdas)}


def wheel_hashes() -> Mapping[str, list[str]]:
    """The SHA-256 of the wheel that each distribution is installed from, while the lock has those of all its files.

    uv knows them offline once the package is built.
    """
    wheels = tomllib.loads(asset.uv("compile", "--offline", "--format", "pylock.toml", "pyproject.toml"))
    return {each["name"]: [wheel["hashes"]["sha256"] for wheel in each["wheels"]] for each in wheels["packages"]}
