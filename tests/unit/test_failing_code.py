"""Code of the user's that raises where liveref calls it besides finalizers: clocks, logging, notes, warnings.

Nothing is lost by it, and the rest is done.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from liveref import (
    InvalidArgumentError,
    RefExpiredError,
    RefLifetime,
    Session,
    SessionRefRegistry,
)

SOON = 0.005


class Clock:
    """Shows what it is told to, and raises that where it is an error."""

    def __init__(self) -> None:
        self.now: Any = 1000.0  # Any: what no clock shows

    def __call__(self) -> float:
        if isinstance(self.now, Exception):
            raise self.now
        shown: float = self.now
        return shown


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refs(clock: Clock) -> SessionRefRegistry:
    return SessionRefRegistry(clock=clock)


def fail(_value: object) -> NoReturn:
    raise ValueError


# Clocks


@pytest.mark.parametrize(("shown", "found"), [(None, "None"), ("x", "str"), (math.nan, "nan"), (math.inf, "inf")])
def test_a_clock_that_shows_no_time_is_told_wherever_it_is_asked(
    refs: SessionRefRegistry, clock: Clock, shown: object, found: str
) -> None:
    leased, idle = refs.insert("x", ttl=5), refs.insert("x", idle=5)
    calls: list[Callable[[], object]] = [
        lambda: refs.insert("y", ttl=5),
        refs.describe,
        *(
            lambda key=key, ask=ask: ask(key)
            for key in (leased, idle)
            for ask in (refs.get, refs.renew, refs.clone_ref)
        ),
    ]
    clock.now = shown
    for call in calls:
        with pytest.raises(InvalidArgumentError, match=f"^clock must be .* one that gave {found}"):
            call()
    clock.now = 1004.0
    assert [refs[leased], refs[idle], len(refs)] == ["x", "x", 2]
    clock.now = 1009.0
    assert refs.sweep() == 2


def test_a_clock_that_shows_the_end_of_time_takes_no_ref(refs: SessionRefRegistry, clock: Clock) -> None:
    clock.now = -math.inf
    with pytest.raises(InvalidArgumentError, match="gave -inf"):
        refs.insert("x", idle=5)
    assert refs.is_empty()


def test_a_clock_that_raises_in_a_sweep_keeps_no_ref_from_the_next(refs: SessionRefRegistry, clock: Clock) -> None:
    other = SessionRefRegistry()
    for _ in range(3):
        refs.insert("x", ttl=5)
    clock.now += 5
    refs._defaults = other._defaults  # whose clock is right: those of the refs raise
    clock.now, before = OSError(), clock.now
    with pytest.raises(OSError):
        refs.sweep()
    clock.now = before
    assert refs.sweep() == 3


def test_a_sweep_that_is_cut_off_keeps_no_ref_from_the_next(refs: SessionRefRegistry, clock: Clock) -> None:
    keys = [refs.insert("x", ttl=5) for _ in range(2)]
    clock.now += 5
    book = refs._book
    assert book is not None
    for key in keys:
        found = book.expired(clock(), refs._is_here, refs._is_over, None)
        next(found)
        if key is keys[0]:
            refs.release(key)
        del found
        assert [row[2] for row in book._rows] == [keys[1]]
    assert refs.sweep() == 1


def test_a_clock_that_raises_as_a_ref_is_given_back_puts_no_finalizer_off(
    refs: SessionRefRegistry, clock: Clock
) -> None:
    closed = list[str]()
    key = refs.insert("x", idle=5, finalizer=closed.append)
    with refs.borrow(key):
        refs.release(key)
        clock.now = OSError()
    assert closed == ["x"]


# Logging


@pytest.fixture
def bad_filter() -> Iterator[None]:
    def refuse(record: logging.LogRecord) -> bool:
        raise OSError(record.levelname)

    logger = logging.getLogger("liveref")
    level = logger.level
    logger.setLevel("DEBUG")
    logger.addFilter(refuse)
    yield
    logger.removeFilter(refuse)
    logger.setLevel(level)


@pytest.mark.usefixtures("bad_filter")
def test_a_filter_of_records_that_raises_ends_no_lookup_and_no_sweep(
    refs: SessionRefRegistry, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = list[str]()
    key, _ = (refs.insert("x", ttl=5, finalizer=closed.append) for _ in range(2))
    clock.now += 5
    with pytest.raises(RefExpiredError):
        refs.get(key)
    assert refs.sweep() == 1
    assert closed == ["x", "x"]
    assert "OSError: DEBUG" in capsys.readouterr().err


@pytest.mark.usefixtures("bad_filter")
def test_a_filter_of_records_that_raises_ends_no_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with Session() as session:
        session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
        session.refs.insert("y")
        assert len(session.save(tmp_path / "paused").refs) == 1
        assert len(session.refs) == 1
    assert capsys.readouterr().err == ""


# Notes and warnings


class NotesOfItsOwn(Exception):
    """Its notes are no list."""

    def __getattribute__(self, name: str, /) -> Any:  # Any: as of every object
        if name == "__notes__":
            raise OSError
        return super().__getattribute__(name)


class Unwritten:
    """A note that is no text."""

    def __str__(self) -> NoReturn:
        raise OSError


def unwritten() -> ValueError:
    error = ValueError()
    vars(error)["__notes__"] = [Unwritten()]
    return error


class AddsNone(ValueError):
    """Takes no note."""

    def add_note(self, _note: str, /) -> None:
        vars(self)["__notes__"] = [Unwritten()]


@pytest.mark.parametrize("error", [NotesOfItsOwn(), unwritten(), AddsNone()], ids=lambda error: type(error).__name__)
def test_notes_of_any_kind_on_what_a_finalizer_raises_end_no_insert(clock: Clock, error: Exception) -> None:
    def raises(_value: object) -> NoReturn:
        raise error

    refs = SessionRefRegistry(capacity=1, clock=clock)
    refs.insert("x", ttl=5, finalizer=raises)
    clock.now += 5
    with pytest.warns(RuntimeWarning, match=f"a finalizer of an expired ref raised .*{type(error).__name__}"):
        key = refs.insert("y")
    assert refs[key] == "y"


def test_warnings_that_are_errors_come_once_all_is_done_and_logged(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "liveref")
    refs = SessionRefRegistry(capacity=2, clock=clock)
    closed = list[str]()

    def close(value: str) -> NoReturn:
        closed.append(value)
        fail(value)

    for _ in range(2):
        refs.insert("x", ttl=5, finalizer=close)
    clock.now += 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning):
            refs.insert("y")
        refs.insert("y")
    assert closed == ["x", "x"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


@pytest.mark.parametrize("is_task", [False, True])
def test_warnings_that_are_errors_stop_no_sweeping(
    refs: SessionRefRegistry, clock: Clock, caplog: pytest.LogCaptureFixture, *, is_task: bool
) -> None:
    caplog.set_level("WARNING", "liveref")

    def expire(text: str) -> None:
        seen = len(caplog.records)
        refs.insert("x", ttl=5, finalizer=fail)
        clock.now += 5
        yield_until(lambda: len(caplog.records) > seen)
        assert text in caplog.records[-1].getMessage()

    def yield_until(condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < ends
            time.sleep(SOON)

    async def main() -> None:
        async with refs.sweeping(SOON):
            await asyncio.to_thread(expire, "1 finalizer of expired refs failed: ValueError")
            await asyncio.to_thread(expire, "1 finalizer of expired refs failed: ValueError")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if is_task:
            asyncio.run(main())
            return
        with refs.sweeping(SOON):
            expire("1 finalizer of expired refs failed: ValueError")
            clock.now, before = OSError(), clock.now
            yield_until(lambda: "a sweep of expired refs failed: OSError" in caplog.text)
            clock.now = before
            expire("1 finalizer of expired refs failed: ValueError")


# What goes to another registry


def test_a_registry_that_is_collected_takes_nothing_from_who_borrowed_elsewhere() -> None:
    closed = list[str]()
    here, there = SessionRefRegistry(), SessionRefRegistry()
    key = here.insert("x", finalizer=closed.append)
    with here.borrow(key):
        here.transfer_ref(key, there)
        there.release(key)
        del there
        gc.collect()
    assert closed == ["x"]


def test_a_ref_that_goes_to_and_fro_leaves_no_row_of_each_visit(refs: SessionRefRegistry, clock: Clock) -> None:
    other, key = SessionRefRegistry(clock=clock), refs.insert("x", ttl=5)
    book = refs._book
    assert book is not None
    for _ in range(22):
        other.transfer_ref(refs.transfer_ref(key, other), refs)
        for _ in range(2):
            refs.release(refs.insert("y", ttl=5))  # so that the book is tidied while the ref is here
        assert len(book._rows) - book._stale == 1
