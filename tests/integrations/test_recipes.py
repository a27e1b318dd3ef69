"""Serializers with a ring: what they write is read in another process, as far as recipes go."""

from __future__ import annotations


from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import pytest

from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    MarkerAuthError,
    NoCurrentRegistryError,
    RefNotFoundError,
    RefReleasedError,
    RegistryClosedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionRefRegistry,
    SnapshotKeys,
    UnknownTypeTagError,
    acting_as,
    jsonable,
    reopener,
)
from liveref import _recipe
from liveref.integrations import pickle as pickles

RING = SnapshotKeys({"old": b"o" * 32, "new": b"n" * 32}, current="new")
OLD = SnapshotKeys({"old": b"o" * 32}, current="old")
OTHER = SnapshotKeys({"old": b"x" * 32, "new": b"y" * 32}, current="new")


class Door:
    """A live object."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = False

    def close(self) -> None:
        self.closed = True


@reopener("tests.recipes.door", finalizer=Door.close)
def door(name: str) -> Door:
    if name == "jammed":
        raise OSError
    return Door(name)


class Serializer(Protocol):
    """What writes and reads payloads, on some registry."""

    def __call__(self, registry: SessionRefRegistry | None, **options: Any) -> Pair: ...


class Pair(NamedTuple):
    """How a payload is written and read."""

    write: Callable[[object], Any]
    read: Callable[[Any], Any]


def as_json(registry: SessionRefRegistry | None, *, live: Any = (), recipes: SnapshotKeys | None = None) -> Pair:
    def write(payload: object) -> object:
        return jsonable.encode(payload, registry=registry, live=live, recipes=recipes)

    return Pair(write, lambda written: jsonable.decode(written, registry=registry, recipes=recipes))


def as_pickle(registry: SessionRefRegistry | None, *, live: Any = (), recipes: SnapshotKeys | None = None) -> Pair:
    def write(payload: object) -> bytes:
        return pickles.dumps(payload, registry, live=live, recipes=recipes)

    return Pair(write, lambda written: pickles.loads(written, registry, recipes=recipes))


def langgraph(registry: SessionRefRegistry | None, **options: Any) -> Pair:
    pytest.importorskip("langgraph.checkpoint.serde.jsonplus", reason="langgraph is not installed: make .venv/engines")
    from liveref.integrations.langgraph import LiveRefSerializer

    serializer = LiveRefSerializer(registry, **options)
    return Pair(serializer.dumps_typed, serializer.loads_typed)


def llama_index(registry: SessionRefRegistry | None, **options: Any) -> Pair:
    pytest.importorskip("workflows", reason="llama-index-workflows is not installed: make .venv/engines")
    from liveref.integrations.llama_index import LiveRefSerializer

    serializer = LiveRefSerializer(registry, **options)
    return Pair(serializer.serialize, serializer.deserialize)


def dbos(registry: SessionRefRegistry | None, **options: Any) -> Pair:
    pytest.importorskip("dbos", reason="dbos is not installed: make .venv/engines")
    from liveref.integrations.dbos import LiveRefSerializer

    serializer = LiveRefSerializer(registry, **options)
    return Pair(serializer.serialize, serializer.deserialize)


def prefect(registry: SessionRefRegistry | None, **options: Any) -> Pair:
    pytest.importorskip("prefect", reason="prefect is not installed: make .venv/engines")
    from liveref.integrations.prefect import LiveRefSerializer

    serializer = LiveRefSerializer(registry, **options)
    return Pair(serializer.dumps, serializer.loads)


SERIALIZERS: list[Serializer] = [as_json, as_pickle, langgraph, llama_index, dbos, prefect]
WITH_MISSING: list[Serializer] = [langgraph, llama_index, dbos, prefect]
every = pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda made: made.__name__)


@pytest.fixture
def before() -> Iterator[SessionRefRegistry]:
    """The registry of the process that crashes."""
    registry = SessionRefRegistry()
    yield registry
    registry.close()


@pytest.fixture
def after() -> Iterator[SessionRefRegistry]:
    """That of the process which comes after it."""
    registry = SessionRefRegistry()
    yield registry
    registry.close()


@every
def test_a_key_and_a_live_object_with_a_recipe_come_back_in_another_process(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key, live = before.open(door.recipe("a")), before.open(door.recipe("b"))
    written = serializer(before, live=[Door], recipes=RING).write([key, before[live], {"again": key}])
    first, second, again = serializer(after, live=[Door], recipes=RING).read(written)
    assert first == again["again"] == key
    assert type(first) is RegistryKey
    assert (type(second), second.name, second is before[live]) == (Door, "b", False)
    assert after[live] is second
    assert (after[key].name, len(after)) == ("a", 2)
    after.close()
    assert second.closed


@every
def test_where_the_registry_holds_it_nothing_is_opened(serializer: Serializer, before: SessionRefRegistry) -> None:
    key = before.open(door.recipe("a"))
    pair = serializer(before, live=[Door], recipes=RING)
    again, same = pair.read(pair.write([key, before[key]]))
    assert again == key
    assert same is before[key]
    assert len(before) == 1


@every
def test_what_has_no_recipe_is_written_as_ever_and_says_which_it_was(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key, with_recipe = before.insert(Door("a")), before.open(door.recipe("b"))
    gone = RegistryKey.new(Door)
    written = serializer(before, recipes=RING).write([key, with_recipe, gone])
    first, second, third = serializer(after, recipes=RING).read(written)
    assert (first, second, third) == (key, with_recipe, gone)
    assert after[second].name == "b"
    with pytest.raises(RefNotFoundError, match=str(key)[:6]):
        after[first]
    lost = serializer(before, live=[Door], recipes=RING).write([before[key]])
    with pytest.raises(RefNotFoundError, match=str(key)[:6]):
        serializer(after, live=[Door], recipes=RING).read(lost)


@pytest.mark.parametrize("serializer", WITH_MISSING, ids=lambda made: made.__name__)
def test_with_missing_what_has_no_recipe_is_its_key_and_the_rest_comes_back(
    serializer: Any, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key, with_recipe = before.insert(Door("a")), before.open(door.recipe("b"))
    written = serializer(before, live=[Door], recipes=RING).write([before[key], before[with_recipe]])
    first, second = serializer(after, missing="key", recipes=RING).read(written)
    assert first == key
    assert second.name == "b"


@every
def test_without_a_ring_recipes_are_neither_written_nor_read(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key = before.open(door.recipe("a"))
    (again,) = serializer(after).read(serializer(before, recipes=RING).write([key]))
    assert again == key
    serializer(after, recipes=RING).read(serializer(before).write([key]))
    assert after.is_empty()


@every
def test_an_older_secret_of_the_ring_still_holds(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key = before.open(door.recipe("a"))
    written = serializer(before, recipes=OLD).write([key])
    serializer(after, recipes=RING).read(written)
    assert after[key].name == "a"


@every
def test_another_ring_is_refused_and_nothing_registered(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key = before.open(door.recipe("a"))
    for payload in ([key], [before[key]]):
        written = serializer(before, live=[Door], recipes=RING).write(payload)
        with pytest.raises(MarkerAuthError):
            serializer(after, live=[Door], recipes=OTHER).read(written)
        assert after.is_empty()


@every
def test_it_takes_room_and_an_open_registry(serializer: Serializer, before: SessionRefRegistry) -> None:
    written = serializer(before, recipes=RING).write([before.open(door.recipe(name)) for name in "ab"])
    small = SessionRefRegistry(capacity=1)
    with pytest.raises(CapacityExceededError):
        serializer(small, recipes=RING).read(written)
    small.close()
    with pytest.raises(RegistryClosedError):
        serializer(small, recipes=RING).read(written)


@every
def test_a_recipe_that_is_not_registered_is_told(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = serializer(before, recipes=RING).write([before.open(door.recipe("a"))])
    monkeypatch.delitem(_recipe._REOPENERS, "tests.recipes.door")
    with pytest.raises(UnknownTypeTagError, match=r"tests\.recipes\.door"):
        serializer(after, recipes=RING).read(written)
    assert after.is_empty()


@every
def test_a_recipe_that_fails_is_told_by_the_lookup(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    key = before.insert(Door("a"), reopen=door.recipe("jammed"))
    pair = serializer(before, live=[Door], recipes=RING)
    reading = serializer(after, live=[Door], recipes=RING)
    assert reading.read(pair.write([key])) == [key]
    with pytest.raises(ReopenError):
        reading.read(pair.write([before[key]]))


@every
def test_where_nobody_acts_an_owners_ref_is_written_with_its_recipe_and_only_that_owner_reads_it(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    with acting_as("ann"):
        key = before.open(door.recipe("a"))
        value = before[key]
    written = serializer(before, live=[Door], recipes=RING).write([key, value])
    reading = serializer(after, live=[Door], recipes=RING)
    for who in ("bob", None):
        with acting_as(who), pytest.raises(MarkerAuthError, match="another owner's"):
            reading.read(written)
    with acting_as("ann"):
        assert [reading.read(written)[1].name, after[key].name] == ["a", "a"]
    assert after.stats().by_owner == {"ann": 1}


@every
def test_a_stranger_writes_the_key_of_another_as_one_that_is_not_there(
    serializer: Serializer, before: SessionRefRegistry, after: SessionRefRegistry
) -> None:
    with acting_as("ann"):
        key = before.open(door.recipe("a"))
    with acting_as("bob"):
        written = serializer(before, recipes=RING).write([key])
        assert serializer(after, recipes=RING).read(written) == [key]
    assert after.is_empty()


@every
def test_writing_is_no_use_and_finds_nothing_that_has_expired(
    serializer: Serializer, after: SessionRefRegistry
) -> None:
    now = [0.0]
    leased = SessionRefRegistry(idle=10, clock=lambda: now[0])
    pair = serializer(leased, recipes=RING)
    key = leased.open(door.recipe("a"))
    now[0] = 6.0
    pair.write([key])
    now[0] = 11.0
    written = pair.write([key])
    assert len(leased) == 1  # nobody has ended it
    assert serializer(after, recipes=RING).read(written) == [key]
    assert after.is_empty()
    leased.close()


@every
def test_a_key_of_the_parent_is_written_with_its_recipe(serializer: Serializer, after: SessionRefRegistry) -> None:
    with Session() as session:
        key = session.refs.open(door.recipe("a"))
        with session.child(isolated=True) as child:
            written = serializer(child.refs, recipes=RING).write([key])
    serializer(after, recipes=RING).read(written)
    assert after[key].name == "a"


@every
def test_what_was_released_here_stays_so(serializer: Serializer, before: SessionRefRegistry) -> None:
    pair = serializer(before, recipes=RING)
    key = before.open(door.recipe("a"))
    written = pair.write([key])
    before.release(key)
    assert pair.read(written) == [key]
    with pytest.raises(RefReleasedError):
        before[key]


@every
def test_the_registry_may_be_the_current_one(serializer: Serializer) -> None:
    with Session() as session:
        key = session.refs.open(door.recipe("a"))
        written = serializer(None, recipes=RING).write([key])
    with Session() as session:
        assert serializer(None, recipes=RING).read(written) == [key]
        assert session.refs[key].name == "a"
    for call, given in zip(serializer(None, recipes=RING), ([key], written), strict=True):
        with pytest.raises(NoCurrentRegistryError):
            call(given)


@every
def test_a_recipe_that_is_too_long_is_refused_where_it_is_written(
    serializer: Serializer, before: SessionRefRegistry
) -> None:
    key = before.insert(Door("a"), reopen=door.recipe("x" * 9000))
    with pytest.raises(InvalidArgumentError, match=f"8 KiB.*{str(key)[:6]}"):
        serializer(before, recipes=RING).write([key])


@every
@pytest.mark.parametrize("wrong", [b"secret" * 8, "ring", {}], ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_ring_is_refused(serializer: Serializer, before: SessionRefRegistry, wrong: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="recipes"):
        serializer(before, recipes=wrong).write([1])
