"""What ``make demo`` shows fits a terminal of 80 columns, and says all that it has to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from liveref import RegistryKey

EXAMPLES = Path(__file__).parents[2] / "examples"


def shown(name: str, folder: Path) -> str:
    environment = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("demo")
    return {name: shown(name, folder) for name in ("catalogue.py", "pause.py")}


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_no_line_is_longer_than_80_columns(acts: dict[str, str]) -> None:
    lines = [line for text in acts.values() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80


def test_nothing_is_cut(acts: dict[str, str]) -> None:
    keys = re.compile(r"\b[0-9a-f]{6}…")
    assert all("…" not in keys.sub("", text) for text in acts.values())


def test_each_act_has_a_headline(acts: dict[str, str]) -> None:
    numbers = re.findall(r"^─+ (\d)\. .* ─+$", "\n".join(acts.values()), re.MULTILINE)
    assert numbers == [*"12345678"]


def test_a_payload_is_shown_with_its_markers(acts: dict[str, str]) -> None:
    markers = re.findall(r'"__blazen_session_ref__": "([^"]*)"', acts["catalogue.py"])
    assert len(markers) >= 5
    assert all(RegistryKey.parse(text) for text in markers)


def test_each_wrong_lookup_stands_above_what_both_checkers_say(acts: dict[str, str]) -> None:
    told = unwrapped(acts["catalogue.py"])
    lines = (EXAMPLES / "lookups.py").read_text(encoding="utf-8").splitlines()
    wrong = {number: line.strip() for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert wrong
    for number, line in wrong.items():
        assert re.search(rf"{number}: {re.escape(unwrapped(line))} mypy: [^-].* pyright: [^-]", told), line
    for code in ("[attr-defined]", "[assignment]", "[union-attr]", "[call-overload]", "[arg-type]"):
        assert code in told


def test_the_refusal_says_what_to_do(acts: dict[str, str]) -> None:
    told = unwrapped(acts["pause.py"])
    assert "RefDroppedError: ref " in told
    assert "give it a recipe (reopen=) or a serializer" in told
