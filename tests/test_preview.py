"""The preview: what it asks the functions, and what it makes of their answers, is what CloudWatch documents.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
"""

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import time_machine
from playwright.sync_api import Browser, Page, expect

from aws_server import Account
from browser import ACTIONS, Functions, needs_browser, open_page, serve
from office_hours import handlers

pytest_plugins = ["aws_server", "browser"]

# Of the documented context, all but what a dashboard has only sometimes.
CONTEXT = {
    "accountId",
    "dashboardName",
    "forms",
    "height",
    "isAutoPeriod",
    "linkCharts",
    "locale",
    "params",
    "period",
    "theme",
    "timeRange",
    "timezone",
    "title",
    "widgetId",
    "width",
}
HOSTILE = """<style>p { color: rgb(1, 2, 3) }</style><script>alert("script")</script>
<p id="kept" onclick="alert('handler')">kept</p><img src="data:," onerror="alert('image')">
<iframe srcdoc="<script>alert('frame')</script>"></iframe><a href=" JavaScript:alert('link')">link</a>
<a href="java&#10;script:alert('disguise')">disguised</a>
<svg><use href="#kept"/><rect width="9" height="9" onmouseenter="alert('svg')"/></svg>"""
OFFICE = "mon-fri 08:00-18:00 Europe/Berlin"
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
def page(browser: Browser, address: str, functions: Functions) -> Iterator[Page]:
    """A page with an empty widget, so that each test fills it."""
    functions.answers["status"] = "<p>empty</p>"
    with open_page(browser, address) as page:
        functions.calls.clear()
        yield page


def refresh(page: Page, functions: Functions, html: object) -> None:
    functions.answers["status"] = html
    page.locator("#refresh").click()
    expect(page.locator("#state")).to_be_empty()


def button(attributes: str, content: str) -> str:
    return f'<button type="button">Press</button><cwdb-action {attributes}>{content}</cwdb-action>'


# What it asks and shows


@needs_browser
def test_the_function_is_asked_with_the_documented_context(page: Page, functions: Functions) -> None:
    refresh(page, functions, "")
    ((name, event),) = functions.calls
    assert (name, set(event)) == ("status", {"widgetContext"})
    assert event["widgetContext"].keys() == CONTEXT


@needs_browser
def test_theme_and_width_are_the_dashboards_and_drawn_anew(page: Page, functions: Functions) -> None:
    page.locator("#theme").select_option("dark")
    page.locator("#width").select_option("half")
    expect(page.locator("#state")).to_be_empty()
    contexts = [event["widgetContext"] for _, event in functions.calls]
    assert [context["theme"] for context in contexts] == ["dark", "dark"]
    assert contexts[0]["width"] > 1200
    assert contexts[1]["width"] < 700


@needs_browser
@pytest.mark.parametrize("answer", [{"markdown": "# <b>Title</b>"}, RuntimeError("<b>1 cluster failed</b>")])
def test_what_is_no_page_is_shown_as_text(page: Page, functions: Functions, answer: object) -> None:
    refresh(page, functions, answer)
    expect(page.locator("#widget pre")).to_contain_text("<b>")


@needs_browser
def test_scripts_frames_and_handlers_are_removed_and_the_rest_is_shown(page: Page, functions: Functions) -> None:
    refresh(page, functions, HOSTILE)
    page.locator("#kept").click()
    page.get_by_text("link").click()
    page.get_by_text("disguised").click()
    page.locator("rect").hover()
    assert page.locator("#widget").locator("script, iframe, use, [onclick], [onerror], [onmouseenter]").count() == 0
    expect(page.locator("#kept")).to_have_css("color", "rgb(1, 2, 3)")


# What <cwdb-action> does


@needs_browser
def test_an_action_asks_and_calls_and_tells_and_draws_again(page: Page, functions: Functions) -> None:
    call = f'action="call" display="popup" endpoint="{ACTIONS["stop"]}" confirmation="Sure, &lt;b&gt;?"'
    refresh(page, functions, button(call, ' {"clusters": ["a"]} '))
    functions.calls.clear()
    functions.answers |= {"stop": "<p>It was stopped.</p>", "status": "<p>drawn again</p>"}
    page.get_by_text("Press").click()
    expect(page.locator("#question p")).to_have_text("Sure, <b>?")
    assert not functions.calls
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#popup")).to_contain_text("It was stopped.")
    expect(page.locator("#widget")).to_have_text("drawn again")
    (stop, event), (status, _) = functions.calls
    assert (stop, status) == ("stop", "status")
    assert event.pop("widgetContext").keys() == CONTEXT
    assert event == {"clusters": ["a"]}


@needs_browser
@pytest.mark.parametrize("no", ["No", "Escape"])
def test_who_says_no_calls_nothing(page: Page, functions: Functions, no: str) -> None:
    refresh(page, functions, button(f'action="call" endpoint="{ACTIONS["stop"]}" confirmation="Sure?"', "{}"))
    functions.calls.clear()
    page.get_by_text("Press").click()
    if no == "Escape":
        page.keyboard.press(no)
    else:
        page.get_by_role("button", name=no).click()
    expect(page.locator("#question")).to_be_hidden()
    assert not functions.calls


@needs_browser
def test_without_display_the_answer_takes_the_widgets_place(page: Page, functions: Functions) -> None:
    functions.answers["stop"] = "<p>the next page</p>"
    refresh(page, functions, button(f'action="call" endpoint="{ACTIONS["stop"]}"', ""))
    page.get_by_text("Press").click()
    expect(page.locator("#widget")).to_have_text("the next page")
    assert functions.calls[-1][0] == "stop"


@needs_browser
@pytest.mark.parametrize(("attributes", "where"), [("", "#widget"), ('action="html" display="popup"', "#popup div")])
def test_an_action_can_show_its_own_content(page: Page, functions: Functions, attributes: str, where: str) -> None:
    refresh(page, functions, button(attributes, "<b>more about it</b>"))
    functions.calls.clear()
    page.get_by_text("Press").click()
    expect(page.locator(f"{where} > b")).to_have_text("more about it")
    assert not functions.calls


# The widget in it


@pytest.fixture
def widget(account: Account, browser: Browser, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The page with the status function's own answer: long names, long tags, and what looks like a script."""
    status, at = handlers.status, time_machine.travel("2026-11-24T10:30:00Z", tick=False)
    monkeypatch.setattr(handlers, "status", at(status))
    for number in range(99):
        account.add(f"a{number:02}-{'long-name-' * 5}".rstrip("-"), f"{OFFICE} holidays=DE-BY closed=2027-01-01")
    account.add("odd", OFFICE, Status="inaccessible-encryption-credentials-recoverable")
    account.add("w" * 63, '<img src=x onerror=alert("tag")>' + "w" * 60)
    with open_page(browser, address) as page:
        yield page


@needs_browser
@pytest.mark.parametrize("width", [600, 1200, 1800])
def test_a_hundred_clusters_fit_at_each_width(widget: Page, width: int) -> None:
    widget.set_viewport_size({"width": width + 50, "height": 900})
    widget.locator("#refresh").click()
    expect(widget.locator("#state")).to_be_empty()
    expect(widget.get_by_role("button", name="Until Wed 08:00")).to_have_count(99)
    outside = """box => [...box.querySelectorAll("td *, th *")].filter(each => {
        const [inner, cell] = [each, each.closest("td, th")].map(one => one.getBoundingClientRect());
        return each.checkVisibility() && inner.right > cell.right;
    }).map(each => each.textContent)"""
    assert widget.locator("#widget").evaluate(outside) == []
    assert widget.locator("#widget").evaluate("box => box.scrollWidth <= box.clientWidth")
    heights = widget.locator("tbody tr").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")
    assert len(heights) == 101
    assert max(heights) < (45 if width >= 1200 else 90)


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(widget: Page, theme: str) -> None:
    widget.locator("#theme").select_option(theme)
    expect(widget.locator(f".oh.{theme}")).to_be_visible()
    assert widget.locator("#widget").evaluate(CONTRAST) >= 4.5


@needs_browser
def test_the_form_filters_and_stays_and_enter_leaves_nothing(widget: Page) -> None:
    widget.get_by_label("Part of a cluster's name").fill("A1")
    widget.get_by_label("State").select_option("running")
    widget.keyboard.press("Enter")
    widget.get_by_role("button", name="Filter").click()
    expect(widget.locator("tbody tr")).to_have_count(10)
    widget.locator("#refresh").click()
    expect(widget.locator("#state")).to_be_empty()
    expect(widget.locator("caption")).to_contain_text("10 of 101 clusters.")


@needs_browser
def test_what_looks_like_a_script_in_a_tag_is_text(widget: Page) -> None:
    expect(widget.locator("li").first).to_contain_text('<img src=x onerror=alert("tag")>')
    assert widget.locator("#widget img").count() == 0


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


def test_another_site_may_not_ask_whether_it_may(address: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request("OPTIONS", "/call", headers={"Origin": "http://example.com"})
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 501
    assert response.headers["Access-Control-Allow-Origin"] is None


def test_it_listens_on_one_address_of_the_loopback_interface_alone(address: str) -> None:
    port = urlsplit(address).port
    socket.create_connection(("127.0.0.1", port or 0)).close()
    with pytest.raises(OSError, match=r"refused|assign"):
        socket.create_connection(("127.0.0.2", port or 0), timeout=5)
