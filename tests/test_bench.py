"""The benchmark, with tiny numbers: that it measures, counts and tells, not how fast anything is."""

import re
from pathlib import Path

import pytest

from bench import report
from bench.__main__ import BOTO3, Plan, measure, pages
from bench.measure import PROJECT, Pairs, Program, Report, Run
from bench.scenario import Scenario

TINY = Plan(runs=((Scenario(20, 2, apart=True), 1, 1),), cold=0, custodian=(0, 0), hostile=2, scale=40)
OURS, FLOOR = Program("ours", (str(PROJECT / "lambda"), BOTO3)), Program("floor", (BOTO3,))


def run(wall: float = 1.0, **calls: int) -> Run:
    return Run(wall, cpu=0.5, memory=100, seen=Report(calls, throttled=0, cpu=0.01))


def test_it_measures_and_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = measure(TINY, floor=FLOOR, ours=OURS)
    (line,) = (line for line in text.splitlines() if line.startswith("| 20 | 2 apart | "))
    assert "| 1 + 1 + 2 |" in line
    readme = tmp_path / "README.md"
    before, after = re.split("<!-- bench -->.*<!-- /bench -->", report.README.read_text(), flags=re.DOTALL)
    readme.write_text(report.README.read_text())
    monkeypatch.setattr(report, "README", readme)
    report.write(text)
    assert readme.read_text() == f"{before}<!-- bench -->\n{text}\n<!-- /bench -->{after}"


def test_it_measures_the_status_over_so_many_accounts() -> None:
    assert pages(OURS, accounts=21).count("| yes |") == 4


@pytest.mark.parametrize(("ours", "met"), [(0.74, "met"), (0.76, "**missed**")])
def test_a_missed_goal_is_told_and_so_is_a_call_too_many(ours: float, met: str) -> None:
    pairs = Pairs([run(1.0)] * 3, [run(ours, DescribeDBClusters=10)] * 3)
    table = report.runs_table([(Scenario(1000, 100), pairs)])
    assert table.splitlines()[-1].endswith(f"| {ours} ({ours} to {ours}) | 1.00 | 1.00 | 10 + 0 + 0 | ≤ 0.75: {met} |")
    for more in range(2):
        calls = {"DescribeDBClusters": 12, "DescribeEvents": 10, "StopDBCluster": 100 + more}
        assert report.within_budget(Scenario(1000, 100), run(**calls)) is (more == 0)
