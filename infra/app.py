"""The CDK app, started by cdk.json: reads the settings, builds the package, and describes the stacks."""

import json
import sys
import tempfile
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import cx_api
from cdk_nag import AwsSolutionsChecks

import asset
from organization import OrganizationStack, member_template
from settings import SettingsError, StackSettings
from stack import OfficeHoursStack


def main() -> None:
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks())
    try:
        settings = StackSettings.from_context(app.node.get_all_context())
        with tempfile.TemporaryDirectory() as folder:
            package = asset.build(Path(folder))
            stack = OfficeHoursStack(app, settings=settings, package=package)
            if settings.organization:
                # Beside the others' templates, so that it is looked at as they are.
                template = Path(app.outdir) / "AuroraOfficeHoursMember.template.json"
                template.write_text(member_template(settings, package, app.node.get_all_context()))
                OrganizationStack(
                    app, centre=stack, organization=settings.organization, package=package, template=template
                )
            leave_out_flags(app.synth())
    except (SettingsError, asset.PackageError) as error:
        sys.exit(str(error))


def leave_out_flags(assembly: cx_api.CloudAssembly) -> None:
    """Leave out the list of the CDK's feature flags, of which its command line makes a note at each synthesis.

    None of them, set to what the CDK recommends, changes anything that is deployed.
    """
    manifest = Path(assembly.directory) / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["artifacts"]["aws-cdk-lib/feature-flag-report"]
    manifest.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
