"""The CDK app that cdk.json runs: reads the settings, builds the package, and describes the stacks."""

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
                # Next to the other templates, so that cfn-lint checks it too.
                template = Path(app.outdir) / "AuroraOfficeHoursMember.template.json"
                template.write_text(member_template(settings, package, app.node.get_all_context()))
                OrganizationStack(
                    app, centre=stack, organization=settings.organization, package=package, template=template
                )
            leave_out_flags(app.synth())
    except (SettingsError, asset.PackageError) as error:
        sys.exit(str(error))


def leave_out_flags(assembly: cx_api.CloudAssembly) -> None:
    """Remove the list of the CDK's feature flags, about which its command line prints a notice at each synthesis.

    Setting them as the CDK recommends would change nothing that is deployed.
    """
    manifest = Path(assembly.directory) / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["artifacts"]["aws-cdk-lib/feature-flag-report"]
    manifest.write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
