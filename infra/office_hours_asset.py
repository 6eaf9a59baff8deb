"""The package that is deployed to Lambda: our modules, and what requirements.lock pins for them, without Docker.

The same inputs give the same files, wherever and whenever they are built, so that the asset's hash, which the CDK takes
from these files, changes when and only when what is deployed changes.
"""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

# The newest Python that Lambda offers and aws-cdk-lib knows, on Arm, which costs a fifth less.
PYTHON_VERSION = "3.14"
PLATFORM = "aarch64-manylinux_2_28"

# botocore describes more than 400 services in 27 MB; a client needs its own service's newest description and the
# files that all share. Whoever calls another service adds it here (a test makes every client from the built asset).
SERVICES = {
    "account": "lists the Regions that are enabled",
    "rds": "lists, stops and starts clusters, and reads their events",
}
# Read by the documentation of botocore's clients only.
UNREAD_SERVICE_FILES = ("examples-1.json",)

# What pip installs and nothing in Lambda reads.
UNREAD = (
    ".lock",  # uv's own
    "bin",  # command-line scripts
    "boto3/data",  # boto3's resources: only clients are used
    "boto3/examples",
    "**/__pycache__",  # bound to the Python that built them, and never the same twice
    "**/py.typed",
    "**/*.pyi",
)
# Of a distribution's metadata, its version is read at run time (by holidays and by urllib3, through importlib.metadata).
READ_METADATA = "METADATA"


class PackageError(Exception):
    """The package could not be built. Says why, in the installer's words."""


def build(target: Path, *, project: Path = PROJECT) -> Path:
    """Fill the empty folder `target` with the package of the project in `project`, and return it."""
    install_dependencies(target, project)
    for pattern in UNREAD:
        for unread in sorted(target.glob(pattern)):
            remove(unread)
    cut_metadata(target)
    cut_services(target / "botocore" / "data")
    shutil.copytree(
        project / "lambda" / "office_hours",
        target / "office_hours",
        ignore=shutil.ignore_patterns("__pycache__", ".*"),
    )
    set_modes(target)
    return target


def install_dependencies(target: Path, project: Path) -> None:
    """Install the project's dependencies as requirements.lock has them: those versions, and files with those hashes.

    uv stands beside the Python that runs this. Files are copied out of its cache, never linked, since their modes are
    changed afterwards; source distributions are refused, because they would be built for this machine.
    """
    uv = Path(sys.executable).with_name("uv")
    command = [
        *(str(uv), "pip", "install", "--quiet", "--python", sys.executable),
        *("--target", str(target), "--python-version", PYTHON_VERSION, "--python-platform", PLATFORM),
        *("--only-binary", ":all:", "--link-mode", "copy", "--no-compile-bytecode"),
        *("--require-hashes", "--constraints", "requirements.lock", "--requirements", "pyproject.toml"),
    ]
    try:
        subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PackageError(f"{uv} is missing: `make synth` and `make package` install it.") from error
    except subprocess.CalledProcessError as error:
        raise PackageError(f"The package's dependencies could not be installed:\n{error.stderr}") from error


def cut_metadata(target: Path) -> None:
    for distribution in target.glob("*.dist-info"):
        for entry in distribution.iterdir():
            if entry.name != READ_METADATA:
                remove(entry)


def cut_services(data: Path) -> None:
    """Keep the newest description of each service in SERVICES; files beside the services' folders are shared by all."""
    for service in (entry for entry in data.iterdir() if entry.is_dir()):
        if service.name not in SERVICES:
            remove(service)
            continue
        *outdated, newest = sorted(service.iterdir())
        for version in outdated:
            remove(version)
        for name in UNREAD_SERVICE_FILES:
            (newest / name).unlink(missing_ok=True)


def set_modes(target: Path) -> None:
    """Make everything readable to Lambda's user, whatever this machine's umask."""
    for entry in target.rglob("*"):
        executable = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH if entry.is_dir() else 0
        entry.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH | executable)


def remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry)
    else:
        entry.unlink()
