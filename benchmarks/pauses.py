"""What a pause and a resume cost: ``python -m benchmarks pauses``.

Each case is run beside a plain one, most of them beside ``pickle`` on a list of the same objects. In each round both
run once, in turns, and the ratio of the two times is taken, without freeing what they gave: what is told is the
median of the ratios and their quartiles. So no figure is a claim in seconds. The 1 GiB array goes to a file in the
folder of temporary files (``TMPDIR``), whose disk bears on the ratio.
"""

from __future__ import annotations

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
from liveref import Session, SessionSnapshot, SnapshotKeys

KEYS: Final = SnapshotKeys({"benchmark": bytes(32)}, current="benchmark")
PROTOCOL: Final = 5
SMALL: Final = 10_000
GROWTH: Final = 2
"""At a million objects the caches of the processor miss: for pickle, too."""
CHUNK: Final = 1 << 20
CLOUD: Final = cast("Callable[[object, int], bytes]", cloudpickle.dumps)  # pyright: ignore[reportUnknownMemberType]
MEMORY: Final = "save of the array: MiB beyond the array itself"


@dataclasses.dataclass(frozen=True)
class Case:
    """The same work by two ways, and what the ratio should be at most.

    Attributes:
        name: what is done.
        subject: who does it.
        reference: what a ratio of 1 is.
        times: how much more the subject does than the reference, by which its time is divided.
    """

    name: str
    subject: Callable[[], object]
    reference: str
    plain: Callable[[], object]
    limit: float | None = None
    rounds: int = 21
    times: float = 1

    def ratios(self) -> list[float]:
        """One ratio a round; who goes first changes from round to round."""
        found: list[float] = []
        for number in range(self.rounds):
            calls = (self.subject, self.plain) if number % 2 else (self.plain, self.subject)
            seconds = {call: spent(call) for call in calls}
            found.append(seconds[self.subject] / seconds[self.plain] / self.times)
        return found


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    refs: tuple[int, ...]
    array: int
    """Bytes of the array."""
    peer_array: int
    """Bytes of the array that goes through base64, which takes five times as much memory."""


FULL: Final = Sizes((SMALL, 100_000, 1_000_000), 1 << 30, 256 << 20)
QUICK: Final = Sizes((SMALL, 50_000), 128 << 20, 32 << 20)


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


def spent(call: Callable[[], object]) -> float:
    """Seconds of one call, without freeing what it gave."""
    gc.collect()
    start = perf_counter()
    given = call()
    end = perf_counter()
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


def resumed(data: bytes, capacity: int) -> Session:
    """A session that holds what signed bytes do."""
    return Session.resume(SessionSnapshot.from_bytes(data, keys=KEYS), capacity=capacity)


def written_as_json(values: Sequence[object]) -> str:
    """What people write by hand: JSON of a pickle each, in base64."""
    return json.dumps([base64.b64encode(pickle.dumps(value, PROTOCOL)).decode() for value in values])


def read_from_json(text: str) -> list[object]:
    """The objects of such a text."""
    return [pickle.loads(base64.b64decode(part)) for part in json.loads(text)]  # noqa: S301  written just now


def small_refs(sizes: Sizes) -> Iterator[Case]:
    """Many refs, captured and loaded."""
    for kind, make in {"5 fields": items, "2 ints": pairs}.items():
        for count in sizes.refs:
            if count == SMALL or make is pairs:
                yield from capture_and_load(f"{count:,} dataclasses of {kind}", make(count))


def capture_and_load(name: str, values: list[object]) -> Iterator[Case]:
    """Refs against one pickle of the list of their objects."""
    session, rounds = session_of(values), 41 if len(values) == SMALL else 5
    data, pickled, text = (
        session.snapshot().to_bytes(keys=KEYS),
        pickle.dumps(values, PROTOCOL),
        written_as_json(values),
    )
    dump, load = partial(pickle.dumps, values, PROTOCOL), partial(pickle.loads, pickled)
    to, back = f"{name}: to signed bytes", f"{name}: live again"
    yield Case(to, lambda: session.snapshot().to_bytes(keys=KEYS), "pickle.dumps", dump, 2, rounds)
    yield Case(back, partial(resumed, data, len(values)), "pickle.loads", load, 3, rounds)
    if len(values) == SMALL:
        yield Case(f"{name}: json + base64", partial(written_as_json, values), "pickle.dumps", dump)
        yield Case(f"{name}: json + base64, back", partial(read_from_json, text), "pickle.loads", load)
        yield Case(f"{name}: cloudpickle.dumps", partial(CLOUD, values, PROTOCOL), "pickle.dumps", dump)


def growth(sizes: Sizes) -> Iterator[Case]:
    """How the cost of one ref grows with their number, and that of an object in a pickle."""
    few = pairs(SMALL)
    for count in sizes.refs[1:]:
        many, name = pairs(count), f"one of {count:,}"
        compare = partial(Case, reference=f"one of {SMALL:,}", rounds=5, times=count / SMALL)
        sessions = session_of(many), session_of(few)
        taken = [session.snapshot().to_bytes(keys=KEYS) for session in sessions]
        yield compare(f"snapshot: {name}", sessions[0].snapshot, plain=sessions[1].snapshot, limit=GROWTH)
        load, load_few = partial(resumed, taken[0], count), partial(resumed, taken[1], SMALL)
        yield compare(f"resume: {name}", load, plain=load_few, limit=GROWTH)
        dump = partial(pickle.dumps, many, PROTOCOL)
        yield compare(f"pickle.dumps: {name}", dump, plain=partial(pickle.dumps, few, PROTOCOL))


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


def large_array(sizes: Sizes, folder: Path) -> Iterator[Case]:
    """One array, to a file and back."""
    array = np.random.default_rng(7).random(sizes.array // 8)
    raw, session, path, plain = array.data.cast("B"), session_of([array]), folder / "snapshot", folder / "plain"
    name = f"an array of {sizes.array >> 20:,} MiB"
    write = partial(raw_write, plain, raw)
    reference = "write + fsync + SHA-256"
    yield Case(f"{name}: save", lambda: session.save(path, keys=KEYS), reference, write, 1.3, 5)
    session.save(path, keys=KEYS)
    mapped, checked = partial(read_back, path, trusted=True), partial(read_back, path, trusted=False)
    yield Case(f"{name}: read and resume, trusted", mapped, "memcpy", array.copy, 0.05, 9)
    yield Case(f"{name}: read and resume, checked", checked, "SHA-256", lambda: hashlib.sha256(raw).digest(), 1.1, 5)
    part = array[: sizes.peer_array // 8].copy()
    write_part = partial(raw_write, plain, part.data.cast("B"))
    name = f"an array of {sizes.peer_array >> 20:,} MiB"
    yield Case(f"{name}: json + base64", partial(write_as_json, folder / "json", part), reference, write_part, None, 3)
    yield Case(f"{name}: cloudpickle", partial(cloudpickle_to, folder / "cloud", part), reference, write_part, None, 3)


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


def peak(path: Path, size: int) -> float:
    """MiB that a process needs to save an array, beyond the array."""
    command = [sys.executable, "-c", PEAK, str(path), str(size)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603  own code


def cases(sizes: Sizes, folder: Path) -> Iterator[Case]:
    """All of them, made one after the other: a million refs and a GiB are let go before the next."""
    yield from small_refs(sizes)
    yield from growth(sizes)
    yield from large_array(sizes, folder)


def rows(*, quick: bool) -> Iterator[Row]:
    """A row a case, and the memory that saving an array takes."""
    sizes = QUICK if quick else FULL
    gc.disable()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for case in cases(sizes, Path(folder)):
                yield Row.of("pauses", case.name, case.ratios(), case.reference, target=case.limit)
            if sys.platform == "linux":
                growths = [peak(Path(folder) / "snapshot", sizes.array) for _ in range(3)]
                yield Row.of("pauses", MEMORY, growths, "MiB", target=32)
    finally:
        gc.enable()
