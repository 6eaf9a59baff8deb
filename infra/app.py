"""The CDK app, started by cdk.json: reads the settings, builds the package, and describes the stack."""

import sys
import tempfile
from pathlib import Path

# cdk.json starts this file by its path, with this folder as the only source root.
sys.path.append(str(Path(__file__).resolve().parent.parent / "lambda"))

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

import office_hours_asset
from office_hours_settings import Settings, SettingsError
from office_hours_stack import OfficeHoursStack


def main() -> None:
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks())
    try:
        settings = Settings.from_context(app.node.get_all_context())
        with tempfile.TemporaryDirectory() as folder:
            package = office_hours_asset.build(Path(folder))
            OfficeHoursStack(app, settings=settings, package=package)
            app.synth()
    except (SettingsError, office_hours_asset.PackageError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
