"""What has become worse is named; noise, peers and other Pythons are left alone."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import guard
from benchmarks.guard import Baseline, record
from benchmarks.rows import Row
from benchmarks.verdict import judge

GET = Row.of("lookup", "liveref get(key)", [4.9, 5.0, 5.1], "d[k]", build="pure")
LOCKS = Row.of("threads", "liveref locks", [0.0], "locks", build="pure")
PEER = Row.of("lookup", "dict d[k]", [1.0], "d[k]")
IMPORT = Row.of("import", "liveref", [20.0], "ms", build="pure")


def times(row: Row, factor: float) -> Row:
    return dataclasses.replace(row, ratio=row.ratio * factor, low=row.low * factor, high=row.high * factor)


class Runs:
    """Gives the rows of one run after the other; the last one again and again."""

    def __init__(self, *runs: Sequence[Row]) -> None:
        self._runs = list(runs)
        self.count = 0

    def __call__(self) -> Sequence[Row]:
        self.count += 1
        return self._runs.pop(0) if len(self._runs) > 1 else self._runs[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    record([GET, LOCKS, PEER, IMPORT], path)
    return path


def verdict(runs: Runs, path: Path, *, recording: bool = False) -> tuple[int, str]:
    screen = io.StringIO()
    code = judge(runs, Console(file=screen, width=200), path=path, recording=recording)
    return code, screen.getvalue()


def test_a_ratio_that_is_a_third_worse_fails_and_is_named_with_both_figures(path: Path) -> None:
    code, printed = verdict(Runs([times(GET, 4 / 3), LOCKS]), path)
    assert code == 1
    assert "worse: lookup | liveref get(key) | pure: 5.00 in the baseline, 6.67 now (+33%)" in printed
    assert "1 passed, 1 failed" in printed


@pytest.mark.parametrize("factor", [0.2, 1.0, 1.25])
def test_a_ratio_within_the_tolerance_passes(path: Path, factor: float) -> None:
    runs = Runs([times(GET, factor)])
    assert verdict(runs, path) == (0, "1 passed, 0 failed\n")
    assert runs.count == 1


def test_a_ratio_whose_first_quartile_is_not_worse_is_noise(path: Path) -> None:
    noisy = dataclasses.replace(GET, ratio=7.0, high=9.0)
    assert verdict(Runs([noisy]), path)[0] == 0


def test_what_fails_is_measured_again_and_passes_if_it_was_noise(path: Path) -> None:
    code, printed = verdict(Runs([times(GET, 2)], [GET]), path)
    assert code == 0
    assert "1 ratios look worse: measured again" in printed


def test_two_different_ratios_that_are_worse_once_each_are_noise(path: Path) -> None:
    once, later = [times(GET, 2), LOCKS], [GET, Row.of(LOCKS.group, LOCKS.name, [1.0], "locks", build="pure")]
    assert verdict(Runs(once, later), path)[0] == 0


def test_a_first_lock_fails_where_there_was_none(path: Path) -> None:
    code, printed = verdict(Runs([Row.of(LOCKS.group, LOCKS.name, [1.0], "locks", build="pure")]), path)
    assert code == 1
    assert "threads | liveref locks | pure: 0.00 in the baseline, 1.00 now" in printed


@pytest.mark.parametrize("row", [PEER, IMPORT], ids=["peer", "milliseconds"])
def test_peers_and_milliseconds_are_not_guarded(path: Path, row: Row) -> None:
    assert verdict(Runs([GET, times(row, 10)]), path) == (0, "1 passed, 0 failed\n")
    assert row.label not in path.read_text()


def test_builds_of_liveref_are_held_against_their_own_ratios(path: Path) -> None:
    compiled = dataclasses.replace(times(GET, 0.4), build="compiled")
    record([compiled], path)
    code, printed = verdict(Runs([GET, times(compiled, 1.5)]), path)
    assert code == 1
    assert "liveref get(key) | compiled" in printed


def test_what_the_baseline_lacks_is_told(path: Path) -> None:
    new = Row.of("lookup", "liveref new(key)", [3.0], "d[k]", build="pure")
    code, printed = verdict(Runs([GET, new]), path)
    assert code == 0
    assert "not in the baseline: lookup | liveref new(key) | pure" in printed
    assert "1 passed, 0 failed" in printed


def test_another_build_of_python_is_not_compared(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.guard.key", lambda: "another")
    monkeypatch.setattr("benchmarks.verdict.key", lambda: "another")
    runs = Runs([times(GET, 9)])
    code, printed = verdict(runs, path)
    assert (code, runs.count) == (0, 0)
    assert "has no another" in printed


def test_the_key_tells_how_python_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "SOABI": "cpython-311-x86_64-linux-gnu",
        "OPT": "-DNDEBUG -g -O3",
        "CONFIG_ARGS": "'--with-lto' '--prefix=/a'",
    }
    monkeypatch.setattr("sysconfig.get_config_var", told.get)
    assert guard.key() == "cpython-311-x86_64-linux-gnu -O3 --with-lto"


def test_recording_keeps_other_rows_and_other_builds_of_python(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = guard.key()
    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.guard.key", lambda: "another")
        record([GET], path)
    assert verdict(Runs([times(GET, 2)]), path, recording=True)[0] == 0
    recorded = {name: Baseline(**fields).ratios for name, fields in json.loads(path.read_text()).items()}
    assert recorded == {"another": {GET.label: 5.0}, own: {GET.label: 10.0, LOCKS.label: 0.0}}


def test_a_baseline_of_another_processor_is_told_where_something_is_worse(path: Path) -> None:
    path.write_text(path.read_text().replace(guard.processor(), "Some Other 9000"))
    assert "of another processor, Some Other 9000" in verdict(Runs([times(GET, 2)]), path)[1]


def test_the_committed_baseline_has_only_what_is_guarded() -> None:
    recorded = json.loads(guard.BASELINE.read_text("utf-8"))
    labels = [label for fields in recorded.values() for label in Baseline(**fields).ratios]
    assert labels
    assert all(label.endswith(("| pure", "| compiled")) for label in labels)
