"""The dashboard's widget in a real browser, and its buttons, against the deployed functions on an emulated account."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser import WAIT, needs_browser, open_page
from local import clusters, deployment, emulator, preview
from local.clusters import Cluster, window
from local.emulator import Account

pytest_plugins = ["browser"]
pytestmark = needs_browser

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulator.account() as account:
        deployment.bootstrap(account)
        # Runs are an hour apart: what happens here, the buttons do.
        deployment.deploy(account, everyMinutes=60)
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        for name in ("by-mouse", "by-keyboard"):
            clusters.make(account, Cluster(name, window(now - 2 * HOUR, now + 2 * HOUR)))
        clusters.make(account, Cluster("bad-tag", "mno-fri 08:00-18:00"))
        yield account


@pytest.fixture(scope="module")
def address(account: Account) -> Iterator[str]:
    with preview.serve(account) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with open_page(browser, address) as page:
        yield page


def status(account: Account, name: str) -> str:
    return dict(clusters.statuses(account))[name]


def hold(account: Account, name: str) -> str | None:
    (cluster,) = account.client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    return {tag["Key"]: tag["Value"] for tag in cluster["TagList"]}.get("office-hours-hold")


def row(page: Page, name: str) -> Locator:
    return page.locator("tbody tr", has=page.locator("summary", has_text=re.compile(f"^{name}$")))


def test_stop_is_pressed_and_confirmed_and_the_cluster_is_seen_to_stop(page: Page, account: Account) -> None:
    expect(row(page, "by-mouse")).to_contain_text("▶ running")
    row(page, "by-mouse").get_by_role("button", name="Stop", exact=True).click()
    question = page.locator("#question")
    expect(question).to_contain_text("Stop eu-west-1/by-mouse now, until ")
    question.get_by_role("button", name="Yes").click()
    expect(page.locator("#popup")).to_contain_text("by-mouse: Stopping. Held stopped until", timeout=WAIT)
    page.locator("#popup").get_by_role("button", name="Close").click()
    expect(row(page, "by-mouse")).to_contain_text(re.compile("■ stopped|◆ stopping"), timeout=WAIT)
    assert status(account, "by-mouse") in ("stopping", "stopped")
    assert str(hold(account, "by-mouse")).startswith("stopped until ")


def test_it_can_be_done_by_keyboard_alone(page: Page, account: Account) -> None:
    wanted = row(page, "by-keyboard").get_by_role("button", name="2 h longer")
    for _ in range(30):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_visible()
    page.keyboard.press("Shift+Tab")  # from No, which has the focus, to Yes
    page.keyboard.press("Enter")
    expect(page.locator("#popup")).to_contain_text("by-keyboard: Held running until", timeout=WAIT)
    page.keyboard.press("Escape")
    expect(page.locator("#popup")).to_be_hidden()
    assert str(hold(account, "by-keyboard")).startswith("running until ")


def test_a_bad_tag_is_on_top_and_has_no_buttons(page: Page) -> None:
    expect(page.locator("li").first).to_contain_text('did you mean "mon-fri 08:00-18:00')
    expect(row(page, "bad-tag").get_by_role("button")).to_have_count(0)
