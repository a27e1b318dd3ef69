"""Context managers that a registry enters and leaves."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from typing_extensions import Self, assert_type

from liveref import RegistryKey, SessionRefRegistry


class Transaction:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...


class Swallows:
    def __enter__(self) -> int:
        return 1

    def __exit__(self, *_error: object) -> bool:
        return True


class Client:
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None: ...


@contextlib.contextmanager
def numbers() -> Generator[list[int], None, None]:
    yield [1]


@contextlib.asynccontextmanager
async def later() -> AsyncGenerator[str, None]:
    yield "x"


def enter(registry: SessionRefRegistry, path: Path, cm: AbstractContextManager[bytes]) -> None:
    assert_type(registry.enter_context(Transaction()), RegistryKey[Transaction])
    assert_type(registry.enter_context(Swallows()), RegistryKey[int])
    assert_type(registry.enter_context(numbers()), RegistryKey[list[int]])
    assert_type(registry.enter_context(TemporaryDirectory()), RegistryKey[str])
    assert_type(registry.enter_context(threading.Lock()), RegistryKey[bool])
    assert_type(registry.enter_context(cm), RegistryKey[bytes])
    assert_type(registry.get(registry.enter_context(path.open())).readline(), str)
    registry.enter_context(Client())  # E: argument
    registry.enter_context(3)  # E: argument
    registry.enter_context(numbers)  # E: argument
    registry.enter_context()  # E: missing


async def enter_async(registry: SessionRefRegistry) -> None:
    assert_type(await registry.enter_async_context(Client()), RegistryKey[Client])
    assert_type(await registry.enter_async_context(later()), RegistryKey[str])
    await registry.enter_async_context(Transaction())  # E: argument
    assert_type(await registry.enter_async_context(later(), own_task=True), RegistryKey[str])
    await registry.enter_async_context(Client(), own_task="yes")  # E: argument
    await registry.enter_async_context(Client(), True)  # E: positional
    wrong: RegistryKey[int] = await registry.enter_async_context(later())  # E: key-assignment zuban=assignment
    registry.get(wrong)


def a_registry_is_none(registry: SessionRefRegistry) -> None:
    with contextlib.closing(registry) as same:
        assert_type(same, SessionRefRegistry)
    with registry:  # E: context-manager
        pass
