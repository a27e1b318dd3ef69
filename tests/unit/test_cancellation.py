"""Closes under cancellation: anyio's cancel scopes on asyncio and trio, plain trio, and asyncio's own ways to cancel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
import trio

from liveref import CapacityExceededError, InvalidArgumentError, RegistryKey, Session, SessionRefRegistry
from liveref._registry import shield


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell lets what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


BACKENDS = ["asyncio", "trio"]
LOOPS: dict[str, Callable[[Callable[[], Awaitable[object]]], object]] = {
    "asyncio": lambda main: asyncio.run(main()),  # type: ignore[arg-type]
    "anyio on asyncio": lambda main: anyio.run(main, backend="asyncio"),
    "anyio on trio": lambda main: anyio.run(main, backend="trio"),
    "trio": trio.run,
}
on_each_backend = pytest.mark.parametrize("backend", BACKENDS)
on_each_loop = pytest.mark.parametrize("loop", LOOPS)


class Boom(Exception):
    """What a finalizer raises."""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here hangs for longer than a test may take."""
    monkeypatch.setattr(shield, "GRACE", 30.0)
    monkeypatch.setattr(shield, "FAREWELL", 0.01)


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(shield, "GRACE", 0.02)
    return 0.02


class Exit:
    """An asynchronous context that is no generator: trio closes those that are left behind in any order."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def __aenter__(self) -> str:
        return "x"

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        await self.log.slow(f"left {type(error).__name__}")


class Log(list[str]):
    """What was closed."""

    async def slow(self, value: str) -> None:
        for _ in range(5):
            await anyio.sleep(0)
        await anyio.sleep(0.001)
        self.append(value)

    async def hang(self, value: str) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            self.append(f"{value} cut")

    @contextlib.asynccontextmanager
    async def context(self, name: str = "context") -> AsyncIterator[str]:
        try:
            yield name
        finally:
            await self.slow(name)

    @contextlib.asynccontextmanager
    async def hanging(self, name: str = "context") -> AsyncIterator[str]:
        try:
            yield name
        finally:
            await self.hang(name)


async def aclose(registry: SessionRefRegistry) -> None:
    await registry.aclose()


async def adrain(registry: SessionRefRegistry) -> None:
    await registry.adrain()


async def arelease(registry: SessionRefRegistry) -> None:
    for key in reversed(registry.keys()):
        with contextlib.suppress(anyio.get_cancelled_exc_class()):
            await registry.arelease(key)
    await anyio.lowlevel.checkpoint()


ENDS = [aclose, adrain, arelease]


# Cancel scopes: the close begins in a scope that is cancelled, or is cancelled while it runs.


async def move_on(work: Callable[[], Awaitable[object]]) -> None:
    with anyio.move_on_after(0.01) as scope:
        await work()
    assert scope.cancelled_caught


async def fail(work: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(TimeoutError), anyio.fail_after(0.01):
        await work()


async def sibling(work: Callable[[], Awaitable[object]]) -> None:
    async def raise_soon() -> None:
        await anyio.sleep(0.01)
        raise Boom

    with pytest.raises(BaseExceptionGroup) as caught:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            group.start_soon(raise_soon)
    assert [type(error) for error in caught.value.exceptions] == [Boom]


async def cancelled_before(work: Callable[[], Awaitable[object]]) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await work()
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught


WAYS = [move_on, fail, sibling, cancelled_before]


@pytest.mark.parametrize("way", WAYS)
@on_each_backend
def test_a_session_that_is_cancelled_closes_all_it_holds(
    backend: str, way: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
) -> None:
    log = Log()

    async def run() -> None:
        async with Session() as session:
            session.refs.insert("first", finalizer=log.slow)
            await session.refs.enter_async_context(log.context())
            session.refs.insert("last", finalizer=log.slow)
            await anyio.sleep_forever()

    anyio.run(way, run, backend=backend)
    assert log == ["last", "context", "first"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", WAYS)
@on_each_backend
def test_a_close_that_is_cancelled_goes_on_to_its_end(
    backend: str,
    way: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]],
    end: Callable[[SessionRefRegistry], Awaitable[None]],
) -> None:
    log = Log()
    registry = SessionRefRegistry()

    async def until_cancelled(value: str) -> None:
        await anyio.sleep(0.02 if way is not cancelled_before else 0)
        await log.slow(value)

    async def run() -> None:
        registry.insert("first", finalizer=log.slow)
        await registry.enter_async_context(log.context())
        registry.insert("last", finalizer=until_cancelled)
        await end(registry)
        await anyio.lowlevel.checkpoint()

    anyio.run(way, run, backend=backend)
    assert log == ["last", "context", "first"]
    assert registry.is_empty()


@on_each_backend
def test_nested_sessions_that_are_cancelled_close_from_the_inside_out(backend: str) -> None:
    log = Log()

    async def run() -> None:
        async with Session() as outer, outer.child(isolated=True) as inner:
            outer.refs.insert("outer", finalizer=log.slow)
            inner.refs.insert("inner", finalizer=log.slow)
            await anyio.sleep_forever()

    anyio.run(move_on, run, backend=backend)
    assert log == ["inner", "outer"]


@on_each_backend
def test_a_session_inside_of_a_shield_is_not_cancelled(backend: str) -> None:
    log = Log()

    async def run() -> None:
        with anyio.CancelScope() as outer, anyio.CancelScope(shield=True):
            outer.cancel()
            async with Session() as session:
                session.refs.insert("x", finalizer=log.slow)
                await session.refs.enter_async_context(log.context())
            log.append("went on")

    anyio.run(run, backend=backend)
    assert log == ["context", "x", "went on"]


@on_each_backend
def test_a_deadline_that_nothing_has_noticed_yet_cuts_no_exit(backend: str) -> None:
    log = Log()

    async def run() -> None:
        registry = SessionRefRegistry()
        await registry.enter_async_context(log.context())
        with anyio.CancelScope(deadline=anyio.current_time() - 1):
            await registry.aclose()

    anyio.run(run, backend=backend)
    assert log == ["context"]


@on_each_backend
def test_a_failing_finalizer_is_the_cause_of_the_cancellation(backend: str) -> None:
    async def fail(value: str) -> None:
        await anyio.sleep(0.02)
        raise Boom(value)

    async def run() -> None:
        registry = SessionRefRegistry()
        registry.insert("x", finalizer=fail)
        with pytest.raises(anyio.get_cancelled_exc_class()) as caught:
            await registry.aclose()
        assert [str(error) for error in caught.value.__cause__.exceptions] == ["x"]  # type: ignore[union-attr]
        raise caught.value

    anyio.run(move_on, run, backend=backend)


# What has cancel scopes of its own.


@pytest.mark.parametrize("timeout", [None, 30.0])
@pytest.mark.parametrize("cancelled", [False, True])
@on_each_backend
def test_a_task_group_is_left_in_the_order_of_its_scopes(backend: str, cancelled: bool, timeout: float | None) -> None:
    log = Log()

    @contextlib.asynccontextmanager
    async def with_group() -> AsyncIterator[Any]:
        async with anyio.create_task_group() as group:
            yield group
            log.append("left")

    async def run() -> None:
        registry = SessionRefRegistry()
        registry.insert("first", finalizer=log.slow)
        key = await registry.enter_async_context(with_group())
        registry.get_any(key).start_soon(log.slow, "child")
        try:
            if cancelled:
                await anyio.sleep_forever()
        finally:
            await registry.aclose(timeout=timeout)

    anyio.run(*([move_on] if cancelled else []), run, backend=backend)
    assert [name for name in log if name != "child"] == ["left", "first"]


def test_a_nursery_of_trio_is_left_in_the_order_of_its_scopes() -> None:
    log = Log()

    async def main() -> None:
        async with Session() as session:
            key = await session.refs.enter_async_context(trio.open_nursery())
            session.refs[key].start_soon(log.slow, "child")

    trio.run(main)
    assert log == ["child"]


# A finalizer that hangs.


@on_each_loop
def test_a_timeout_ends_a_finalizer_that_hangs(loop: str) -> None:
    log = Log()

    async def main() -> None:
        registry = SessionRefRegistry()
        for name in ("first", "last"):
            registry.insert(name, finalizer=log.slow)
        registry.insert("hangs", finalizer=log.hang)
        await registry.enter_async_context(log.hanging())
        with pytest.raises(ExceptionGroup) as caught:
            await registry.aclose(timeout=0.02)
        told = [seconds_told(error) for error in caught.value.exceptions]
        assert all(0.02 <= seconds < 10 for seconds in told)
        assert len(told) == 2

    LOOPS[loop](main)
    assert log == ["context cut", "hangs cut", "last", "first"]


def seconds_told(error: BaseException) -> float:
    """The seconds in the text of a TimeoutError."""
    assert type(error) is TimeoutError
    found = re.fullmatch(
        r"a finalizer was cancelled after (\S+) s: give it more by timeout=, or make it faster", str(error)
    )
    assert found is not None, str(error)
    return float(found[1])


@on_each_loop
def test_a_timeout_of_a_release_is_told_bare(loop: str) -> None:
    log = Log()

    async def main() -> None:
        registry = SessionRefRegistry()
        with pytest.raises(TimeoutError) as caught:
            await registry.arelease(registry.insert("x", finalizer=log.hang), timeout=0.02)
        assert 0.02 <= seconds_told(caught.value) < 10
        assert registry.is_empty()

    LOOPS[loop](main)
    assert log == ["x cut"]


@on_each_loop
def test_a_timeout_that_is_kept_changes_nothing(loop: str) -> None:
    log = Log()

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert("first", finalizer=log.slow)
        await registry.enter_async_context(log.context())
        await registry.aclose(timeout=30)

    LOOPS[loop](main)
    assert log == ["context", "first"]


@on_each_loop
def test_a_timeout_error_of_the_finalizer_is_its_own(loop: str) -> None:
    async def fail(_value: str) -> None:
        await anyio.sleep(0)
        raise TimeoutError("the server's")

    @contextlib.asynccontextmanager
    async def failing() -> AsyncIterator[str]:
        yield "x"
        await fail("x")

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert("x", finalizer=fail)
        await registry.enter_async_context(failing())
        with pytest.raises(ExceptionGroup) as caught:
            await registry.aclose(timeout=30)
        assert [str(error) for error in caught.value.exceptions] == ["the server's"] * 2

    LOOPS[loop](main)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "1", True, object(), 10**400, -(10**400)])
def test_a_timeout_that_is_none_is_refused_before_anything_goes(timeout: Any) -> None:
    log = Log()

    async def main() -> None:
        registry = SessionRefRegistry()
        key = registry.insert("x", finalizer=log.slow)
        session = Session()
        session.refs.insert("y", finalizer=log.slow)
        calls = [
            registry.adrain,
            registry.aclose,
            lambda timeout: registry.arelease(key, timeout=timeout),
            session.aclose,
        ]
        for call in calls:
            with pytest.raises(InvalidArgumentError, match="timeout must be a number of seconds"):
                await call(timeout=timeout)
        assert log == []
        await registry.aclose()
        await session.aclose()

    asyncio.run(main())
    assert log == ["x", "y"]


@on_each_backend
def test_one_that_hangs_ends_after_its_grace_and_the_others_run(backend: str, grace: float) -> None:
    log = Log()

    async def run() -> None:
        async with Session() as session:
            session.refs.insert("first", finalizer=log.slow)
            session.refs.insert("hangs", finalizer=log.hang)
            await session.refs.enter_async_context(log.hanging())
            session.refs.insert("last", finalizer=log.slow)
            await anyio.sleep_forever()

    async def main() -> None:
        with pytest.raises(anyio.get_cancelled_exc_class()) as caught:
            await run()
        told = [seconds_told(error) for error in caught.value.__cause__.exceptions]  # type: ignore[union-attr]
        assert len(told) == 2
        assert all(grace <= seconds < 10 for seconds in told)
        raise caught.value

    anyio.run(move_on, main, backend=backend)
    assert log == ["last", "context cut", "hangs cut", "first"]


@on_each_backend
def test_one_that_ignores_its_cancellation_is_left_behind(backend: str, grace: float) -> None:
    log = Log()
    end = False

    async def stubborn(_value: str) -> None:
        while not end:
            with contextlib.suppress(anyio.get_cancelled_exc_class()):
                await anyio.sleep(0.001)
            if backend == "trio":
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.001)
        raise Boom("nobody hears this")

    async def run() -> None:
        async with Session() as session:
            session.refs.insert("first", finalizer=log.slow)
            session.refs.insert("stubborn", finalizer=stubborn)
            await anyio.sleep_forever()

    async def main() -> None:
        nonlocal end
        await move_on(run)
        end = True
        await anyio.sleep(0.01)

    anyio.run(main, backend=backend)
    assert log == ["first"]


# asyncio's own ways to cancel: once.


async def by_task(work: Callable[[], Awaitable[object]]) -> None:
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_timeout(work: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await work()


async def by_sibling(work: Callable[[], Awaitable[object]]) -> None:
    async def raise_soon() -> None:
        await asyncio.sleep(0.01)
        raise Boom

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(work())  # type: ignore[arg-type]
            group.create_task(raise_soon())


async def by_ctrl_c(work: Callable[[], Awaitable[object]]) -> None:
    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
    await work()


def run_asyncio(way: Callable[..., Awaitable[None]], work: Callable[[], Awaitable[object]]) -> None:
    interrupted = pytest.raises(KeyboardInterrupt) if way is by_ctrl_c else contextlib.nullcontext()
    with interrupted:
        asyncio.run(way(work))  # type: ignore[arg-type]


NATIVE = [by_task, by_timeout, by_sibling, by_ctrl_c]


@pytest.mark.parametrize("place", ["body", "close"])
@pytest.mark.parametrize("way", NATIVE)
def test_what_asyncio_cancels_closes_all_it_holds(way: Callable[..., Awaitable[None]], place: str) -> None:
    log = Log()

    async def long(value: str) -> None:
        await asyncio.sleep(0.02)
        await log.slow(value)

    async def work() -> None:
        async with Session() as session:
            session.refs.insert("first", finalizer=log.slow)
            await session.refs.enter_async_context(log.context())
            session.refs.insert("last", finalizer=long)
            if place == "body":
                await asyncio.Event().wait()

    run_asyncio(way, work)
    assert log == ["last", "context", "first"]


@pytest.mark.parametrize("place", ["body", "close", "exit"])
@pytest.mark.parametrize("way", NATIVE)
def test_one_that_hangs_after_asyncio_has_cancelled_ends_after_its_grace(
    way: Callable[..., Awaitable[None]], place: str, grace: float
) -> None:
    log = Log()

    async def long(value: str) -> None:
        await asyncio.sleep(0.015)
        log.append(value)

    async def work() -> None:
        async with Session() as session:
            session.refs.insert("first", finalizer=log.slow)
            session.refs.insert("hangs", finalizer=log.hang)
            await session.refs.enter_async_context(log.hanging())
            session.refs.insert("last", finalizer=long if place == "close" else log.append)
            if place == "body":
                await asyncio.Event().wait()

    with contextlib.suppress(
        BaseExceptionGroup
    ):  # of a cancelled body: what the finalizers raise goes on, as in ExitStack
        run_asyncio(way, work)
    assert log == ["last", "context cut", "hangs cut", "first"]


def test_a_finalizer_that_is_cancelled_itself_is_not_told_to_be_slow() -> None:
    async def cancel_a_task(_value: str) -> None:
        task = asyncio.ensure_future(asyncio.sleep(3600))
        await asyncio.sleep(0)
        task.cancel()
        await task

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert("x", finalizer=cancel_a_task)
        with pytest.raises(asyncio.CancelledError) as caught:
            await registry.aclose()
        assert "finalizer of ref" in caught.value.__notes__[0]

    asyncio.run(main())


def test_ctrl_c_under_trio_finishes_the_finalizers() -> None:
    log = Log()

    async def interrupt(value: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await log.slow(value)

    async def main() -> None:
        async with Session() as session:
            session.refs.insert("first", finalizer=log.slow)
            session.refs.insert("last", finalizer=interrupt)

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert log == ["last", "first"]


@on_each_backend
def test_a_generator_that_is_left_behind_closes_its_session(backend: str) -> None:
    log = Log()
    generators = []

    async def rows() -> AsyncIterator[int]:
        async with Session() as session:
            session.refs.insert("x", finalizer=log.slow)
            await session.refs.enter_async_context(Exit(log))
            yield 1

    async def main() -> None:
        generators.append(rows())
        assert await generators[0].__anext__() == 1

    anyio.run(main, backend=backend)
    assert log == ["left GeneratorExit", "x"]


# Contexts that find no room.


@pytest.mark.parametrize("own_task", [False, True])
@on_each_backend
def test_a_context_without_room_is_left_again_in_a_cancelled_scope_too(backend: str, own_task: bool) -> None:
    if own_task and backend == "trio":
        pytest.skip("own_task needs asyncio")
    log = Log()

    async def run() -> None:
        registry = SessionRefRegistry(capacity=1)
        registry.insert("x")
        with anyio.CancelScope() as scope:
            if not own_task:
                scope.cancel()
            with pytest.raises(CapacityExceededError):
                await registry.enter_async_context(log.context(), own_task=own_task)
        assert log == ["context"]

    anyio.run(run, backend=backend)


@on_each_backend
def test_a_context_without_room_is_left_again_though_it_is_cancelled_meanwhile(backend: str) -> None:
    log = Log()

    async def run() -> None:
        registry = SessionRefRegistry(capacity=1)
        registry.insert("x")
        with anyio.CancelScope() as scope:
            scope.cancel()
            with pytest.raises(CapacityExceededError):
                await registry.enter_async_context(Exit(log))

    anyio.run(run, backend=backend)
    assert log == ["left CapacityExceededError"]


@on_each_loop
def test_an_exit_that_awaits_nothing_is_left_all_the_same(loop: str) -> None:
    log = Log()

    class Context:
        async def __aenter__(self) -> str:
            return "x"

        def __aexit__(self, *_error: object) -> bool:
            log.append("left")
            return False

    async def main() -> None:
        registry = SessionRefRegistry(capacity=1)
        key: RegistryKey[object] = await registry.enter_async_context(Context())  # type: ignore[arg-type]
        with pytest.raises(CapacityExceededError):
            await registry.enter_async_context(Context())  # type: ignore[arg-type]
        assert await registry.arelease(key)

    LOOPS[loop](main)
    assert log == ["left", "left"]


def test_no_library_is_loaded_for_a_close() -> None:
    """A program without anyio and trio closes without them."""
    code = (
        "import asyncio, sys, liveref\n"
        "async def close(value): await asyncio.sleep(0); print(value)\n"
        "async def main():\n"
        "    async with liveref.Session() as session:\n"
        "        session.refs.insert('closed', finalizer=close)\n"
        "        asyncio.current_task().cancel()\n"
        "        await asyncio.sleep(1)\n"
        "try: asyncio.run(main())\n"
        "except asyncio.CancelledError: print(sorted({'anyio', 'trio'} & set(sys.modules)))\n"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["closed", "[]"]
