"""The site, seen in a browser: light and dark, on a telephone and on a screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NARROW: Final = 400
WIDE: Final = 1400
PAGES: Final = ("index", "api/sessions", "api/errors", "plugin", "performance", "pauses", "guides/beside", "glossary")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the group docs is not installed: no playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


class Seen:
    """A page of the browser that remembers what went wrong on it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page: Final = page
        self.address: Final = address
        self.complaints: list[str] = []
        # Warnings aside: Sphinx's search warns of each id with a dot in it, for it takes that for a class of CSS.
        page.on("console", lambda told: self.complaints.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, name: str) -> None:
        self.page.goto(f"{self.address}/{name}.html")

    def evaluate(self, script: str) -> object:
        return self.page.evaluate(script)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[NARROW, WIDE])
def width(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def seen(browser: Browser, address: str, scheme: str, width: int) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen = Seen(context.new_page(), address)
    yield seen
    assert seen.complaints == []
    context.close()


OVERFLOWING: Final = """
() => document.documentElement.scrollWidth > innerWidth
    ? [...document.querySelectorAll("article *")]
        .filter(found => found.getBoundingClientRect().right > innerWidth)
        .map(found => found.outerHTML.slice(0, 80))
    : []
"""
COLOUR: Final = "found => getComputedStyle(found).color"
BROKEN: Final = """
() => Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.decode().then(() => image.naturalWidth > 0 ? null : image.src, () => image.src);
})).then(found => found.filter(Boolean))
"""


def test_pages_fit_and_show_their_pictures(seen: Seen) -> None:
    for name in PAGES:
        seen.go(name)
        assert seen.page.locator("h1").first.inner_text()
        assert (name, seen.evaluate(OVERFLOWING)) == (name, [])
        assert (name, seen.evaluate(BROKEN)) == (name, [])
    assert seen.page.locator("article").count() == 1


def test_the_colours_are_of_the_scheme(seen: Seen, scheme: str) -> None:
    seen.go("index")
    red, green, blue = seen.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red + green + blue > 3 * 128) == (scheme == "light")


@pytest.mark.parametrize("width", [WIDE], indirect=True)
def test_the_search_finds_an_error(seen: Seen, scheme: str) -> None:
    seen.go("index")
    seen.page.locator("input[name=q]").first.fill("RefReleasedError")
    seen.page.keyboard.press("Enter")
    results = seen.page.locator("#search-results li a", has_text="RefReleasedError")
    results.first.wait_for(timeout=10_000)
    seen.page.wait_for_load_state("networkidle")  # it loads each page that it found, to show a line of it
    results.first.click()
    seen.page.wait_for_url("**/api/errors.html*")
    assert seen.page.locator('[id="liveref.RefReleasedError"]').is_visible()


def test_the_reference_shows_overloads_and_texts(seen: Seen) -> None:
    seen.go("api/sessions")
    assert seen.page.locator('dt[id="liveref.SessionRefRegistry.insert"]').is_visible()
    shown = seen.page.locator('dl:has(> dt[id="liveref.SessionRefRegistry.get"])').inner_text()
    assert "TypeForm[V]" in shown
    assert "default: Default" in shown


@pytest.mark.parametrize("width", [WIDE], indirect=True)
@pytest.mark.parametrize("kind", ["wrong", "right"])
def test_the_examples_of_the_plugin_are_marked(seen: Seen, kind: str) -> None:
    seen.go("plugin")
    blocks = seen.page.locator(f".literal-block-wrapper:has(> .{kind})")
    assert blocks.count() == 11
    caption = blocks.first.locator(".caption-text")
    assert caption.inner_text() == kind.capitalize()
    assert blocks.first.evaluate("found => getComputedStyle(found).borderLeftWidth") == "4px"
    assert len({caption.evaluate(COLOUR), seen.page.locator("h1").first.evaluate(COLOUR)}) == 2
    assert blocks.first.locator(".highlight .kn").count()  # it is shown as code
    assert "python wrong" not in seen.page.locator("article").inner_text()
