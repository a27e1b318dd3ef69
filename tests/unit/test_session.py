"""Sessions: the lifetimes table, children, and which registry is current where."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    NoCurrentRegistryError,
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionStateError,
    bind,
    current_session_registry,
    use_session_registry,
)

ALL = list(RefLifetime)


def end(session: Session, how: str) -> None:
    """End a session in one of the four ways that there are."""

    async def leave() -> None:
        async with session:
            pass

    if how == "with":
        with session:
            pass
    elif how == "async with":
        asyncio.run(leave())
    elif how == "close":
        session.close()
    else:
        asyncio.run(session.aclose())


every_way = pytest.mark.parametrize("how", ["with", "async with", "close", "aclose"])


@every_way
@pytest.mark.parametrize("lifetime", ALL)
def test_a_borrowing_child_drops_nothing(how: str, lifetime: RefLifetime) -> None:
    parent = Session()
    child = parent.child()
    key = child.refs.insert(1, lifetime=lifetime)
    end(child, how)
    assert parent.refs[key] == 1
    assert parent.refs.lifetime_of(key) is lifetime
    assert parent.refs.insert(2) in parent.refs


@every_way
@pytest.mark.parametrize(
    ("lifetime", "after"),
    [
        (RefLifetime.UNTIL_CONTEXT_DROP, None),
        (RefLifetime.UNTIL_PARENT_FINISH, RefLifetime.UNTIL_CONTEXT_DROP),
        (RefLifetime.UNTIL_SNAPSHOT, None),
        (RefLifetime.UNTIL_EXPLICIT_DROP, RefLifetime.UNTIL_EXPLICIT_DROP),
    ],
)
def test_an_isolated_child_hands_over_what_outlives_it(
    how: str, lifetime: RefLifetime, after: RefLifetime | None
) -> None:
    done: list[object] = []
    parent = Session()
    child = parent.child(isolated=True)
    key = child.refs.insert("x", lifetime=lifetime, finalizer=done.append)
    end(child, how)
    if after is None:
        assert done == ["x"]
        assert key not in parent.refs
        with pytest.raises(RefReleasedError, match="session ended"):
            child.refs.get(key)
    else:
        assert done == []
        assert parent.refs[key] == "x"
        assert parent.refs.lifetime_of(key) is after
        parent.refs.close()
        assert done == ["x"]


@every_way
@pytest.mark.parametrize("lifetime", ALL)
def test_an_owner_keeps_only_what_is_until_explicit_drop(how: str, lifetime: RefLifetime) -> None:
    done: list[object] = []
    session = Session()
    key = session.refs.insert("x", lifetime=lifetime, finalizer=done.append)
    end(session, how)
    with pytest.raises(RegistryClosedError):
        session.refs.insert(1)
    if lifetime is not RefLifetime.UNTIL_EXPLICIT_DROP:
        assert done == ["x"]
        with pytest.raises(RefReleasedError, match="session ended"):
            session.refs.get(key)
    else:
        assert done == []
        assert session.refs[key] == "x"
        assert session.refs.release(key)
        assert done == ["x"]


def test_closing_the_registry_drains_what_its_session_kept() -> None:
    done: list[object] = []
    with Session() as session:
        session.refs.insert("x", lifetime=RefLifetime.UNTIL_EXPLICIT_DROP, finalizer=done.append)
    assert done == []
    session.refs.close()
    assert done == ["x"]


@pytest.mark.parametrize("lifetime", [RefLifetime.UNTIL_PARENT_FINISH, RefLifetime.UNTIL_EXPLICIT_DROP])
def test_what_does_not_fit_into_the_parent_is_told(lifetime: RefLifetime) -> None:
    done: list[object] = []
    parent = Session(capacity=1)
    filler = parent.refs.insert("filler")
    child = parent.child(isolated=True)
    key = child.refs.insert("x", lifetime=lifetime, finalizer=done.append)
    with pytest.raises(ExceptionGroup) as caught:
        child.close()
    assert [type(error) for error in caught.value.exceptions] == [CapacityExceededError]
    assert parent.refs.keys() == [filler]
    if lifetime is RefLifetime.UNTIL_PARENT_FINISH:
        assert done == ["x"]
    else:
        assert child.refs[key] == "x"
        child.refs.close()


def test_a_parent_that_ended_first_takes_nothing() -> None:
    parent = Session()
    child = parent.child(isolated=True)
    key = child.refs.insert("x", lifetime=RefLifetime.UNTIL_PARENT_FINISH)
    parent.close()
    with pytest.raises(ExceptionGroup) as caught:
        child.close()
    assert isinstance(caught.value.exceptions[0], RegistryClosedError)
    assert key not in child.refs


def test_until_parent_finish_goes_up_one_level_only() -> None:
    top = Session()
    middle = top.child(isolated=True)
    bottom = middle.child(isolated=True)
    key = bottom.refs.insert("x", lifetime=RefLifetime.UNTIL_PARENT_FINISH)
    bottom.close()
    assert middle.refs[key] == "x"
    middle.close()
    assert key not in top.refs


def test_lookups_of_an_isolated_child_fall_through_and_all_else_is_its_own() -> None:
    parent = Session()
    child = parent.child(isolated=True).child(isolated=True)
    key = parent.refs.insert([1], list[int], lifetime=RefLifetime.UNTIL_SNAPSHOT)
    assert child.refs.get(key) == child.refs[key] == child.refs.get_any(key) == [1]
    assert child.refs.get(key, list[int], default=None) == [1]
    assert child.refs.get(key, default=None) == [1]
    child.refs.verify(key)
    assert key in child.refs
    assert child.refs.lifetime_of(key) is RefLifetime.UNTIL_SNAPSHOT
    with pytest.raises(RefTypeError):
        child.refs.get(RegistryKey.parse(str(key), str))
    assert child.refs.is_empty()
    assert child.refs.keys() == child.refs.describe() == []
    assert not child.refs.release(key)
    assert child.refs.drain() == 0
    for call in (
        child.refs.remove,
        child.refs.clone_ref,
        lambda key: child.refs.transfer_ref(key, SessionRefRegistry()),
    ):
        with pytest.raises(RefNotFoundError):
            call(key)
    parent.refs.release(key)
    with pytest.raises(RefReleasedError):
        child.refs.get(key)


def test_a_child_has_the_policy_and_capacity_of_its_parent() -> None:
    parent = Session(capacity=3, policy=SessionPausePolicy.WARN_DROP)
    child = parent.child(isolated=True)
    assert child.policy is SessionPausePolicy.WARN_DROP
    assert child.refs.capacity == 3
    assert parent.child().refs is parent.refs


def test_an_ended_session_has_no_children() -> None:
    session = Session()
    session.close()
    with pytest.raises(RegistryClosedError):
        session.child()


@pytest.mark.parametrize("policy", ["warn_drop", None, 5])
def test_a_policy_that_is_none_is_refused(policy: object) -> None:
    with pytest.raises(InvalidArgumentError, match="policy must be a SessionPausePolicy"):
        Session(policy=policy)  # type: ignore[arg-type]


def test_policies_and_lifetimes_are_made_of_their_values() -> None:
    assert SessionPausePolicy("warn_drop") is SessionPausePolicy.WARN_DROP
    assert [str(lifetime) for lifetime in RefLifetime] == [
        "until_context_drop", "until_parent_finish", "until_snapshot", "until_explicit_drop",
    ]  # fmt: skip
    assert [policy.value for policy in SessionPausePolicy] == [
        "pickle_or_error", "serialize_or_error", "pickle_or_drop", "warn_drop", "hard_error",
    ]  # fmt: skip


def test_a_session_is_entered_once() -> None:
    session = Session()
    with session:
        with pytest.raises(SessionStateError, match="entered already"):
            session.__enter__()
        with pytest.raises(RuntimeError):
            asyncio.run(session.__aenter__())
    with pytest.raises(SessionStateError, match="closed already"):
        session.__enter__()


def test_refs_is_read_only() -> None:
    with pytest.raises(AttributeError):
        Session().refs = SessionRefRegistry()  # type: ignore[misc]


def test_closing_twice_does_nothing() -> None:
    done: list[object] = []
    session = Session()
    session.refs.insert(1, finalizer=done.append)
    session.close()
    session.close()
    asyncio.run(session.aclose())
    assert done == [1]


def test_the_exception_of_the_body_goes_on_and_is_the_context_of_what_finalizers_raise() -> None:
    def fail(_value: object) -> None:
        raise OSError("finalizer")

    with pytest.raises(ValueError, match="body"), Session():
        raise ValueError("body")
    with pytest.raises(ExceptionGroup) as caught, Session() as session:
        session.refs.insert(1, finalizer=fail)
        raise ValueError("body")
    assert isinstance(caught.value.__context__, ValueError)


def test_there_is_no_current_registry_outside() -> None:
    assert current_session_registry(default=None) is None
    with pytest.raises(NoCurrentRegistryError, match="with Session"):
        current_session_registry()
    with pytest.raises(NoCurrentRegistryError, match="or call bind where one is current, before"):
        bind(print)  # it takes no default=


def test_the_innermost_session_is_current_and_an_ended_one_never() -> None:
    with Session() as outer:
        assert current_session_registry() is outer.refs
        with Session() as inner:
            assert current_session_registry() is inner.refs
        assert current_session_registry() is outer.refs
    assert current_session_registry(default=None) is None


def test_a_registry_closed_inside_its_session_is_not_current() -> None:
    with Session() as outer, Session() as inner:
        inner.refs.close()
        assert current_session_registry() is outer.refs


def test_sessions_left_out_of_order_stay_out() -> None:
    first, second = Session(), Session()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert current_session_registry() is second.refs
    second.__exit__(None, None, None)
    assert current_session_registry(default=None) is None


def test_concurrent_tasks_never_see_each_others_session() -> None:
    async def run(barrier: asyncio.Barrier) -> bool:
        async with Session() as session:
            await barrier.wait()
            here = current_session_registry() is session.refs
            there = await asyncio.to_thread(current_session_registry)
            await barrier.wait()
            return here and there is session.refs

    async def main() -> list[bool]:
        barrier = asyncio.Barrier(10)
        return await asyncio.gather(*(run(barrier) for _ in range(10)))

    assert asyncio.run(main()) == [True] * 10
    assert current_session_registry(default=None) is None


def test_a_task_that_outlives_its_session_sees_the_next_one_outwards() -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def later() -> object:
            await go.wait()
            return current_session_registry(default=None)

        async with Session() as outer:
            async with Session():
                task = asyncio.create_task(later())
                await asyncio.sleep(0)
            go.set()
            assert await task is outer.refs

    asyncio.run(main())


def test_an_asynchronous_generator_closed_by_the_event_loop_leaves_nothing_current() -> None:
    async def steps() -> AsyncIterator[int]:
        async with Session():
            yield 1
            yield 2

    async def main() -> Session | None:
        generator = steps()
        await anext(generator)
        return None

    asyncio.run(main())
    gc.collect()
    assert current_session_registry(default=None) is None


def test_use_session_registry_makes_current_and_closes_nothing() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(1)
    with use_session_registry(registry) as used:
        assert used is registry is current_session_registry()
    assert current_session_registry(default=None) is None
    assert registry[key] == 1
    registry.close()
    with pytest.raises(RegistryClosedError):
        use_session_registry(registry)
    with pytest.raises(InvalidArgumentError):
        use_session_registry(None)  # type: ignore[arg-type]


def test_bind_carries_the_registry_into_a_thread() -> None:
    def work(number: int, *, factor: int) -> tuple[int, object]:
        return number * factor, current_session_registry(default=None)

    with Session() as session, ThreadPoolExecutor(1) as pool:
        assert pool.submit(work, 2, factor=3).result() == (6, None)
        assert pool.submit(bind(work), 2, factor=3).result() == (6, session.refs)
        assert bind(work).__name__ == "work"


def test_bind_of_a_coroutine_function_is_current_while_it_runs() -> None:
    async def work() -> object:
        await asyncio.sleep(0)
        return current_session_registry()

    with Session() as session, ThreadPoolExecutor(1) as pool:
        bound = bind(work)
        assert pool.submit(lambda: asyncio.run(bound())).result() is session.refs


def test_a_bound_function_of_an_ended_session_has_no_registry() -> None:
    with Session():
        bound = bind(lambda: current_session_registry(default=None))
    assert bound() is None


def test_an_ended_session_is_collected() -> None:
    with Session() as session:
        session.child(isolated=True).close()
    gone = weakref.ref(session.refs)
    del session
    gc.collect()
    assert gone() is None


def test_a_synchronous_generator_shows_its_session_to_its_caller() -> None:
    def steps() -> Iterator[None]:
        with Session():
            yield

    generator = steps()
    next(generator)
    assert current_session_registry(default=None) is not None  # a limit of context variables, documented
    generator.close()
    assert current_session_registry(default=None) is None
