"""Borrowing: no finalizer runs while somebody has the object."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from liveref import (
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SessionStateError,
)
from liveref._registry.finalize import Finalizer
from liveref._registry.leases import Book


@pytest.fixture
def refs() -> Iterator[SessionRefRegistry]:
    registry = SessionRefRegistry()
    yield registry
    asyncio.run(registry.aclose())


def test_a_release_waits_for_nobody_and_the_finalizer_for_the_last_borrower(refs: SessionRefRegistry) -> None:
    closed = list[str]()
    key = refs.insert("x", finalizer=closed.append)
    with refs.borrow(key) as first:
        with refs.borrow(key) as second:
            assert refs.release(key)
            assert first == second == "x"
            with pytest.raises(RefReleasedError):
                refs[key]
        assert closed == []
    assert closed == ["x"]


def test_a_borrow_that_nothing_ends_meanwhile_ends_nothing(refs: SessionRefRegistry) -> None:
    closed = list[str]()
    key, plain = refs.insert("x", finalizer=closed.append), refs.insert([1])
    with refs.borrow(key), refs.borrow(plain) as found:
        assert found == [1]
        assert refs.describe()[0].lent == 1
        assert refs.stats().lent == 2
    assert refs[key] == "x"
    assert closed == []
    assert refs.stats().lent == 0
    assert refs.release(key)
    assert closed == ["x"]


def test_the_end_of_the_session_leaves_it_to_the_borrower() -> None:
    closed = list[str]()
    with Session() as session:
        borrow = session.refs.borrow(session.refs.insert("x", finalizer=closed.append))
        assert borrow.__enter__() == "x"
    assert closed == []
    borrow.__exit__(None, None, None)
    assert closed == ["x"]


def test_a_purge_by_a_snapshot_leaves_it_to_the_borrower() -> None:
    closed = list[str]()
    with Session() as session:
        key = session.refs.insert("x", finalizer=closed.append, lifetime=RefLifetime.UNTIL_SNAPSHOT)
        with session.refs.borrow(key):
            session.snapshot()
            assert key not in session.refs
            assert closed == []
        assert closed == ["x"]


def test_a_remove_hands_the_object_over(refs: SessionRefRegistry) -> None:
    closed = list[str]()
    key = refs.insert("x", finalizer=closed.append)
    with refs.borrow(key):
        assert refs.remove(key) == "x"
    assert closed == []
    other = refs.insert("y", finalizer=closed.append)
    clone = refs.clone_ref(other)
    with refs.borrow(other):
        assert refs.remove(other) == "y"
    assert refs.release(clone)
    assert closed == ["y"]


def test_a_clone_keeps_it_open_too(refs: SessionRefRegistry) -> None:
    closed = list[str]()
    key = refs.insert("x", finalizer=closed.append)
    with refs.borrow(key):
        clone = refs.clone_ref(key)
        refs.release(key)
    assert closed == []
    refs.release(clone)
    assert closed == ["x"]


def test_what_the_finalizer_raises_is_raised_bare_by_the_borrower(refs: SessionRefRegistry) -> None:
    def fail(_value: str) -> None:
        raise ValueError("closing")

    key = refs.insert("x", finalizer=fail)
    with pytest.raises(ValueError, match="closing"), refs.borrow(key):
        refs.release(key)
    other = refs.insert("y", finalizer=fail)
    with pytest.raises(KeyError) as caught, refs.borrow(other):
        refs.release(other)
        raise KeyError
    assert caught.value.__notes__ == ["The finalizer that ran as the object was given back raised ValueError."]


def test_what_is_no_exception_is_raised_whatever_the_block_raises(refs: SessionRefRegistry) -> None:
    def fail(_value: str) -> None:
        raise KeyboardInterrupt

    key = refs.insert("x", finalizer=fail)
    with pytest.raises(KeyboardInterrupt), refs.borrow(key):
        refs.release(key)
        raise ValueError


def test_an_entered_context_sees_the_exception_of_the_block(refs: SessionRefRegistry) -> None:
    seen = list[BaseException | None]()

    class Context:
        def __enter__(self) -> str:
            return "x"

        def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
            seen.append(error)

    error = ValueError()
    with suppress(ValueError), refs.borrow(refs.enter_context(Context())):
        refs.drain()
        raise error
    assert seen == [error]


def test_a_lent_ref_does_not_expire_and_its_end_is_a_use() -> None:
    clock = [0.0]
    refs = SessionRefRegistry(idle=10, clock=lambda: clock[0])
    key = refs.insert("x")
    with refs.borrow(key):
        clock[0] = 50.0
        assert refs.sweep() == 0
        assert refs[key] == "x"
        clock[0] = 70.0
    clock[0] = 79.0
    assert refs[key] == "x"
    clock[0] = 89.0
    assert refs.sweep() == 1
    refs.close()


def test_a_lent_ref_that_is_transferred_does_not_expire_there_either() -> None:
    now, closed = [0.0], list[str]()
    here, there = (SessionRefRegistry(clock=lambda: now[0]) for _ in range(2))
    leased, plain = here.insert("x", ttl=5, finalizer=closed.append), here.insert("y")
    with here.borrow(leased), here.borrow(plain):
        for key in (leased, plain):
            here.transfer_ref(key, there)
        now[0] = 10.0
        with there.borrow(leased):
            assert [info.lent for info in there.describe()] == [2, 1]
            assert there.stats().lent == 2
        assert there.sweep() == 0
        assert there[leased] == "x"
    assert (here.stats().lent, there.stats().lent) == (0, 0)
    assert there.sweep() == 1
    assert closed == ["x"]


def test_an_asynchronous_finalizer_that_falls_due_in_a_plain_borrow_stays_due(refs: SessionRefRegistry) -> None:
    closed = list[str]()

    async def close(value: str) -> None:
        await asyncio.sleep(0)
        closed.append(value)

    for finalizer in (close, lambda value: close(value)):
        key = refs.insert("x", finalizer=finalizer)

        async def end(key: RegistryKey[str] = key) -> None:
            assert await refs.arelease(key)

        with refs.borrow(key):
            asyncio.run(end())
        assert refs.stats().due == 1
        assert closed == []
        asyncio.run(refs.asweep())
        assert closed == ["x"]
        closed.clear()


def test_after_the_end_of_the_session_it_is_a_type_error() -> None:
    async def close(_value: str) -> None: ...

    for finalizer in (close, lambda value: close(value)):

        async def main(finalizer: object = finalizer) -> None:
            async with Session() as session:
                key = session.refs.insert("x", finalizer=finalizer)  # type: ignore[call-overload]
                borrow = session.refs.borrow(key)
                borrow.__enter__()
            with pytest.raises(TypeError, match="asynchronous finalizer"):
                borrow.__exit__(None, None, None)

        asyncio.run(main())


def test_an_asynchronous_borrow_awaits_the_finalizer(refs: SessionRefRegistry) -> None:
    closed = list[str]()

    async def close(value: str) -> None:
        await asyncio.sleep(0)
        closed.append(value)

    async def main() -> None:
        key = refs.insert("x", finalizer=close)
        async with refs.borrow(key) as found:
            assert found == "x"
            assert await refs.arelease(key)
            assert closed == []
        assert closed == ["x"]
        async with refs.borrow(refs.insert([1])) as plain:
            assert plain == [1]

    asyncio.run(main())


def test_a_borrow_that_is_cancelled_as_it_ends_tells_what_the_finalizer_raised(refs: SessionRefRegistry) -> None:
    async def close(_value: str) -> None:
        closing.set()
        await asyncio.sleep(0)
        raise ValueError

    async def borrow() -> None:
        async with refs.borrow(refs.insert("x", finalizer=close)):
            await refs.adrain()

    async def main() -> None:
        task = asyncio.create_task(borrow())
        await closing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, ExceptionGroup)
        assert [type(error) for error in caught.value.__cause__.exceptions] == [ValueError]

    closing = asyncio.Event()
    asyncio.run(main())


def test_it_looks_nothing_up_before_its_with(refs: SessionRefRegistry) -> None:
    borrow = refs.borrow(RegistryKey.new(int))
    with pytest.raises(RefNotFoundError), borrow:
        pass


def test_it_is_for_one_with(refs: SessionRefRegistry) -> None:
    borrow = refs.borrow(refs.insert([1]))
    with pytest.raises(SessionStateError, match="the borrow is closed already"):
        borrow.__exit__(None, None, None)
    with borrow:
        pass
    with pytest.raises(SessionStateError, match="the borrow is entered already"), borrow:
        pass
    with pytest.raises(SessionStateError, match="the borrow is closed already"):
        borrow.__exit__(None, None, None)


def test_another_thread_may_give_it_back(refs: SessionRefRegistry) -> None:
    closed = list[str]()
    key = refs.insert("x", finalizer=closed.append)
    borrow = refs.borrow(key)
    borrow.__enter__()
    refs.release(key)
    thread = threading.Thread(target=borrow.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert closed == ["x"]


def test_a_child_borrows_of_its_parent() -> None:
    closed = list[str]()
    with Session() as session:
        key = session.refs.insert("x", finalizer=closed.append)
        with session.child(isolated=True) as child, child.refs.borrow(key) as found:
            assert found == "x"
            session.refs.release(key)
            assert closed == []
        assert closed == ["x"]


def test_a_ref_that_goes_while_it_is_lent_is_looked_up_anew(
    refs: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = list[str]()
    key, plain = refs.insert("x", finalizer=closed.append), refs.insert("y")
    held = SessionRefRegistry._held

    def gone(self: SessionRefRegistry, wanted: RegistryKey[object], **named: bool) -> object:
        found = held(self, wanted, **named)
        self.release(wanted)
        return found

    monkeypatch.setattr(SessionRefRegistry, "_held", gone)
    for each in (key, plain):
        with pytest.raises(RefReleasedError), refs.borrow(each):
            pass
    assert closed == ["x"]


@pytest.mark.parametrize("hint", [str, list[str]])
def test_what_is_not_of_the_key_s_type_is_not_lent(refs: SessionRefRegistry, hint: type[object]) -> None:
    marker = refs.insert([1], finalizer=str).to_marker()
    key: RegistryKey[object] = RegistryKey.from_marker(marker, hint)

    async def borrow() -> None:
        async with refs.borrow(key):
            pass

    with pytest.raises(RefTypeError, match="^borrow of ref"), refs.borrow(key):
        pass
    with pytest.raises(RefTypeError, match="^borrow of ref"):
        asyncio.run(borrow())
    assert refs.stats().lent == 0


def test_a_ref_that_goes_just_as_its_loan_is_noted_is_closed_by_the_borrower(
    refs: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = list[str]()
    key = refs.insert("x", finalizer=closed.append)
    lend = Finalizer.lend

    def late(self: Finalizer, uid: bytes) -> None:
        lend(self, uid)
        assert refs.release(key)
        assert closed == []

    monkeypatch.setattr(Finalizer, "lend", late)
    with pytest.raises(RefReleasedError), refs.borrow(key):
        pass
    assert closed == ["x"]


def test_an_abandoned_borrow_is_told_when_its_registry_is_collected() -> None:
    refs = SessionRefRegistry()
    borrow = refs.borrow(refs.insert("x", finalizer=str))
    borrow.__enter__()
    refs.drain()
    with pytest.warns(ResourceWarning, match="1 finalizer not run"):
        del refs, borrow
        gc.collect()


def test_threads_that_borrow_and_release_close_each_once(switch_often: None) -> None:
    closed = list[int]()
    refs = SessionRefRegistry(capacity=10_000)
    keys = [refs.insert(number, finalizer=closed.append) for number in range(500)]

    @contextmanager
    def tried(key: RegistryKey[int]) -> Iterator[None]:
        with suppress(RefReleasedError), refs.borrow(key) as number:
            assert number not in closed
            yield
            assert number not in closed
            return
        yield

    def use() -> None:
        for key in keys:
            with tried(key):
                pass

    def release() -> None:
        for key in keys:
            refs.release(key)

    threads = [threading.Thread(target=each) for each in (use, use, use, release)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(closed) == list(range(500))
    assert refs.stats().due == 0


def test_a_loan_that_was_given_back_meanwhile_changes_no_book() -> None:
    """As where another thread was faster, between a look at the book and its lock."""
    book, other = Book(), Book()
    book.take_over(b"x", other)
    assert book.loans == {}
    book.take_back(b"x", None)
    assert book.lent(b"x") == 0
