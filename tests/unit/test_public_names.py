"""Public names have public paths, and what else stands by name in files out there is gathered in one room."""

from __future__ import annotations

import enum
import inspect
import io
import pickle
import subprocess
import sys
import typing
from collections.abc import Iterator

import pytest

import liveref
from liveref import RegistryKey, SessionRefRegistry, _persisted, engine, exceptions

PUBLIC = {name: getattr(liveref, name) for name in liveref.__all__}
ENGINE = {name: getattr(engine, name) for name in engine.__all__}
CLASSES = {name: found for name, found in PUBLIC.items() if isinstance(found, type)}
KEY = RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", dict[str, int])
PERSISTED = {"ErrorStandIn", "KeyStandIn", "LiveStandIn", "key", "recipe", "sealed_key"}
"""What files out there may name, for ever: a name is added here, and none is taken away."""


@liveref.reopener("tests.public_names.store")
def open_store(size: int) -> list[int]:
    return [0] * size


def with_methods() -> Iterator[tuple[str, object]]:
    for name, found in (PUBLIC | ENGINE).items():
        if not isinstance(found, type):
            yield name, found
            continue
        yield name, found
        for attribute, member in vars(found).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if callable(function) and hasattr(function, "__annotations__"):
                yield f"{name}.{attribute}", function


@pytest.mark.parametrize("name", [name for name, found in PUBLIC.items() if callable(found)])
def test_a_public_name_has_a_public_path(name: str) -> None:
    assert PUBLIC[name].__module__ == "liveref"
    assert pickle.loads(pickle.dumps(PUBLIC[name])) is PUBLIC[name]


@pytest.mark.parametrize("name", CLASSES)
def test_inspect_gives_no_other_source_for_it(name: str) -> None:
    """It looks a class up in the module that is named: there it finds none, as with all who give theirs public paths."""
    with pytest.raises(OSError, match="could not find class definition|source code not available"):
        inspect.getsource(CLASSES[name])


@pytest.mark.parametrize("name", [name for name, found in with_methods() if callable(found)])
def test_its_annotations_are_found(name: str) -> None:
    found = dict(with_methods())[name]
    typing.get_type_hints(found)


def can_have_subclasses(cls: type) -> bool:
    return not getattr(cls, "__final__", False) and not issubclass(cls, enum.Enum) and cls is not liveref.Pinned


@pytest.mark.parametrize("name", [name for name, cls in CLASSES.items() if can_have_subclasses(cls)])
def test_a_subclass_finds_its_annotations_too(name: str) -> None:
    typing.get_type_hints(type("Sub", (CLASSES[name],), {}))


def picklable() -> Iterator[object]:
    """One of everything public that can be pickled."""
    registry = SessionRefRegistry()
    key = registry.insert(1)
    yield KEY
    yield RegistryKey.parse(str(KEY), type("Local", (), {}))
    yield open_store.recipe(3)
    yield registry.describe()
    yield [list(each) for each in CLASSES.values() if issubclass(each, enum.Enum)]
    yield liveref.SnapshotLimits(max_refs=5)
    yield [
        liveref.CapturedRef("k", "t", "pickle", 1, "until_snapshot", None),
        liveref.DroppedRef("k", "t", "r"),
        liveref.ExpectedRef("k", "t", None),
    ]
    yield liveref.RefFailure("k", "t", "r", None)
    for name in exceptions.__all__:
        if name != "RefFailure":
            error = getattr(exceptions, name)
            yield error.__new__(error)
    registry.release(key)


def names_in(data: bytes) -> set[str]:
    found: set[str] = set()

    class Noting(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            found.add(f"{module} {name}")
            return super().find_class(module, name)

    Noting(io.BytesIO(data)).load()
    return {name for name in found if name.startswith("liveref")}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_names_public_and_persisted_names_alone(protocol: int) -> None:
    promised = {f"liveref {name}" for name in CLASSES} | {f"liveref._persisted {name}" for name in PERSISTED}
    named: set[str] = set()
    for found in picklable():
        try:
            named |= names_in(pickle.dumps(found, protocol))
        except TypeError:  # an error made without its arguments
            named |= {f"{type(found).__module__} {type(found).__name__}"}
    assert named <= promised
    assert {"liveref RefInfo", "liveref._persisted key", "liveref._persisted sealed_key"} <= named


def test_the_room_of_persisted_names_holds_what_is_promised() -> None:
    assert set(_persisted.__all__) == PERSISTED
    for name in PERSISTED:
        found = getattr(_persisted, name)
        assert (found.__module__, found.__qualname__) == ("liveref._persisted", name)


def test_the_room_of_persisted_names_says_of_another_that_it_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"module 'liveref\._persisted' has no attribute 'nothing'"):
        getattr(_persisted, "nothing")


def test_what_stands_for_keys_in_payloads_is_loaded_when_its_name_is_asked_for() -> None:
    program = (
        "import pickle, sys, liveref; room = 'liveref._payloads.stand_in'; before = room in sys.modules;"
        "found = pickle.loads(b'cliveref._persisted\\nLiveStandIn\\n.');"
        "print(before, room in sys.modules, found.__module__, pickle.loads(pickle.dumps(found)) is found)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False True liveref._persisted True\n"


@pytest.mark.parametrize("name", sorted(PERSISTED - {"recipe"}))
def test_a_persisted_name_is_that_of_a_class_which_a_loader_with_a_list_of_classes_admits(name: str) -> None:
    assert isinstance(getattr(_persisted, name), type)
