"""The CDK app, started by cdk.json: reads the settings, builds the package, and describes the stack."""

import sys
import tempfile
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

import asset
from settings import SettingsError, StackSettings
from stack import OfficeHoursStack


def main() -> None:
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks())
    try:
        settings = StackSettings.from_context(app.node.get_all_context())
        with tempfile.TemporaryDirectory() as folder:
            package = asset.build(Path(folder))
            OfficeHoursStack(app, settings=settings, package=package)
            app.synth()
    except (SettingsError, asset.PackageError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
