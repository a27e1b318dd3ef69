"""Pickles in which live objects travel as keys, as the engines that pickle write and read them."""

from __future__ import annotations

import pickle
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Never

import pytest

from liveref import (
    CapacityExceededError,
    KeyFormatError,
    NotPicklableError,
    RefReleasedError,
    RegistryKey,
    SessionRefRegistry,
)
from liveref._payloads.pickling import dumps, loads
from liveref._payloads.swap import Swap
from liveref._text.blame import Culprit, why_not_pickled


class Conn:
    """A live object, which would pickle, as another one."""


@dataclass
class State:
    """What an engine keeps."""

    store: dict[object, object]


class Slotted:
    """What has no ``__dict__``."""

    __slots__ = ("lock",)


@pytest.fixture
def registry() -> SessionRefRegistry:
    return SessionRefRegistry()


def write(value: object, swap: Swap) -> bytes:
    with swap.write() as writing:
        return dumps(value, writing)


def test_objects_come_back_as_those_objects_and_keys_as_keys_with_their_hint(registry: SessionRefRegistry) -> None:
    conn, number = Conn(), registry.insert(1)
    swap = Swap(registry, live=[Conn])
    data = write(State({"db": conn, ("again",): [conn], "n": number}), swap)
    state = loads(data, swap)
    assert isinstance(state, State)
    assert state == State({"db": conn, ("again",): [conn], "n": number})
    key = state.store["n"]
    assert isinstance(key, RegistryKey)
    assert key.hint is int
    assert len(registry) == 2


def test_a_key_stays_a_key_though_everything_is_live(registry: SessionRefRegistry) -> None:
    key = registry.insert(1)
    swap = Swap(registry, live=[RegistryKey])
    assert loads(write(key, swap), swap) == key
    assert registry.keys() == [key]


def test_an_object_keeps_its_key_from_hop_to_hop(registry: SessionRefRegistry) -> None:
    swap, conn = Swap(registry, live=[Conn]), Conn()
    assert write(conn, swap) == write(conn, swap)
    assert len(registry) == 1


def test_a_ref_that_is_gone_raises_or_comes_back_as_its_key(registry: SessionRefRegistry) -> None:
    data = write([Conn()], Swap(registry, live=[Conn]))
    (key,) = registry
    registry.release(key)
    with pytest.raises(RefReleasedError):
        loads(data, Swap(registry))
    assert loads(data, Swap(registry, missing="key")) == [key]


def test_a_persistent_id_of_another_program_is_told(registry: SessionRefRegistry) -> None:
    class Foreign(pickle._Pickler):
        def persistent_id(self, value: object) -> str | None:
            return "row 1" if isinstance(value, Conn) else None

    file = BytesIO()
    Foreign(file).dump(Conn())
    with pytest.raises(KeyFormatError, match="not a session reference"):
        loads(file.getvalue(), Swap(registry))


class Refuses:
    """Raises one error after the other when it is pickled."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)

    def __reduce__(self) -> tuple[object, ...]:
        raise self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]


class Named(dict[str, int]):
    """A dict with an attribute."""

    def __init__(self) -> None:
        super().__init__(one=1)
        self.lock = threading.Lock()

    def whole(self) -> None:
        """Do nothing."""


class Reduced:
    """Is pickled by its attributes, as arguments."""

    def __init__(self, lock: object) -> None:
        self.lock = lock

    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (self.lock,)


class Stated(Reduced):
    """Is pickled by a state of a form of its own."""

    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (1,), [1, self.lock]


class Own:
    """Chooses what is its state."""

    def __init__(self, lock: object) -> None:
        self.lock = lock

    def __getstate__(self) -> list[object]:
        return [1, self.lock]


class Paired(Reduced):
    """Is pickled as a mapping is."""

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (), None, None, iter([("lock", self.lock)])


class LocallyMade:
    """Is made again by what can't be imported."""

    def __reduce__(self) -> tuple[object, ...]:
        return (lambda: None), ()


def slotted() -> Slotted:
    made = Slotted()
    made.lock = threading.Lock()
    return made


@pytest.mark.parametrize(
    ("made", "path", "found"),
    [
        (threading.Lock, "$", "_thread.lock"),
        (lambda: State({"a": [1, {"b c": threading.Lock()}]}), '$.store.a[1]["b c"]', "_thread.lock"),
        (lambda: {7: (threading.Lock(),)}, "$[7][0]", "_thread.lock"),
        (lambda: {(1, 2): threading.Lock()}, "$.tuple", "_thread.lock"),
        (lambda: {threading.Lock(): 1}, '$["_thread.lock"]', "_thread.lock"),
        (Named, "$.lock", "_thread.lock"),
        (slotted, "$.lock", "_thread.lock"),
        (lambda: ValueError("text", threading.Lock()), "$[1]", "_thread.lock"),
        (lambda: [Refuses(ValueError("text"))], "$[0]", f"{__name__}.Refuses"),
        (lambda: [lambda: None], "$[0]", "function"),
        (lambda: Named().whole, "$.__self__.lock", "_thread.lock"),
        (lambda: [threading.Lock()].append, "$.__self__[0]", "_thread.lock"),
        (lambda: partial(print, 1, [threading.Lock()]), "$.args[1][0]", "_thread.lock"),
        (lambda: partial(print, file=threading.Lock()), "$.keywords.file", "_thread.lock"),
        (lambda: partial(lambda: None), "$.func", "function"),
        (lambda: defaultdict(lambda: 0), "$.default_factory", "function"),
        (lambda: deque([1, threading.Lock()]), "$[1]", "_thread.lock"),
        (lambda: Reduced(threading.Lock()), "$.lock", "_thread.lock"),
        (lambda: iter([1, threading.Lock()]), "$.__reduce__()[1][0][1]", "_thread.lock"),
        (lambda: Stated(threading.Lock()), "$.__reduce__()[2][1]", "_thread.lock"),
        (lambda: Paired(threading.Lock()), "$.lock", "_thread.lock"),
        (lambda: LocallyMade(), "$.__reduce__()[0]", "function"),
        (lambda: Own(threading.Lock()), "$.__getstate__()[1]", "_thread.lock"),
    ],
    ids=[
        "root",
        "nested",
        "int-key",
        "tuple-key",
        "in-a-key",
        "attribute",
        "slot",
        "exception",
        "user-code",
        "lambda",
        "bound-method",
        "bound-builtin",
        "partial-args",
        "partial-keywords",
        "partial-func",
        "default-factory",
        "deque",
        "reduce-args",
        "iterator",
        "state",
        "reduce-pairs",
        "reduce-func",
        "own-getstate",
    ],
)
def test_what_cant_be_pickled_is_named_with_its_path(
    made: Callable[[], object], path: str, found: str, registry: SessionRefRegistry
) -> None:
    with pytest.raises(NotPicklableError) as caught:
        write([made(), Conn()], Swap(registry, live=[Conn]))
    assert caught.value.args[:2] == (path.replace("$", "$[0]", 1), found)
    assert len(registry) == 0


def test_what_code_of_the_users_raised_is_the_cause_and_what_pickle_worded_is_not(registry: SessionRefRegistry) -> None:
    raised = ValueError("of the user's")
    with pytest.raises(NotPicklableError) as caught:
        write([Refuses(raised)], Swap(registry))
    assert caught.value.__cause__ is raised
    with pytest.raises(NotPicklableError) as caught:
        write([Conn.__repr__, threading.Lock()], Swap(registry))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


class Odd(dict[str, object]):
    """Fails wherever it is looked into."""

    def items(self) -> Never:
        raise ValueError("of the user's")


def test_what_can_not_even_be_looked_into_is_blamed_itself(registry: SessionRefRegistry) -> None:
    with pytest.raises(NotPicklableError) as caught:
        write([Odd(a=threading.Lock())], Swap(registry))
    assert caught.value.args[:2] == ("$[0]", f"{__name__}.Odd")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_failure_of_no_part_is_told_by_its_class() -> None:
    assert why_not_pickled(Culprit("$", None, RuntimeError("repr"))) == "pickling it raised RuntimeError"


@pytest.mark.parametrize("error", [None, ValueError("secret")], ids=["state", "no-state"])
def test_only_what_pickle_would_write_is_blamed(error: Exception | None, registry: SessionRefRegistry) -> None:
    class Local:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __getstate__(self) -> dict[str, object]:
            if error:
                raise error
            return {"here": 1}

    with pytest.raises(NotPicklableError) as caught:
        write(Local(), Swap(registry))
    assert caught.value.args[0] == "$"


def test_a_cycle_ends(registry: SessionRefRegistry) -> None:
    loop: list[object] = [threading.Lock()]
    loop.insert(0, loop)
    with pytest.raises(NotPicklableError) as caught:
        write(loop, Swap(registry))
    assert caught.value.args[:2] == ("$[1]", "_thread.lock")


def test_a_value_that_is_nested_too_deeply_is_told(registry: SessionRefRegistry) -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotPicklableError, match="nested too deeply"):
        write(deep, Swap(registry))


@pytest.mark.parametrize("before", [[], [ValueError()]], ids=["at-once", "while-blaming"])
def test_lack_of_memory_comes_through(before: list[BaseException], registry: SessionRefRegistry) -> None:
    with pytest.raises(MemoryError):
        write([Refuses(*before, MemoryError())], Swap(registry))


def test_a_full_registry_is_told_and_left_as_it_was() -> None:
    registry = SessionRefRegistry(capacity=1)
    with pytest.raises(CapacityExceededError):
        write([Conn(), Conn()], Swap(registry, live=[Conn]))
    assert len(registry) == 0
