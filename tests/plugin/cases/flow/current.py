"""Registries that are reached by another way than a variable: the current one, closing(), attributes of attributes."""

from __future__ import annotations

import contextlib
from contextlib import closing

from liveref import RegistryKey, Session, SessionRefRegistry, current_session_registry, use_session_registry


def current_of_a_session() -> RegistryKey[int]:
    with Session():
        key = current_session_registry().insert(1)
        current_session_registry().get(key)  # ok
        return key  # E: liveref-escape


def current_of_the_innermost() -> None:
    with Session() as outer, Session() as inner:
        key = current_session_registry().insert(1)
        inner.refs.get(key)  # ok
        outer.refs.get(key)  # E: liveref-foreign
    with Session() as outer:
        with Session():
            pass
        late = current_session_registry().insert(1)
        outer.refs.get(late)  # ok


def current_of_the_caller(key: RegistryKey[int], flag: bool) -> RegistryKey[str]:
    refs = current_session_registry()
    refs.remove(key)
    current_session_registry().get(key)  # E: liveref-removed
    own = current_session_registry().insert("a")
    if flag:
        current_session_registry().get(own)  # ok
    return own  # ok


def borrowed() -> None:
    with Session() as session, session.child():
        key = current_session_registry().insert(1)
        session.refs.get(key)  # ok


def used(refs: SessionRefRegistry, key: RegistryKey[int]) -> RegistryKey[int]:
    with use_session_registry(refs) as same:
        own = current_session_registry().insert(1)
        same.get(own)  # ok
        refs.get(own)  # ok
        refs.release(key)
        current_session_registry().get(key)  # E: liveref-removed
    refs.get(own)  # ok
    return own  # ok


def used_in_a_session(refs: SessionRefRegistry, flag: bool) -> RegistryKey[int]:
    with Session() as session:
        with use_session_registry(refs):
            key = current_session_registry().insert(1)
        late = current_session_registry().insert(2)
        session.refs.get(late)  # ok
        if flag:
            return key  # ok
        return late  # E: liveref-escape


def closed(flag: bool) -> RegistryKey[int]:
    with closing(SessionRefRegistry()) as refs:
        key = refs.insert(1)
        refs.get(key)  # ok
        late = refs.insert(2)
        if flag:
            return late  # E: liveref-escape
    refs.get(key)  # E: liveref-removed
    with closing(Session()) as session:
        other = session.refs.insert(2)
    return other  # E: liveref-escape


def closed_registry(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    with contextlib.closing(refs):
        refs.get(key)  # ok
    refs.get(key, default=0)  # ok
    refs.get(key)  # E: liveref-removed


class Worker:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._own = SessionRefRegistry()

    @property
    def refs(self) -> SessionRefRegistry:
        return self._session.refs

    def twice(self, key: RegistryKey[int]) -> None:
        self._session.refs.release(key)
        self._session.refs.get(key)  # E: liveref-removed
        self._own.get(key)  # ok

    def through_a_property(self, key: RegistryKey[int]) -> None:
        self.refs.remove(key)
        self.refs.get(key)  # E: liveref-removed


class App:
    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.spare: SessionRefRegistry | None = None

    def drop(self, key: RegistryKey[int], other: RegistryKey[int]) -> None:
        self.worker._session.refs.release(key)
        self.worker._session.refs.get(key)  # E: liveref-removed
        self.worker.refs.remove(other)
        self.worker.refs.get(other)  # E: liveref-removed
        self.worker = Worker(Session())
        self.worker.refs.get(other)  # ok

    def drop_spare(self, key: RegistryKey[int]) -> None:
        if self.spare is not None:
            self.spare.release(key)
            self.spare.get(key)  # E: liveref-removed


def after_a_guard(
    refs: SessionRefRegistry | None, key: RegistryKey[int] | None, other: RegistryKey[int] | None
) -> int | None:
    if refs is None or key is None:
        return None
    refs.release(key)
    if other is not None:
        refs.release(other)
        refs.get(other)  # E: liveref-removed
    return refs.get(key)  # E: liveref-removed


def walrus(refs: SessionRefRegistry, keys: dict[str, RegistryKey[int]]) -> None:
    if (key := keys.get("a")) is not None:
        refs.release(key)
        key = refs.insert(1)
        refs.get(key)  # ok
