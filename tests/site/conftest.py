"""The built site, on loopback, and a browser that is installed here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
BUILT: Final = ROOT / "build" / "site"
GROUP: Final = ("sphinx", "myst_parser", "furo", "sphinx_copybutton", "distributed", "temporalio")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site: the one that `make docs` has just built, or one that is brought up to date."""
    if "LIVEREF_SITE" in os.environ:
        return Path(os.environ["LIVEREF_SITE"])
    missing = [name for name in GROUP if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the groups docs and engines are not installed: no {', '.join(missing)}")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "docs", BUILT]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        shutil.rmtree(BUILT / ".doctrees", ignore_errors=True)  # else the next build would not say it again
        pytest.fail(built.stderr, pytrace=False)
    return BUILT


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed here: apt-get install chromium")
    return found
