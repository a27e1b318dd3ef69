"""Payloads as JSON and back: keys, live objects, escapes, paths, depth."""

from __future__ import annotations

import decimal
import enum
import json
import math
import threading
import tracemalloc
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveref import (
    SESSION_REF_TAG,
    CapacityExceededError,
    InvalidArgumentError,
    MarkerAuthError,
    MarkerError,
    NoCurrentRegistryError,
    NotJSONableError,
    RefReleasedError,
    RegistryClosedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SnapshotKeys,
    reopener,
)
from liveref.jsonable import decode, default, encode, find_markers, reject_markers

UUID = "0f0e1d2c-3b4a-4958-8776-655443322110"
KEY = RegistryKey.parse(UUID, int)
MARKER = {SESSION_REF_TAG: UUID}


class Conn:
    """A live object."""


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


def test_plain_values_pass_unchanged_as_a_copy() -> None:
    payload = {"a": [None, True, 1, 2**80, 1.5, "é", {"b": []}], "": {}}
    encoded = encode(payload)
    assert encoded == payload
    assert encoded is not payload
    assert json.loads(json.dumps(encoded)) == payload


@pytest.mark.parametrize("value", [None, True, 1, -0.0, "x", [], {}])
def test_a_payload_may_be_any_value(value: object) -> None:
    assert encode(value) == decode(encode(value)) == value


def test_a_key_becomes_its_marker_and_comes_back_as_a_key() -> None:
    encoded = encode({"k": KEY, "ks": [KEY]})
    assert encoded == {"k": MARKER, "ks": [MARKER]}
    assert decode(encoded) == decode(encoded, registry=SessionRefRegistry()) == {"k": KEY, "ks": [KEY]}


def test_a_live_object_comes_back_as_itself_and_without_a_registry_as_a_key() -> None:
    registry = SessionRefRegistry()
    conn = Conn()
    encoded = encode({"c": [conn], "again": conn}, registry=registry, live=[Conn])
    decoded = decode(json.loads(json.dumps(encoded)), registry=registry)
    assert decoded == {"c": [conn], "again": conn}
    assert len(registry) == 1
    (key,) = registry
    assert decode(encoded) == {"c": [key], "again": key}
    assert encoded["c"][0] == {SESSION_REF_TAG: str(key), "type": f"{__name__}:Conn"}


def test_an_object_keeps_its_key_at_every_hop_and_where_it_was_inserted_by_hand() -> None:
    registry = SessionRefRegistry()
    conn = Conn()
    key = registry.insert(conn)
    hops = [encode([conn], registry=registry, live=(Conn,)) for _ in range(3)]
    assert hops[0] == hops[1] == hops[2] == [key.to_marker(typed=True)]


def test_an_object_that_a_parent_holds_keeps_the_parents_key() -> None:
    with Session() as parent, parent.child(isolated=True) as child:
        conn = Conn()
        key = parent.refs.insert(conn)
        assert encode(conn, live=[Conn]) == key.to_marker(typed=True)
        assert child.refs.is_empty()


def test_a_ref_that_is_just_going_is_no_home_for_its_object() -> None:
    registry = SessionRefRegistry()
    conn = Conn()
    key = registry.insert(conn)
    del registry._refs[key._id]._value
    encode(conn, registry=registry, live=[Conn])
    assert len(registry) == 2
    registry._refs.pop(key._id)


def test_live_objects_go_to_the_current_registry() -> None:
    with Session() as session:
        encode(Conn(), live=[Conn])
        (info,) = session.refs.describe()
    assert info.where is not None
    assert info.where.startswith(__file__)
    with pytest.raises(NoCurrentRegistryError):
        encode(Conn(), live=[Conn])
    assert encode([1]) == [1]


def test_a_payload_that_fails_inserts_nothing() -> None:
    registry = SessionRefRegistry()
    with pytest.raises(NotJSONableError, match=r"\$\[1\]"):
        encode([Conn(), b"x"], registry=registry, live=[Conn])
    assert registry.is_empty()
    full = SessionRefRegistry(capacity=2)
    kept = full.insert(1)
    with pytest.raises(CapacityExceededError):
        encode([Conn(), Conn()], registry=full, live=[Conn])
    assert full.keys() == [kept]
    registry.close()
    with pytest.raises(RegistryClosedError):
        encode(Conn(), registry=registry, live=[Conn])


def test_a_ref_that_can_not_be_carried_is_told_with_its_key_and_where_it_was_inserted() -> None:
    registry = SessionRefRegistry()
    conn = Conn()
    key = registry.insert(conn)
    (info,) = registry.describe()
    with pytest.raises(NotJSONableError) as caught:
        encode({"event": [conn]}, registry=registry)
    found = f"{__name__}.Conn, which is ref {info.key} (inserted at {info.where})"
    advice = f"Pass the key of that ref, or {__name__}.Conn in live=."
    assert str(caught.value) == f"$.event[0] is not JSON: found {found}. {advice}"
    assert str(key) not in str(caught.value)


def test_a_ref_of_the_current_registry_or_its_parent_is_told_too() -> None:
    conn = Conn()
    with Session() as parent, parent.child(isolated=True):
        parent.refs.insert(conn)
        with pytest.raises(NotJSONableError, match=r"Conn, which is ref \w{6}… \(inserted at .*:\d+\)\. Pass the key"):
            encode([conn])
        with pytest.raises(NotJSONableError, match=r"found .*Conn\. Pass None, .*A live object goes as its key"):
            encode([Conn()])
        with pytest.raises(NotJSONableError, match=r"found .*Conn\. Pass None"):
            encode([conn], registry=SessionRefRegistry())


def test_live_takes_classes() -> None:
    with pytest.raises(InvalidArgumentError, match="live must be classes, found str"):
        encode(1, live=["Conn"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ((1,), "tuple"),
        ({1}, "set"),
        (b"x", "bytes"),
        (decimal.Decimal(1), "decimal.Decimal"),
        (Level.LOW, "Level"),
        (np.float64(1.5), "numpy.float64"),
        (np.int64(1), "numpy.int64"),
        (Text("x"), "Text"),
        (math.nan, "a float that is not finite"),
        (-math.inf, "a float that is not finite"),
        ("a\ud800", "a str with a lone surrogate"),
        ({1: 2}, "a dict key of type int"),
        ({Text("x"): 2}, "a dict key of type .*Text"),
        ({"\udfff": 2}, "a dict key with a lone surrogate"),
        (10**4300, "an int of more than 4,300 digits"),
        (-(10**4300), "an int of more than 4,300 digits"),
        (Conn(), "Conn"),
        (threading.Lock(), "lock"),
        (int, "type"),
    ],
    ids=[
        "tuple", "set", "bytes", "decimal", "enum", "numpy float", "numpy int", "str subclass", "nan", "inf",
        "surrogate", "int key", "str subclass key", "surrogate key", "huge", "huge and negative",
        "object", "lock", "class",
    ],
)  # fmt: skip
def test_what_json_would_change_is_refused_with_its_path(value: object, found: str) -> None:
    with pytest.raises(NotJSONableError, match=rf"\$\.event\.conns\[2\] is not JSON: found .*{found}"):
        encode({"event": {"conns": [1, 2, value]}})


@pytest.mark.parametrize(
    ("payload", "path"),
    [(b"", r"\$"), ({"a b": b""}, r'\$\["a b"\]'), ({"é": {"1": b""}}, r'\$\.é\["1"\]'), ([[b""]], r"\$\[0\]\[0\]")],
    ids=["root", "odd name", "digits", "lists"],
)
def test_a_path_is_written_so_that_it_can_be_read(payload: object, path: str) -> None:
    with pytest.raises(NotJSONableError, match=f"^{path} is not JSON"):
        encode(payload)


@pytest.mark.parametrize(
    "own",
    [
        dict(MARKER),
        {SESSION_REF_TAG: 5},
        {SESSION_REF_TAG: {"deep": 1}},
        {SESSION_REF_TAG: {SESSION_REF_TAG: {SESSION_REF_TAG: "x"}}},
        {SESSION_REF_TAG: [], "other": KEY},
        {SESSION_REF_TAG: KEY},
    ],
    ids=["a marker", "a number", "a dict", "escapes", "more fields", "a key"],
)
def test_a_dict_of_the_users_own_with_the_tag_is_escaped(own: dict[str, object]) -> None:
    encoded = encode([own])
    assert isinstance(encoded[0][SESSION_REF_TAG], dict)
    assert decode(json.loads(json.dumps(encoded))) == [own]
    keys = [value for value in own.values() if isinstance(value, RegistryKey)]
    assert [key for _, key in find_markers(encoded)] == keys


def test_a_container_in_itself_is_refused_and_one_in_two_places_is_not() -> None:
    loop: list[object] = [1]
    loop.append({"again": loop})
    with pytest.raises(NotJSONableError, match=r"^\$\[1\]\.again is not JSON: found a container that contains itself"):
        encode(loop)
    for depth in (1, 31, 32, 80):
        tail: list[object] = [{}]
        ring = tail
        for _ in range(depth):
            ring = [ring]
        tail.append(ring)
        with pytest.raises(
            NotJSONableError, match=rf"^\$\.a(\[0\]){{{depth}}}\[1\] is not JSON: found a container that"
        ):
            encode({"a": ring})
    shared = {"a": 1}
    assert encode([shared, shared]) == [shared, shared]


def looped(wrap: object, width: int = 1) -> object:
    """What contains itself, in a list or a dict, once or more often, at once or through others."""
    ring: list[object] = []
    if wrap is None:
        ring.extend([ring] * width)
        return ring
    inner = {f"k{at}": ring for at in range(width)} if wrap is dict else [ring] * width
    ring.append(inner)
    return inner


READERS = {
    "encode": encode,
    "decode": decode,
    "find_markers": lambda payload: list(find_markers(payload)),
    "reject_markers": reject_markers,
}


@pytest.mark.parametrize("width", [1, 2, 3000])
@pytest.mark.parametrize("wrap", [list, dict, None])
@pytest.mark.parametrize("name", READERS)
def test_a_payload_that_contains_itself_is_an_error_in_every_function(name: str, wrap: type, width: int) -> None:
    expected = NotJSONableError if name == "encode" else MarkerError
    payload = looped(wrap, width)
    tracemalloc.start()
    with pytest.raises(expected, match="a container that contains itself") as caught:
        READERS[name]({"a": [1, payload]})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000
    assert "$.a[1]" in str(caught.value)


@pytest.mark.parametrize("name", ["decode", "find_markers", "reject_markers"])
def test_an_escape_that_contains_itself_is_an_error_too(name: str) -> None:
    own: dict[str, object] = {}
    own[SESSION_REF_TAG] = {"deep": [own]}
    with pytest.raises(MarkerError):
        READERS[name](own)


class Odd(type):
    """A class of classes that have no hash."""

    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = None  # type: ignore[assignment]


class Unhashed(metaclass=Odd):
    """Of such a class."""


def test_a_class_without_a_hash_is_told_or_carried_as_any_other() -> None:
    registry, live = SessionRefRegistry(), Unhashed()
    with pytest.raises(NotJSONableError, match=r"^\$\.a\[1\] is not JSON: found .*Unhashed"):
        encode({"a": [1, live]})
    assert decode(encode([1, live], registry=registry, live=[Unhashed]), registry=registry) == [1, live]


class Row(tuple[object, ...]):
    """As a named tuple is."""


@pytest.mark.parametrize("own", [tuple, Row])
def test_what_json_writes_as_a_list_is_looked_into(own: Callable[[list[object]], object]) -> None:
    marker = RegistryKey[object].new().to_marker()
    outside = {"a": own([1, marker])}
    assert [path for path, _ in find_markers(outside)] == ["$.a[1]"]
    with pytest.raises(MarkerError, match=r"at \$\.a\[1\]"):
        reject_markers(outside)


@pytest.mark.parametrize("name", READERS)
def test_what_holds_its_own_escape_is_an_error_too(name: str) -> None:
    own: dict[str, object] = {}
    own["a"] = {SESSION_REF_TAG: own}
    with pytest.raises(NotJSONableError if name == "encode" else MarkerError):
        READERS[name]([own])


@pytest.mark.parametrize("name", READERS)
def test_what_stands_in_two_places_is_no_cycle(name: str) -> None:
    shared: dict[str, object] = {"a": [{}]}
    READERS[name]([shared, [shared, {"b": shared}], shared])


@pytest.mark.parametrize("beside", [1, None, "x"], ids=str)
def test_a_huge_int_is_found_beside_whatever(beside: object) -> None:
    with pytest.raises(NotJSONableError, match=r"^\$\[1\] is not JSON: found an int of more than 4,300 digits"):
        encode([beside, 10**4300])


def test_ints_pass_that_json_writes() -> None:
    edge = [10**4300 - 1, 1 - 10**4300, None, True, 0]
    assert json.loads(json.dumps(encode(edge))) == edge
    assert json.loads(json.dumps(encode({"n": edge[0], "l": [1, edge[1]]}))) == {"n": edge[0], "l": [1, edge[1]]}


@pytest.mark.parametrize(
    ("name", "step"),
    [(1.5, "$.float"), (None, "$.None"), ((1, 2), "$.tuple"), (True, "$[1]"), (10**5000, "$.int"), (Level.LOW, "$[1]")],
    ids=range(6),
)  # fmt: skip
def test_markers_are_found_under_the_odd_keys_that_other_formats_allow(name: object, step: str) -> None:
    payload = {name: [dict(MARKER)]}
    assert [path for path, _ in find_markers(payload)] == [f"{step}[0]"]
    with pytest.raises(MarkerError):
        reject_markers(payload)


def test_a_path_is_printable_and_of_a_decent_length() -> None:
    evil = "\x1b[31m\nERROR \u202e"
    with pytest.raises(NotJSONableError) as caught:
        encode({evil: {"x" * 1_000_000: b""}})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_key_that_is_the_key_of_a_dict_is_told() -> None:
    with pytest.raises(NotJSONableError, match=r"\$\.a is not JSON: found a dict key of type .*RegistryKey"):
        encode({"a": {KEY: 1}})


def test_the_refusal_of_markers_says_what_to_do() -> None:
    with pytest.raises(MarkerError, match=r"^refused input: .* Refuse it, or take that part out\.$"):
        reject_markers([MARKER])


def test_what_is_gone_is_told_with_advice_for_decode() -> None:
    registry = SessionRefRegistry()
    encoded = encode(Conn(), registry=registry, live=[Conn])
    registry.drain()
    with pytest.raises(RefReleasedError, match="Session.resume") as caught:
        decode(encoded, registry=registry)
    assert "default=" not in str(caught.value)


# As a hook of an encoder.


def test_default_writes_keys_for_json_and_orjson() -> None:
    payload = {"k": [KEY], "n": 1}
    for text in (json.dumps(payload, default=default), orjson.dumps(payload, default=default)):
        assert json.loads(text) == {"k": [MARKER], "n": 1}
        assert decode(json.loads(text), registry=SessionRefRegistry()) == payload


def test_default_refuses_all_else() -> None:
    with pytest.raises(NotJSONableError, match=r"a part of it is not JSON: found .*Conn\. Pass its key"):
        json.dumps([Conn()], default=default)
    with pytest.raises(orjson.JSONEncodeError):
        orjson.dumps([Conn()], default=default)


def test_depth_is_no_limit() -> None:
    deep: object = KEY
    for _ in range(100_000):
        deep = [{"a": deep}]
    encoded = encode(deep)
    decoded = decode(encoded)
    ((path, key),) = find_markers(encoded)
    assert (len(path), key) == (1 + 100_000 * 5, KEY)
    with pytest.raises(MarkerError):
        reject_markers(encoded)
    for _ in range(100_000):
        decoded = decoded[0]["a"]
    assert decoded == KEY


def test_markers_are_found_in_their_order() -> None:
    other = RegistryKey.new(str)
    payload = encode({"b": [KEY, {"c": other}], "a": KEY, "d": {SESSION_REF_TAG: 1, "k": other}})
    found = list(find_markers(payload))
    paths = ["$.b[0]", "$.b[1].c", "$.a", f"$.d.{SESSION_REF_TAG}.k"]
    assert found == list(zip(paths, [KEY, other, KEY, other], strict=True))
    assert list(find_markers({"a": 1})) == []


@pytest.mark.parametrize("broken", [{SESSION_REF_TAG: 5}, {SESSION_REF_TAG: "x"}, {**MARKER, "more": 1}])
def test_a_broken_marker_is_told_with_its_path(broken: object) -> None:
    for read in (decode, lambda payload: list(find_markers(payload)), reject_markers):
        with pytest.raises(MarkerError, match=r"at \$\.a\[0\]"):
            read({"a": [broken]})


@pytest.mark.parametrize(
    "payload", [MARKER, {SESSION_REF_TAG: 5}, {SESSION_REF_TAG: {}}], ids=["marker", "broken", "escape"]
)
def test_reject_refuses_all_that_contains_the_tag(payload: object) -> None:
    with pytest.raises(MarkerError, match=r"a dict with the tag at \$\.x\[1\]"):
        reject_markers({"x": [0, payload]})
    reject_markers({"x": [0, {SESSION_REF_TAG.upper(): 1}]})


def test_a_live_object_that_has_gone_is_told() -> None:
    registry = SessionRefRegistry()
    encoded = encode(Conn(), registry=registry, live=[Conn])
    registry.drain()
    with pytest.raises(RefReleasedError):
        decode(encoded, registry=registry)


CONNS = [Conn(), Conn()]
NAMES = st.text(st.characters(codec="utf-8"), max_size=3) | st.just(SESSION_REF_TAG) | st.just("type")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = SCALARS | st.text(st.characters(codec="utf-8")) | st.sampled_from(CONNS) | st.just(KEY) | st.just(UUID)
PAYLOADS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20)


@given(PAYLOADS)
@settings(max_examples=300, deadline=None)
def test_decode_undoes_encode_through_json(payload: object) -> None:
    registry = SessionRefRegistry()
    encoded = encode(payload, registry=registry, live=[Conn])
    assert decode(json.loads(json.dumps(encoded)), registry=registry) == payload
    assert len(registry) <= len(CONNS)


class Unasked:
    """What can't be asked for its class."""

    @property
    def __class__(self) -> type:
        raise ValueError("secret")


class Pretender:
    """What says that it is a dict, and has nothing of one."""

    @property
    def __class__(self) -> type:
        return dict


class ListPretender(Pretender):
    @property
    def __class__(self) -> type:
        return list


@pytest.mark.parametrize("cls", [Unasked, Pretender, ListPretender])
def test_what_lies_about_its_class_is_no_container(cls: type) -> None:
    liar: object = cls()
    payload = {"a": [liar]}
    assert list(find_markers(payload)) == []
    reject_markers(payload)
    decoded: Any = decode(payload)
    assert decoded["a"][0] is liar
    with pytest.raises(NotJSONableError, match=r"\$\.a\[0\]"):
        encode(payload)


RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


@reopener("tests.jsonable.rows")
def rows(count: int) -> list[int]:
    return [*range(count)]


@reopener("tests.jsonable.conn")
def conn() -> Conn:
    return Conn()


def test_with_a_ring_a_key_is_a_sturdy_marker_without_a_type_and_a_live_object_one_with_it() -> None:
    registry, again = SessionRefRegistry(), SessionRefRegistry()
    key, plain = registry.open(conn.recipe()), registry.insert(1)
    written: Any = encode([key, registry[key], plain], registry=registry, live=[Conn], recipes=RING)
    sturdy = registry.sturdy_marker(key, keys=RING)
    assert written == [{name: sturdy[name] for name in (SESSION_REF_TAG, "recipe")}, sturdy, plain.to_marker()]
    assert decode(written, registry=again, recipes=RING) == [key, again[key], plain]
    assert type(again[key]) is Conn
    assert [found for _, found in find_markers(written)] == [key, key, plain]


def test_what_is_not_admitted_is_told_with_its_path() -> None:
    registry, again = SessionRefRegistry(), SessionRefRegistry()
    written: Any = encode({"a": [registry.open(rows.recipe(2))]}, registry=registry, recipes=RING)
    written["a"][0]["recipe"] = written["a"][0]["recipe"][:-4] + "AAAA"
    with pytest.raises(MarkerAuthError, match=r"no valid signature at \$\.a\[0\]"):
        decode(written, registry=again, recipes=RING)
    assert again.is_empty()
    assert decode(written, registry=again) == {"a": [*registry]}


def test_a_live_object_with_a_ring_but_no_registry_is_its_key_in_the_current_one() -> None:
    with Session() as session:
        key = session.refs.open(conn.recipe())
        written = encode(session.refs[key], live=[Conn], recipes=RING)
    with Session() as session:
        assert decode(written, recipes=RING) == key
        assert type(session.refs[key]) is Conn


def test_a_marker_whose_class_hides_its_recipe_is_read_as_the_dict_it_is() -> None:
    class Sly(dict[str, str]):
        def get(self, *_: object) -> None:  # type: ignore[override]
            raise AssertionError

    registry, again = SessionRefRegistry(), SessionRefRegistry()
    key = registry.open(rows.recipe(2))
    again.admit(Sly(registry.sturdy_marker(key, keys=RING)), keys=RING)
    assert again[key] == [0, 1]
