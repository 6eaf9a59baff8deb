"""The dashboard: alarms and what was saved, the clusters, and how the functions do."""

import json
from collections import Counter
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


def test_clusters_have_the_full_width_and_below_are_suggestions_which_are_read_once(widgets: list[Widget]) -> None:
    clusters, suggestions = [each for each in widgets if each["type"] == "custom"]
    assert clusters["width"] == suggestions["width"] == 24
    assert clusters["y"] < suggestions["y"]
    above, below = clusters["properties"], suggestions["properties"]
    assert (above["endpoint"], below["endpoint"]) == ("<Status.Arn>", "<Report.Arn>")
    assert below["params"] == {"suggest": True}
    assert above["updateOn"] == {"refresh": True, "resize": True, "timeRange": False}
    assert not any(below["updateOn"].values())


def test_what_was_saved_is_added_up_at_the_top(widgets: list[Widget]) -> None:
    (saved,) = [each["properties"] for each in widgets if each["properties"].get("view") == "singleValue"]
    expression, day = saved["metrics"]
    assert (saved["start"], expression[0]["expression"], day[-1]["id"]) == ("-P30D", "RUNNING_SUM(day)", "day")
    assert (day[1], day[-1]["stat"], day[-1]["period"]) == ("SavedUSD", "Maximum", 86_400)


def test_every_alarm_is_shown(template: Template, widgets: list[Widget]) -> None:
    (shown,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    assert set(shown) == {f"<{name}.Arn>" for name in template.of_type("AWS::CloudWatch::Alarm")}


def test_all_that_runs_send_is_drawn_and_how_each_function_does(widgets: list[Widget]) -> None:
    graphs = [each["properties"] for each in widgets if each["type"] == "metric" and "start" not in each["properties"]]
    drawn = [(metric[0], metric[1], metric[3]) for graph in graphs for metric in graph["metrics"]]
    sent = ("Failures", "Refused", "Stopped", "Started", "InvalidTags", "OverdueClusters", "SavedUSD")
    of_lambda = [(name, f"<{each}>") for name in ("Invocations", "Duration", "Errors") for each in FUNCTIONS]
    assert Counter(drawn) == Counter(
        [
            *(("AuroraOfficeHours", name, "aurora-office-hours") for name in sent),
            *(("AWS/Lambda", *each) for each in of_lambda),
        ]
    )


def test_nothing_lies_on_anything_else_or_beyond_the_edge(widgets: list[Widget]) -> None:
    cells = [
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(24))
