"""Every link inside of the site leads to a page, a place on it, or a file that is there."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest


class Page(HTMLParser):
    """What a page links to, and the places that a link can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src"} and value:
                self.links.add(value)
            if name == "id" and value:
                self.places.add(value)


@cache
def page(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def dead_links(path: Path) -> list[str]:
    return [link for link in page(path).links if not leads_somewhere(path, link)]


def leads_somewhere(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = path.parent / unquote(parts.path) if parts.path else path
    if target.suffix != ".html" or not parts.fragment:
        return target.exists()
    return target.exists() and unquote(parts.fragment) in page(target).places


def test_no_link_is_dead(site: Path) -> None:
    pages = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    assert len(pages) > 30
    assert {path.relative_to(site).as_posix(): dead for path in pages if (dead := dead_links(path))} == {}


@pytest.mark.parametrize("link", ["gone.html", "there.html#gone", "#gone", "gone.svg"])
def test_a_dead_link_is_found(tmp_path: Path, link: str) -> None:
    (tmp_path / "there.html").write_text("<p id='place'>")
    path = tmp_path / "page.html"
    path.write_text(f"<a href='{link}'></a><a href='there.html#place'></a><a href='https://example.org/x'></a>")
    assert dead_links(path) == [link]
