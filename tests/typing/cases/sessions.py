"""A session, its registry, and which registry is the current one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from types import TracebackType

from typing_extensions import assert_type

from liveref import (
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    bind,
    current_session_registry,
    use_session_registry,
)


def entered() -> None:
    with Session() as session:
        assert_type(session, Session)
        assert_type(session.refs, SessionRefRegistry)
        # deviation(ty): keeps the literal, as the key is covariant
        assert_type(session.refs.insert(1), RegistryKey[int])  # E: ty=type-assertion-failure
        assert_type(session.refs.insert([1]), RegistryKey[list[int]])
        assert_type(session.policy, SessionPausePolicy)
        assert_type(session.child(), Session)
    with Session().child(isolated=True) as child:
        assert_type(child, Session)
        child.get(1)  # E: attribute


async def entered_asynchronously() -> None:
    async with Session(policy=SessionPausePolicy.WARN_DROP) as session:
        assert_type(session, Session)
        key = await asyncio.to_thread(session.refs.insert, "x")
        # deviation(ty): a union over the overloads
        # deviation(zuban): RegistryKey[Any]: loses T where an overloaded method is an argument
        assert_type(key, RegistryKey[str])  # E: ty=type-assertion-failure zuban=misc
    assert_type(await session.aclose(), None)
    assert_type(await session.aclose(timeout=1.5), None)
    await session.aclose(1)  # E: positional


def options(session: Session) -> None:
    assert_type(Session(capacity=5, policy=SessionPausePolicy("hard_error")), Session)
    assert_type(session.close(), None)
    Session(5)  # E: positional
    Session(capacity="5")  # E: argument
    Session(policy="warn_drop")  # E: argument
    Session(parent=session)  # E: unknown
    session.child(True)  # E: positional
    session.child(isolated="yes")  # E: argument
    session.close(timeout=1)  # E: unknown


def read_only(session: Session, registry: SessionRefRegistry) -> None:
    session.policy = SessionPausePolicy.HARD_ERROR
    session.refs = registry  # E: read-only
    session.policy = "warn_drop"  # E: assignment pyright=reportAttributeAccessIssue
    session.note = 1  # E: new-attribute


class NamedSession(Session):
    name = "mine"


def of_a_subclass() -> None:
    with NamedSession() as session:
        assert_type(session, NamedSession)
        assert_type(session.name, str)


async def of_a_subclass_asynchronously() -> None:
    async with NamedSession() as session:
        assert_type(session, NamedSession)


def exits(session: Session, kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
    assert_type(session.__exit__(kind, error, trace), bool | None)
    assert_type(session.__exit__(None, None, None), bool | None)


def current() -> None:
    assert_type(current_session_registry(), SessionRefRegistry)
    assert_type(current_session_registry(default=None), SessionRefRegistry | None)
    # deviation(ty): keeps the literal
    assert_type(current_session_registry(default=0), SessionRefRegistry | int)  # E: ty=type-assertion-failure
    assert_type(current_session_registry(default=SessionRefRegistry()), SessionRefRegistry)
    current_session_registry(None)  # E: no-overload
    current_session_registry(default=None).insert(1)  # E: optional


def used(registry: SessionRefRegistry, session: Session) -> None:
    assert_type(use_session_registry(registry), AbstractContextManager[SessionRefRegistry])
    with use_session_registry(registry) as same:
        assert_type(same, SessionRefRegistry)
    use_session_registry(session)  # E: argument
    use_session_registry()  # E: missing


def work(number: int, *, name: str = "") -> list[str]:
    return [name] * number


async def work_later(number: int) -> str:
    return str(number)


def bound() -> None:
    run = bind(work)
    assert_type(run(1), list[str])
    assert_type(run(1, name="x"), list[str])
    assert_type(bind(current_session_registry)(), SessionRefRegistry)
    run("1")  # E: argument
    run(1, names="x")  # E: unknown
    bind(3)  # E: argument
    later: Awaitable[str] = bind(work_later)(1)
    asyncio.ensure_future(later)


async def bound_asynchronously() -> None:
    assert_type(await bind(work_later)(1), str)
    await bind(work_later)("1")  # E: argument
