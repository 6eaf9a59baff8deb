"""The preview and, in it, the widget in a real browser: what fits, what a button does, what is let through."""

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import time_machine
from playwright.sync_api import Browser, Page, expect

from aws_server import Account
from browser import ACTIONS, Functions, open_page, serve
from office_hours import handlers

pytest_plugins = ["aws_server", "browser"]

HOSTILE = """<style>p { color: rgb(1, 2, 3) }</style><script>alert("script")</script>
<p id="kept" onclick="alert('handler')">kept</p><img src="data:," onerror="alert('image')">
<iframe srcdoc="<script>alert('frame')</script>"></iframe><a href=" JavaScript:alert('link')">link</a>
<a href="java&#10;script:alert('disguise')">disguised</a>
<svg><use href="#kept"/><rect width="9" height="9" onmouseenter="alert('svg')"/></svg>"""
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
FIRST = f"a00-{'long-name-' * 5}".rstrip("-")
# The least contrast between a text and what lies behind it: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio
CONTRAST = """box => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], below) => [r, g, b].map((each, at) => each * a + below[at] * (1 - a));
    const light = colour => {
        const [r, g, b] = colour.map(one => one <= 10 ? one / 3294.6 : ((one / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    return Math.min(...[...box.querySelectorAll(".oh *:not(style, option, cwdb-action)")]
        .filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
        .map(each => {
            let behind = [255, 255, 255], opacity = 1;
            const around = [];
            for (let one = each; one; one = one.parentElement) around.unshift(getComputedStyle(one));
            for (const style of around) {
                behind = over(parts(style.backgroundColor), behind);
                opacity *= style.opacity;
            }
            const [r, g, b, a = 1] = parts(getComputedStyle(each).color);
            const [text, back] = [over([r, g, b, a * opacity], behind), behind].map(light);
            return Math.max(text, back) / Math.min(text, back);
        }));
}"""


@pytest.fixture
def address(functions: Functions) -> Iterator[str]:
    with serve(functions) as address:
        yield address


@pytest.fixture
def page(account: Account, browser: Browser, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The widget with long names, long tags, and what looks like a script, late in the morning in Berlin."""
    at = time_machine.travel("2026-11-24T10:30:00Z", tick=False)
    for name in ("status", "stop"):
        monkeypatch.setattr(handlers, name, at(getattr(handlers, name)))
    for number in range(99):
        account.add(f"a{number:02}-{'long-name-' * 5}".rstrip("-"), f"{OFFICE} holidays=DE-BY closed=2027-01-01")
    account.add("odd", OFFICE, Status="inaccessible-encryption-credentials-recoverable")
    account.add("w" * 63, '<img src=x onerror=alert("tag")>' + "w" * 60)
    with open_page(browser, address) as page:
        yield page


def refresh(page: Page) -> None:
    page.locator("#refresh").click()
    expect(page.locator("#state")).to_be_empty()


# The widget


@pytest.mark.parametrize("width", [600, 1200, 1800])
def test_a_hundred_clusters_fit_at_each_width(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width + 50, "height": 900})
    refresh(page)
    expect(page.get_by_role("button", name="Until Wed 08:00")).to_have_count(99)
    outside = """box => [...box.querySelectorAll("td *, th *")].filter(each => {
        const [inner, cell] = [each, each.closest("td, th")].map(one => one.getBoundingClientRect());
        return each.checkVisibility() && inner.right > cell.right;
    }).map(each => each.textContent)"""
    assert page.locator("#widget").evaluate(outside) == []
    assert page.locator("#widget").evaluate("box => box.scrollWidth <= box.clientWidth")
    heights = page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert len(heights) == 101
    expect(page.locator("tbody .time").first).to_be_visible(visible=width >= 900)
    assert max(heights) < (45 if width >= 1200 else 90)
    page.locator("tbody summary").nth(2).click()
    below_each_other = """row => {
        const box = each => each.getBoundingClientRect(), fold = box(row.querySelector("details > div"));
        return [box(row.querySelector("td .why")).bottom, fold.top, fold.bottom, box(row.nextElementSibling).top];
    }"""
    edges = page.locator("tbody tr").nth(2).evaluate(below_each_other)
    assert edges == sorted(edges), "the fold covers nothing"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(page: Page, theme: str) -> None:
    page.locator("#theme").select_option(theme)
    expect(page.locator(f".oh.{theme}")).to_be_visible()
    assert page.locator("#widget").evaluate(CONTRAST) >= 4.5


def test_the_form_filters_and_stays_and_enter_leaves_nothing(page: Page) -> None:
    page.get_by_label("Part of a cluster's name").fill("A1")
    page.get_by_label("State").select_option("running")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    refresh(page)
    expect(page.locator("caption")).to_contain_text("10 of 101 clusters.")


# Its buttons


def test_by_keyboard_alone_a_button_asks_and_stops_and_tells_and_shows(
    page: Page, account: Account, functions: Functions
) -> None:
    wanted = page.get_by_role("button", name="Stop", exact=True).first
    for _ in range(30):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each === document.activeElement"):
            break
    functions.calls.clear()
    page.keyboard.press("Enter")
    expect(page.locator("#question p")).to_contain_text(f"{FIRST} now, until Tue 2026-11-24 18:00 Europe/Berlin?")
    assert not functions.calls
    page.keyboard.press("Shift+Tab")  # from No, which has the focus, to Yes
    page.keyboard.press("Enter")
    expect(page.locator("#popup")).to_contain_text(f"{FIRST}: Stopping. Held stopped until")
    page.keyboard.press("Escape")
    expect(page.locator("#popup")).to_be_hidden()
    expect(page.locator("tbody tr", has_text=FIRST)).to_contain_text("◆ stopping")
    assert [name for name, _ in functions.calls] == ["stop", "status"]
    assert account.tag(FIRST) == "stopped until 2026-11-24T18:00+01:00"


def test_who_says_no_calls_nothing(page: Page, functions: Functions) -> None:
    functions.calls.clear()
    page.get_by_role("button", name="Stop", exact=True).first.click()
    page.keyboard.press("Escape")
    expect(page.locator("#question")).to_be_hidden()
    page.get_by_role("button", name="Stop", exact=True).first.click()
    page.get_by_role("button", name="No").click()
    expect(page.locator("#question")).to_be_hidden()
    assert not functions.calls


# What it lets through


@pytest.mark.parametrize("answer", [{"markdown": "# <b>Title</b>"}, RuntimeError("<b>1 cluster failed</b>")])
def test_what_is_no_page_is_shown_as_text(page: Page, functions: Functions, answer: object) -> None:
    functions.answers["status"] = answer
    refresh(page)
    expect(page.locator("#widget pre")).to_contain_text("<b>")


def test_scripts_frames_and_handlers_are_removed_and_the_rest_is_shown(page: Page, functions: Functions) -> None:
    expect(page.locator("li").first).to_contain_text('<img src=x onerror=alert("tag")>')  # a tag's text is text
    functions.answers["status"] = HOSTILE
    refresh(page)
    page.locator("#kept").click()
    page.get_by_text("link").click()
    page.get_by_text("disguised").click()
    page.locator("rect").hover()
    assert page.locator("#widget").locator("script, iframe, use, [onclick], [onerror], [onmouseenter]").count() == 0
    expect(page.locator("#kept")).to_have_css("color", "rgb(1, 2, 3)")


# The page's own server


def post(address: str, body: object, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request("POST", "/call", body if isinstance(body, str) else json.dumps(body), headers)
    status = connection.getresponse().status
    connection.close()
    return status


OURS = {"X-Preview": "yes"}
STOP = {"function": "aurora-office-hours-stop", "event": {"dry_run": True}}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (STOP, OURS, 200),
        (STOP | {"function": ACTIONS["stop"]}, OURS, 200),
        (STOP, {}, 403),  # another site's page
        (STOP, OURS | {"Host": "example.com"}, 403),  # another name for this machine
        (STOP | {"function": "another"}, OURS, 403),
        ("{", OURS, 400),
        ({}, OURS, 400),
        ([], OURS, 400),
    ],
)
def test_only_the_page_itself_may_call_and_only_the_stacks_functions(
    address: str, functions: Functions, body: object, headers: dict[str, str], status: int
) -> None:
    functions.answers["stop"] = {}
    assert post(address, body, **headers) == status
    assert len(functions.calls) == (status == 200)


def test_it_listens_on_one_address_of_the_loopback_interface_alone(address: str) -> None:
    port = urlsplit(address).port
    socket.create_connection(("127.0.0.1", port or 0)).close()
    with pytest.raises(OSError, match=r"refused|assign"):
        socket.create_connection(("127.0.0.2", port or 0), timeout=5)
