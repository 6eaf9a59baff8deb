"""The dashboard: alarms and what was saved, the clusters, and how the functions do."""

import json
from typing import Any

import pytest

from synthesis import Template

pytest_plugins = ["synthesis"]

Widget = dict[str, Any]
FUNCTIONS = ("Stop", "Start", "Status", "Report")


@pytest.fixture(scope="module")
def widgets(template: Template) -> list[Widget]:
    (dashboard,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    assert dashboard["Properties"]["DashboardName"] == "aurora-office-hours"
    body = json.loads(dashboard["Properties"]["DashboardBody"])
    assert body["start"] == "-P7D"
    found: list[Widget] = body["widgets"]
    return found


def drawn(widgets: list[Widget], title: str) -> set[tuple[str, ...]]:
    """A graph's metrics: namespace, name, dimension and value, and the statistic."""
    (graph,) = [each["properties"] for each in widgets if each["properties"]["title"] == title]
    assert graph["region"] == "<AWS::Region>"
    return {(*(each for each in metric if isinstance(each, str)), statistic(metric)) for metric in graph["metrics"]}


def statistic(metric: list[Any]) -> str:
    return str(metric[-1].get("stat", "Average")) if isinstance(metric[-1], dict) else "Average"


def of_lambda(name: str, statistic: str) -> set[tuple[str, ...]]:
    return {("AWS/Lambda", name, "FunctionName", f"<{function}>", statistic) for function in FUNCTIONS}


def ours(name: str, statistic: str) -> tuple[str, ...]:
    return ("AuroraOfficeHours", name, "service", "aurora-office-hours", statistic)


def test_the_clusters_have_the_full_width(widgets: list[Widget]) -> None:
    clusters, _ = [each for each in widgets if each["type"] == "custom"]
    assert (clusters["x"], clusters["y"], clusters["width"]) == (0, 3, 24)
    assert clusters["properties"] == {
        "title": "Clusters",
        "endpoint": "<Status.Arn>",
        "updateOn": {"refresh": True, "resize": True, "timeRange": False},
    }


def test_what_was_saved_is_added_up_at_the_top(widgets: list[Widget]) -> None:
    (saved,) = [each["properties"] for each in widgets if each["properties"].get("view") == "singleValue"]
    expression, day = saved["metrics"]
    assert (saved["start"], expression[0]["expression"], day[-1]["id"]) == ("-P30D", "RUNNING_SUM(day)", "day")
    assert (*day[:4], day[-1]["stat"], day[-1]["period"]) == (*ours("SavedUSD", "Maximum"), 86_400)


def test_suggestions_are_below_the_clusters_and_read_once(widgets: list[Widget]) -> None:
    _, below = [each for each in widgets if each["type"] == "custom"]
    assert (below["x"], below["width"]) == (0, 24)
    assert below["properties"] == {
        "title": "Untagged clusters that could save",
        "endpoint": "<Report.Arn>",
        "params": {"suggest": True},
        "updateOn": {"refresh": False, "resize": False, "timeRange": False},
    }


def test_every_alarm_is_shown(template: Template, widgets: list[Widget]) -> None:
    (shown,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    assert set(shown) == {f"<{name}.Arn>" for name in template.of_type("AWS::CloudWatch::Alarm")}


@pytest.mark.parametrize(
    ("title", "metrics"),
    [
        ("Runs", of_lambda("Invocations", "Sum")),
        ("Longest run", of_lambda("Duration", "Maximum")),
        ("Failures", of_lambda("Errors", "Sum") | {ours("Failures", "Sum")}),
        ("Clusters stopped and started", {ours("Stopped", "Sum"), ours("Started", "Sum")}),
        (
            "Clusters that need attention",
            {ours(name, "Maximum") for name in ("InvalidTags", "OverdueClusters", "Refused")},
        ),
        ("Saved in a day, US dollars", {ours("SavedUSD", "Maximum")}),
    ],
)
def test_a_graph_draws(widgets: list[Widget], title: str, metrics: set[tuple[str, ...]]) -> None:
    assert drawn(widgets, title) == metrics


def test_nothing_lies_on_anything_else_or_beyond_the_edge(widgets: list[Widget]) -> None:
    cells = [
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(24))


def test_it_draws_few_enough_metrics_to_be_one_of_those_that_cloudwatch_gives_away(widgets: list[Widget]) -> None:
    # https://aws.amazon.com/cloudwatch/pricing/
    assert sum(len(each["properties"].get("metrics", [])) for each in widgets) <= 50
