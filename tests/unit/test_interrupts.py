"""An exception that comes from outside, between two bytecodes or at an allocation: KeyboardInterrupt, MemoryError.

No room and no ref is lost, no finalizer runs twice, and what an interrupted call left to do the next close does.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dis import opname
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import liveref
from liveref import LiveRefError, RegistryKey, Session, SessionRefRegistry
from liveref._lanes import LANES
from liveref._registry import shield
from liveref._registry.finalize import Finalizer
from liveref._registry.outcome import Outcome

HOUSE = str(Path(liveref.__file__).parent)
CAPACITY = 6


class Interrupt(BaseException):
    """What comes from outside."""


EVENT = "opcode" if sys.version_info < (3, 13) else "line"
"""Python 3.13 does not show each bytecode of the first frame that is traced."""


class Interrupter:
    """Raises before the n-th bytecode of liveref that runs in its ``with``."""

    def __init__(self, number: int) -> None:
        self.number = self.left = number

    def __call__(self, frame: FrameType, event: str, _arg: object) -> Interrupter | None:
        if not frame.f_code.co_filename.startswith(HOUSE):
            return None
        frame.f_trace_opcodes = EVENT == "opcode"
        frame.f_trace_lines = EVENT == "line"
        if event == EVENT and not is_return_to_the_caller(frame):
            self.left -= 1
            if self.left == 0:
                raise Interrupt
        return self

    def __enter__(self) -> Interrupter:
        self.outer = sys.gettrace()
        sys._getframe().f_trace_opcodes = True  # from Python 3.12 on settrace itself asks whether any frame has it
        sys.settrace(self)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.settrace(self.outer)


def is_return_to_the_caller(frame: FrameType) -> bool:
    """Whether liveref has nothing left to do: what it gives is lost if the caller does not take it."""
    outside = frame.f_back is None or not frame.f_back.f_code.co_filename.startswith(HOUSE)
    return outside and opname[frame.f_code.co_code[frame.f_lasti]] in {"RETURN_VALUE", "RETURN_CONST"}


class World:
    """Two registries with some refs, and how often each object was finalized."""

    def __init__(self) -> None:
        self.finalized: dict[str, int] = {}
        self.handed_over: list[object] = [""]  # no room is needed to take something in
        self.session = Session(capacity=CAPACITY)
        self.refs = self.session.refs
        self.other = SessionRefRegistry(capacity=CAPACITY)
        self.plain = self.refs.insert("plain")
        self.key = self.insert("finalized")
        self.clone = self.refs.clone_ref(self.insert("shared"))
        self.expected = {"finalized", "shared"}

    def insert(self, name: str) -> RegistryKey[str]:
        return self.refs.insert(name, finalizer=self.finalize)

    def finalize(self, name: str) -> None:
        self.finalized[name] = self.finalized.get(name, 0) + 1

    def take(self) -> None:
        self.handed_over[0] = self.refs.remove(self.key)

    def enter(self) -> None:
        with contextlib.suppress(LiveRefError):
            self.refs.enter_context(self.context())

    @contextlib.contextmanager
    def context(self) -> Iterator[str]:
        self.expected.add("context")
        try:
            yield "context"
        finally:
            self.finalize("context")

    def fill(self) -> int:
        """How many refs each of the registries takes at most."""
        found = 0
        for registry in (self.refs, self.other):
            with contextlib.suppress(LiveRefError):
                while True:
                    registry.insert("filler")
            found += len(registry)
        return found

    def end(self) -> None:
        self.session.close()
        self.refs.close()
        self.other.close()


OPERATIONS: dict[str, Callable[[World], object]] = {
    "insert": lambda world: world.refs.insert("more"),
    "release": lambda world: world.refs.release(world.plain),
    "release of a finalized one": lambda world: world.refs.release(world.key),
    "release of a clone": lambda world: world.refs.release(world.clone),
    "remove": World.take,
    "clone": lambda world: world.other and world.refs.release(world.plain) and world.refs.clone_ref(world.key),
    "transfer": lambda world: world.refs.transfer_ref(world.key, world.other),
    "drain": lambda world: world.refs.drain(),
    "close": lambda world: world.session.close(),
    "enter": lambda world: world.refs.release(world.plain) and world.enter(),
}


def run_interrupted(
    operation: Callable[[World], object], interrupt: contextlib.AbstractContextManager[object]
) -> World:
    world = World()
    with contextlib.suppress(Interrupt, MemoryError, SystemError, BaseExceptionGroup), interrupt:
        operation(world)
    return world


def check(world: World, where: str, *, closed: bool) -> None:
    assert closed or world.fill() == 2 * CAPACITY, f"room was lost {where}"
    with contextlib.suppress(BaseExceptionGroup):
        world.end()
    finalized = set(world.finalized) | set(map(str, world.handed_over))
    assert finalized >= world.expected, f"not finalized {where}: {world.expected - finalized}"
    assert max(world.finalized.values(), default=1) == 1, f"finalized twice {where}: {world.finalized}"
    assert not set(world.finalized) & set(map(str, world.handed_over)), f"finalized though handed over {where}"
    assert world.refs.is_empty()
    assert world.other.is_empty()


def at_each_bytecode(name: str) -> None:
    """Run an operation with an interrupt before each of its bytecodes in turn."""
    number = 0
    while True:
        number += 1
        interrupter = Interrupter(number)
        world = run_interrupted(OPERATIONS[name], interrupter)
        if interrupter.left > 0:
            world.end()
            break
        check(world, f"at bytecode {number}", closed=name == "close")
    assert LANES is not None or number > (20 if EVENT == "opcode" else 3)  # a lane in C has no bytecodes


def at_each_allocation(name: str) -> None:
    """Run an operation with each of its allocations failing in turn."""
    import _testcapi

    class NoMemory:
        def __init__(self, number: int) -> None:
            self.number = number

        def __enter__(self) -> None:
            _testcapi.set_nomemory(self.number, self.number + 1)

        def __exit__(self, *_error: object) -> None:
            _testcapi.remove_mem_hooks()

    for number in range(60):
        world = run_interrupted(OPERATIONS[name], NoMemory(number))
        check(world, f"at allocation {number}", closed=name == "close")


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("way", [at_each_bytecode, at_each_allocation])
def test_what_comes_from_outside_loses_nothing(way: Callable[[str], None], name: str) -> None:
    if way is at_each_allocation:
        pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
    run_apart(way, name)


def run_apart(way: Callable[[str], None], name: str) -> None:
    # In a process of its own: what strikes between any two bytecodes strikes the interpreter's own bookkeeping too,
    # and that of coverage, which does not survive it.
    command = [sys.executable, __file__, way.__name__, name]
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unmeasured)
    if way is at_each_allocation and done.returncode == -signal.SIGSEGV:
        pytest.skip("this interpreter itself crashes where an allocation fails: no Python code can")
    assert done.returncode == 0, done.stderr


ASYNCHRONOUS: dict[str, Callable[[SessionRefRegistry, RegistryKey[str]], Awaitable[object]]] = {
    "aclose": lambda refs, _: refs.aclose(),
    "aclose in time": lambda refs, _: refs.aclose(timeout=5),
    "adrain": lambda refs, _: refs.adrain(),
    "arelease": lambda refs, key: refs.arelease(key),
}


def at_each_bytecode_until_an_await(name: str) -> None:
    """Run an asynchronous operation with an interrupt before each of its bytecodes; then close."""
    finalized: list[str] = []

    async def finalize(value: str) -> None:
        await asyncio.sleep(0)
        finalized.append(value)

    @contextlib.asynccontextmanager
    async def context() -> AsyncIterator[str]:
        yield "context"
        finalized.append("context")  # an exit that is cut in the middle of its own awaits is over

    async def main(interrupter: Interrupter) -> None:
        refs = SessionRefRegistry()
        key = refs.insert("a", finalizer=finalize)
        refs.insert("b", finalizer=lambda value: finalized.append(value))
        refs.clone_ref(refs.insert("c", finalizer=functools.partial(finalize)))
        await refs.enter_async_context(context())
        refs.insert("d", finalizer=finalize)
        with contextlib.suppress(Interrupt), interrupter:
            await ASYNCHRONOUS[name](refs, key)
        await refs.aclose()
        for _ in range(3):  # what was begun goes on in a task
            await asyncio.sleep(0)
        assert sorted(finalized) == ["a", "b", "c", "context", "d"], (interrupter.number, finalized)

    number, left = 0, 0
    while left <= 0:
        number += 1
        interrupter = Interrupter(number)
        finalized.clear()
        asyncio.run(main(interrupter))
        left = interrupter.left
    assert number > (100 if EVENT == "opcode" else 20)


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_what_comes_from_outside_loses_no_asynchronous_finalizer(name: str) -> None:
    run_apart(at_each_bytecode_until_an_await, name)


class Struck(dict[bytes, RegistryKey[object]]):
    """The refs of a registry: once an operation on them is done, an exception comes from outside."""

    def __init__(self, refs: dict[bytes, RegistryKey[object]], operation: str) -> None:
        super().__init__(refs)
        self.operation = operation

    def strike(self, operation: str) -> None:
        if operation == self.operation:
            self.operation = ""
            raise Interrupt

    def pop(self, key: bytes, *default: object) -> object:  # type: ignore[override]
        self.strike("before pop")
        popped = super().pop(key, *default)  # type: ignore[arg-type]
        self.strike("pop")
        return popped

    def setdefault(self, key: bytes, default: object = None) -> object:  # type: ignore[override]
        found = super().setdefault(key, default)  # type: ignore[arg-type]
        self.strike("setdefault")
        return found

    def get(self, key: bytes, default: object = None) -> object:  # type: ignore[override]
        found = super().get(key, default)  # type: ignore[arg-type]
        self.strike("get")
        return found

    def __setitem__(self, key: bytes, value: RegistryKey[object]) -> None:
        super().__setitem__(key, value)
        self.strike("set")


@pytest.mark.parametrize("side", ["refs", "other"])
@pytest.mark.parametrize("operation", ["before pop", "pop", "setdefault", "get", "set"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_comes_from_outside_right_after_a_change_of_the_refs_loses_nothing(
    name: str, operation: str, side: str
) -> None:
    if (name, operation) == ("remove", "pop"):
        pytest.skip("of a real dict, to pop and to keep what was popped is one step of the interpreter")
    world = World()
    registry = getattr(world, side)
    registry._refs = Struck(registry._refs, operation)
    with contextlib.suppress(Interrupt):
        OPERATIONS[name](world)
    registry._refs.operation = ""
    check(world, f"after {operation}", closed=name == "close")


def test_a_remove_that_is_interrupted_once_the_duty_is_taken_leaves_the_ref(monkeypatch: pytest.MonkeyPatch) -> None:
    def hand_over(finalizer: Finalizer, uid: bytes) -> None:
        before(finalizer, uid)
        raise Interrupt

    before = Finalizer.hand_over
    world = World()
    monkeypatch.setattr(Finalizer, "hand_over", hand_over)
    with pytest.raises(Interrupt):
        world.refs.remove(world.key)
    monkeypatch.undo()
    assert world.refs[world.key] == "finalized"
    check(world, "in a remove", closed=False)


def test_a_remove_of_a_plain_ref_that_is_interrupted_leaves_the_ref(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_holder: object) -> None:
        raise Interrupt

    world = World()
    monkeypatch.setattr("liveref._registry.registry.let_go", interrupted)
    with pytest.raises(Interrupt):
        world.refs.remove(world.plain)
    monkeypatch.undo()
    assert world.refs[world.plain] == "plain"
    check(world, "in a remove", closed=False)


@pytest.mark.parametrize("kind", ["coroutine", "future"])
def test_what_comes_from_outside_before_an_await_awaits_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    finalized: list[str] = []
    settle, interrupts = shield.settle, [Interrupt()]

    async def struck(*args: Any) -> object:
        if interrupts:
            raise interrupts.pop()
        return await settle(*args)

    async def finalize(value: str) -> None:
        finalized.append(value)

    def begin(value: str) -> object:
        return finalize(value) if kind == "coroutine" else asyncio.ensure_future(finalize(value))

    async def main() -> None:
        registry = SessionRefRegistry()
        for value in ("first", "last"):
            registry.insert(value, finalizer=begin)
        with pytest.raises(Interrupt):
            await registry.aclose()
        assert registry.is_empty()

    monkeypatch.setattr(shield, "settle", struck)
    asyncio.run(main())
    assert finalized == ["last", "first"]


def test_what_comes_from_outside_between_two_finalizers_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object) -> Iterator[object]:
        raise Interrupt
        yield

    finalized: list[str] = []
    registry = SessionRefRegistry()
    registry.insert("x", finalizer=finalized.append)
    monkeypatch.setattr("liveref._registry.closing.Closing._of", interrupted)
    with pytest.raises(Interrupt):
        asyncio.run(registry.aclose())
    monkeypatch.undo()
    assert (len(registry), finalized) == (1, [])
    registry.close()
    assert finalized == ["x"]


def test_a_close_whose_driver_is_gone_takes_no_more_refs_out() -> None:
    async def finalize(_value: str) -> None: ...

    registry = SessionRefRegistry()
    for value in ("first", "last"):
        registry.insert(value, finalizer=finalize)
    steps = registry._drop(reversed(registry._refs.copy().values()), "drained", Outcome())
    next(steps).held.pop().close()
    steps.close()
    assert len(registry) == 1
    asyncio.run(registry.aclose())


def test_an_asynchronous_context_that_is_stored_when_an_interrupt_comes_is_left_by_the_close() -> None:
    left: list[str] = []

    @contextlib.asynccontextmanager
    async def context() -> AsyncIterator[str]:
        yield "x"
        left.append("x")

    async def main() -> None:
        registry = SessionRefRegistry()
        registry._refs = Struck({}, "setdefault")
        with pytest.raises(Interrupt):
            await registry.enter_async_context(context())
        assert (len(registry), left) == (1, [])
        await registry.aclose()

    asyncio.run(main())
    assert left == ["x"]


if __name__ == "__main__":
    gc.disable()  # what is collected in between would be interrupted, where nobody can be told
    globals()[sys.argv[1]](sys.argv[2])
