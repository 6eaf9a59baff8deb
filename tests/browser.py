"""A real browser for tests: Debian's Chromium, driven by Playwright; and the preview, without a deployment.

Where there is no browser, the tests that need one are skipped, unless EXPECT_BROWSER is set, as it is where the
project is tested on each push.

PYTEST_DONT_REWRITE: test modules import this one, and load it as a plugin for its fixtures.
"""

import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from invocation import Context, Handler
from local import preview
from office_hours import handlers

if TYPE_CHECKING:
    from local.emulator import Account

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ACTIONS = {
    name: f"arn:aws:lambda:eu-west-1:123456789012:function:aurora-office-hours-{name}" for name in ("stop", "start")
}
HOW = "no Chromium here: `apt-get install chromium` brings one"
WAIT = 30_000  # milliseconds, on a busy machine

expect.set_options(timeout=WAIT)


@dataclass
class Functions:
    """An account whose functions are called in this process, as far as the preview asks for one.

    answers: what to answer, or to fail with, instead, by the function's name.
    calls: what was asked: the function's name and its event.
    """

    answers: dict[str, object] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def client(self, _: str) -> Self:
        return self

    def invoke(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401  the names and types are boto3's
        name, event = asked["FunctionName"].rpartition("-")[2], json.loads(asked["Payload"])
        self.calls.append((name, event))
        handler: Handler = getattr(handlers, name)
        answer = self.answers[name] if name in self.answers else handler(event, Context())
        if isinstance(answer, Exception):
            told = json.dumps({"errorMessage": str(answer)}).encode()
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(told)}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if BROWSER is None:
        (pytest.fail if "EXPECT_BROWSER" in os.environ else pytest.skip)(HOW)
    with sync_playwright() as playwright:
        # Playwright itself starts it without a sandbox, which in a container, as root, is not to be had.
        browser = playwright.chromium.launch(executable_path=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    monkeypatch.setenv("OFFICE_HOURS_ACTIONS", json.dumps(ACTIONS))
    return Functions()


@contextmanager
def serve(functions: Functions) -> Iterator[str]:
    """The preview's address."""
    with preview.serve(cast("Account", functions)) as address:
        yield address


@contextmanager
def open_page(browser: Browser, address: str) -> Iterator[Page]:
    """The preview in a page of its own, in which no script fails, and nothing asks but the preview itself."""
    trouble: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        trouble.append(f"a script asked: {dialog.message}")
        dialog.dismiss()

    page = browser.new_page(viewport={"width": 1500, "height": 900})
    page.set_default_timeout(WAIT)
    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: trouble.append(f"a script failed: {error}"))
    try:
        page.goto(address)
        page.locator("#widget > *").first.wait_for(state="attached")
        yield page
    finally:
        page.close()
    assert not trouble
