"""Recipes of coroutine functions: opened once, by whoever awaits, and by nothing else."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial

import pytest

from liveref import (
    AsyncRecipe,
    AsyncReopener,
    CapacityExceededError,
    InvalidArgumentError,
    RefDroppedError,
    RefDroppedWarning,
    RefLoadError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotKeys,
    reopener,
)
from liveref._registry.flights import Flight


class Pool:
    """What is opened; it knows whether it is open."""

    opened: list[Pool] = []  # noqa: RUF012  of all tests, emptied before each

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = True
        self.opened.append(self)

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.is_open = False

    def __reduce__(self) -> str:
        raise TypeError("a pool is live")


class Holder:
    """What is pickled, and holds a pool."""

    def __init__(self, pool: object) -> None:
        self.pool = pool


GATE: list[Callable[[], Awaitable[object]]] = []
"""What the recipes below await before they open."""


@pytest.fixture(autouse=True)
def nothing_opened() -> Iterator[None]:
    Pool.opened.clear()
    GATE[:] = [partial(asyncio.sleep, 0)]
    yield
    assert all(not each.is_open for each in Pool.opened)


@pytest.fixture
def registry() -> SessionRefRegistry:
    return SessionRefRegistry()


@reopener("tests.async.pool", finalizer=Pool.aclose)
async def open_pool(name: str) -> Pool:
    await GATE[0]()
    return Pool(name)


@reopener("tests.async.failing")
async def fail(kind: str) -> Pool:
    await GATE[0]()
    raise {"value": ValueError, "cancel": asyncio.CancelledError}[kind](kind)


class Better(Pool):
    """What a recipe says that it opens."""


@reopener("tests.async.wrong", finalizer=Pool.aclose)
async def open_wrong() -> Better:
    return Pool("wrong")  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  what is tested


@reopener("tests.sync.pool", finalizer=Pool.aclose)
def open_at_once(name: str) -> Pool:
    return Pool(name)


def paused(insert: Callable[[SessionRefRegistry], RegistryKey[Pool]]) -> tuple[SessionSnapshot, RegistryKey[Pool]]:
    """A snapshot of a session with one ref."""

    async def main() -> tuple[SessionSnapshot, RegistryKey[Pool]]:
        async with Session() as session:
            key = insert(session.refs)
            return session.snapshot(), key

    return asyncio.run(main())


def of_pool(name: str = "p") -> tuple[SessionSnapshot, RegistryKey[Pool]]:
    return paused(lambda refs: refs.insert(Pool(name), finalizer=Pool.aclose, reopen=open_pool.recipe(name)))


def test_what_the_decorator_makes_of_a_coroutine_function() -> None:
    assert isinstance(open_pool, AsyncReopener)
    recipe = open_pool.recipe("p")
    assert isinstance(recipe, AsyncRecipe)
    assert (repr(open_pool), repr(recipe)) == (
        "<AsyncReopener 'tests.async.pool'>",
        "<AsyncRecipe 'tests.async.pool' (name)>",
    )
    assert repr(pickle.loads(pickle.dumps(recipe))) == repr(recipe)
    with pytest.raises(TypeError, match="AsyncRecipe has no public constructor: get one from the recipe"):
        AsyncRecipe()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(InvalidArgumentError, match="arguments of recipe 'tests.async.pool'"):
        open_pool.recipe()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    async def call() -> str:
        pool = await open_pool("called")
        await pool.aclose()
        return pool.name

    assert asyncio.run(call()) == "called"


def test_nothing_but_aget_opens_it() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        async with Session.resume(snapshot) as session:
            refs = session.refs
            tried: list[Callable[[], object]] = [
                lambda: refs.get(key), lambda: refs[key], lambda: refs.get_any(key), lambda: refs.verify(key),
                lambda: refs.remove(key), lambda: refs.borrow(key).__enter__(), lambda: refs.get(key, default=None),
            ]  # fmt: skip
            for each in tried:
                with pytest.raises(
                    ReopenError, match=r"with arguments \(name\) is asynchronous .*await refs.aget\(key"
                ):
                    each()
            assert Pool.opened[1:] == []
            assert key in refs
            clone = refs.clone_ref(key)
            pool = await refs.aget(key)
            assert pool.is_open
            assert refs[key] is refs.get(clone) is refs.get_any(key) is pool
            assert await refs.aget(clone, Pool) is await refs.aget(clone, default=None) is pool
            with refs.borrow(key) as lent:
                assert lent is pool
            with pytest.raises(RefTypeError):
                await refs.aget(key, int)
        assert not pool.is_open

    asyncio.run(main())


def test_a_hundred_tasks_open_once() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        async with Session.resume(snapshot) as session:
            found = await asyncio.gather(*(session.refs.aget(key) for _ in range(100)))
            assert len(set(map(id, found))) == 1
            assert len(Pool.opened) == 2  # the first before the pause

    asyncio.run(main())


def test_aget_of_any_other_ref_is_get(registry: SessionRefRegistry) -> None:
    snapshot, _ = of_pool()

    async def main() -> None:
        key = registry.insert([1])
        assert await registry.aget(key) == [1]
        assert await registry.aget(key, list[int]) == [1]
        registry.release(key)
        with pytest.raises(RefReleasedError):
            await registry.aget(key)
        assert await registry.aget(key, default=None) is None
        async with Session.resume(snapshot) as session:
            sync = session.refs.insert(Pool("s"), finalizer=Pool.aclose, reopen=open_at_once.recipe("s"))
            again = session.snapshot()
        async with Session.resume(again) as session:
            assert (await session.refs.aget(sync)).name == "s"

    asyncio.run(main())


def test_who_is_cancelled_leaves_the_others_their_object() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        gate = asyncio.Event()
        GATE[0] = gate.wait
        async with Session.resume(snapshot) as session:
            first, second = (asyncio.ensure_future(session.refs.aget(key)) for _ in range(2))
            await asyncio.sleep(0.01)
            first.cancel()
            await asyncio.wait({first})
            assert first.cancelled()
            gate.set()
            assert (await second).is_open
            assert len(Pool.opened) == 2

    asyncio.run(main())


def test_with_the_last_who_waits_the_opening_is_cancelled() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        ended = list[str]()

        async def wait() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        GATE[0] = wait
        async with Session.resume(snapshot) as session:
            tasks = [asyncio.ensure_future(session.refs.aget(key)) for _ in range(3)]
            await asyncio.sleep(0.01)
            for each in tasks:
                each.cancel()
            await asyncio.wait(tasks)
            await asyncio.sleep(0.01)
            assert ended == ["cancelled"]
            GATE[0] = partial(asyncio.sleep, 0)
            assert (await session.refs.aget(key)).is_open

    asyncio.run(main())


def test_an_opening_that_was_left_and_does_not_end_is_closed_again() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        gate = asyncio.Event()

        async def stubborn() -> None:
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    continue

        GATE[0] = stubborn
        async with Session.resume(snapshot) as session:
            task = asyncio.ensure_future(session.refs.aget(key))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
            GATE[0] = partial(asyncio.sleep, 0)
            found = await session.refs.aget(key)
            gate.set()
            await asyncio.sleep(0.01)
            assert [each.is_open for each in Pool.opened] == [False, True, False]
            assert session.refs[key] is found

    asyncio.run(main())


def test_what_it_raises_is_raised_for_each_and_the_next_tries_again() -> None:
    snapshot, key = paused(lambda refs: refs.insert(Pool("p"), finalizer=Pool.aclose, reopen=fail.recipe("value")))

    async def main() -> None:
        async with Session.resume(snapshot) as session:
            found = await asyncio.gather(*(session.refs.aget(key) for _ in range(3)), return_exceptions=True)
            assert [type(each) for each in found] == [ReopenError] * 3
            assert len(set(map(id, found))) == 3
            for each in found:
                assert isinstance(each, ReopenError)
                assert str(each).startswith("recipe 'tests.async.failing' with arguments (kind) raised ValueError at ")
                assert isinstance(each.__cause__, ValueError)
            with pytest.raises(ReopenError, match="raised ValueError"):
                await session.refs.aget(key, default=None)

    asyncio.run(main())


def test_a_recipe_that_cancels_itself_is_told() -> None:
    snapshot, key = paused(lambda refs: refs.insert(Pool("p"), finalizer=Pool.aclose, reopen=fail.recipe("cancel")))

    async def main() -> None:
        async with Session.resume(snapshot) as session:
            with pytest.raises(ReopenError, match="raised CancelledError"):
                await session.refs.aget(key)

    asyncio.run(main())


def test_what_is_no_exception_is_raised_as_it_is() -> None:
    class Fatal(BaseException):
        pass

    async def raise_it() -> None:
        raise Fatal

    snapshot, key = of_pool()

    async def main() -> None:
        GATE[0] = raise_it
        async with Session.resume(snapshot) as session:
            with pytest.raises(Fatal):
                await session.refs.aget(key)

    asyncio.run(main())


def test_what_is_not_of_the_annotation_is_closed_again() -> None:
    async def main() -> None:
        registry = SessionRefRegistry()
        with pytest.raises(RefTypeError, match=r"recipe 'tests.async.wrong': .*Better.*Pool.* was closed again"):
            await registry.aopen(open_wrong.recipe())
        assert [each.is_open for each in Pool.opened] == [False]
        assert registry.is_empty()

    asyncio.run(main())


def refuse(_value: object) -> None:
    raise ValueError


@reopener("tests.async.unclosable", finalizer=refuse)
async def open_unclosable() -> int:
    return "text"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  what is tested


def test_a_finalizer_that_raises_then_is_a_note() -> None:
    async def main() -> None:
        with pytest.raises(RefTypeError) as caught:
            await SessionRefRegistry().aopen(open_unclosable.recipe())
        assert caught.value.__notes__ == ["Closing it raised ValueError."]

    asyncio.run(main())


@reopener("tests.async.nothing")
async def open_nothing() -> int:
    return "text"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  what is tested


def test_without_a_finalizer_there_is_nothing_to_close() -> None:
    async def main() -> None:
        with pytest.raises(RefTypeError):
            await SessionRefRegistry().aopen(open_nothing.recipe())

    asyncio.run(main())


def test_two_event_loops_share_one_opening() -> None:
    snapshot, key = of_pool()
    session = Session.resume(snapshot)
    begun, release = threading.Event(), threading.Event()

    async def slow() -> None:
        begun.set()
        while not release.is_set():
            await asyncio.sleep(0.001)

    GATE[0] = slow
    found = list[Pool]()

    def ask() -> None:
        found.append(asyncio.run(session.refs.aget(key)))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads[0].start()
    assert begun.wait(5)
    threads[1].start()
    while session.refs._refs[key._id]._entry.opening._flight._waiting.__len__() < 2:  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
        pass
    release.set()
    for each in threads:
        each.join()
    assert found[0] is found[1]
    assert len(Pool.opened) == 2
    asyncio.run(session.aclose())


def test_an_opening_whose_event_loop_ends_is_begun_anew_by_who_waits_on_another() -> None:
    snapshot, key = of_pool()
    session = Session.resume(snapshot)
    begun, joined = threading.Event(), threading.Event()

    async def for_ever() -> None:
        begun.set()
        await asyncio.sleep(60)

    GATE[0] = for_ever

    async def ask_and_go() -> None:
        asyncio.ensure_future(session.refs.aget(key))  # noqa: RUF006  the end of the loop cancels it
        await asyncio.to_thread(joined.wait, 5)
        GATE[0] = partial(asyncio.sleep, 0)

    thread = threading.Thread(target=lambda: asyncio.run(ask_and_go()))
    thread.start()
    assert begun.wait(5)

    async def main() -> Pool:
        task = asyncio.ensure_future(session.refs.aget(key))
        await asyncio.sleep(0.01)
        joined.set()
        return await task

    assert asyncio.run(main()).is_open
    thread.join()
    asyncio.run(session.aclose())


def test_refs_that_go_meanwhile_close_what_comes() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        gate = asyncio.Event()
        GATE[0] = gate.wait
        async with Session.resume(snapshot) as session:
            task = asyncio.ensure_future(session.refs.aget(key))
            await asyncio.sleep(0.01)
            assert session.refs.release(key)
            gate.set()
            with pytest.raises(RefReleasedError):
                await task
            assert [each.is_open for each in Pool.opened] == [False, False]

    asyncio.run(main())


KEYS: list[RegistryKey[list[object]]] = []
REFS: list[SessionRefRegistry] = []


@reopener("tests.async.circular")
async def open_circular(this: int, other: int) -> list[object]:
    await asyncio.sleep(0)
    return [this, await REFS[0].aget(KEYS[other])]


@pytest.mark.parametrize("keys", [1, 2, 3])
@pytest.mark.parametrize("together", [True, False])
def test_recipes_that_look_each_other_up_are_an_error_and_no_deadlock(keys: int, together: bool) -> None:  # noqa: FBT001
    async def main() -> None:
        async with Session() as session:
            KEYS[:] = [
                session.refs.insert(list[object](), reopen=open_circular.recipe(at, (at + 1) % keys))
                for at in range(keys)
            ]
            snapshot = session.snapshot()
        async with Session.resume(snapshot) as session:
            REFS[:] = [session.refs]
            asked = [session.refs.aget(key) for key in KEYS] if together else [session.refs.aget(KEYS[0])]
            async with asyncio.timeout(5):
                found = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(each) for each in found} == {ReopenError}
            assert any("that waits for it" in str(each.__cause__ or each) for each in _chain(found))

    asyncio.run(main())


def _chain(errors: Iterable[object]) -> Iterator[BaseException]:
    for each in errors:
        error = each
        while isinstance(error, BaseException):
            yield error
            error = error.__cause__


@reopener("tests.async.outliving")
async def open_outliving(other: int) -> list[object]:
    REST.append(asyncio.ensure_future(_ask_later(other)))
    return [other]


REST: list[asyncio.Task[object]] = []


async def _ask_later(other: int) -> object:
    await asyncio.sleep(0.01)
    return await REFS[0].aget(KEYS[other])


def test_what_a_recipe_began_may_ask_for_what_asked_for_it() -> None:
    """Its context says that it is of an opening, which is over."""

    async def main() -> None:
        async with Session() as session:
            KEYS[:] = [session.refs.insert(list[object](), reopen=open_outliving.recipe(0))]
            snapshot = session.snapshot()
        async with Session.resume(snapshot) as session:
            REFS[:] = [session.refs]
            assert await session.refs.aget(KEYS[0]) == [0]
            assert await REST.pop() == [0]

    asyncio.run(main())


def test_open_is_for_others_and_aopen_for_both(registry: SessionRefRegistry) -> None:
    async def main() -> None:
        with pytest.raises(ReopenError, match=r"await refs\.aopen\(recipe\)"):
            registry.open(open_pool.recipe("x"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        for recipe in (open_pool.recipe("a"), open_at_once.recipe("b")):
            key = await registry.aopen(recipe)
            assert registry[key].is_open
            with pytest.raises(TypeError, match="arelease"):
                registry.release(key)
            assert await registry.arelease(key)
        with pytest.raises(InvalidArgumentError, match="recipe must be a recipe"):
            await registry.aopen("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(InvalidArgumentError, match="reopen must be a recipe"):
            registry.insert(1, reopen="text")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
        with pytest.raises(InvalidArgumentError):
            await registry.aopen(open_pool.recipe("x"), ttl=-1)
        await registry.aclose()
        opened = len(Pool.opened)
        with pytest.raises(RegistryClosedError):
            await registry.aopen(open_pool.recipe("x"))
        assert len(Pool.opened) == opened

    asyncio.run(main())


def test_aopen_that_finds_no_room_awaits_the_finalizer() -> None:
    async def main() -> None:
        registry = SessionRefRegistry(capacity=1)
        registry.insert(1)
        with pytest.raises(CapacityExceededError):
            await registry.aopen(open_pool.recipe("x"))
        assert [each.is_open for each in Pool.opened] == [False]

    asyncio.run(main())


def test_borrowing_asynchronously_opens_it() -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        async with Session.resume(snapshot) as session:
            async with session.refs.borrow(key) as pool:
                assert pool.is_open
                assert await session.refs.arelease(key)
                assert pool.is_open
            assert not pool.is_open

    asyncio.run(main())


def of_holder() -> tuple[SessionSnapshot, RegistryKey[Holder]]:
    async def main() -> tuple[SessionSnapshot, RegistryKey[Holder]]:
        async with Session() as session:
            pool = Pool("held")
            session.refs.insert(pool, finalizer=Pool.aclose, reopen=open_pool.recipe("held"))
            other = Pool("other")
            session.refs.insert(other, finalizer=Pool.aclose, reopen=open_pool.recipe("other"))
            key = session.refs.insert(Holder(pool))
            return session.snapshot(), key

    return asyncio.run(main())


def test_a_resume_of_what_holds_it_has_to_be_awaited(caplog: pytest.LogCaptureFixture) -> None:
    snapshot, key = of_holder()
    with pytest.raises(ReopenError, match=r"is asynchronous .*await Session\.aresume\(snapshot\)"):
        Session.resume(snapshot)

    async def main() -> None:
        with caplog.at_level(logging.INFO, "liveref"):
            async with await Session.aresume(snapshot) as session:
                held = session.refs[key].pool
                assert isinstance(held, Pool)
                assert held.is_open
                assert len(Pool.opened) == 3  # the other waits for its first lookup
            assert not held.is_open
        assert "a snapshot of 3 refs was resumed" in caplog.messages

    asyncio.run(main())


def test_what_fails_then_is_told_and_the_rest_is_closed() -> None:
    snapshot, _ = of_holder()

    async def broken() -> None:
        raise OSError("down")

    async def main() -> None:
        GATE[0] = broken
        with pytest.raises(ReopenError, match="raised OSError"):
            await Session.aresume(snapshot)
        with pytest.warns(RefDroppedWarning, match="raised OSError"):
            session = await Session.aresume(snapshot, broken="drop")
        await session.aclose()

    asyncio.run(main())


def test_aresume_that_fails_awaits_the_finalizers_of_what_it_opened() -> None:
    async def main() -> None:
        async with Session() as session:
            pool = Pool("held")
            session.refs.insert(pool, finalizer=Pool.aclose, reopen=open_pool.recipe("held"))
            session.refs.insert([pool, Fragile()])
            snapshot = session.snapshot()
        with pytest.raises(RefLoadError, match="fragile|ValueError"):
            await Session.aresume(snapshot)
        assert [each.is_open for each in Pool.opened] == [False, False]

    asyncio.run(main())


def test_aresume_that_is_cancelled_as_it_closes_what_it_opened_is_cancelled() -> None:
    begun: list[Pool] = []
    resuming: list[asyncio.Task[Session]] = []

    async def close(pool: Pool) -> None:
        begun.append(pool)
        if len(begun) == 1:
            resuming[0].cancel()
        await pool.aclose()

    async def main() -> None:
        async with Session() as session:
            pools = [Pool("one"), Pool("two")]
            for pool in pools:
                session.refs.insert(pool, finalizer=Pool.aclose, reopen=open_pool.recipe(pool.name))
            session.refs.insert([*pools, Fragile()])
            snapshot = session.snapshot()
        open_pool.finalizer, former = close, open_pool.finalizer
        try:
            resuming.append(asyncio.create_task(Session.aresume(snapshot)))
            with pytest.raises(asyncio.CancelledError) as caught:
                await resuming[0]
        finally:
            open_pool.finalizer = former
        assert isinstance(caught.value.__context__, RefLoadError)
        assert not any(pool.is_open for pool in Pool.opened)

    asyncio.run(main())
    assert len(begun) == 2


class Fragile:
    """Can't be loaded."""

    def __setstate__(self, state: object) -> None:
        raise ValueError("fragile")

    def __getstate__(self) -> object:
        return 1


def test_aresume_of_a_snapshot_without_them_is_resume() -> None:
    async def main() -> None:
        with Session() as session:
            key = session.refs.insert([1])
            snapshot = session.snapshot()
        async with await Session.aresume(snapshot, capacity=7, owned=False) as session:
            assert session.refs[key] == [1]
            assert session.refs.capacity == 7
        for wrong in ({"snapshot": 1}, {"snapshot": snapshot, "carry": 1}, {"snapshot": snapshot, "broken": "x"}):
            with pytest.raises(InvalidArgumentError):
                await Session.aresume(**wrong)  # pyright: ignore[reportArgumentType]

    asyncio.run(main())


def test_a_sturdy_marker_carries_one_too() -> None:
    ring = SnapshotKeys({"a": b"k" * 32}, current="a")

    async def main() -> None:
        async with Session() as session:
            key = await session.refs.aopen(open_pool.recipe("s"))
            marker = session.refs.sturdy_marker(key, keys=ring)
        async with Session() as session:
            admitted = session.refs.admit(marker, Pool, keys=ring)
            with pytest.raises(ReopenError, match="aget"):
                session.refs.get(admitted)
            assert (await session.refs.aget(admitted)).name == "s"

    asyncio.run(main())


def test_trio_is_told_before_anything_opens() -> None:
    trio = pytest.importorskip("trio")
    snapshot, key = of_pool()
    opened = len(Pool.opened)
    session = Session.resume(snapshot)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="aget.. needs asyncio"):
            await session.refs.aget(key)
        with pytest.raises(RuntimeError, match="aopen.. needs asyncio"):
            await session.refs.aopen(open_pool.recipe("x"))
        assert await session.refs.aget(session.refs.insert(1)) == 1

    trio.run(main)
    assert len(Pool.opened) == opened
    session.close()


def test_a_dropped_ref_is_a_log_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "liveref"), Session() as session, pytest.warns(RefDroppedWarning):
        key = session.refs.insert(threading.Lock())
        from liveref import SessionPausePolicy  # noqa: PLC0415

        snapshot = session.snapshot(policy=SessionPausePolicy.WARN_DROP)
        assert caplog.messages == [f"ref {str(key)[:6]}… (_thread:lock) was dropped"]
    with pytest.raises(RefDroppedError):
        Session.resume(snapshot).refs.get(key)


def test_an_opening_is_a_log_record(caplog: pytest.LogCaptureFixture) -> None:
    snapshot, key = of_pool()

    async def main() -> None:
        async with Session.resume(snapshot) as session:
            await session.refs.aget(key)

    with caplog.at_level(logging.DEBUG, "liveref"):
        asyncio.run(main())
    assert "recipe tests.async.pool was opened" in caplog.messages


def test_nothing_is_left_when_nobody_waits_for_an_error() -> None:
    """Asyncio tells of an exception that nobody took; here it was the waiter that went."""
    snapshot, key = of_pool()

    async def main() -> None:
        told = list[dict[str, object]]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

        async def break_off() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ValueError from None

        GATE[0] = break_off
        async with Session.resume(snapshot) as session:
            task = asyncio.ensure_future(session.refs.aget(key))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
            await asyncio.sleep(0.01)
        del session
        gc.collect()
        await asyncio.sleep(0)
        assert told == []

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())


def test_who_joins_a_flight_that_has_landed_waits_for_nothing() -> None:
    async def main() -> None:
        flight = Flight(partial(asyncio.sleep, 0))
        await flight.wait()
        await flight.wait()
        assert flight.is_over()

    asyncio.run(main())


def test_who_is_cancelled_as_a_flight_lands_is_cancelled() -> None:
    async def main() -> None:
        flight = Flight(partial(asyncio.sleep, 0))
        waiting = asyncio.ensure_future(flight.wait())
        await asyncio.sleep(0)
        flight._task.add_done_callback(lambda _: waiting.cancel())
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        await asyncio.sleep(0)

    asyncio.run(main())


CLOSED: list[str] = []


@reopener("tests.async.plain", finalizer=CLOSED.append)
async def open_plain(name: str) -> str:
    return name


def test_aopen_that_finds_no_room_calls_a_plain_finalizer_too() -> None:
    async def main() -> None:
        registry = SessionRefRegistry(capacity=1)
        registry.insert(1)
        with pytest.raises(CapacityExceededError):
            await registry.aopen(open_plain.recipe("x"))

    asyncio.run(main())
    assert CLOSED == ["x"]
