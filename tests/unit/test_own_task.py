"""``enter_async_context(own_task=True)``: a context in a task of its own, which any task may end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import anyio
import pytest
import trio

from liveref import CapacityExceededError, RegistryClosedError, Session, SessionRefRegistry


class Boom(Exception):
    """What a body raises."""


class Context:
    """Tells the tasks that entered and left it, and with what; it may refuse to be cancelled, and swallow."""

    def __init__(self, *, swallow: bool = False, slow: bool = False, stubborn: bool = False) -> None:
        self.swallow, self.slow, self.stubborn = swallow, slow, stubborn
        self.entering = asyncio.Event()
        self.tasks: list[object] = []
        self.seen: list[type[BaseException] | None] = []

    async def __aenter__(self) -> str:
        self.tasks.append(asyncio.current_task())
        self.entering.set()
        while self.slow:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
                break
        return "x"

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> bool:
        await asyncio.sleep(0.001)
        self.tasks.append(asyncio.current_task())
        self.seen.append(kind)
        return self.swallow


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


@in_loop
async def test_any_task_may_end_it_and_one_has_entered_and_left_it() -> None:
    registry = SessionRefRegistry()
    context = Context()
    key = await asyncio.create_task(registry.enter_async_context(context, own_task=True))
    assert registry[key] == "x"
    assert await asyncio.create_task(registry.arelease(key))
    assert context.seen == [None]
    assert context.tasks[0] is context.tasks[1] is not asyncio.current_task()


@in_loop
async def test_a_task_group_inside_may_be_ended_by_another_task() -> None:
    @contextlib.asynccontextmanager
    async def server() -> AsyncIterator[str]:
        with anyio.CancelScope():
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
                yield "serving"
                group.cancel_scope.cancel()

    async with Session() as session:
        first = await session.refs.enter_async_context(server(), own_task=True)
        second = await session.refs.enter_async_context(server(), own_task=True)
        assert session.refs[first] == session.refs[second] == "serving"
        assert await asyncio.create_task(session.refs.arelease(first))


@pytest.mark.parametrize("swallow", [False, True])
def test_its_exit_sees_the_exception_of_the_body_and_may_swallow_it(swallow: bool) -> None:
    contexts: list[Context] = []

    async def main() -> None:
        contexts.append(Context(swallow=swallow))
        async with Session() as session:
            await session.refs.enter_async_context(contexts[0], own_task=True)
            raise Boom

    with contextlib.nullcontext() if swallow else pytest.raises(Boom):
        asyncio.run(main())
    assert contexts[0].seen == [Boom]


@in_loop
async def test_what_its_exit_raises_joins_the_group() -> None:
    @contextlib.asynccontextmanager
    async def failing() -> AsyncIterator[str]:
        yield "x"
        raise Boom

    with pytest.raises(ExceptionGroup) as caught:
        async with Session() as session:
            await session.refs.enter_async_context(failing(), own_task=True)
    assert [type(error) for error in caught.value.exceptions] == [Boom]


@in_loop
async def test_what_its_entering_raises_is_raised_and_nothing_stored() -> None:
    @contextlib.asynccontextmanager
    async def failing() -> AsyncIterator[str]:
        await asyncio.sleep(0)
        raise Boom
        yield "x"

    registry = SessionRefRegistry()
    with pytest.raises(Boom):
        await registry.enter_async_context(failing(), own_task=True)
    assert registry.is_empty()


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("how", ["task", "scope"])
def test_cancelled_while_entering_it_leaves_nothing_open(how: str, stubborn: bool) -> None:
    async def main() -> None:
        registry = SessionRefRegistry()
        context = Context(slow=True, stubborn=stubborn)
        if how == "task":
            task = asyncio.create_task(registry.enter_async_context(context, own_task=True))
            await context.entering.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with anyio.move_on_after(0.01) as scope:
                await registry.enter_async_context(context, own_task=True)
            assert scope.cancelled_caught
        assert context.seen == ([asyncio.CancelledError] if stubborn else [])
        assert len(asyncio.all_tasks()) == 1
        assert registry.is_empty()

    asyncio.run(main())


@in_loop
async def test_cancelled_when_it_was_just_entered_it_leaves_nothing_open() -> None:
    registry = SessionRefRegistry()
    context = Context()
    task = asyncio.create_task(registry.enter_async_context(context, own_task=True))
    await context.entering.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(context.seen) == 1
    assert len(asyncio.all_tasks()) == 1
    assert registry.is_empty()


@in_loop
async def test_a_context_that_dies_by_itself_tells_why_when_it_is_ended() -> None:
    @contextlib.asynccontextmanager
    async def dying() -> AsyncIterator[str]:
        async def die() -> None:
            raise Boom

        async with asyncio.TaskGroup() as group:
            group.create_task(die())
            yield "x"

    registry = SessionRefRegistry()
    key = await registry.enter_async_context(dying(), own_task=True)
    await asyncio.sleep(0.01)
    assert registry[key] == "x"
    with pytest.raises(ExceptionGroup) as caught:
        await registry.arelease(key)
    assert [type(error) for error in caught.value.exceptions] == [Boom]


@pytest.mark.parametrize("swallow", [False, True])
def test_a_context_whose_task_is_cancelled_is_left_at_once(swallow: bool) -> None:
    async def main() -> None:
        registry = SessionRefRegistry()
        context = Context(swallow=swallow)
        key = await registry.enter_async_context(context, own_task=True)
        context.tasks[0].cancel()  # type: ignore[attr-defined]
        await asyncio.wait({context.tasks[0]})  # type: ignore[type-var]
        assert context.seen == [asyncio.CancelledError]
        with contextlib.nullcontext() if swallow else pytest.raises(asyncio.CancelledError):
            assert await registry.arelease(key)
        assert registry.is_empty()

    asyncio.run(main())


@in_loop
async def test_a_timeout_ends_an_exit_that_hangs() -> None:
    cut: list[str] = []

    @contextlib.asynccontextmanager
    async def hanging() -> AsyncIterator[str]:
        yield "x"
        try:
            await asyncio.Event().wait()
        finally:
            cut.append("cut")

    registry = SessionRefRegistry()
    key = await registry.enter_async_context(hanging(), own_task=True)
    with pytest.raises(TimeoutError):
        await registry.arelease(key, timeout=0.01)
    assert cut == ["cut"]
    assert len(asyncio.all_tasks()) == 1


@in_loop
async def test_without_room_it_is_left_again() -> None:
    registry = SessionRefRegistry(capacity=1)
    registry.insert(1)
    context = Context(swallow=True)
    with pytest.raises(CapacityExceededError):
        await registry.enter_async_context(context, own_task=True)
    assert context.seen == [CapacityExceededError]
    registry.close()
    with pytest.raises(RegistryClosedError):
        await registry.enter_async_context(Context(), own_task=True)
    assert len(asyncio.all_tasks()) == 1


def test_under_trio_nothing_is_opened() -> None:
    entered: list[str] = []

    @contextlib.asynccontextmanager
    async def context() -> AsyncIterator[str]:
        entered.append("x")
        yield "x"

    async def main() -> None:
        registry = SessionRefRegistry()
        with pytest.raises(RuntimeError, match="needs asyncio"):
            await registry.enter_async_context(context(), own_task=True)
        assert registry.is_empty()

    trio.run(main)
    anyio.run(main, backend="trio")
    assert entered == []


def test_without_an_event_loop_nothing_is_opened() -> None:
    entering = SessionRefRegistry().enter_async_context(contextlib.nullcontext("x"), own_task=True)
    with pytest.raises(RuntimeError, match="needs asyncio"):
        entering.send(None)


def test_without_an_event_loop_that_is_known_a_context_is_entered_plainly() -> None:
    registry = SessionRefRegistry()
    entering = registry.enter_async_context(contextlib.nullcontext("x"))
    with pytest.raises(StopIteration) as caught:
        entering.send(None)
    releasing = registry.arelease(caught.value.value)
    with pytest.raises(StopIteration):
        releasing.send(None)
    assert registry.is_empty()
