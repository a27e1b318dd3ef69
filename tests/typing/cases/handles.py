"""Owners, leases and borrowing."""

from __future__ import annotations

import time

from typing_extensions import assert_type

from liveref import (
    Borrow,
    MarkerAuthError,
    MarkerError,
    Owner,
    RefExpiredError,
    RefReleasedError,
    RegistryKey,
    RegistryStats,
    Session,
    SessionRefRegistry,
    SnapshotKeys,
    Sweeping,
    acting_as,
    current_owner,
)


class Pool:
    def close(self) -> None: ...


def leased(registry: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
    assert_type(registry.insert(Pool(), ttl=3), RegistryKey[Pool])
    assert_type(registry.insert(Pool(), idle=2.5, ttl=None, owner="user-7"), RegistryKey[Pool])
    assert_type(registry.insert(Pool(), Pool, owner=("iss", "sub")), RegistryKey[Pool])
    assert_type(registry.typed(Pool).insert(Pool(), ttl=3), RegistryKey[Pool])
    registry.insert(Pool(), ttl="3")  # E: insert-option mypy=call-overload
    registry.insert(Pool(), owner=7)  # E: insert-option mypy=call-overload
    assert_type(registry.renew(key), None)
    registry.renew("x")  # E: argument
    assert_type(registry.sweep(), int)
    assert_type(registry.drain(owner="user-7"), int)
    registry.drain(owner=7)  # E: argument
    assert_type(registry.stats(), RegistryStats)
    assert_type(registry.stats().by_owner, dict[Owner | None, int])
    assert_type(registry.describe()[0].expires_in, float | None)


def made(clock: float) -> None:
    assert_type(SessionRefRegistry(ttl=5, idle=5.0, owned=True, per_owner=3, clock=time.monotonic), SessionRefRegistry)
    assert_type(Session(ttl=5, owned=True), Session)
    SessionRefRegistry(ttl="5")  # E: argument
    SessionRefRegistry(clock=clock)  # E: argument
    Session(per_owner="3")  # E: argument


def swept(registry: SessionRefRegistry) -> None:
    with registry.sweeping(30) as sweeping:
        assert_type(sweeping, Sweeping)
    registry.sweeping("x")  # E: argument
    registry.sweeping()  # E: missing


def lent(registry: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
    assert_type(registry.borrow(key), Borrow[Pool])
    with registry.borrow(key) as pool:
        assert_type(pool, Pool)
    registry.borrow(1)  # E: argument


async def asynchronous(registry: SessionRefRegistry, key: RegistryKey[Pool]) -> None:
    async with registry.borrow(key) as pool:
        assert_type(pool, Pool)
    assert_type(await registry.asweep(timeout=3), int)
    assert_type(await registry.adrain(owner=None), int)
    async with registry.sweeping(30) as sweeping:
        assert_type(sweeping, Sweeping)


def acting(owner: Owner) -> None:
    with acting_as(owner):
        assert_type(current_owner(), str | tuple[str, ...] | None)
    acting_as(7)  # E: argument


def told(error: RefExpiredError) -> RefReleasedError:
    return error


def sturdy(registry: SessionRefRegistry, key: RegistryKey[Pool], ring: SnapshotKeys) -> None:
    assert_type(registry.sturdy_marker(key, keys=ring), dict[str, str])
    assert_type(registry.admit({}, Pool, keys=ring), RegistryKey[Pool])
    assert_type(registry.admit({}, keys=ring), RegistryKey[object])
    registry.sturdy_marker(key)  # E: missing
    registry.sturdy_marker(key, keys=b"ring")  # E: argument


def refused(error: MarkerAuthError) -> MarkerError:
    return error
