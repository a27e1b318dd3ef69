"""Finalizers: each is attempted once, whatever it does, in synchronous and asynchronous closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from liveref import RefReleasedError, RegistryClosedError, SessionRefRegistry, Session
from liveref._registry import shield


class Boom(Exception):
    """What a finalizer raises."""


def raiser(error: BaseException) -> Callable[[object], None]:
    def finalizer(_value: object) -> None:
        raise error

    return finalizer


def test_one_that_raises_does_not_stop_the_others() -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=done.append)
    registry.insert(2, finalizer=raiser(Boom("two")))
    registry.insert(3, finalizer=raiser(Boom("three")))
    registry.insert(4, finalizer=done.append)
    with pytest.raises(ExceptionGroup, match="2 finalizers failed") as caught:
        registry.drain()
    assert [str(error) for error in caught.value.exceptions] == ["three", "two"]
    assert done == [4, 1]
    assert registry.is_empty()
    assert registry.drain() == 0


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_exception_is_raised_bare_after_all_have_run(kind: type[BaseException]) -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=done.append)
    registry.insert(2, finalizer=raiser(Boom()))
    registry.insert(3, finalizer=raiser(kind()))
    with pytest.raises(kind) as caught:
        registry.close()
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert [type(error) for error in caught.value.__cause__.exceptions] == [Boom]
    assert done == [1]


def test_what_is_no_exception_has_no_cause_where_it_is_alone() -> None:
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=raiser(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt) as caught:
        registry.drain()
    assert caught.value.__cause__ is None


def test_release_raises_its_one_error_bare() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(1, finalizer=raiser(Boom()))
    with pytest.raises(Boom):
        registry.release(key)
    assert key not in registry
    assert not registry.release(key)


async def slow(value: object) -> None:
    await asyncio.sleep(0)
    raise AssertionError(f"{value} must not be awaited")


@pytest.mark.parametrize("end", [SessionRefRegistry.drain, SessionRefRegistry.close])
def test_an_awaitable_in_a_synchronous_close_is_closed_and_told(end: Callable[[SessionRefRegistry], object]) -> None:
    done: list[object] = []
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=done.append)
    registry.insert(2, finalizer=slow)
    with pytest.raises(ExceptionGroup) as caught:
        end(registry)
    (error,) = caught.value.exceptions
    assert isinstance(error, TypeError)
    assert "aclose()" in str(error)
    assert done == [1]


def test_an_awaitable_in_a_synchronous_release_is_a_type_error() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(2, finalizer=lambda value: slow(value))  # what it gives is known only after the call
    with pytest.raises(TypeError, match=r"aclose.*arelease"):
        registry.release(key)
    assert key not in registry


def test_an_awaitable_that_is_no_coroutine_is_cancelled_in_a_synchronous_close() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        registry = SessionRefRegistry()
        registry.insert(1, finalizer=lambda _: future)
        with pytest.raises(ExceptionGroup):
            registry.close()
        assert future.cancelled()

    asyncio.run(main())


def test_an_awaitable_without_a_way_to_end_it_is_left_alone() -> None:
    class Odd:
        def __await__(self) -> Iterator[object]:
            yield

    registry = SessionRefRegistry()
    registry.insert(1, finalizer=lambda _: Odd())
    with pytest.raises(ExceptionGroup):
        registry.close()


def test_adrain_awaits_last_in_first_out() -> None:
    done: list[object] = []

    async def close(value: object) -> None:
        await asyncio.sleep(0)
        done.append(value)

    async def main() -> int:
        registry = SessionRefRegistry()
        for value in range(3):
            registry.insert(value, finalizer=close)
        registry.insert(3, finalizer=done.append)
        return await registry.adrain()

    assert asyncio.run(main()) == 4
    assert done == [3, 2, 1, 0]


def test_a_finalizer_may_use_its_registry() -> None:
    registry = SessionRefRegistry()
    first = registry.insert("first")
    seen: list[object] = []

    def look(_value: object) -> None:
        seen.append(registry[first])
        registry.release(first)
        seen.append(len(registry))
        registry.drain()

    registry.insert("second", finalizer=look)
    assert registry.drain() == 1
    assert seen == ["first", 0]


def test_a_finalizer_that_inserts_while_draining_keeps_its_ref_and_ends() -> None:
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=registry.insert)
    assert registry.drain() == 1
    assert [registry[key] for key in registry] == [1]


def test_a_finalizer_that_inserts_while_closing_is_refused() -> None:
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=registry.insert)
    with pytest.raises(ExceptionGroup) as caught:
        registry.close()
    assert isinstance(caught.value.exceptions[0], RegistryClosedError)
    assert registry.is_empty()


def test_a_ref_is_gone_when_its_finalizer_runs() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(1, finalizer=lambda _: registry.get(key))
    with pytest.raises(RefReleasedError):
        registry.release(key)


def test_a_cancelled_close_finishes_every_finalizer_and_then_is_cancelled() -> None:
    done: list[object] = []
    started = asyncio.Event()

    async def close(value: object) -> None:
        started.set()
        await asyncio.sleep(0.01)
        done.append(value)

    async def main() -> None:
        registry = SessionRefRegistry()
        for value in range(5):
            registry.insert(value, finalizer=close)
        task = asyncio.create_task(registry.aclose())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert registry.is_empty()

    asyncio.run(main())
    assert done == [4, 3, 2, 1, 0]


def test_one_that_hangs_is_cancelled_at_its_timeout_and_the_others_run() -> None:
    done: list[object] = []
    cancelled: list[object] = []

    async def hang(value: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(value)

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(1, finalizer=done.append)
        registry.insert(2, finalizer=hang)
        registry.insert(3, finalizer=done.append)
        with pytest.raises(ExceptionGroup) as caught:
            await registry.aclose(timeout=0.01)
        assert [type(error) for error in caught.value.exceptions] == [TimeoutError]

    asyncio.run(main())
    assert done == [3, 1]
    assert cancelled == [2]


def test_however_late_it_is_each_is_begun() -> None:
    done: list[object] = []

    async def quick(value: object) -> None:
        done.append(value)

    async def slow(value: object) -> None:
        done.append(value)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            done.append("cancelled")
            raise

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(1, finalizer=quick)
        registry.insert(2, finalizer=slow)
        with pytest.raises(ExceptionGroup) as caught:
            await registry.aclose(timeout=0)
        assert [type(error) for error in caught.value.exceptions] == [TimeoutError]

    asyncio.run(main())
    assert done == [2, "cancelled", 1]


def test_one_that_hangs_on_although_cancelled_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shield, "FAREWELL", 0.01)
    done: list[object] = []
    end = asyncio.Event()

    async def stubborn(_value: object) -> None:
        while not end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await end.wait()
        raise Boom("nobody hears this")

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(1, finalizer=done.append)
        registry.insert(2, finalizer=stubborn)
        with pytest.raises(ExceptionGroup, match="1 finalizer failed"):
            await registry.aclose(timeout=0.01)
        end.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert done == [1]


def test_a_second_cancellation_ends_the_wait_for_the_one_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shield, "GRACE", 3600)
    done: list[object] = []

    async def hang(_value: object) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(1, finalizer=done.append)
        registry.insert(2, finalizer=hang)
        task = asyncio.create_task(registry.aclose())
        for _ in range(2):
            for _ in range(3):
                await asyncio.sleep(0)
            task.cancel()
        ended, _ = await asyncio.wait({task}, timeout=60)
        assert ended == {task}
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, BaseExceptionGroup)

    asyncio.run(main())
    assert done == [1]


def test_a_cancelled_close_without_a_timeout_waits_for_its_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shield, "GRACE", 0.01)

    async def hang(_value: object) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(2, finalizer=hang)
        task = asyncio.create_task(registry.aclose())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_cancelled_close_keeps_to_the_timeout_it_has() -> None:
    async def hang(_value: object) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(2, finalizer=hang)
        task = asyncio.create_task(registry.aclose(timeout=0.05))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, ExceptionGroup)

    asyncio.run(main())


def test_an_asynchronous_error_joins_the_group() -> None:
    async def fail(_value: object) -> None:
        await asyncio.sleep(0)
        raise Boom

    async def main() -> None:
        registry = SessionRefRegistry()
        registry.insert(1, finalizer=fail)
        registry.insert(2, finalizer=raiser(Boom()))
        with pytest.raises(ExceptionGroup, match="2 finalizers failed"):
            await registry.adrain()

    asyncio.run(main())


def test_an_entered_context_is_left_in_the_closing_task() -> None:
    tasks: list[object] = []

    @contextlib.asynccontextmanager
    async def scope() -> AsyncIterator[str]:
        async with asyncio.timeout(60), asyncio.TaskGroup():  # both refuse to be left in another task
            yield "inside"
        tasks.append(asyncio.current_task())

    async def main() -> None:
        async with Session() as session:
            key = await session.refs.enter_async_context(scope())
            assert session.refs[key] == "inside"
        assert tasks == [asyncio.current_task()]

    asyncio.run(main())


def test_an_entered_context_that_hangs_is_left_at_its_timeout() -> None:
    class Hangs:
        async def __aenter__(self) -> int:
            return 1

        async def __aexit__(self, *exc: object) -> None:
            await asyncio.Event().wait()

    async def main() -> None:
        registry = SessionRefRegistry()
        await registry.enter_async_context(Hangs())
        with pytest.raises(ExceptionGroup) as caught:
            await registry.aclose(timeout=0.01)
        assert [type(error) for error in caught.value.exceptions] == [TimeoutError]

    asyncio.run(main())


def test_an_asynchronous_context_over_the_cap_is_left_again() -> None:
    left: list[object] = []

    class Context:
        async def __aenter__(self) -> int:
            return 1

        async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
            left.append(kind)

    async def main() -> None:
        registry = SessionRefRegistry(capacity=1)
        registry.insert(1)
        with pytest.raises(RuntimeError, match="holds its 1 ref "):
            await registry.enter_async_context(Context())
        await registry.aclose()
        with pytest.raises(RegistryClosedError):
            await registry.enter_async_context(Context())

    asyncio.run(main())
    assert len(left) == 1


class Transaction:
    """A context manager that commits unless it sees an exception."""

    def __init__(self, log: list[str], name: str = "", *, swallow: bool = False, fail: bool = False) -> None:
        self.log, self.name, self.swallow, self.fail = log, name, swallow, fail

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> bool:
        self.log.append(f"{self.name}{'commit' if kind is None else f'rollback {kind.__name__}'}")
        if self.fail:
            raise Boom(self.name)
        return self.swallow


def test_an_entered_context_sees_the_exception_of_the_body() -> None:
    log: list[str] = []
    with pytest.raises(Boom), Session() as session:
        session.refs.enter_context(Transaction(log))
        raise Boom
    with Session() as session:
        session.refs.enter_context(Transaction(log))
    assert log == ["rollback Boom", "commit"]


def test_an_entered_context_may_swallow_the_exception_as_in_an_exit_stack() -> None:
    log: list[str] = []
    with Session() as session:
        session.refs.enter_context(Transaction(log, "outer "))
        session.refs.enter_context(Transaction(log, "inner ", swallow=True))
        raise Boom
    assert log == ["inner rollback Boom", "outer commit"]


def test_an_entered_context_sees_the_failure_of_one_entered_later() -> None:
    log: list[str] = []
    with pytest.raises(ExceptionGroup), Session() as session:
        session.refs.enter_context(Transaction(log, "outer "))
        session.refs.enter_context(Transaction(log, "inner ", fail=True))
    assert log == ["inner commit", "outer rollback Boom"]


def test_a_context_that_raises_what_it_saw_is_not_told_twice() -> None:
    class Reraises:
        def __enter__(self) -> int:
            return 1

        def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
            if error is not None:
                raise error

    error = Boom()
    with pytest.raises(Boom) as caught, Session() as session:
        session.refs.enter_context(Reraises())
        raise error
    assert caught.value is error


@pytest.mark.parametrize("owner", [SessionRefRegistry, Session])
def test_a_close_whose_loop_is_gone_still_runs_the_rest(owner: type[SessionRefRegistry | Session]) -> None:
    done: list[object] = []

    async def hang(_value: object) -> None:
        await asyncio.Event().wait()

    closed = owner()
    registry = closed.refs if isinstance(closed, Session) else closed
    registry.insert(1, finalizer=done.append)
    registry.insert(2, finalizer=hang)
    loop = asyncio.new_event_loop()
    closing = closed.aclose()

    async def start() -> None:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(StopIteration):
            closing.send(None)

    loop.run_until_complete(start())
    closing.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert done == [1]
    assert registry.is_empty()


def test_a_close_that_is_cut_off_leaves_what_is_asynchronous_to_the_next_close() -> None:
    done: list[object] = []

    async def close(value: object) -> None:
        await asyncio.sleep(0)
        done.append(value)

    async def main() -> None:
        registry = SessionRefRegistry()
        for value in range(4):
            registry.insert(value, finalizer=done.append if value % 2 else close)
        closing = registry.aclose()
        with contextlib.suppress(StopIteration):
            closing.send(None)
        closing.close()
        assert (len(registry), done) == (1, [3, 1])
        await registry.aclose()
        assert (len(registry), sorted(done)) == (0, [0, 1, 2, 3])  # type: ignore[type-var]

    asyncio.run(main())


def test_what_a_sync_finalizer_raises_ends_no_close_whatever_it_is() -> None:
    def leave(_value: object) -> None:
        raise GeneratorExit

    registry, done = SessionRefRegistry(), list[object]()
    registry.insert(1, finalizer=done.append)
    registry.insert(2, finalizer=leave)
    with pytest.raises(GeneratorExit):
        registry.close()
    assert done == [1]


@pytest.mark.parametrize("ends", ["result", "exception"])
def test_a_future_that_a_finalizer_gives_is_awaited_once(ends: str) -> None:
    async def main() -> None:
        registry, futures = SessionRefRegistry(), list[asyncio.Future[object]]()

        def begin(value: object) -> asyncio.Future[object]:
            futures.append(asyncio.get_running_loop().create_future())
            if ends == "result":
                futures[0].set_result(value)
            else:
                futures[0].set_exception(Boom())
            return futures[0]

        registry.insert(1, finalizer=begin)
        with contextlib.nullcontext() if ends == "result" else pytest.raises(ExceptionGroup):
            await registry.aclose()
        assert len(futures) == 1

    asyncio.run(main())


def test_another_kind_of_event_loop_awaits_plainly() -> None:
    done: list[object] = []

    class Step:
        def __await__(self) -> Iterator[str]:
            yield "a step of a loop that is not asyncio's"

    async def close(value: object) -> None:
        await Step()
        done.append(value)

    registry = SessionRefRegistry()
    registry.insert(1, finalizer=close)
    closing = registry.aclose()
    assert closing.send(None) == "a step of a loop that is not asyncio's"
    with pytest.raises(StopIteration):
        closing.send(None)
    assert done == [1]
