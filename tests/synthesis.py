"""The stack's template, as the CDK synthesizes it, made readable for tests.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixtures.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from organization import OrganizationStack
from settings import Organization, StackSettings
from stack import OfficeHoursStack

Resource = dict[str, Any]
ORGANIZATION = Organization(("ou-ab12-34cd56ef",))


class Template:
    """A synthesized template, its references written as `<Name>` and `<Name.Attribute>`, without the CDK's hashes."""

    def __init__(self, body: Resource) -> None:
        self.resources: dict[str, Resource] = {named(key): readable(value) for key, value in body["Resources"].items()}
        self.outputs: dict[str, Resource] = body.get("Outputs", {})

    def properties(self, name: str) -> Resource:
        properties: Resource = self.resources[name]["Properties"]
        return properties

    def of_type(self, kind: str) -> dict[str, Resource]:
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def statements(self, role: str) -> list[Resource]:
        """All that a role may do: its inline policies are all it has. Actions are lists, also those of one."""
        assert "ManagedPolicyArns" not in self.properties(role)
        assert not self.of_type("AWS::IAM::Policy")
        policies = (policy["PolicyDocument"] for policy in self.properties(role)["Policies"])
        statements = [statement for policy in policies for statement in policy["Statement"]]
        return [each | {"Action": [each["Action"]]} if isinstance(each["Action"], str) else each for each in statements]


def named(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def readable(value: Any) -> Any:  # noqa: ANN401  any JSON
    match value:
        case {"Ref": str(name)}:
            return f"<{named(name)}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{named(name)}.{attribute}>"
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(str(readable(part)) for part in parts)
        case dict():
            return {key: readable(item) for key, item in value.items()}
        case list():
            return [readable(item) for item in value]
    return value


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something to deploy, so that nothing need be built."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "module.py").touch()
    return folder


def synthesize(
    settings: StackSettings, package: Path, context: Mapping[str, object] | None = None, *, plain: bool = False
) -> Template:
    key = repr((settings, package, context, plain))
    if key not in _TEMPLATES:
        app = cdk.App(context=context)
        stack = OfficeHoursStack(app, settings=settings, package=package, plain=plain)
        _TEMPLATES[key] = Template(app.synth().get_stack_by_name(stack.stack_name).template)
    return _TEMPLATES[key]


_TEMPLATES: dict[str, Template] = {}


@pytest.fixture(scope="session")
def template(package: Path) -> Template:
    return synthesize(StackSettings(), package)


@pytest.fixture(scope="session")
def organization(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The organization's stack."""
    template = tmp_path_factory.mktemp("template") / "member.json"
    template.write_text("{}")
    app = cdk.App()
    centre = OfficeHoursStack(app, settings=StackSettings(organization=ORGANIZATION), package=package)
    stack = OrganizationStack(app, centre=centre, organization=ORGANIZATION, package=package, template=template)
    return Template(app.synth().get_stack_by_name(stack.stack_name).template)
