"""The CDK app, started by cdk.json: reads the settings, builds the package, and describes the stack."""

import sys
import tempfile
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

import asset
from settings import Settings, SettingsError
from stack import OfficeHoursStack


def main() -> None:
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks())
    try:
        settings = Settings.from_context(app.node.get_all_context())
        with tempfile.TemporaryDirectory() as folder:
            OfficeHoursStack(app, settings=settings, package=asset.build(Path(folder)))
            app.synth()
    except (SettingsError, asset.PackageError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
