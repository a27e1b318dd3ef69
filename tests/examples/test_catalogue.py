"""The program of ``make demo``, run on this very machine."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from liveref import RegistryKey, RegistryClosedError, SessionRefRegistry, current_session_registry

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def catalogue() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        yield importlib.import_module("catalogue")
    for name in ("catalogue", "steps", "tools"):
        sys.modules.pop(name, None)


class Watch:
    """Sees every event that passes, and who runs the steps."""

    def __init__(self) -> None:
        self.passed: list[object] = []
        self.registry: SessionRefRegistry | None = None
        self.ending = ""
        self.database: sqlite3.Connection | None = None

    def __call__(self, text: str) -> None:
        self.passed.append(text)
        if self.database is None:
            self.registry = current_session_registry()
            marker = json.loads(text)["keys"]["database"]
            self.database = self.registry[RegistryKey.from_marker(marker, sqlite3.Connection)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalogue")


@pytest.fixture(scope="module")
def watch(catalogue: ModuleType, folder: Path) -> Watch:
    watch = Watch()
    with (folder / "console.txt").open("w", encoding="utf-8") as output:
        watch.ending = asyncio.run(catalogue.catalogue(Console(file=output, width=140), folder, watch))
    return watch


def installed() -> Counter[tuple[str, str]]:
    return Counter((each.metadata["Name"], each.version) for each in distributions())


def installed_in_a_fresh_process() -> int:
    """How many a program of its own sees: in this one Ray, where it was imported, has put more on the path."""
    program = "from importlib.metadata import distributions; print(sum(1 for each in distributions()))"
    return int(subprocess.check_output([sys.executable, "-c", program]))


def test_the_database_holds_one_row_a_distribution(watch: Watch, folder: Path) -> None:
    with sqlite3.connect(folder / "catalogue.db") as database:
        rows = database.execute("select name, version from distributions").fetchall()
    database.close()
    assert len(rows) > 20
    assert Counter(rows) == installed()


def test_the_log_names_every_distribution(watch: Watch, folder: Path) -> None:
    lines = (folder / "catalogue.log").read_text(encoding="utf-8").splitlines()
    assert Counter(lines) == Counter(f"{name} {version}" for name, version in installed().elements())


def test_files_and_bytes_are_those_of_the_record(watch: Watch, folder: Path) -> None:
    with sqlite3.connect(folder / "catalogue.db") as database:
        row = database.execute("select files, bytes from distributions where name = 'rich'").fetchone()
    database.close()
    files = next(each.files for each in distributions(name="rich"))
    assert files is not None
    assert row == (len(files), sum(file.size or 0 for file in files))


def test_every_event_passes_as_json_text(watch: Watch) -> None:
    steps: Counter[str] = Counter()
    for text in watch.passed:
        assert type(text) is str
        steps[json.loads(text)["step"]] += 1
    total = installed().total()
    assert steps == {"discover": 1, "read": total, "parse": total, "store": total, "report": total}


def test_the_session_closes_what_it_held(watch: Watch) -> None:
    assert watch.database is not None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        watch.database.execute("select 1")
    assert watch.ending == "After the session: 0 live objects, connection closed: True."


def test_no_ref_is_left(watch: Watch) -> None:
    assert watch.registry is not None
    assert watch.registry.is_empty()
    with pytest.raises(RegistryClosedError):
        watch.registry.insert(1)


def test_a_run_that_another_process_finishes_finds_what_an_uninterrupted_one_does(
    run_example: Callable[..., str],
) -> None:
    shown = run_example("pause.py")
    before, after = shown.split("another process")
    refused = [line.split()[2] for line in before.splitlines() if line.startswith("refused: ")]
    assert refused == ["_thread:lock", "rich.progress:Progress"]
    assert before.count("RefDroppedWarning: ") == len(refused)
    kept = dict(re.findall(r"([\w.]+:\w+) +│ +\d+ +│ (\w+)", before))
    assert kept == {
        "_io:TextIOWrapper": "recipe",
        "re:Pattern": "pickle",
        "sqlite3:Connection": "recipe",
        "steps:Source": "pickle",
        "tools:Tally": "pickle",
    }
    assert "RefDroppedError: ref " in after
    assert "With and without a pause: equal" in after
    assert f" {installed_in_a_fresh_process()} " in after


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_checker_flags_the_wrong_lookups_and_no_other(catalogue: ModuleType, checker: str, tmp_path: Path) -> None:
    lookups = (EXAMPLES / "lookups.py").read_text(encoding="utf-8")
    (tmp_path / "lookups.py").write_text(lookups, encoding="utf-8")
    wrong = {number for number, line in enumerate(lookups.splitlines(), 1) if line.endswith("# wrong")}
    assert set(asyncio.run(catalogue.check(checker, tmp_path))) == wrong
    assert wrong


def test_the_program_runs_without_a_terminal(run_example: Callable[..., str]) -> None:
    shown = run_example("catalogue.py")
    assert f"{installed_in_a_fresh_process()} distributions" in shown
    assert re.search(r"After the session: 0 live objects, .*\.\n$", shown)
