"""Builds the package, writes its bill of materials, and measures it: its size, its hash, and how fast it imports.

The hash is the CDK's. The import is timed as at a cold start, next to `import boto3; boto3.client("rds")` with boto3 as
pip installs it. They take turns in fresh interpreters, on this machine's Python, which is fair since nothing in the
package is compiled for another. In one round both compile what they import, as in Lambda, where the package is
read-only; in the other both find it compiled. Seconds are CPU time, which other programs disturb less than wall time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from statistics import median

import aws_cdk as cdk

import asset
from tools.sbom import sbom

TARGET = asset.PROJECT / "build" / "package"
SBOM = TARGET.with_suffix(".cdx.json")
MEASUREMENTS = 9
# What to import, from which folder.
OURS = ("import office_hours.handlers, office_hours.rds; office_hours.rds.client(None)", str(TARGET))
BOTO3 = ('import boto3; boto3.client("rds")', str(distribution("boto3").locate_file("")))


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    try:
        asset.build(TARGET)
        SBOM.write_text(sbom(TARGET))
    except asset.PackageError as error:
        sys.exit(str(error))
    print(f"package  {TARGET.relative_to(asset.PROJECT)}")
    print(f"hash     {cdk.FileSystem.fingerprint(str(TARGET))}")
    print(f"sbom     {SBOM.relative_to(asset.PROJECT)}")
    with tempfile.TemporaryDirectory() as folder:
        archive = shutil.make_archive(f"{folder}/package", "zip", TARGET)
        print(f"zipped   {Path(archive).stat().st_size / 1e6:.1f} MB (goal: at most 6 MB)")
        report_import("compiling", ["-B", "-X", f"pycache_prefix={folder}/none"])
        report_import("compiled", ["-X", f"pycache_prefix={folder}/bytecode"])


def report_import(words: str, options: list[str]) -> None:
    # The first of each doesn't count: it writes the bytecode, and warms the disk cache.
    times = [(seconds(*OURS, options), seconds(*BOTO3, options)) for _ in range(1 + MEASUREMENTS)][1:]
    ours, boto3 = (median(each) for each in zip(*times, strict=True))
    ratio = f"{ours / boto3:.2f} times boto3's {boto3:.2f} s"
    print(f"import   {ours:.2f} s {words}, with the first client: {ratio} (goal: at most 1.25 times)")


def seconds(program: str, folder: str, options: list[str]) -> float:
    """The CPU time of a program that finds nothing but this folder and Python's own modules."""
    timed = (
        f"import sys, time; sys.path.append({folder!r}); began = time.process_time(); "
        f"{program}; print(time.process_time() - began)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", *options, "-c", timed],
        env={"AWS_DEFAULT_REGION": "eu-west-1", "AWS_CONFIG_FILE": os.devnull},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
