"""An exception that comes from outside, between two bytecodes or at an allocation: KeyboardInterrupt, MemoryError.

No room and no ref is lost, no finalizer runs twice, and what an interrupted call left to do the next close does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dis import opname
from pathlib import Path
from types import FrameType

import pytest

import liveref
from liveref import LiveRefError, RegistryKey, Session, SessionRefRegistry

HOUSE = str(Path(liveref.__file__).parent)
CAPACITY = 6


class Interrupt(BaseException):
    """What comes from outside."""


class Interrupter:
    """Raises before the n-th bytecode of liveref that runs in its ``with``."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, _arg: object) -> Interrupter | None:
        if not frame.f_code.co_filename.startswith(HOUSE):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode" and not is_return_to_the_caller(frame):
            self.left -= 1
            if self.left == 0:
                raise Interrupt
        return self

    def __enter__(self) -> Interrupter:
        self.outer = sys.gettrace()
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
    assert number > 20


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
    # In a process of its own: what strikes between any two bytecodes strikes the interpreter's own bookkeeping too,
    # and that of coverage, which does not survive it.
    command = [sys.executable, __file__, way.__name__, name]
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unmeasured)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    gc.disable()  # what is collected in between would be interrupted, where nobody can be told
    globals()[sys.argv[1]](sys.argv[2])
