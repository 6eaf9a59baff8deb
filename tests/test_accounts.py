"""Many accounts in one answer: the central account's own clusters, and those of the organization's units.

The 24th of November 2026 is a Tuesday; at 17:30 UTC it is 18:30 in Berlin, after office hours.
"""

import json
import threading
from typing import Any

import pytest

from aws_server import ACCESS_DENIED, ACCOUNT, HOME, MANAGER, Account, Refusal
from browser import ACTIONS
from invocation import Context, Log, invoke, settings
from office_hours import handlers
from pages import Element, read
from price_list import instance

pytest_plugins = ["aws_server", "invocation"]

OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
EVENING = "2026-11-24T17:30:00Z"
SHOP, BANK = "111111111111", "222222222222"
LOOKING = {"DescribeDBClusters": 1, "DescribeDBInstances": 1, "DescribeEvents": 1}


@pytest.fixture
def organization(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The central account, in an organization of which it looks at one unit, and the units below."""
    monkeypatch.setenv("OFFICE_HOURS_ORGANIZATION", json.dumps({"units": ["ou-1"]}))
    account.units["ou-1"].append({"Id": "ou-2"})
    return account


def status(event: object = None, context: Context | None = None) -> Any:  # noqa: ANN401  JSON, or a page
    return invoke(handlers.status, EVENING, event, context)


def seen(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entry["account_name"], entry["cluster"]) for entry in answer["clusters"]]


def failures(answer: dict[str, Any]) -> list[str]:
    return [each["message"] for each in answer["problems"] if each["problem"] == "failure"]


def test_each_account_is_read_with_a_role_of_its_own_and_named(organization: Account) -> None:
    organization.join(ACCOUNT, "central").add("a", OFFICE, Status="stopped")
    organization.join(SHOP, "shop").add("a", OFFICE, Status="stopped")
    organization.join(BANK, "bank", unit="ou-2").add("b", OFFICE, Status="stopped")
    organization.join(MANAGER, "manager")  # which no StackSet reaches
    answer = status()
    assert seen(answer) == [("bank", "b"), ("central", "a"), ("shop", "a")]
    assert [entry["account"] for entry in answer["clusters"]] == [BANK, ACCOUNT, SHOP]
    assert answer["problems"] == []
    # Its own credentials for itself, and a role for each other.
    assert {name: organization.counts()[name] for name in ("AssumeRole", *LOOKING)} == {"AssumeRole": 2, **LOOKING}
    assert [each.counts() for each in organization.members.values()] == [LOOKING, LOOKING, {}]


def test_of_accounts_read_at_once_none_is_asked_with_the_credentials_of_another_or_of_an_earlier_run(
    organization: Account,
) -> None:
    together = threading.Barrier(20)
    numbers = [f"{number:012}" for number in range(1, 21)]
    for number in numbers:
        member = organization.join(number, f"name-{number}")
        member.add(f"c-{number}", OFFICE)
        member.called("StartDBCluster", f"c-{number}", "2026-11-24T17:10:00+00:00", by=f"by-{number}")
        member.before("DescribeDBClusters", lambda _: together.wait(20))
    for _ in range(2):
        answer = status()
        assert answer["problems"] == []
        found = [(entry["account"], entry["cluster"], entry["by"]) for entry in answer["clusters"]]
        assert found == [(number, f"c-{number}", f"by-{number}") for number in numbers]
    assert not together.broken
    assert organization.counts()["AssumeRole"] == 2 * len(numbers)


def test_with_every_region_each_accounts_own_are_looked_at(
    organization: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(monkeypatch, regions=["*"])
    shop, bank = organization.join(SHOP, "shop"), organization.join(BANK, "bank")
    shop.enabled_regions = [HOME, "us-east-1", "eu-central-1"]
    shop.add("a", OFFICE, region="us-east-1", Status="stopped")
    bank.add("b", OFFICE, Status="stopped")
    for operation in LOOKING:
        shop.fail(operation, ACCESS_DENIED, region="eu-central-1")
        bank.fail(operation, ACCESS_DENIED)
    answer = status()
    assert seen(answer) == [("shop", "a")]
    # One Region of several may be denied; an account of which nothing can be seen is a failure.
    assert answer["denied_regions"] == ["eu-central-1"]
    (failure,) = failures(answer)
    assert "bank/222222222222" in failure


def test_an_account_that_can_not_be_read_is_named_once_and_costs_no_other(
    organization: Account, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    settings(monkeypatch, regions=[HOME, "us-east-1"])
    organization.add("a", OFFICE, Status="stopped")
    organization.join(BANK, "bank").add("b", OFFICE, Status="stopped")
    for number, name in (("333333333333", "new"), ("444444444444", "newer")):
        organization.join(number, name)
        del organization.members[number]  # the stack isn't there yet
    organization.join(SHOP, "a\nshop").fail("*", ACCESS_DENIED)  # its name makes no line of its own
    answer = status()
    assert seen(answer) == [(ACCOUNT, "a"), ("bank", "b")]
    refused, unreadable = sorted(failures(answer), key=lambda each: "shop" in each)
    # One cause is one line, though the role's ARN has the account's number.
    assert refused.startswith("Account new/333333333333, Account newer/444444444444: AccessDenied: ")
    assert unreadable.startswith("Account a shop/111111111111: AccessDenied: ")
    assert len(log.lines("ERROR")) == 4  # one for each account that lets nobody in, and for each Region of the other


def test_an_account_whose_clusters_are_shown_is_not_called_failed(organization: Account) -> None:
    shop = organization.join(SHOP, "shop")
    shop.add("a", OFFICE, Status="stopped")
    shop.fail("DescribeDBInstances", ACCESS_DENIED)
    answer = status()
    assert seen(answer) == [("shop", "a")]
    (failure,) = failures(answer)
    assert failure.startswith(f"Region shop/{SHOP}/{HOME}, listing its instances: AccessDenied: ")


@pytest.mark.parametrize("operation", ["DescribeDBClusters", "ListRegions"])
def test_an_account_that_hangs_is_named_once_and_holds_up_none(
    organization: Account, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    settings(monkeypatch, regions=["*"] if operation == "ListRegions" else [HOME, "us-east-1"])
    organization.join(BANK, "bank").add("b", OFFICE, Status="stopped")
    over = threading.Event()
    organization.join(SHOP, "shop").before(operation, lambda _: over.wait(20))
    answer = status(context=Context(remaining=6_000))
    over.set()
    assert seen(answer) == [("bank", "b")]
    (failure,) = failures(answer)
    assert failure.startswith("Account shop/111111111111: TimeoutError: ")


@pytest.mark.parametrize(
    ("operation", "why"), [("ListAccountsForParent", "TimeoutError"), ("GetCallerIdentity", "AccessDenied")]
)
def test_without_the_list_of_accounts_its_own_is_shown_and_the_failure_named(
    organization: Account, operation: str, why: str
) -> None:
    organization.join(SHOP, "shop").add("b", OFFICE)
    organization.add("a", OFFICE, Status="stopped")
    over = threading.Event()
    organization.before(operation, lambda _: ACCESS_DENIED if why == "AccessDenied" else over.wait(20))
    answer = status(context=Context(remaining=60_000 if why == "AccessDenied" else 6_000))
    over.set()
    assert [entry["cluster"] for entry in answer["clusters"]] == ["a"]
    assert failures(answer)[0].startswith(f"The organization's accounts: {why}: ")


def test_accounts_are_found_though_organizations_throttles(organization: Account) -> None:
    organization.fail("ListAccountsForParent", Refusal("TooManyRequestsException", "Try again later."), times=4)
    organization.join(SHOP, "shop").add("a", OFFICE, Status="stopped")
    assert (seen(answer := status()), answer["problems"]) == ([("shop", "a")], [])


def page(monkeypatch: pytest.MonkeyPatch, **form: str) -> Element:
    monkeypatch.setenv("OFFICE_HOURS_ACTIONS", json.dumps(ACTIONS))
    return read(str(status({"widgetContext": {"width": 1400, "forms": {"all": form}}})))


def rows(found: Element) -> list[Element]:
    return found.all("tbody")[0].all("tr")


def test_the_page_has_problems_first_sums_and_buttons_for_its_own_account_alone(
    organization: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = '"><script>alert(1)</script>&/'
    for number, called in ((ACCOUNT, "central"), (SHOP, name)):
        organization.join(number, called).add("a", OFFICE, Status="stopped")
    organization.members[SHOP].add("b", "mno")
    organization.join("333333333333", "old", state="SUSPENDED")
    found = page(monkeypatch)
    assert found.all("script") == []
    # Problems come first, then the accounts in the order of their names.
    broken, other, own = rows(found)
    assert [each.all("summary")[0].text for each in (broken, other, own)] == ["b", "a", "a"]
    assert (name in other.text, "central" in own.text) == (True, True)
    assert (len(other.all("button")), len(own.all("button"))) == (0, 2)
    assert (own.all("a"), broken.all("a")) == ([], [])  # what can't be commanded has no link either
    (link,) = other.all("a")
    function = f"lambda/home?region={HOME}#/functions/aurora-office-hours-start"
    assert link.attributes["href"] == f"https://{HOME}.console.aws.amazon.com/{function}"
    assert '"clusters": ["eu-west-1/a"]' in (link.attributes["title"] or "")
    assert '["eu-west-1/a"]' in own.all("cwdb-action")[0].text
    for words in ("2 stopped", "old/333333333333: SUSPENDED", f"{name}/b: invalid tag"):
        assert words in " ".join(found.text.split())


def test_the_page_tells_accounts_apart_where_there_are_several(
    organization: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization.add("a", OFFICE, Status="stopped")
    assert "Account" not in page(monkeypatch).all("thead")[0].text
    for number, called in ((SHOP, "Shop"), (BANK, "bank")):
        organization.join(number, called).add("a", OFFICE, Status="stopped")
    assert "Account" in page(monkeypatch).all("thead")[0].text
    for asked, shown in (("shop", "Shop"), (BANK, "bank")):
        (row,) = rows(page(monkeypatch, cluster=asked))
        assert shown in row.text


def test_suggestions_are_made_for_each_account_from_its_own_connections(organization: Account) -> None:
    for number, called in ((SHOP, "shop"), (BANK, "bank")):
        member = organization.join(number, called)
        member.add("a")
        for day in range(28, 32) if called == "shop" else ():
            member.connected("a", f"2026-10-{day}T12:00:00+00:00", 5)
    answer = invoke(handlers.report, EVENING, {"suggest": True}, None)
    assert {each["account_name"]: each["days"] for each in answer["suggestions"]} == {"bank": 0.0, "shop": 0.2}


def test_the_report_adds_all_accounts_up_and_names_them(
    organization: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OFFICE_HOURS_TOPIC", "arn:aws:sns:eu-west-1:123456789012:aurora-office-hours")
    monkeypatch.setenv("OFFICE_HOURS_REPORT", "daily")
    organization.products = [*instance("db.r8g.large", "0.50")]
    organization.join("333333333333", "gone", state="CLOSED")
    denied = organization.join("444444444444", "denied")
    denied.fail("*", ACCESS_DENIED)
    for member in (organization, organization.join(SHOP, "shop"), organization.join(BANK, "bank")):
        member.add("a", "never", Status="stopped")
    answer = invoke(handlers.report, EVENING, {"send": True}, None)
    assert [each["account"] for each in answer["clusters"]] == [ACCOUNT, BANK, SHOP]
    # Three clusters, 24 hours of the last day each, at half a dollar.
    assert answer["total"]["periods"][0]["saved_usd"] == 36.0
    assert '"SavedUSD":[36.0]' in capsys.readouterr().out.replace(" ", "")
    text = organization.published[0]["Message"]
    for words in (
        "All 3 clusters\n",
        f"a ({ACCOUNT}, eu-west-1)\n",
        "a (shop, eu-west-1)\n",
        "gone/333333333333: CLOSED",
        "Could not be read: Account denied/444444444444: AccessDenied",
    ):
        assert words in text
    assert "Suggestions could not be made" not in text  # the same failure is said once
    assert answer["failures"][0].startswith("Account denied/444444444444: AccessDenied")
    assert [sorted(each.counts()) for each in organization.members.values()] == [[], *[sorted(LOOKING)] * 3]


def test_no_answer_and_no_line_of_the_log_has_a_credential(organization: Account, log: Log) -> None:
    log.debug()
    organization.add("a", OFFICE)
    organization.join(SHOP, "shop").fail("*", ACCESS_DENIED)
    text = json.dumps(status()) + log.stream.getvalue()
    assert "shop/111111111111" in text
    assert f"ASIA{SHOP}" not in text
    assert f"token-{SHOP}" not in text
