"""The benchmark, with tiny numbers: that it measures, counts and tells, not how fast anything is."""

import re
from pathlib import Path

import pytest

from bench import __main__, report, tags
from bench.__main__ import BOTO3, Plan, measure, pages
from bench.measure import PROJECT, Pairs, Program, Report, Run
from bench.scenario import Scenario

TINY = Plan(runs=((Scenario(20, 2, apart=True), 1, 1),), cold=0, custodian=(0, 0), hostile=2, scale=40)
OURS, FLOOR = Program("ours", (str(PROJECT / "lambda"), BOTO3)), Program("floor", (BOTO3,))


def run(wall: float = 1.0, **calls: int) -> Run:
    return Run(wall, cpu=0.5, memory=100, seen=Report(calls, cpu=0.01))


def test_it_measures_and_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "hostile", lambda by_chance: ["x" * 256] * by_chance)
    monkeypatch.setattr(tags, "REPEATS", 2)
    monkeypatch.setattr(tags, "DISTINCT", 20)
    text = measure(TINY, floor=FLOOR, ours=OURS)
    (line,) = (line for line in text.splitlines() if line.startswith("| 20 | 2 apart | "))
    assert "| 1 + 1 + 2 |" in line
    readme = tmp_path / "README.md"
    before, after = re.split("<!-- bench -->.*<!-- /bench -->", report.README.read_text(), flags=re.DOTALL)
    readme.write_text(report.README.read_text())
    monkeypatch.setattr(report, "README", readme)
    report.write(text)
    assert readme.read_text() == f"{before}<!-- bench -->\n{text}\n<!-- /bench -->{after}"


def test_it_measures_the_status_over_so_many_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, figure in {"CLUSTERS": 1, "WARM": 1, "LATENCY": 0}.items():
        monkeypatch.setattr(__main__, name, figure)
    # Two calls about the organization, and 16 in each account: for the role, and in three Regions.
    rows = [line.split(" | ") for line in pages(OURS, accounts=2).splitlines()[-4:]]
    assert [(row[0], row[5]) for row in rows] == [
        (f"| {what}", "50") for what in ("JSON, cold", "JSON, warm", "page, cold", "page, warm")
    ]


@pytest.mark.parametrize(("wall", "met"), [(19, "yes"), (21, "**no**")])
def test_a_status_that_takes_too_long_is_told(wall: float, met: str) -> None:
    assert report.pages_table(60, 1769, [("JSON, cold", run(wall))]).endswith(f"| {met} |")


@pytest.mark.parametrize(("ours", "met"), [(0.74, "met"), (0.76, "**missed**")])
def test_a_missed_goal_is_told_and_so_is_a_call_too_many(ours: float, met: str) -> None:
    pairs = Pairs([run(1.0)] * 3, [run(ours, DescribeDBClusters=10)] * 3)
    table = report.runs_table([(Scenario(1000, 100), pairs)])
    assert table.splitlines()[-1].endswith(f"| {ours} ({ours} to {ours}) | 1.00 | 1.00 | 10 + 0 + 0 | ≤ 0.75: {met} |")
    for more in range(2):
        calls = {"DescribeDBClusters": 12, "DescribeEvents": 10, "StopDBCluster": 100 + more}
        assert report.within_budget(Scenario(1000, 100), run(**calls)) is (more == 0)
