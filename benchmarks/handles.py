"""What a ref with an owner or a lease costs, and what borrowing does: ``python -m benchmarks handles``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from benchmarks.ours import Store, references
from benchmarks.rows import Row
from benchmarks.timing import Contender, Duel
from liveref import Session, SessionRefRegistry, acting_as, reopener

GROUP: Final = "handles"
ROUNDS: Final = 60
FEW: Final = 10
TASKS: Final = 100


def rows(*, quick: bool) -> Iterator[Row]:
    """A row an operation, by a lookup in a dict."""
    registry = SessionRefRegistry()
    with acting_as("user-7"):
        subjects = list(_subjects(registry))
        duel = Duel(references()["lookup"], subjects)
        rounds = [duel.round() for _ in range(FEW if quick else ROUNDS)]
    for each in subjects:
        samples = [found[each.name] for found in rounds]
        yield Row.of(GROUP, each.name, samples, "d[k]", target=each.targets.get("pure"))
    yield Row.of(GROUP, "openings that 100 tasks ask for", [asyncio.run(_openings())], "one", target=1)


def _subjects(registry: SessionRefRegistry) -> Iterator[Contender]:
    store = Store()
    plain = registry.insert(store, owner=None)
    leased = registry.insert(store, ttl=3600, idle=3600, owner=None)
    for name, key, get, borrow in (
        ("plain", plain, None, 60),
        ("leased", leased, 25, 130),
        ("owned", registry.insert(store), 25, None),
    ):
        names: dict[str, object] = {"r": registry, "key": key}
        yield Contender(GROUP, f"get, {name}", "r.get(key)", names, {} if get is None else {"pure": get})
        lend = "with r.borrow(key): pass"
        yield Contender(GROUP, f"borrow and give back, {name}", lend, names, {} if borrow is None else {"pure": borrow})
    yield Contender(
        GROUP, "release(insert(value)) with a lease", "r.release(r.insert(s, ttl=60))", {"r": registry, "s": store}
    )


_opened: Final[list[Store]] = []


@reopener("benchmarks.handles.store")
async def _open() -> Store:
    await asyncio.sleep(0)
    _opened.append(Store())
    return _opened[-1]


async def _openings() -> int:
    async with Session() as session:
        key = await session.refs.aopen(_open.recipe())
        snapshot = session.snapshot()
    _opened.clear()
    async with Session.resume(snapshot) as session:
        await asyncio.gather(*(session.refs.aget(key) for _ in range(TASKS)))
    return len(_opened)
