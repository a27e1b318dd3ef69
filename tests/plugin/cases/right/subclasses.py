"""Subclasses of the registry and of Session, and a class that is none but looks like one."""

from __future__ import annotations

from typing import Any, TypeVar

from liveref import RegistryKey, Session, SessionRefRegistry

T = TypeVar("T")


class Audited(SessionRefRegistry):
    def fetch(self, key: RegistryKey[T]) -> T:
        return self.get(key)  # ok

    def fetch_text(self, key: RegistryKey[object]) -> str:
        return super().get(key, str)  # ok


class Strict(SessionRefRegistry):
    """Its lookups are its own business."""

    def __getitem__(self, key: RegistryKey[T]) -> T:
        return super().__getitem__(key)  # ok


class AppSession(Session):
    def number(self, key: RegistryKey[int]) -> int:
        return self.refs.get(key)  # ok


class Lookalike:
    def get(self, key: RegistryKey[int], hint: type[T]) -> T:
        raise NotImplementedError

    def insert(self, value: object, hint: object = None) -> None: ...

    def __getitem__(self, key: RegistryKey[Any]) -> int:
        return 1


def use(
    audited: Audited,
    strict: Strict,
    session: AppSession,
    other: Lookalike,
    key: RegistryKey[int],
    loose: RegistryKey[Any],
    plain: dict[RegistryKey[Any], int],
) -> None:
    audited.get(key, bool)  # ok
    audited[key] + 1  # ok
    strict[loose]  # ok
    session.refs.get(key, int)  # ok
    other.get(key, str)  # ok
    other.insert(1, str)  # ok
    other[loose]  # ok
    plain[loose]  # ok
    plain.get(loose, 2)  # ok
