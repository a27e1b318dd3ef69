"""The serializer on its own: what it writes, what it reads, and what it refuses."""

from __future__ import annotations

import dataclasses
import logging
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple, NoReturn, Protocol
from unittest.mock import Mock
from uuid import UUID

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: make .venv/engines")

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde import jsonplus
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command, Interrupt, Overwrite, Send
from pydantic import BaseModel, ConfigDict

from liveref import (
    SESSION_REF_TAG,
    CapacityExceededError,
    InvalidArgumentError,
    MarkerError,
    NoCurrentRegistryError,
    NotJSONableError,
    RefReleasedError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SnapshotKeys,
    reopener,
)
from liveref.integrations.langgraph import LiveRefSerializer


SECRET = "hunter2"


class Conn:
    """A live object, which nothing can write."""

    def __reduce__(self) -> NoReturn:
        raise TypeError(SECRET)


class Settings(BaseModel):
    """One that LangGraph would write by its fields."""

    url: str = "here"


class SubConn(Conn, str):
    """One that msgpack would write as the text that it is."""


@dataclasses.dataclass(frozen=True)
class Deps:
    conn: Conn
    number: int = 0

    def __post_init__(self) -> None:
        assert isinstance(self.conn, Conn)


@dataclasses.dataclass(slots=True)
class Slots:
    conn: Conn | None


Unset = dataclasses.make_dataclass("Unset", ["n"], repr=False)


class Pair(NamedTuple):
    conn: Conn
    number: int


class Inside(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True, extra="allow")
    conn: Conn
    key: RegistryKey[Conn]


class Outside(BaseModel):
    inside: Inside
    settings: Settings | None = None


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Named(str):
    __slots__ = ()


class Closeable(Protocol):
    def close(self) -> None: ...


conn = Conn()
loop: list[object] = []
loop.append(loop)
KNOWN = [Deps, Slots, Pair, Inside, Outside, Settings, Colour, Level]
KEY = RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", Conn)

HOLDERS: dict[str, object] = {
    "itself": conn,
    "key": KEY,
    "dict": {"a": {"conn": conn, "key": KEY}},
    "list": [conn, [KEY, conn]],
    "set": {conn, 1},
    "frozenset": frozenset([KEY]),
    "deque": deque([conn]),
    "ordered": OrderedDict(conn=conn),
    "dataclass": Deps(conn, 3),
    "slots": Slots(conn),
    "NamedTuple": Pair(conn, 3),
    "model": Inside(conn=conn, key=KEY, more=[conn]),
    "one message of many": [HumanMessage("a"), HumanMessage("b"), HumanMessage("c", additional_kwargs={"d": [conn]})],
    "more than a message has": [HumanMessage("a"), HumanMessage("b", more={"deep": [KEY]})],
    "model in a model": Outside(inside=Inside(conn=conn, key=KEY), settings=Settings()),
    "Send": Send("node", {"conn": conn, "key": KEY}, timeout=3),
    "Command": Command(update={"conn": conn}, resume=KEY, goto=[Send("node", conn)]),
    "Interrupt": Interrupt(value={"ask": conn}, id="1"),
    "Overwrite": Overwrite([conn]),
    "dict that looks like a marker": {"conn": conn, "user": KEY.to_marker(typed=True), "deep": [KEY.to_marker()]},
}

PLAIN: dict[str, object] = {
    "none": None,
    "bytes": b"x",
    "bytearray": bytearray(b"x"),
    "text": "x",
    "json": {"a": [1, 2.5, True, None, "ü"], "3": {4: "four"}},
    "tuple": (1, (2,)),
    "messages": [
        HumanMessage("hi", example=[{1}]),
        AIMessage("yo", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}]),
        *[HumanMessage("why", extra={"a": 1}), AIMessage("so", id="2")],
    ],
    "times": [datetime(2026, 11, 1, tzinfo=UTC), UUID(int=3), Decimal("1.5"), Path("a/b")],
    "enums": [Colour.RED, Level.LOW],
    "containers": [{1, 2}, frozenset("a"), deque([1]), OrderedDict(a=1), defaultdict(list, a=[1]), Named("x")],
    "objects": [Slots(None), Settings(), Send("node", {"n": [1]}), Command(resume=1), Interrupt(value=1, id="2")],
    "exception": ValueError("no"),
    "surrogate": "\ud800",
    "dict that looks like a marker": KEY.to_marker(typed=True),
    "dict with the tag": {SESSION_REF_TAG: {SESSION_REF_TAG: "x"}},
}


def strict() -> JsonPlusSerializer:
    return JsonPlusSerializer(allowed_msgpack_modules=KNOWN)


INNERS = {
    "default": lambda: None,
    "strict": strict,
    "encrypted": lambda: EncryptedSerializer.from_pycryptodome_aes(strict(), key=b"k" * 16),
    "pickle fallback": lambda: JsonPlusSerializer(pickle_fallback=True),
    "pickle": lambda: Pickles(),
}


class Pickles:
    """A serializer of the user's own."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return "mine", pickle.dumps(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return pickle.loads(data[1])


class Counting(JsonPlusSerializer):
    """How often the inner serializer is asked."""

    calls = 0

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        self.calls += 1
        return super().dumps_typed(obj)


def assert_same(found: object, expected: object) -> None:
    if isinstance(expected, Send):
        assert isinstance(found, Send)
        assert (found.node, found.arg, found.timeout) == (expected.node, expected.arg, expected.timeout)
    else:
        assert type(found) is (dict if isinstance(expected, dict) else type(expected))
        assert found == expected  # a Conn equals itself only


@pytest.mark.parametrize("inner", INNERS.values(), ids=INNERS)
@pytest.mark.parametrize("value", HOLDERS.values(), ids=HOLDERS)
def test_what_holds_keys_and_live_objects_comes_back_with_them(
    value: object, inner: Any, registry: SessionRefRegistry
) -> None:
    serde = LiveRefSerializer(registry, live=[Conn], inner=inner())
    assert_same(serde.loads_typed(serde.dumps_typed(value)), value)


@pytest.mark.parametrize("live", [[], [Conn]], ids=["explicit", "transparent"])
@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_what_holds_none_is_written_by_the_inner_serializer_as_ever(value: object, live: list[type]) -> None:
    assert LiveRefSerializer(live=live).dumps_typed(value) == JsonPlusSerializer().dumps_typed(value)


@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_an_encoder_that_is_not_as_known_is_left_to_itself(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonplus, "_option", jsonplus._option | 1)
    inner = Counting()
    serde = LiveRefSerializer(live=[Conn], inner=inner)
    assert serde.dumps_typed(value) == JsonPlusSerializer().dumps_typed(value)
    assert inner.calls == 1


def test_in_transparent_mode_one_pass_looks_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    serde = LiveRefSerializer(live=[Conn])
    monkeypatch.setattr(JsonPlusSerializer, "dumps_typed", pytest.fail)
    serde.dumps_typed(PLAIN["json"])


@pytest.mark.parametrize("live", [[], [Conn]], ids=["explicit", "transparent"])
def test_what_the_inner_serializer_pickles_it_pickles_once_and_whole(live: list[type]) -> None:
    inner = Counting(pickle_fallback=True)
    number = 2**80
    written = LiveRefSerializer(live=live, inner=inner).dumps_typed({"n": number})
    assert written == ("pickle", pickle.dumps({"n": number}))
    assert inner.calls == 1


def test_a_live_object_that_the_inner_serializer_would_write_by_its_fields_stays_itself(
    registry: SessionRefRegistry,
) -> None:
    serde = LiveRefSerializer(registry, live=[Settings, SubConn, Colour])
    settings, text = Settings(), SubConn("text")
    loaded = serde.loads_typed(serde.dumps_typed({"in": Outside.model_construct(settings=settings), "text": text}))
    assert loaded["in"].settings is settings
    assert loaded["text"] is text
    assert len(registry) == 2


def test_builtin_data_is_never_live(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry, live=[object])
    assert serde.loads_typed(serde.dumps_typed({"conn": conn, "data": [1, "x", (b"y",)]})) == {
        "conn": conn,
        "data": [1, "x", [b"y"]],
    }
    assert len(registry) == 1


def test_an_object_keeps_its_key_at_every_checkpoint(registry: SessionRefRegistry) -> None:
    key = registry.insert(conn)
    serde = LiveRefSerializer(registry, live=[Conn])
    for _ in range(3):
        serde.loads_typed(serde.dumps_typed({"a": conn, "b": [conn]}))
    assert registry.keys() == [key]


def test_the_registry_is_the_current_one() -> None:
    serde = LiveRefSerializer(live=[Conn])
    with pytest.raises(NoCurrentRegistryError):
        serde.dumps_typed(conn)
    with Session() as session:
        assert serde.loads_typed(serde.dumps_typed(conn)) is conn
        assert len(session.refs) == 1


def test_a_write_that_fails_inserts_nothing() -> None:
    registry = SessionRefRegistry(capacity=1)
    serde = LiveRefSerializer(registry, live=[Conn])
    with pytest.raises(NotJSONableError):
        serde.dumps_typed([conn, print])
    with pytest.raises(CapacityExceededError):
        serde.dumps_typed([conn, Conn()])
    assert registry.is_empty()


def test_a_key_keeps_the_class_of_its_hint_where_that_is_loaded(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry)
    keys = [registry.insert(conn), registry.insert([1], list[int]), RegistryKey.new(RegistryKey)]
    loaded = serde.loads_typed(serde.dumps_typed(keys))
    assert loaded == keys
    assert [key.hint for key in loaded] == [Conn, object, RegistryKey]


def test_a_key_whose_class_is_not_what_it_was_is_a_key_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    serde = LiveRefSerializer()
    written = serde.dumps_typed(KEY)
    monkeypatch.setitem(globals(), "Conn", Closeable)  # which can't be checked at run time
    assert serde.loads_typed(written) == KEY
    assert serde.loads_typed(written).hint is object


def test_a_ref_that_is_gone_raises_or_comes_back_as_its_key(registry: SessionRefRegistry) -> None:
    key = registry.insert(conn)
    serde = LiveRefSerializer(registry, live=[Conn])
    written = serde.dumps_typed({"deps": Deps(conn), "key": key})
    registry.release(key)
    with pytest.raises(RefReleasedError):
        serde.loads_typed(written)
    holder = serde.dumps_typed([Slots(None), {"key": key}])
    assert serde.loads_typed(holder)[1] == {"key": key}  # a key needs no ref
    lenient = LiveRefSerializer(registry, live=[Conn], missing="key")
    assert lenient.loads_typed(serde.dumps_typed({"key": key})) == {"key": key}


def test_a_live_object_that_is_gone_comes_back_as_its_key(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry, live=[Conn], missing="key")
    written = serde.dumps_typed([conn])
    [key] = registry.keys()
    registry.release(key)
    assert serde.loads_typed(written) == [key]


def test_langgraph_alone_reads_keys(registry: SessionRefRegistry) -> None:
    written = LiveRefSerializer(registry, live=[Conn]).dumps_typed([conn])
    assert JsonPlusSerializer().loads_typed(written) == registry.keys()


@pytest.mark.parametrize(
    "marker", [{SESSION_REF_TAG: "none"}, {}, {SESSION_REF_TAG: str(KEY), "type": "a:B", "more": "x"}], ids=str
)
def test_a_stand_in_that_holds_no_marker_raises(marker: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RegistryKey, "to_marker", lambda _self, typed: marker)
    serde = LiveRefSerializer()
    written = serde.dumps_typed([KEY])
    with pytest.raises(MarkerError):
        serde.loads_typed(written)


def test_an_encrypted_serializer_may_be_outside_or_inside(registry: SessionRefRegistry) -> None:
    ours = LiveRefSerializer(registry, live=[Conn], inner=strict())
    outside = EncryptedSerializer.from_pycryptodome_aes(ours, key=b"k" * 16)
    inside = LiveRefSerializer(registry, live=[Conn], inner=EncryptedSerializer(outside.cipher, strict()))
    value = {"deps": Deps(conn), "key": KEY}
    for one, other in ((outside, inside), (inside, outside)):
        type_, data = one.dumps_typed(value)
        assert (type_, b"Deps" in data) == ("msgpack+aes", False)
        assert other.loads_typed((type_, data)) == value


def test_an_encrypted_serializer_encrypts_what_holds_nothing_live() -> None:
    inner = EncryptedSerializer.from_pycryptodome_aes(key=b"k" * 16)
    type_, data = LiveRefSerializer(live=[Conn], inner=inner).dumps_typed({"text": "secret"})
    assert (type_, b"secret" in data) == ("msgpack+aes", False)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_strict_allow_list_lets_markers_pass_and_can_be_extended(
    encrypted: bool, registry: SessionRefRegistry
) -> None:
    inner: Any = JsonPlusSerializer(allowed_msgpack_modules=None)
    inner = EncryptedSerializer.from_pycryptodome_aes(inner, key=b"k" * 16) if encrypted else inner
    serde = LiveRefSerializer(registry, live=[Conn], inner=inner)
    written = serde.dumps_typed([conn, KEY, Slots(conn)])
    assert serde.loads_typed(written) == [conn, KEY, {"conn": conn}]
    extended = serde.with_msgpack_allowlist([Slots])
    assert extended.loads_typed(written) == [conn, KEY, Slots(conn)]
    assert extended.with_msgpack_allowlist([Slots]) is extended


def test_markers_bring_no_warning_about_classes_that_are_not_in_an_allow_list(
    caplog: pytest.LogCaptureFixture, registry: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonplus, "_warned_unregistered_types", set())
    serde = LiveRefSerializer(registry, live=[Conn])
    log = logging.getLogger(jsonplus.__name__)
    filters = list(log.filters)
    with caplog.at_level(logging.WARNING, "langgraph"):
        serde.loads_typed(serde.dumps_typed([conn, KEY]))
        assert (caplog.messages, log.filters) == ([], filters)
        serde.loads_typed(serde.dumps_typed(Slots(None)))
        logging.getLogger(jsonplus.__name__).warning("one of its own")
    assert [message.split(".")[-1] if "Slots" in message else message for message in caplog.messages][1:] == [
        "one of its own"
    ]
    assert "Slots" in caplog.messages[0]


deep: list[object] = []
for _ in range(100_000):
    deep = [deep]

deep_for_msgpack: list[object] = []
for _ in range(300):
    deep_for_msgpack = [deep_for_msgpack]

REFUSED: dict[str, tuple[object, str, str]] = {
    "function": ({"channel_values": {"db": print}}, "$.channel_values.db", "builtin_function_or_method"),
    "in a list": ([1, {"a b": [conn]}], '$[1]["a b"][0]', "Conn"),
    "in an object": (Send("n", {"deps": Deps(conn)}), "$.arg.deps.conn", "Conn"),
    "in a model": ({3: Outside.model_construct(inside=conn)}, "$[3].inside", "Conn"),
    "under an odd key": ({1.5: conn}, "$.float", "Conn"),
    "itself": (conn, "$", "Conn"),
    "dict key": ({"a": {"b": 2, KEY: 1}}, "$.a", "a dict key of type liveref.RegistryKey"),
    "number": ({"n": [2**80]}, "$.n[0]", "a value of type int that is too large"),
    "cannot be looked into": ([object.__new__(Unset)], "$[0]", "Unset"),
    "contains itself": ({"loop": loop}, "$", "a value that is nested too deeply, or contains itself"),
    "nested too deeply": (deep, "$", "a value that is nested too deeply, or contains itself"),
    "too deep for msgpack": ([deep_for_msgpack], "$[0][0]", "a value of type list that is too large or nested"),
}


@pytest.mark.parametrize("live", [[], [Settings]], ids=["explicit", "transparent"])
@pytest.mark.parametrize(("value", "path", "found"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_is_named_by_its_path(value: object, path: str, found: str, live: list[type]) -> None:
    with pytest.raises(NotJSONableError) as raised:
        LiveRefSerializer(live=live).dumps_typed(value)
    assert raised.value.args[0].startswith(path)
    assert found in raised.value.args[1]


@pytest.mark.parametrize("case", ["in a list", "in an object", "itself", "nested too deeply"])
def test_so_is_what_cannot_be_pickled_either(case: str) -> None:
    value, path, found = REFUSED[case]
    with pytest.raises(NotJSONableError) as raised:
        LiveRefSerializer(inner=JsonPlusSerializer(pickle_fallback=True)).dumps_typed(value)
    assert raised.value.args[0].startswith(path)
    assert found in raised.value.args[1]
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)  # whose texts could hold a repr


def test_the_advice_for_an_object_in_a_registry_names_where_it_was_inserted(registry: SessionRefRegistry) -> None:
    with pytest.raises(NotJSONableError, match="Insert it into the registry and pass its key, or add its class to"):
        LiveRefSerializer(registry).dumps_typed({"db": conn})
    registry.insert(conn)
    with pytest.raises(NotJSONableError, match=rf"which is ref \w+… \(inserted at {__file__}:\d+\)\. Pass the key"):
        LiveRefSerializer(registry).dumps_typed({"db": conn})


def test_an_inner_serializer_that_fails_by_itself_is_not_blamed_on_the_payload() -> None:
    def encrypt(_plain: bytes) -> tuple[str, bytes]:
        raise OSError("no key store")

    cipher: Any = type("Cipher", (), {"encrypt": staticmethod(encrypt)})()
    serde = LiveRefSerializer(inner=EncryptedSerializer(cipher))
    with pytest.raises(OSError, match="no key store"):
        serde.dumps_typed({"n": 1})


@pytest.mark.parametrize(
    "arguments", [{"inner": "json"}, {"live": [1]}, {"missing": "drop"}, {"registry": {}}], ids=str
)
def test_wrong_arguments_are_told_when_the_serializer_is_made(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        LiveRefSerializer(**arguments)


# Exceptions, which LangGraph writes as their repr.


class Chatty:
    """A live object that says too much."""

    def __repr__(self) -> str:
        return f"password={SECRET}"


class QueryError(Exception):
    """One with a constructor and attributes of its own."""

    def __init__(self, conn: object, *, table: str) -> None:
        super().__init__(f"no table {table}", conn)
        self.table, self.conn = table, conn

    def __repr__(self) -> str:
        return f"QueryError({self.conn!r})"


chatty = Chatty()
noted = ValueError("x", chatty)
noted.add_note("a note")
held = QueryError(chatty, table="t")
attribute = KeyError("x")
attribute.conn = chatty  # type: ignore[attr-defined]
ERRORS: dict[str, tuple[BaseException, Any]] = {
    "argument": (ValueError("x", chatty), lambda error: error.args[1]),
    "deep in an argument": (ValueError({"a": [(chatty,)]}), lambda error: error.args[0]["a"][0][0]),
    "exception in an exception": (ValueError("x", KeyError(chatty)), lambda error: error.args[1].args[0]),
    "group": (
        ExceptionGroup("g", [OSError(2, "no"), ExceptionGroup("h", [KeyError(chatty)])]),
        lambda group: group.exceptions[1].exceptions[0].args[0],
    ),
    "with a note": (noted, lambda error: error.args[1]),
    "constructor of its own": (held, lambda error: error.conn),
    "attribute": (attribute, lambda error: error.conn),
    "no Exception": (SystemExit(chatty), lambda error: error.code),
}


@pytest.mark.parametrize("inner", INNERS.values(), ids=INNERS)
@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: {"a": [error]}], ids=["alone", "in a state"])
@pytest.mark.parametrize("case", ERRORS)
def test_a_live_object_in_an_exception_is_a_marker(
    case: str, wrap: Any, inner: Any, registry: SessionRefRegistry
) -> None:
    error, of = ERRORS[case]
    serde = LiveRefSerializer(registry, live=[Chatty], inner=inner())
    kind, written = serde.dumps_typed(wrap(error))
    assert SECRET.encode() not in written
    loaded = serde.loads_typed((kind, written))
    loaded = loaded["a"][0] if isinstance(loaded, dict) else loaded
    assert type(loaded) is type(error)
    assert of(loaded) is chatty
    assert getattr(loaded, "__notes__", None) == getattr(error, "__notes__", None)
    assert len(registry) == 1


def test_all_that_is_in_an_exception_with_a_live_object_comes_back(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry, live=[Chatty])
    loaded = serde.loads_typed(serde.dumps_typed(held))
    assert (loaded.args, loaded.table) == (("no table t", chatty), "t")
    group = serde.loads_typed(serde.dumps_typed(ERRORS["group"][0]))
    assert (group.message, group.exceptions[0].errno) == ("g", 2)


@pytest.mark.parametrize(
    "error", [ValueError("x", 1), QueryError(1, table="t"), ExceptionGroup("g", [KeyError(print)])]
)
@pytest.mark.parametrize("live", [[], [Conn]], ids=["explicit", "transparent"])
def test_an_exception_without_one_is_written_as_ever(error: Exception, live: list[type]) -> None:
    for value in (error, {"error": [error, 1]}):
        assert LiveRefSerializer(live=live).dumps_typed(value) == JsonPlusSerializer().dumps_typed(value)


OPAQUE: dict[str, Any] = {
    "contains itself": ValueError(loop),
    "cannot": ValueError(object.__new__(Unset)),
}


@pytest.mark.parametrize("live", [[], [Conn]], ids=["explicit", "transparent"])
@pytest.mark.parametrize("case", OPAQUE)
def test_an_exception_that_can_not_be_looked_into_is_written_as_ever(case: str, live: list[type]) -> None:
    serde = LiveRefSerializer(live=live)
    error = OPAQUE[case]
    for value in (error, {"error": error}):
        assert serde.dumps_typed(value) == JsonPlusSerializer().dumps_typed(value)


def test_where_a_live_object_is_in_it_it_is_refused(registry: SessionRefRegistry) -> None:
    for error in (
        ValueError(chatty, loop),
        ValueError(loop, [{"a": chatty}]),
        ValueError(*OPAQUE["cannot"].args, chatty),
    ):
        with pytest.raises(NotJSONableError):
            LiveRefSerializer(registry, live=[Chatty]).dumps_typed({"error": error})
        assert registry.is_empty()


def test_a_key_in_an_exception_comes_back_as_a_key(registry: SessionRefRegistry) -> None:
    key = registry.insert(conn)
    for serde in (LiveRefSerializer(registry), LiveRefSerializer(registry, live=[Conn])):
        assert serde.loads_typed(serde.dumps_typed(ValueError("x", key))).args == ("x", key)


def test_an_exception_whose_class_is_not_there_is_one_without_a_class_of_its_own(
    registry: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    serde = LiveRefSerializer(registry, live=[Chatty])
    written = serde.dumps_typed(held)
    for other in (None, Chatty):
        monkeypatch.setitem(globals(), "QueryError", other)
        loaded = serde.loads_typed(written)
        assert type(loaded) is Exception
        assert loaded.args == ("no table t", chatty)

    class Refusing(Exception):
        def __new__(cls, *_: object) -> NoReturn:
            raise ValueError

    monkeypatch.setitem(globals(), "QueryError", Refusing)
    assert type(serde.loads_typed(written)) is Exception


def test_what_can_not_be_written_in_an_exception_with_a_live_object_is_named_by_its_path(
    registry: SessionRefRegistry,
) -> None:
    with pytest.raises(NotJSONableError, match=r"^\$\.error\.args\[1\] is not JSON: found builtin_function"):
        LiveRefSerializer(registry, live=[Chatty]).dumps_typed({"error": ValueError(chatty, len)})
    assert registry.is_empty()


class Rows(list[object]):
    pass


FLATTENED = {
    "defaultdict": (lambda item: defaultdict(list, a=item), dict, dict),
    "OrderedDict": (lambda item: OrderedDict(a=item), dict, dict),
    "Counter": (lambda item: Counter({"a": item}), dict, dict),
    "list of its own": (lambda item: Rows([item]), list, list),
    "tuple": (lambda item: (item,), list, tuple),
    "deque": (lambda item: deque([item], maxlen=2), deque, deque),
    "set": (lambda item: {item}, set, set),
    "NamedTuple": (lambda item: Pair(item, 1), Pair, Pair),
}


@pytest.mark.parametrize("item", [conn, "plain"], ids=["live", "plain"])
@pytest.mark.parametrize("case", FLATTENED)
def test_what_becomes_of_the_subclasses_of_containers(case: str, item: object, registry: SessionRefRegistry) -> None:
    make, stock, pickled = FLATTENED[case]
    value = make(item)
    for inner, expected in ((None, stock), (Pickles(), pickled if item is conn else type(value))):
        serde = LiveRefSerializer(registry, live=[Conn], inner=inner)
        loaded = serde.loads_typed(serde.dumps_typed(value))
        assert type(loaded) is expected
        assert list(loaded) == list(value)
        if case == "deque":
            assert loaded.maxlen == (None if inner is None else 2)
    if item == "plain":
        assert type(JsonPlusSerializer().loads_typed(JsonPlusSerializer().dumps_typed(value))) is stock


def test_a_deque_keeps_its_length_where_the_inner_serializer_keeps_it(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry, live=[Conn], inner=Pickles())
    assert serde.loads_typed(serde.dumps_typed(deque([1, conn], maxlen=2))).maxlen == 2


def test_a_proxy_is_tagged_by_the_live_class_that_it_says_it_is(registry: SessionRefRegistry) -> None:
    proxy = Mock(spec=Chatty)
    serde = LiveRefSerializer(registry, live=[Chatty])
    assert serde.loads_typed(serde.dumps_typed({"a": proxy}))["a"] is proxy
    assert [info.type_tag for info in registry.describe()] == [f"{__name__}:Chatty"]


def test_what_is_gone_is_told_with_advice_that_fits(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry, live=[Conn])
    written = serde.dumps_typed(conn)
    registry.drain()
    with pytest.raises(RefReleasedError, match=r"Session\.resume .* with missing='key'") as caught:
        serde.loads_typed(written)
    assert "default=" not in str(caught.value)
    with pytest.raises(NoCurrentRegistryError, match="or pass registry="):
        LiveRefSerializer(live=[Conn]).dumps_typed(conn)


def test_many_classes_made_on_the_fly_are_not_kept(registry: SessionRefRegistry) -> None:
    serde = LiveRefSerializer(registry, live=[Conn])
    made = [dataclasses.make_dataclass(f"Made{number}", ["n"]) for number in range(1001)]
    serde.dumps_typed([cls(1) for cls in made])
    assert len(serde._scan._known) == 1


RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


@reopener("tests.langgraph.rows")
def rows(count: int) -> list[int]:
    return [*range(count)]


def test_a_key_with_its_recipe_comes_back_with_its_class(registry: SessionRefRegistry) -> None:
    key = RegistryKey.parse(str(registry.open(rows.recipe(2))), Sequence)
    again = SessionRefRegistry()
    serde = LiveRefSerializer(registry, recipes=RING)
    read = LiveRefSerializer(again, recipes=RING).loads_typed(serde.dumps_typed({"rows": key}))["rows"]
    assert (read.hint, again[read]) == (Sequence, [0, 1])
    assert serde.loads_typed(LiveRefSerializer().dumps_typed(RegistryKey.new(int))).hint is int


def test_recipes_go_through_errors_encryption_and_inner_serializers(registry: SessionRefRegistry) -> None:
    key = registry.open(rows.recipe(2))
    inners = [
        None,
        JsonPlusSerializer(pickle_fallback=True),
        JsonPlusSerializer(allowed_msgpack_modules=[("a", "B")]),
        EncryptedSerializer.from_pycryptodome_aes(key=b"0123456789abcdef"),
    ]
    for inner in inners:
        again = SessionRefRegistry()
        written = LiveRefSerializer(registry, inner=inner, recipes=RING).dumps_typed(ValueError("a", key))
        error = LiveRefSerializer(again, inner=inner, recipes=RING).loads_typed(written)
        assert error.args == ("a", key)
        assert again[key] == [0, 1]
