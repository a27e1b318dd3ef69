"""Sessions that have ended leave nothing behind. ``LIVEREF_SESSIONS`` asks for the long form: 100000."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from collections.abc import Callable

import pytest

from liveref import Session

SESSIONS = int(os.environ.get("LIVEREF_SESSIONS", "2000"))
MOST = 2**17
"""Bytes: twice what the ids that are made in advance take."""


class Store:
    """What is put in."""


def close(_: object) -> None:
    """End one."""


async def aclose(_: object) -> None:
    """End one."""


def empty() -> None:
    with Session():
        pass


def of_one_ref() -> None:
    with Session() as session:
        session.refs.insert(Store(), finalizer=close)


def of_a_released_ref() -> None:
    with Session() as session:
        session.refs.release(session.refs.insert(Store(), finalizer=close))


def of_children() -> None:
    with Session() as session:
        for isolated in (False, True):
            with session.child(isolated=isolated) as child:
                child.refs.insert(Store(), finalizer=close)


def of_a_lease_and_an_owner() -> None:
    with Session(ttl=60) as session:
        session.refs.insert(Store(), owner="user-7", finalizer=close)


SCOPES = [empty, of_one_ref, of_a_released_ref, of_children, of_a_lease_and_an_owner]


def grown(run: Callable[[int], object]) -> int:
    """Bytes that many sessions leave behind, beyond what the first ones do."""
    run(100)
    gc.collect()
    tracemalloc.start()
    try:
        run(SESSIONS)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.__name__)
def test_sessions_leave_no_memory_behind(scope: Callable[[], None]) -> None:
    def run(times: int) -> None:
        for _ in range(times):
            scope()

    assert grown(run) < MOST


def test_sessions_that_are_awaited_leave_no_memory_behind() -> None:
    async def many(times: int) -> None:
        for _ in range(times):
            async with Session() as session:
                session.refs.insert(Store(), finalizer=aclose)

    assert grown(lambda times: asyncio.run(many(times))) < MOST
