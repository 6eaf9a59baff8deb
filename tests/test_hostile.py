"""What others write is text wherever it comes out: in the log, the answers, the pages, the mail and the errors.

Tags, names and what RDS says may have any characters that XML can carry, and an event any that JSON can. Each text
below is put wherever somebody could write it, and all functions are invoked. Beside what they do where a harmless word
stands there, nothing may differ but the text itself.

The 24th of November 2026 is a Tuesday.
"""

import io
import json
import logging
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import pytest

from aws_server import HOME, Account, Refusal
from invocation import Handler, Log, invoke, stop
from office_hours import handlers
from office_hours.answer import RunError, logger
from office_hours.decision import Action, Reason
from office_hours.event import EventError
from pages import Element, read
from price_list import instance

pytest_plugins = ["aws_server", "invocation"]

EVENING = "2026-11-24T18:30:00Z"
OFFICE = "mon-fri 08:00-18:00 UTC"
HARMLESS = "word"
METRICS = {"Failures", "Stopped", "Started", "InvalidTags", "OverdueClusters", "Refused", "SavedUSD"}
METRIC = {"Namespace": "AuroraOfficeHours", "Dimensions": [["service"]], "Metrics": [{"Name": "Failures"}]}
TEXTS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)><!-- ]]></style></title></svg></table>&lt;&#60;"
    '<cwdb-action action="call" display="popup" endpoint="arn:aws:lambda:x">{"clusters": ["*"]}</cwdb-action>',
    "attributes": "\" onmouseover=\"alert(1)\" ' onfocus='alert(1)' autofocus x=`",
    "templates": "{{ 7 * 7 }}{% raw %}{% for each in answer %}{# }}{{ self.__init__.__globals__ }}"
    "%s %(message)s %d %n {} {0} {0.__class__} {message} ${USER} $(id) `id`",
    "ends of lines": 'one\r\nSubject: another\r\n\r\n{"level": "ERROR"}\rtwo\nthree\tfour\u2028five\u2029six\u0085',
    "what is not seen": "\x9b31mred\x9d0;title\x9c\x7f\u202egnp.exe\u2066\u200b\u200d\ufeff\u00ad\U000e0041 \u00a0",
    "JSON": '", "level": "ERROR", "db_cluster": null}, {"\\u0022\\',
    "a metric": "\n" + json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [METRIC]}, "Failures": [1]}) + "\n",
    "the log's key": "message",
    "very much": "long " * 2_000,
}
LONGEST = "\U00010410" * 256  # letters of four bytes, as many as a tag can have


@dataclass
class Seen:
    """What came out of the functions."""

    output: str = ""
    answers: list[Any] = field(default_factory=list)
    pages: list[Element] = field(default_factory=list)
    mails: list[dict[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log's, and those that are metrics. Lambda ends a line where this one character does."""
        assert self.output.endswith("\n")
        return [json.loads(line) for line in self.output[:-1].split("\n")]


def fill(account: Account, text: str) -> None:
    """Put the text wherever somebody could have written it."""
    account.clusters.clear()
    account.events.clear()
    account.trail.clear()
    account.add("bad-hold", TagList=[tag("office-hours", OFFICE), tag("office-hours-hold", text)])
    account.add("bad-tag", text)
    account.add("class", OFFICE)
    account.classes["class-1"] = text
    account.add("event", OFFICE)
    account.log("event", text, "2026-11-24T08:00:00Z")
    account.log(name(text), "DB cluster stopped.", "2026-11-24T08:00:00Z")
    account.add("global", OFFICE, GlobalClusterIdentifier=text)
    account.add("member", OFFICE, DBClusterMembers=[{"DBInstanceIdentifier": text}])
    account.add("mode", OFFICE, EngineMode=text)
    account.add("other-tag", TagList=[tag(text, text), tag("office-hours", OFFICE)])
    account.add("refused", OFFICE)
    account.add("replica", OFFICE, ReplicationSourceIdentifier=text)
    account.add("replicated", OFFICE, ReadReplicaIdentifiers=[text, text])
    account.add("started", OFFICE)
    account.called("StartDBCluster", "started", "2026-11-24T18:10:00Z", by=text)
    account.add("status", OFFICE, Status=text)
    account.add("version", OFFICE, EngineVersion=text, MasterUsername=text, StorageType=text)
    account.add(name(text), OFFICE)


def name(text: str) -> str:
    """A cluster's name, as RDS keeps it; it comes last in any order."""
    return f"z{text}".lower()


def tag(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value}


@pytest.fixture
def said(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What RDS refuses calls with: the last one."""
    account.products = [*instance("db.r8g.large", "0.50")]
    monkeypatch.setenv("OFFICE_HOURS_SETTINGS", json.dumps({"regions": [HOME, "us-east-1"]}))
    monkeypatch.setenv("OFFICE_HOURS_ACTIONS", json.dumps({"stop": "arn:aws:stop", "start": "arn:aws:start"}))
    monkeypatch.setenv("OFFICE_HOURS_TOPIC", "arn:aws:sns:eu-west-1:123456789012:aurora-office-hours")
    monkeypatch.setenv("OFFICE_HOURS_REPORT", "daily")
    said = [HARMLESS]
    account.before("StopDBCluster", lambda _: Refusal("InvalidDBClusterStateFault", said[-1]), cluster="refused")
    account.before("StopDBCluster", lambda _: Refusal(said[-1], said[-1]), cluster="version")
    account.before("DescribeDBClusters", lambda _: Refusal("AccessDenied", said[-1], status=403), region="us-east-1")
    return said


def see(account: Account, said: list[str], text: str) -> Seen:
    """Invoke all functions in all ways, where a cluster's own name and the like is this text."""
    fill(account, text)
    account.published.clear()
    said.append(text)
    seen, named = Seen(), {"clusters": ["eu-west-1/refused", "eu-west-1/other-tag"], "until": "20:00"}
    mistakes = {
        "clusters": [f"eu-west-1/{name(text)}/x", "eu-west-1/bad-tag"],
        "until": text,
        "dry_run": text,
        text: text,
    }
    on_dashboard = {"widgetContext": {"theme": text, text: text, "forms": {"all": {"cluster": "", text: text}}}}
    invocations: list[tuple[Handler, dict[str, Any]]] = [
        (handlers.status, {}),
        (handlers.status, {"explain": text[:256]}),
        (handlers.status, on_dashboard),
        (handlers.status, {"widgetContext": {"width": 600}}),
        (handlers.status, {text: text}),
        (handlers.report, {"send": True}),
        (handlers.report, {"send": text}),
        (handlers.stop, mistakes),
        (handlers.stop, {"clusters": [f"eu-west-1/{name(text)}x"], "dry_run": True}),
        (handlers.stop, mistakes | on_dashboard),
        (handlers.start, {}),
        (handlers.stop, {}),
        (handlers.stop, named),
        (handlers.stop, named | on_dashboard),
    ]
    output = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n")  # strict, as in Lambda
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(output)
    logger.setLevel("DEBUG")
    try:
        with redirect_stdout(output):
            for function, event in invocations:
                try:
                    answer = invoke(function, EVENING, event, None)
                except (EventError, RunError) as error:
                    seen.errors.append(str(error))
                else:
                    if "widgetContext" in event:
                        seen.pages.append(read(str(answer)))
                    else:
                        seen.answers.append(answer)
    finally:
        logger.setLevel("INFO")
        handler.setStream(before)
    output.seek(0)
    seen.output = output.read()
    seen.mails = [*account.published]
    return seen


SEEN: dict[str, Seen] = {}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_others_write_is_text_and_nothing_else(account: Account, said: list[str], text: str) -> None:
    harmless = SEEN.get(HARMLESS) or SEEN.setdefault(HARMLESS, see(account, said, HARMLESS))
    compare(see(account, said, text), harmless, text)


# What one text alone can do


@pytest.mark.parametrize("text", ["\ud800", "a\udfff08:00\u202e", "mon-fri 08:00-18:00 " * 13, "mon " * 1_000_000])
def test_what_no_tag_can_be_is_not_explained(account: Account, text: str) -> None:
    """Lambda cannot answer with half a surrogate pair, and to explain a million words takes longer than it waits."""
    with pytest.raises(EventError, match=r'\A"explain" is ".*: expected the value of a tag, of 256 char') as caught:
        invoke(handlers.status, EVENING, {"explain": text}, None)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 1_000
    assert account.calls == []


@pytest.mark.usefixtures("said")
def test_a_mail_is_no_longer_than_sns_takes(account: Account) -> None:
    for number in range(100):
        account.add(f"c{number}", LONGEST, Status="stopped")
        account.classes[f"c{number}-1"] = LONGEST
    with pytest.raises(RunError):
        invoke(handlers.report, EVENING, {"send": True}, None)
    (mail,) = account.published
    assert 200_000 < len(mail["Message"].encode()) <= 256 * 1024
    assert "\ufffd" not in mail["Message"]


# How much of it


MOST = 256 * 1024  # bytes that a line of the log, and the record of a failure, can have


@pytest.mark.parametrize("text", ["one\r\ntwo\nthree", "one\u2028two"], ids=repr)
def test_each_failure_is_one_line_of_the_error(account: Account, said: list[str], text: str) -> None:
    account.add("version", "never")
    said.append(text)
    with pytest.raises(RunError) as caught:
        stop(EVENING)
    assert len(str(caught.value).splitlines()) == 3


def test_however_much_rds_says_the_log_the_error_and_the_answer_stay_short(
    account: Account, said: list[str], log: Log
) -> None:
    account.add("refused", "never")
    said.append("long " * 100_000)
    with pytest.raises(RunError) as caught:
        stop(EVENING)
    assert max(len(json.dumps(line)) for line in log.lines()) < MOST
    assert len(str(caught.value)) < MOST
    assert len(json.dumps(stop(EVENING, {"clusters": ["eu-west-1/refused"], "until": "20:00"}))) < MOST


def test_however_many_tags_cannot_be_read_the_summary_is_one_line(account: Account, log: Log) -> None:
    for number in range(200):
        account.add(f"c{number}", LONGEST)
    assert stop(EVENING)["counts"] == {"invalid-tag": 200}
    assert max(len(json.dumps(line, ensure_ascii=False).encode()) for line in log.lines()) < MOST


# What is compared


def compare(seen: Seen, harmless: Seen, text: str) -> None:
    """Look at all that came out: it is as with the harmless word but for the text, which is as it was written."""
    compare_logs(seen, harmless, text)
    for answer in seen.answers:
        assert json.loads(json.dumps(answer, ensure_ascii=False).encode()) == answer  # as Lambda sends it
    assert outline(seen.answers, text) == outline(harmless.answers, HARMLESS)
    compare_pages(seen, harmless)
    compare_mails(seen, harmless)
    assert refusals(seen) == refusals(harmless), "a mistake is a line"
    find_as_written(seen, text)


def compare_logs(seen: Seen, harmless: Seen, text: str) -> None:
    """The same lines, with the same keys, figures and metrics, in plain characters, whatever shows the log."""
    lines, expected = (
        Counter(json.dumps(outline(line, each)) for line in of.lines)
        for of, each in ((seen, text), (harmless, HARMLESS))
    )
    assert lines == expected
    assert seen.output.isascii()
    metrics = (line for line in seen.lines if "_aws" in line)
    assert {name for line in metrics for name in line if isinstance(line[name], list)} == METRICS


def compare_pages(seen: Seen, harmless: Seen) -> None:
    assert [elements(page) for page in seen.pages] == [elements(page) for page in harmless.pages]
    for page in seen.pages:
        for action in page.all("cwdb-action"):
            assert action.attributes["endpoint"] in {"arn:aws:stop", "arn:aws:start", "arn:aws:status"}
            assert json.loads(action.text).keys() <= {"clusters", "until"}


def compare_mails(seen: Seen, harmless: Seen) -> None:
    (mail,), (expected,) = seen.mails, harmless.mails
    assert {**mail, "Message": ""} == {**expected, "Message": ""}
    lines = mail["Message"].split("\n")
    assert len(lines) == len(expected["Message"].split("\n"))
    assert all(line.isprintable() for line in lines)
    assert len(mail["Message"].encode()) <= 256 * 1024


def find_as_written(seen: Seen, text: str) -> None:
    status = {entry["cluster"]: entry for entry in seen.answers[0]["clusters"]}
    assert status["bad-tag"]["schedule"] == status["status"]["status"] == status["version"]["version"] == text
    assert status["class"]["instances"] == [text]
    assert status["started"]["by"] == text
    assert name(text) in status
    wide, narrow, *_ = seen.pages
    for page in (wide, narrow):
        rows = {row.all("th")[0].text: row.text for row in page.all("tr") if row.all("td")}
        for cluster in ("bad-tag", "class", "global", "started", "status", "version", name(text)):
            (row,) = (words for heading, words in rows.items() if heading.startswith(cluster))
            assert (text if cluster != name(text) else cluster) in row
    lines = {line["cluster"]: line for line in seen.lines if "db_cluster" in line}
    assert tag(text, text) in lines["other-tag"]["db_cluster"]["TagList"]
    (failure,) = (line for line in seen.lines if line.get("cluster") == "version" and line["level"] == "ERROR")
    assert failure["error_code"]
    assert text.startswith(failure["error_message"][:500])


def refusals(seen: Seen) -> list[int]:
    """How many lines each answer to a wrong event has."""
    return [len(error.split("\n")) for error in seen.errors if error.endswith("Nothing was done.")]


def outline(value: object, text: str) -> object:
    """What there is in JSON apart from the words: figures, and keys, in which a cluster's name may be."""
    match value:
        case dict():
            outlined = {key.replace(name(text), "name"): outline(item, text) for key, item in value.items()}
            return outlined | {"cold_start": None}
        case list():
            return [outline(item, text) for item in value]
        case "DEBUG" | "INFO" | "WARNING" | "ERROR" | Reason() | Action():
            return value
        case str():
            return ""
    return value


def elements(of: Element) -> object:
    """An element's tag, its attributes and classes, and the elements in it."""
    attributes = sorted((key, value if key == "class" else "") for key, value in of.attributes.items())
    return of.tag, attributes, [elements(each) for each in of.children if isinstance(each, Element)]
