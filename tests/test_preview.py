"""The dashboard in a real browser, against the deployed functions on an emulated account.

Debian's Chromium, driven by Playwright: `apt-get install chromium`. Where there is none, these tests are skipped,
unless EXPECT_BROWSER is set, as it is where the project is tested on each push.
"""

import http.client
import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from local import clusters, deployment, emulator, preview
from local.clusters import Cluster, window
from local.emulator import Account

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOUR = timedelta(hours=1)
WAIT = 30_000  # milliseconds; a first invocation on the emulator takes seconds

pytestmark = pytest.mark.skipif(
    BROWSER is None and "EXPECT_BROWSER" not in os.environ,
    reason="no Chromium here: `apt-get install chromium` brings one",
)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulator.account() as account:
        deployment.bootstrap(account)
        # Runs are an hour apart: what happens here, the buttons do.
        deployment.deploy(account, everyMinutes=60)
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        for name in ("by-mouse", "by-keyboard", "not-asked"):
            clusters.make(account, Cluster(name, window(now - 2 * HOUR, now + 2 * HOUR)))
        clusters.make(account, Cluster("bad-tag", "mno-fri 08:00-18:00"))
        yield account


@pytest.fixture(scope="module")
def address(account: Account) -> Iterator[str]:
    with preview.serve(account) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # No sandbox: in a container, as root, there is none to be had, and the page is our own.
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1500, "height": 900})
    page.set_default_timeout(WAIT)
    # A dialog of the browser's own could come only from a script in what the function answers.
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(address)
    page.locator("tbody tr").first.wait_for()
    yield page
    page.close()


def status(account: Account, name: str) -> str:
    return dict(clusters.statuses(account))[name]


def hold(account: Account, name: str) -> str | None:
    (cluster,) = account.client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    return {tag["Key"]: tag["Value"] for tag in cluster["TagList"]}.get("office-hours-hold")


def row(page: Page, name: str) -> Locator:
    return page.locator("tbody tr", has=page.locator("th", has_text=re.compile(f"^{name}")))


def test_stop_is_pressed_and_confirmed_and_the_cluster_is_seen_to_stop(page: Page, account: Account) -> None:
    expect(row(page, "by-mouse")).to_contain_text("▶ available")
    row(page, "by-mouse").get_by_role("button", name="Stop", exact=True).click()
    question = page.locator("#question")
    expect(question).to_contain_text("Stop eu-west-1/by-mouse now, until ")
    question.get_by_role("button", name="Yes").click()
    expect(page.locator("#popup")).to_contain_text("by-mouse was stopped; it stays down until", timeout=WAIT)
    page.locator("#popup").get_by_role("button", name="Close").click()
    expect(row(page, "by-mouse")).to_contain_text(re.compile("■ stopped|◆ stopping"), timeout=WAIT)
    assert status(account, "by-mouse") in ("stopping", "stopped")
    assert str(hold(account, "by-mouse")).startswith("stopped until ")


def test_who_says_no_has_done_nothing(page: Page, account: Account) -> None:
    row(page, "not-asked").get_by_role("button", name="Stop", exact=True).click()
    page.locator("#question").get_by_role("button", name="No").click()
    expect(page.locator("#question")).to_be_hidden()
    assert (status(account, "not-asked"), hold(account, "not-asked")) == ("available", None)


def test_it_can_be_done_by_keyboard_alone(page: Page, account: Account) -> None:
    row(page, "by-keyboard").get_by_role("button", name="Keep until 20:00").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#popup")).to_contain_text("by-keyboard is running already; it stays up until", timeout=WAIT)
    page.keyboard.press("Escape")
    assert str(hold(account, "by-keyboard")).startswith("running until ")


def test_a_bad_tag_is_on_top_and_has_no_buttons(page: Page) -> None:
    expect(page.locator("li").first).to_contain_text('did you mean "mon"?')
    expect(row(page, "bad-tag").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize(("theme", "colour"), [("light", "rgb(22, 25, 31)"), ("dark", "rgb(213, 219, 219)")])
def test_the_text_has_the_themes_colour(page: Page, theme: str, colour: str) -> None:
    page.locator("#theme").select_option(theme)
    expect(page.locator("table")).to_have_css("color", colour, timeout=WAIT)


def test_at_half_width_nothing_sticks_out(page: Page) -> None:
    page.locator("#width").select_option("half")
    expect(page.locator("thead th")).to_have_count(4, timeout=WAIT)
    assert page.evaluate("(box => box.scrollWidth <= box.clientWidth)(document.getElementById('widget'))")


# The page's own server


def post(address: str, body: object, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request("POST", "/call", json.dumps(body), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_the_page_itself_may_call_and_only_the_stacks_functions(address: str) -> None:
    event = {"function": "aurora-office-hours-stop", "event": {"dry_run": True}}
    assert post(address, event, **{"X-Preview": "yes"}) == 200
    assert post(address, event) == 403
    assert post(address, event, **{"X-Preview": "yes", "Host": "example.com"}) == 403
    assert post(address, {"function": "another", "event": {}}, **{"X-Preview": "yes"}) == 403
