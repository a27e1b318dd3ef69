"""`Session.asave`, and the progress of writers and readers."""

from __future__ import annotations

import asyncio
import functools
import os
import pickle
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, ParamSpec

import anyio
import pytest
import trio

from liveref import (
    InvalidArgumentError,
    RefDroppedWarning,
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RegistryClosedError,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionSnapshot,
    SnapshotKeys,
    SnapshotReadError,
    SnapshotWriteError,
)
from liveref._snapshot import file as file_module

P = ParamSpec("P")
RING = SnapshotKeys({"k": b"k" * 32}, current="k")
LARGE = 12 * 2**20


class Block:
    """An object whose bytes are out-of-band."""

    def __init__(self, data: bytearray) -> None:
        self.data = data

    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return Block, (pickle.PickleBuffer(self.data),)


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that runs in asyncio's event loop."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Writes wait until this is set."""
    go, write = threading.Event(), file_module._write

    def wait_and_write(fd: int, chunk: memoryview, *, sync: bool = False) -> int:
        assert go.wait(20)
        return write(fd, chunk, sync=sync)

    monkeypatch.setattr(file_module, "_write", wait_and_write)
    return go


def begun(path: Path) -> bool:
    """Whether a writer has made its temporary file."""
    return any(path.parent.glob(".*.liveref-tmp"))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@in_a_loop
async def test_what_it_saves_is_what_save_does(session: Session, tmp_path: Path) -> None:
    key, block = session.refs.insert([1, 2]), session.refs.insert(Block(bytearray(b"x" * LARGE)))
    made = await session.asave(tmp_path / "a", keys=RING)
    assert made.verified
    again = Session.resume(SessionSnapshot.read(tmp_path / "a", keys=RING))
    assert again.refs[key] == [1, 2]
    assert bytes(again.refs[block].data) == b"x" * LARGE
    assert session.refs[key] == [1, 2]


@in_a_loop
async def test_the_loop_goes_on_while_it_writes(session: Session, tmp_path: Path, slow: threading.Event) -> None:
    session.refs.insert([1])
    saving = asyncio.create_task(session.asave(tmp_path / "a"))
    await until(lambda: begun(tmp_path / "a"))
    assert not saving.done()
    slow.set()
    assert (await saving).refs[0].type_tag == "builtins:list"


@pytest.mark.parametrize(("copy", "found"), [(True, b"a"), (False, b"b")])
@in_a_loop
async def test_a_copy_is_of_one_moment(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, copy: bool, found: bytes
) -> None:
    go, create = threading.Event(), file_module._create

    def wait_and_create(folder: str, stem: str) -> tuple[int, str]:
        assert go.wait(20)
        return create(folder, stem)

    monkeypatch.setattr(file_module, "_create", wait_and_create)
    data = bytearray(b"a" * 1000)
    key = session.refs.insert(Block(data))
    saving = asyncio.create_task(session.asave(tmp_path / "a", copy=copy))
    await asyncio.sleep(0)  # it is captured, and not a byte written
    data[:] = b"b" * 1000
    go.set()
    assert bytes(Session.resume(await saving).refs[key].data) == found * 1000


@in_a_loop
async def test_a_cancelled_one_waits_for_its_thread_and_the_new_file_stands(
    session: Session, tmp_path: Path, slow: threading.Event
) -> None:
    key, closed = session.refs.insert([1]), list[str]()

    async def close(value: str) -> None:
        await asyncio.sleep(0)
        closed.append(value)

    purged = session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=close)
    saving = asyncio.create_task(session.asave(tmp_path / "a"))
    await until(lambda: begun(tmp_path / "a"))
    for _ in range(3):
        saving.cancel()
        await asyncio.sleep(0.01)
    assert not saving.done()
    slow.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert key in Session.resume(SessionSnapshot.read(tmp_path / "a", trusted=True)).refs
    assert closed == ["x"]
    with pytest.raises(RefReleasedError):
        session.refs[purged]


@in_a_loop
async def test_a_cancelled_one_that_fails_is_cancelled_and_the_old_file_stands(
    session: Session, tmp_path: Path, slow: threading.Event
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    session.refs.insert([1])

    def progress(_done: int, _total: int) -> None:
        raise ValueError

    purged = session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
    saving = asyncio.create_task(session.asave(tmp_path / "a", progress=progress))
    await until(lambda: begun(tmp_path / "a"))
    saving.cancel()
    await asyncio.sleep(0.01)
    slow.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert (tmp_path / "a").read_bytes() == b"old"
    assert session.refs[purged] == "x"


@in_a_loop
async def test_the_end_of_the_loop_does_not_leave_its_thread_behind(tmp_path: Path, slow: threading.Event) -> None:
    ended = list[bool]()

    async def main() -> None:
        session = Session()
        session.refs.insert([1])

        async def save() -> None:
            try:
                await session.asave(tmp_path / "a")
            finally:
                ended.append((tmp_path / "a").exists())

        _ = asyncio.get_running_loop().create_task(save())
        await until(lambda: begun(tmp_path / "a"))
        threading.Timer(0.05, slow.set).start()

    await asyncio.to_thread(asyncio.run, main())
    assert ended == [True]


def test_a_cancel_scope_of_anyio_waits_for_it_too(tmp_path: Path, slow: threading.Event) -> None:
    async def main() -> None:
        with anyio.move_on_after(0.05) as scope, Session() as session:
            session.refs.insert([1])
            threading.Timer(0.2, slow.set).start()
            await session.asave(tmp_path / "a")
        assert scope.cancelled_caught
        assert SessionSnapshot.read(tmp_path / "a", trusted=True).refs

    anyio.run(main, backend="asyncio")


def test_trio_is_refused_before_anything_is_captured(tmp_path: Path) -> None:
    async def main() -> None:
        with Session() as session:
            purged = session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
            with pytest.raises(RuntimeError, match="needs asyncio"):
                await session.asave(tmp_path / "a")
            assert session.refs[purged] == "x"

    trio.run(main)
    assert not (tmp_path / "a").exists()


@in_a_loop
async def test_what_can_not_be_captured_is_refused_or_dropped(session: Session, tmp_path: Path) -> None:
    session.refs.insert(threading.Lock())
    with pytest.raises(SessionRefsNotSerializableError):
        await session.asave(tmp_path / "a")
    with pytest.warns(RefDroppedWarning) as told:
        await session.asave(tmp_path / "a", policy=SessionPausePolicy.WARN_DROP)
    assert [warning.filename for warning in told] == [__file__]


@in_a_loop
async def test_a_file_that_stands_without_its_folder_settles_the_refs(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folder: str) -> None:
        raise OSError(5, "no")

    monkeypatch.setattr(file_module, "_sync_folder", fail)
    purged = session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
    with pytest.raises(SnapshotWriteError) as caught:
        await session.asave(tmp_path / "a")
    assert caught.value.committed
    with pytest.raises(RefReleasedError):
        session.refs[purged]


@in_a_loop
async def test_a_finalizer_of_a_purged_ref_that_fails_is_a_warning(session: Session, tmp_path: Path) -> None:
    async def fail(_value: object) -> None:
        raise ValueError

    session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=fail)
    with pytest.warns(RuntimeWarning, match="1 finalizer failed .* ValueError"):
        await session.asave(tmp_path / "a")


@in_a_loop
async def test_wrong_arguments_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="copy"):
        await session.asave(tmp_path / "a", copy=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidArgumentError, match="progress"):
        await session.asave(tmp_path / "a", progress=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidArgumentError, match="path"):
        await session.asave(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    session.close()
    with pytest.raises(RegistryClosedError, match="asave"):
        await session.asave(tmp_path / "a")


# Progress


def calls_of(run: Callable[[Callable[[int, int], object]], object]) -> list[tuple[int, int, float]]:
    told = list[tuple[int, int, float]]()
    run(lambda done, total: told.append((done, total, time.monotonic())))
    return told


@pytest.mark.parametrize("keys", [None, RING], ids=["unsigned", "signed"])
@pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])
def test_progress_ends_with_all_bytes(session: Session, tmp_path: Path, size: int, keys: SnapshotKeys | None) -> None:
    session.refs.insert(Block(bytearray(size)))
    told = calls_of(lambda progress: session.save(tmp_path / "a", keys=keys, progress=progress))
    told += calls_of(lambda progress: SessionSnapshot.read(tmp_path / "a", keys=keys, trusted=True, progress=progress))
    whole = (tmp_path / "a").stat().st_size
    assert [done for done, _, _ in told].count(whole) == 2
    assert {total for _, total, _ in told} == {whole}


def test_progress_is_told_on_the_way_and_not_too_often(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr("liveref._snapshot.progress.monotonic", lambda: next(clock) * 0.02)
    session.refs.insert(Block(bytearray(LARGE)))
    told = calls_of(lambda progress: session.save(tmp_path / "a", progress=progress))
    done = [done for done, _, _ in told]
    assert done == sorted(set(done))
    assert 3 <= len(done) <= 8


def test_a_reader_without_a_signature_to_check_tells_once(session: Session, tmp_path: Path) -> None:
    session.refs.insert(Block(bytearray(LARGE)))
    session.save(tmp_path / "a", keys=RING)
    told = calls_of(lambda progress: SessionSnapshot.read(tmp_path / "a", trusted=True, progress=progress))
    assert len(told) == 1


@pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])
def test_what_progress_raises_ends_a_save_and_the_old_file_stands(session: Session, tmp_path: Path, size: int) -> None:
    def stop(_done: int, _total: int) -> None:
        raise ZeroDivisionError

    key = session.refs.insert(Block(bytearray(size)))
    purged = session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(SnapshotWriteError, match="progress raised ZeroDivisionError") as caught:
        session.save(tmp_path / "a", progress=stop)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert not caught.value.committed
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
    assert session.refs[purged] == "x"
    assert len(session.refs[key].data) == size


def test_what_progress_raises_ends_a_read(session: Session, tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise ZeroDivisionError

    session.save(tmp_path / "a")
    with pytest.raises(SnapshotReadError, match="progress raised ZeroDivisionError. Mend that") as caught:
        SessionSnapshot.read(tmp_path / "a", trusted=True, progress=stop)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_keyboard_interrupt_in_progress_is_that(session: Session, tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.save(tmp_path / "a", progress=stop)
    assert os.listdir(tmp_path) == []


def test_an_unknown_ref_is_in_no_file(tmp_path: Path) -> None:
    """The refs of a file are those of its moment: what came while it was written is not in it."""

    async def main() -> None:
        async with Session() as session:
            session.refs.insert([1])
            saving = asyncio.create_task(session.asave(tmp_path / "a"))
            await asyncio.sleep(0)
            late = session.refs.insert([2])
            made = await saving
            with pytest.raises(RefNotFoundError):
                Session.resume(made).refs[late]

    asyncio.run(main())
