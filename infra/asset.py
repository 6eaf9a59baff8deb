"""The package that is deployed to Lambda: our modules, and what requirements.lock pins for them, without Docker.

The same inputs give the same files, on whichever machine, so that the asset's hash, which the CDK takes from them,
changes when what is deployed changes, and only then.
"""

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

# The newest Python that Lambda offers and aws-cdk-lib knows.
PYTHON_VERSION = "3.14"
# botocore describes more than 400 services in 27 MB. Whoever calls another one adds it here.
SERVICES = ("account", "pricing", "rds", "sns")
# What an installer leaves behind that differs from machine to machine, and is not read in Lambda; and what is compiled
# for one kind of machine, where the same is there in Python as well.
LEFTOVERS = (".lock", "bin", "*.dist-info/RECORD", "markupsafe/_speedups.*")


class PackageError(Exception):
    """The package could not be built. The text says why, in the installer's words."""


def build(target: Path) -> Path:
    """Fill the empty folder `target` with the package, and return it."""
    install_dependencies(target)
    unread = [entry for entry in target.glob("botocore/data/*/") if entry.name not in SERVICES]
    for entry in [*unread, *(entry for pattern in LEFTOVERS for entry in target.glob(pattern))]:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    shutil.copytree(
        PROJECT / "lambda" / "office_hours", target / "office_hours", ignore=shutil.ignore_patterns("__pycache__", ".*")
    )
    # Lambda's user is another one, who must be able to read it all, whatever this machine's umask.
    for entry in target.rglob("*"):
        entry.chmod(0o755 if entry.is_dir() else 0o644)
    return target


def install_dependencies(target: Path) -> None:
    """Install the project's dependencies for Lambda's Python and processor, in the versions and files that are locked.

    uv stands beside the Python that runs this. It copies files out of its cache, since their modes are changed
    afterwards, and takes no source distribution, which would be built for this machine.
    """
    uv = Path(sys.executable).with_name("uv")
    command = [
        *(str(uv), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)),
        *("--python-version", PYTHON_VERSION, "--python-platform", "aarch64-manylinux_2_28"),
        *("--only-binary", ":all:", "--link-mode", "copy", "--no-compile-bytecode"),
        *("--require-hashes", "--constraints", "requirements.lock", "--requirements", "pyproject.toml"),
    ]
    try:
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PackageError(f"{uv} is missing: `make synth` puts it there.") from error
    except subprocess.CalledProcessError as error:
        raise PackageError(f"The package's dependencies could not be installed:\n{error.stderr}") from error
