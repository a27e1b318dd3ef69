"""Ratios mean what they say, and the programs of the benchmarks run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from benchmarks import counting, groups, ours, peers, rows, sessions
from benchmarks.groups import make
from benchmarks.growth import OPERATIONS
from benchmarks.rows import Row
from benchmarks.runner import Samples, Task, plan, run
from benchmarks.worker import build
from benchmarks.timing import Contender, Duel

HERE = Path(sys.executable)


def test_twenty_lookups_cost_about_twenty_times_one() -> None:
    names = {"d": {"k": 1}}
    reference = Contender("lookup", "one", "d['k']", names)
    many = Contender("lookup", "twenty", "; ".join(["d['k']"] * 20), names)
    each = Contender("lookup", "each of twenty", many.statement, names, operations=20)
    duel = Duel(reference, [many, each])
    rounds = [duel.round() for _ in range(15)]
    assert list(rounds[0]) == ["twenty", "each of twenty"]
    assert 8 < Row.of("", "", [ratios["twenty"] for ratios in rounds], "").ratio < 50
    assert 0.4 < Row.of("", "", [ratios["each of twenty"] for ratios in rounds], "").ratio < 2.5


@pytest.mark.parametrize(
    ("samples", "expected"),
    [([7.0], (7, 7, 7)), ([1.0, 2.0, 3.0, 4.0, 100.0], (2, 3, 4))],
    ids=["one", "an outlier"],
)
def test_a_row_is_the_median_and_the_quartiles(samples: Sequence[float], expected: tuple[float, float, float]) -> None:
    row = Row.of("group", "name", samples, "d[k]")
    assert (row.low, row.ratio, row.high) == expected


@pytest.mark.parametrize(
    "contenders", [peers.contenders, ours.contenders, sessions.awaited], ids=["peers", "ours", "awaited"]
)
def test_every_contender_does_what_is_timed(contenders: Callable[[], Iterable[Contender]]) -> None:
    for contender in contenders():
        assert contender.timer().timeit(2) > 0, contender.name


def test_every_scope_that_says_so_ends_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[object] = []

    async def aclose(store: object) -> None:
        ended.append(store)

    monkeypatch.setattr(sessions, "close", ended.append)
    monkeypatch.setattr(sessions, "aclose", aclose)
    references = [*sessions.references().values(), *sessions.awaited_references().values()]
    scopes = [each for each in (*peers.contenders(), *ours.contenders(), *sessions.awaited(), *references)]
    for scope in [each for each in scopes if each.group in {sessions.SYNC, sessions.TEN, sessions.AWAITED}]:
        ended.clear()
        scope.timer().timeit(1)
        expected = 0 if "empty" in scope.name else 10 if "ten" in scope.name else 1
        assert len(ended) == expected * scope.operations, scope.name


def test_lookups_of_peers_find_what_was_put_in() -> None:
    lookups = [contender for contender in peers.contenders() if contender.group == "lookup"]
    found = [eval(contender.statement, dict(contender.names)) for contender in lookups]
    assert [type(each) for each in found] == [peers.Store] * len(lookups)


@pytest.mark.parametrize("name", [*groups.OTHERS, *(f"growth: {operation}" for operation in OPERATIONS)])
def test_every_group_measures_a_round(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.threads.LOOKUPS", 400)
    monkeypatch.setattr("benchmarks.threads.SESSIONS", 40)
    monkeypatch.setattr("benchmarks.growth.WORK", 50)
    group = make(name, 50, peers=False)
    ratios = group.measure()
    assert ratios
    assert all(ratio >= 0 for ratio in ratios.values())
    assert group.targets.keys() <= ratios.keys()


@pytest.mark.parametrize("name", ["cap", "locks", "packages"])
def test_counts_that_must_be_zero_are(name: str) -> None:
    assert set(make(name, 0, peers=False).measure().values()) == {0}


def test_a_worker_measures_its_own_build_round_by_round() -> None:
    ticks: list[str] = []
    measured = run([Task("packages", 2, generations=2)], [HERE], ticks.append, peers=False)
    assert [(row.group, row.build, row.ratio) for row in measured] == [("import: packages that come along", build(), 0)]
    assert ticks == ["packages"] * 4


def test_two_interpreters_of_one_build_are_refused() -> None:
    with pytest.raises(RuntimeError, match=f"same build of liveref: {build()}, {build()}"):
        run([Task("packages", 1)], [HERE, HERE], print, peers=False)


def test_rows_of_peers_have_no_build_and_no_target() -> None:
    samples = Samples()
    ratios = {"dict d[k]": 1.0, "liveref get(key)": 5.0}
    samples.add(rows.Round("lookup", "d[k]", {"liveref get(key)": 5.5}, ratios), "pure")
    assert [(row.name, row.build, row.target) for row in samples.rows()] == [
        ("dict d[k]", None, None),
        ("liveref get(key)", "pure", 5.5),
    ]


def test_the_quick_plan_measures_what_the_full_one_does() -> None:
    assert {task.name for task in plan(quick=True)} == {task.name for task in plan(quick=False)}
    assert max(task.size for task in plan(quick=False)) == 1_000_000


def test_instructions_are_counted_without_the_loop_around_them() -> None:
    loop, unit = 10, 20
    spent = [loop, *[loop + unit] * len(ours.references())]
    spent += [loop + 3 * unit * contender.operations for contender in ours.contenders()]
    parts = [count for each in spent for count in (999, each * counting.TIMES, each * 2 * counting.TIMES)]
    counted = counting.rows_of(parts, "pure")
    assert {row.ratio for row in counted} == {3}
    assert [row.name for row in counted] == [contender.name for contender in ours.contenders()]


def test_dumps_of_callgrind_are_read_in_their_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"counted.{number}").write_text(f"part: {number}\ntotals: {number}00\n")
    (tmp_path / "counted").write_text("totals: 7\n")
    assert counting.counts(tmp_path / "counted") == [100, 200, 1000]
