"""The bill of the tool itself: its arithmetic, on figures that are easily recomputed by hand."""

from dataclasses import replace

import pytest

from tools.bill import KINDS, Month, Work, month, table, together

NOTHING = Work(cpu=0, calls=0, answers=0, log=0, lines=0, metrics=frozenset(), metrics_read=0)
A_SECOND = replace(NOTHING, answers=1 / 0.03)
IDLE = dict.fromkeys(KINDS, NOTHING)
MEMORY = {"stop": 512, "start": 512, "status": 1024, "report": 1024}


def test_computing_takes_as_much_longer_as_the_function_has_less_than_a_processor() -> None:
    # A second on 1,769 MB takes two on half of that, which is billed for half as many GB.
    computing = replace(NOTHING, cpu=1.0)
    assert computing.gb_seconds(1769) == pytest.approx(1769 / 1024)
    assert computing.gb_seconds(512) == pytest.approx(1769 / 1024)
    assert computing.gb_seconds(3538) == pytest.approx(3538 / 1024)


def test_a_month_has_a_run_every_five_minutes_and_the_dashboard_is_looked_at() -> None:
    found = month(dict.fromkeys(KINDS, A_SECOND), MEMORY, 9, 1)
    assert found.scheduled == 2 * 12 * 24 * 30 + 30
    assert found.requests == found.scheduled + 61 * 22  # the dashboard, and what it suggests when it is opened
    assert found.gb_seconds == pytest.approx(17_280 / 2 + 30 + 61 * 22)
    assert month(IDLE | {"acting": A_SECOND}, MEMORY, 9, 1).gb_seconds == pytest.approx(44 / 2)
    assert month(IDLE, MEMORY, alarm_metrics=9, dashboards=0).requests == found.scheduled


def test_a_months_log_has_lambdas_own_lines_too() -> None:
    lambdas = (17_280 + 30) * (250 + 3 * 26)
    assert month(IDLE, MEMORY, 9, 0).log_gb == pytest.approx(lambdas / 1e9)
    a_line = {"acting": replace(NOTHING, log=1000, lines=1)}
    assert month(IDLE | a_line, MEMORY, 9, 0).log_gb == pytest.approx((lambdas + 44 * 1026) / 1e9)


def test_a_metric_is_billed_by_the_hours_in_which_it_is_sent() -> None:
    sent = {
        "stop": replace(NOTHING, metrics=frozenset({"InvalidTags"})),
        "acting": replace(NOTHING, metrics=frozenset({"InvalidTags", "Stopped"})),
    }
    assert month(IDLE | sent, MEMORY, 9, 1).metrics == pytest.approx(1 + 44 / 720)


def test_calls_and_the_metrics_that_are_read_are_those_of_all_invocations() -> None:
    found = month(IDLE | {"suggest": replace(NOTHING, calls=3, metrics_read=1000)}, MEMORY, 9, 1)
    assert (found.calls, found.metrics_read) == (3 * 22, 1000 * 22)


MONTH = Month(
    requests=2_000_000,
    scheduled=1_500_000,
    calls=0,
    gb_seconds=500_000,
    log_gb=10,
    metrics=11.5,
    alarm_metrics=12,
    dashboards=1,
    metrics_read=1000,
)


def test_the_prices_are_those_of_november_2026_in_us_east_1() -> None:
    assert MONTH.costs() == pytest.approx(
        {
            "Lambda, Scheduler": 500_000 * 0.0000133334 + 2 * 0.20 + 1.50,
            "logs": 10 * (0.50 + 3 * 0.03),  # kept for three months
            "metrics": 11.5 * 0.30,
            "alarms": 12 * 0.10,
            "dashboard": 3.00,
            "metrics read": 0.01,
        }
    )


def test_what_aws_gives_away_is_taken_off() -> None:
    assert MONTH.cost_beyond_what_is_free() == pytest.approx(
        100_000 * 0.0000133334 + 0.20 + 0 + 35 / 40 * 5.90 + 1.5 * 0.30 + 2 * 0.10 + 0.01
    )


def test_several_accounts_share_what_aws_gives_away() -> None:
    alone = replace(MONTH, gb_seconds=300_000, dashboards=2)
    both = together([alone, alone])
    assert both.costs() == pytest.approx({what: 2 * cost for what, cost in alone.costs().items()})
    assert both.cost_beyond_what_is_free() > 2 * alone.cost_beyond_what_is_free()


def test_the_table_has_a_row_for_each_variant() -> None:
    head, _, first, second = table({"10 clusters": month(IDLE, MEMORY, 9, 1), "many": MONTH}).splitlines()
    assert head.startswith(
        "|  | calls | GB-seconds | log, MB | Lambda, Scheduler | logs | metrics | alarms | dashboard |"
    )
    assert first == "| 10 clusters | 0 | 0 | 6 | 0.02 | 0.00 | 0.00 | 0.90 | 3.00 | 0.00 | **3.92** | 0.00 |"
    assert second.startswith("| many | 0 | 500,000 | 10,000 | 8.57 |")
    assert {line.count("|") for line in (head, first, second)} == {13}
