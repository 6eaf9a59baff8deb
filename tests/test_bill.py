"""The bill of the tool itself: its arithmetic, on figures that are easily recomputed by hand."""

from typing import Any

import pytest

from tools.bill import Month, Work, month, table

NOTHING = Work(cpu=0, answers=0, log=0, lines=0, metrics=frozenset())
IDLE = dict.fromkeys(("stop", "start", "acting", "status", "report"), NOTHING)
MEMORY = {"stop": 512, "start": 512, "status": 1024, "report": 1024}


def work(**figures: Any) -> Work:  # noqa: ANN401  figures of each kind
    return Work(**{**vars(NOTHING), **figures})


def test_computing_takes_as_much_longer_as_the_function_has_less_than_a_processor() -> None:
    # A second on 1,769 MB takes two on half of that, which is billed for half as many GB.
    assert work(cpu=1.0).gb_seconds(1769) == pytest.approx(1769 / 1024)
    assert work(cpu=1.0).gb_seconds(512) == pytest.approx(1769 / 1024)
    assert work(cpu=1.0).gb_seconds(3538) == pytest.approx(3538 / 1024)


def test_the_functions_run_every_five_minutes_of_a_month() -> None:
    found = month(IDLE, MEMORY, alarm_metrics=9)
    assert (found.runs, found.views, found.reports) == (2 * 12 * 24 * 30, 60 * 22, 30)
    assert found.requests == 17_280 + 1_320 + 30


def test_a_months_gb_seconds_are_those_of_all_invocations() -> None:
    one = work(answers=1 / 0.03)  # a second
    assert month(IDLE | {"stop": one}, MEMORY, 9).gb_seconds == pytest.approx((8640 - 22) / 2)
    assert month(IDLE | {"acting": one}, MEMORY, 9).gb_seconds == pytest.approx(44 / 2)
    assert month(IDLE | {"status": one}, MEMORY, 9).gb_seconds == pytest.approx(1320)
    assert month(IDLE | {"report": one}, MEMORY, 9).gb_seconds == pytest.approx(30)


def test_a_months_log_has_lambdas_own_lines_too() -> None:
    a_line = work(log=1000, lines=1)
    lambdas = (17_280 + 1_320 + 30) * (250 + 3 * 26)
    assert month(IDLE, MEMORY, 9).log_gb == pytest.approx(lambdas / 1e9)
    assert month(IDLE | {"report": a_line}, MEMORY, 9).log_gb == pytest.approx((lambdas + 30 * 1026) / 1e9)


def test_a_metric_is_billed_by_the_hours_in_which_it_is_sent() -> None:
    sent = {
        "stop": work(metrics=frozenset({"InvalidTags"})),
        "acting": work(metrics=frozenset({"InvalidTags", "Stopped"})),
        "report": work(metrics=frozenset({"SavedUSD"})),
    }
    assert month(IDLE | sent, MEMORY, 9).metrics == pytest.approx(1 + 44 / 720 + 30 / 720)


MONTH = Month(
    runs=1_000_000, views=500_000, reports=500_000, gb_seconds=500_000, log_gb=10, metrics=11.5, alarm_metrics=12
)


def test_the_prices_are_those_of_november_2026_in_us_east_1() -> None:
    assert MONTH.costs() == pytest.approx(
        {
            "Lambda": 500_000 * 0.0000133334 + 2 * 0.20,
            "EventBridge Scheduler": 1.50,
            "logs": 10 * (0.50 + 3 * 0.03),  # kept for three months
            "metrics": 11.5 * 0.30,
            "alarms": 12 * 0.10,
            "dashboard": 3.00,
            "suggestions in the message": 0,
        }
    )


def test_the_metrics_of_untagged_clusters_are_read_on_workdays_and_for_each_weekly_message() -> None:
    costs = month(IDLE, MEMORY, 9, untagged=1000).costs()
    assert costs["dashboard"] == pytest.approx(3 + 22 * 0.01)
    assert costs["suggestions in the message"] == pytest.approx(30 / 7 * 0.01)
    assert month(IDLE, MEMORY, 9, untagged=1000).cost_beyond_what_is_free() == pytest.approx((22 + 30 / 7) * 0.01)


def test_what_aws_gives_away_is_taken_off() -> None:
    assert MONTH.cost_beyond_what_is_free() == pytest.approx(
        100_000 * 0.0000133334 + 0.20 + 0 + 35 / 40 * 5.90 + 1.5 * 0.30 + 2 * 0.10 + 0
    )
    assert month(IDLE, MEMORY, alarm_metrics=9).cost_beyond_what_is_free() == 0


def test_the_table_has_a_column_for_each_number_of_clusters() -> None:
    lines = table({10: month(IDLE, MEMORY, 9), 1000: MONTH}).splitlines()
    assert lines[:2] == ["|  | 10 clusters | 1,000 clusters |", "| --- | ---: | ---: |"]
    assert "| GB-seconds | 0 | 500,000 |" in lines
    assert "| alarms, USD | 0.90 | 1.20 |" in lines
    assert [line.split(" | ")[:2] for line in lines[-6:]] == [
        ["| **in all, USD a month**", "**3.92**"],
        ["| with `dashboard: false`", "0.92"],
        ["| with `alarms: false`", "3.02"],
        ["| with both", "0.02"],
        ["| beyond what AWS gives away", "0.00"],
        ["| beside these, where all have `grace=2h` and use it up", "0.05"],  # 5,280 look-ups
    ]
    assert {line.count("|") for line in lines} == {4}
