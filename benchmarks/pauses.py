"""What a pause and a resume cost: ``python -m benchmarks pauses``.

Each case is run beside a plain one, most of them beside ``pickle`` on a list of the same objects. In each round both
run once, in turns, without freeing what they gave. The array of a GiB goes to a file in the folder of temporary
files, whose disk bears on the ratio: ``TMPDIR`` chooses another. The quick run does without it, and without the
million refs.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import gc
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final, cast

import cloudpickle  # type: ignore[import-untyped]
import numpy as np

from benchmarks.rows import Row
from benchmarks.timing import CPU
from liveref import Session, SessionSnapshot, SnapshotKeys

WRITE: Final = "write + fsync + SHA-256"
KEYS: Final = SnapshotKeys({"benchmark": bytes(32)}, current="benchmark")
PROTOCOL: Final = 5
SMALL: Final = 10_000
LARGE: Final = 1_000_000
GIB: Final = 1 << 30
PEER: Final = GIB // 4
"""Bytes of the array that goes through base64, which takes five times as much memory."""
CHUNK: Final = 1 << 20
ROUNDS: Final = 21
QUICK: Final = 7
FEW: Final = 3
GROWTH: Final = 3
"""At a million objects the caches of the processor miss, for pickle too, which takes 2.2 times as long for each."""
CLOUD: Final = cast("Callable[[object, int], bytes]", cloudpickle.dumps)  # pyright: ignore[reportUnknownMemberType]


@dataclasses.dataclass(frozen=True)
class Case:
    """The same work by two ways, and what the ratio should be at most.

    Attributes:
        name: what is done.
        subject: who does it.
        reference: what a ratio of 1 is.
        times: how much more the subject does than the reference, by which its time is divided.
        clock: `perf_counter` where disks and other threads work too.
    """

    name: str
    subject: Callable[[], object]
    reference: str
    plain: Callable[[], object]
    limit: float | None = None
    times: float = 1
    clock: Callable[[], float] = CPU

    def row(self, rounds: int) -> Row:
        """The ratios; who goes first changes from round to round."""
        found: list[float] = []
        for number in range(rounds):
            calls = (self.subject, self.plain) if number % 2 else (self.plain, self.subject)
            seconds = {call: spent(call, self.clock) for call in calls}
            found.append(seconds[self.subject] / seconds[self.plain] / self.times)
        return Row.of("pauses", self.name, found, self.reference, target=self.limit)


@dataclasses.dataclass
class Pair:
    """The smallest of objects."""

    first: int
    second: int


@dataclasses.dataclass
class Item:
    """A small object as programs have them."""

    number: int
    name: str
    price: float
    tags: tuple[str, ...]
    more: dict[str, int]


def spent(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of one call, without freeing what it gave."""
    gc.collect()
    gc.disable()
    try:
        start = clock()
        given = call()
        end = clock()
    finally:
        gc.enable()
    del given
    return end - start


def pairs(count: int) -> list[object]:
    """Objects of two numbers."""
    return [Pair(number, -number) for number in range(count)]


def items(count: int) -> list[object]:
    """Objects of five fields."""
    return [
        Item(number, f"item {number}", number / 7, ("tag", f"tag {number % 7}"), {"stock": number})
        for number in range(count)
    ]


def session_of(values: Sequence[object]) -> Session:
    """A session with a ref to each."""
    session = Session(capacity=len(values))
    for value in values:
        session.refs.insert(value)
    return session


def signed(session: Session) -> bytes:
    """A snapshot as signed bytes."""
    return session.snapshot().to_bytes(keys=KEYS)


def resumed(data: bytes, capacity: int) -> Session:
    """A session that holds what signed bytes do."""
    return Session.resume(SessionSnapshot.from_bytes(data, keys=KEYS), capacity=capacity)


def written_as_json(values: Sequence[object]) -> str:
    """What people write by hand: JSON of a pickle each, in base64."""
    return json.dumps([base64.b64encode(pickle.dumps(value, PROTOCOL)).decode() for value in values])


def read_from_json(text: str) -> list[object]:
    """The objects of such a text."""
    return [pickle.loads(base64.b64decode(part)) for part in json.loads(text)]  # noqa: S301  written just now


def small_refs() -> Iterator[Case]:
    """Many refs, captured and loaded, and the same by others."""
    for kind, values in {"5 fields": items(SMALL), "2 ints": pairs(SMALL)}.items():
        name = f"{SMALL:,} dataclasses of {kind}"
        yield from capture_and_load(name, values)
        dump = partial(pickle.dumps, values, PROTOCOL)
        load = partial(pickle.loads, dump())
        yield Case(f"{name}: json + base64", partial(written_as_json, values), "pickle.dumps", dump)
        back = partial(read_from_json, written_as_json(values))
        yield Case(f"{name}: json + base64, back", back, "pickle.loads", load)
        yield Case(f"{name}: cloudpickle.dumps", partial(CLOUD, values, PROTOCOL), "pickle.dumps", dump)


def capture_and_load(name: str, values: list[object]) -> Iterator[Case]:
    """Refs against one pickle of the list of their objects."""
    session = session_of(values)
    dump = partial(pickle.dumps, values, PROTOCOL)
    yield Case(f"{name}: to signed bytes", partial(signed, session), "pickle.dumps", dump, 2)
    load, back = partial(pickle.loads, dump()), partial(resumed, signed(session), len(values))
    yield Case(f"{name}: live again", back, "pickle.loads", load, 3)


def growth() -> Iterator[Case]:
    """How the cost of one ref grows with their number, and that of an object in a pickle."""
    few, many, name = pairs(SMALL), pairs(LARGE), f"one of {LARGE:,}"
    compare = partial(Case, reference=f"one of {SMALL:,}", times=LARGE / SMALL)
    small, large = session_of(few), session_of(many)
    yield from capture_and_load(f"{LARGE:,} dataclasses of 2 ints", many)
    yield compare(f"to signed bytes: {name}", partial(signed, large), plain=partial(signed, small), limit=GROWTH)
    load, load_few = partial(resumed, signed(large), LARGE), partial(resumed, signed(small), SMALL)
    yield compare(f"live again: {name}", load, plain=load_few, limit=GROWTH)
    dump, dump_few = partial(pickle.dumps, many, PROTOCOL), partial(pickle.dumps, few, PROTOCOL)
    yield compare(f"pickle.dumps: {name}", dump, plain=dump_few)


on_disk: Final = partial(Case, clock=perf_counter)


def raw_write(path: Path, raw: memoryview) -> str:
    """The plainest way to write bytes, sync them and hash them."""
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(raw), CHUNK):
            file.write(raw[at : at + CHUNK])
        os.fsync(file.fileno())
    return hashlib.sha256(raw).hexdigest()


def write_as_json(path: Path, array: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """The array as people put it into JSON."""
    with path.open("w", encoding="ascii") as file:
        json.dump({"array": base64.b64encode(pickle.dumps(array, PROTOCOL)).decode()}, file)
        file.flush()
        os.fsync(file.fileno())


def read_back(path: Path, *, trusted: bool) -> Session:
    """A session with the array of a file."""
    return Session.resume(SessionSnapshot.read(path, keys=None if trusted else KEYS, trusted=trusted))


def large_array(folder: Path) -> Iterator[Case]:
    """One array, to a file and back."""
    array = np.random.default_rng(7).random(GIB // 8)
    raw, session, path = array.data.cast("B"), session_of([array]), folder / "snapshot"
    write = partial(raw_write, folder / "plain", raw)
    yield on_disk("an array of 1 GiB: save", lambda: session.save(path, keys=KEYS), WRITE, write, 1.3)
    mapped, checked = partial(read_back, path, trusted=True), partial(read_back, path, trusted=False)
    yield on_disk("an array of 1 GiB: live again, trusted", mapped, "memcpy", array.copy, 0.05)
    yield on_disk(
        "an array of 1 GiB: live again, checked", checked, "SHA-256", lambda: hashlib.sha256(raw).digest(), 1.25
    )


async def stall(path: Path, array: np.ndarray[tuple[int], np.dtype[np.float64]], *, copy: bool) -> float:
    """Seconds for which the event loop stands still at most while an array is saved beside it."""
    session = session_of([array])
    saving = asyncio.ensure_future(session.asave(path, keys=KEYS, copy=copy))
    worst, last = 0.0, perf_counter()
    while not saving.done():
        await asyncio.sleep(0)
        worst, last = max(worst, perf_counter() - last), perf_counter()
    return worst


def stalls(folder: Path) -> Iterator[Row]:
    """What `asave` takes of the event loop, with a copy and without."""
    array = np.random.default_rng(7).random(GIB // 8)
    path, name = folder / "beside", "an array of 1 GiB: asave, the worst stall of the loop"
    bare = [asyncio.run(stall(path, array, copy=False)) * 1000 for _ in range(FEW)]
    yield Row.of("pauses", f"{name}, copy=False", bare, "ms", target=50)
    copied = [asyncio.run(stall(path, array, copy=True)) / spent(array.copy, perf_counter) for _ in range(FEW)]
    yield Row.of("pauses", f"{name}, copy=True", copied, "memcpy", target=2)


def large_array_of_others(folder: Path) -> Iterator[Case]:
    """How others write one, without a hash."""
    array = np.random.default_rng(7).random(PEER // 8)
    write = partial(raw_write, folder / "plain", array.data.cast("B"))
    name = f"an array of {PEER >> 20} MiB"
    yield on_disk(f"{name}: json + base64", partial(write_as_json, folder / "json", array), WRITE, write)
    yield on_disk(f"{name}: cloudpickle", partial(cloudpickle_to, folder / "cloud", array), WRITE, write)


def cloudpickle_to(path: Path, array: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """The array as cloudpickle writes it."""
    with path.open("wb") as file:
        file.write(CLOUD(array, PROTOCOL))
        file.flush()
        os.fsync(file.fileno())


PEAK: Final = """
import sys
from pathlib import Path
import numpy as np
from liveref import Session, SnapshotKeys
keys = SnapshotKeys({"benchmark": bytes(32)}, current="benchmark")
session = Session()
session.refs.insert(np.zeros(1000))
session.save(sys.argv[1], keys=keys)
session.refs.insert(np.ones(int(sys.argv[2]) // 8))
def peak():  # not that of getrusage, which begins with the peak of the parent process
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
Path("/proc/self/clear_refs").write_text("5")
before = peak()
session.save(sys.argv[1], keys=keys)
print((peak() - before) / 1024)
"""


def peak(path: Path) -> float:
    """MiB that a process needs to save an array, beyond the array."""
    command = [sys.executable, "-c", PEAK, str(path), str(GIB)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603  own code


def rows(*, quick: bool) -> Iterator[Row]:
    """Each case; what takes a million refs or a GiB is let go before the next."""
    for case in small_refs():
        yield case.row(QUICK if quick else ROUNDS)
    if quick:
        return
    for case in growth():
        yield case.row(FEW)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in (*large_array(folder), *large_array_of_others(folder)):
            yield case.row(FEW)
        yield from stalls(folder)
        if sys.platform == "linux":
            yield Row.of(
                "pauses", "an array of 1 GiB: save, beyond the array", [peak(folder / "peak")], "MiB", target=32
            )
