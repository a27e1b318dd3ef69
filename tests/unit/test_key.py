from __future__ import annotations

import collections
import collections.abc
import copy
import decimal
import enum
import gc
import json
import pickle
import re
import sqlite3
import subprocess
import sys
import types
import typing
import uuid
import weakref
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, NewType, Optional, Protocol, TypeVar, Union

import pytest

from liveref import (
    SESSION_REF_TAG,
    HintError,
    KeyFormatError,
    LiveRefError,
    MarkerError,
    RefTypeError,
    RegistryKey,
    SessionRefRegistry,
)

TEXT = "0f0e1d2c-3b4a-4958-8776-655443322110"
OTHER_TEXT = "1f0e1d2c-3b4a-4958-8776-655443322110"
HINTS = [int, list[int], int | None, dict[str, list[int]], Callable[[int], str], object, Any, None, sqlite3.Connection]

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1


class Base: ...


class Child(Base): ...


class Other: ...


class Box(Generic[T]): ...


@typing.runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Unchecked(Protocol):
    def close(self) -> None: ...


UserId = NewType("UserId", int)


def marker(text: object = TEXT, **more: object) -> dict[str, object]:
    return {SESSION_REF_TAG: text, **more}


def chain_of(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


# The class.


@pytest.mark.parametrize("arguments", [(), (int,), (TEXT,), (TEXT, int), (uuid.UUID(TEXT),)])
@pytest.mark.parametrize("cls", [RegistryKey, RegistryKey[int]], ids=["bare", "alias"])
def test_class_can_not_be_called_and_names_the_ways_to_a_key(cls: Any, arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError) as caught:
        cls(*arguments)
    for way in ("insert", "new", "parse", "from_marker"):
        assert way in str(caught.value)


def test_class_can_not_be_called_by_keyword() -> None:
    with pytest.raises(TypeError, match="no public constructor"):
        RegistryKey(uuid=uuid.UUID(TEXT))


def test_class_is_final() -> None:
    with pytest.raises(TypeError, match="final"):
        type("Sub", (RegistryKey,), {})
    assert RegistryKey.__final__


def test_key_is_no_str_uuid_or_tuple() -> None:
    assert RegistryKey.__mro__ == (RegistryKey, Generic, object)


@pytest.mark.parametrize("name", ["uuid", "hint", "more"])
def test_key_is_immutable(name: str) -> None:
    key = RegistryKey.new(int)
    with pytest.raises(AttributeError):
        setattr(key, name, 1)
    with pytest.raises(AttributeError):
        delattr(key, name)
    assert key.hint is int


def test_key_has_slots_and_takes_weak_references() -> None:
    key = RegistryKey.new(int)
    assert not hasattr(key, "__dict__")
    seen = weakref.ref(key)
    assert seen() is key
    del key
    gc.collect()
    assert seen() is None


def test_weak_dictionaries_take_keys() -> None:
    key = RegistryKey.new(int)
    held = weakref.WeakKeyDictionary({key: 1})
    assert held[RegistryKey.parse(str(key))] == 1


# New keys.


def test_new_key_is_a_random_uuid_of_version_4() -> None:
    for _ in range(600):
        made = RegistryKey.new(int).uuid
        assert type(made) is uuid.UUID
        assert made.version == 4
        assert made.variant == uuid.RFC_4122


def test_new_keys_differ() -> None:
    keys = {str(RegistryKey.new()) for _ in range(10_000)}
    assert len(keys) == 10_000


def test_inserted_keys_and_new_keys_differ_and_are_of_version_4() -> None:
    registry = SessionRefRegistry()
    keys = [registry.insert(1) for _ in range(1_000)] + [RegistryKey.new() for _ in range(1_000)]
    assert len(set(keys)) == 2_000
    assert {key.uuid.version for key in keys} == {4}


@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_hint_of_a_key_is_the_one_given(hint: object) -> None:
    assert RegistryKey.new(hint).hint == hint
    assert RegistryKey.parse(TEXT, hint).hint == hint
    assert RegistryKey.from_marker(marker(), hint).hint == hint


def test_key_without_a_hint_is_one_of_object() -> None:
    for key in (RegistryKey.new(), RegistryKey.parse(TEXT), RegistryKey.from_marker(marker())):
        assert key.hint is object


def test_methods_of_an_alias_do_not_know_its_parameter() -> None:
    assert RegistryKey[int].new().hint is object
    assert RegistryKey[int].parse(TEXT).hint is object


REFUSED = [
    "int",
    typing.ForwardRef("int"),
    T,
    typing.ParamSpec("P"),
    typing.TypeVarTuple("Ts"),
    typing.Never,
    typing.NoReturn,
    typing.Self,
    typing.ClassVar[int],
    typing.Final[int],
    typing.TypeGuard[int],
    Unchecked,
    5,
    [int],
    (int, str),
    Union,
    Literal,
    list["int"],
    Optional["int"],
    Callable[[T], int],
    dict[str, typing.Never],
    list[T] | None,
    Annotated["int", "m"],
]


@pytest.mark.parametrize("hint", [pytest.param(hint, id=f"{at}-{hint!s:.18}") for at, hint in enumerate(REFUSED)])
def test_hint_that_can_not_be_checked_is_refused_when_the_key_is_made(hint: object) -> None:
    for make in (
        lambda: RegistryKey.new(hint),
        lambda: RegistryKey.parse(TEXT, hint),
        lambda: RegistryKey.from_marker(marker(), hint),
        lambda: RegistryKey.from_marker(marker(type="builtins:int"), hint),
    ):
        with pytest.raises(HintError):
            make()


# Text.


def test_text_of_a_key_is_the_canonical_uuid() -> None:
    key = RegistryKey.new(int)
    assert type(str(key)) is str
    assert str(key) == str(key.uuid)
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(key))
    assert f"{key}" == str(key)


@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_parsed_text_is_the_key(hint: object) -> None:
    key = RegistryKey.new(hint)
    assert RegistryKey.parse(str(key)) == key
    assert RegistryKey.parse(str(key), hint) == key


@pytest.mark.parametrize("text", [TEXT, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"])
def test_any_canonical_uuid_is_a_key(text: str) -> None:
    assert str(RegistryKey.parse(text)) == text
    assert RegistryKey.parse(text).uuid == uuid.UUID(text)


class Text(str):
    """A text that compares as it likes."""

    def __eq__(self, other: object) -> bool:
        return True

    def __len__(self) -> int:
        return 36

    __hash__ = str.__hash__


WRONG_TEXTS = {
    "upper case": TEXT.upper(),
    "one upper case digit": TEXT.replace("0f", "0F"),
    "braces": f"{{{TEXT}}}",
    "urn": f"urn:uuid:{TEXT}",
    "no hyphens": TEXT.replace("-", ""),
    "hyphens elsewhere": "0f0e1d2-c3b4a-4958-8776-655443322110",
    "leading space": f" {TEXT}",
    "trailing space": f"{TEXT} ",
    "trailing newline": f"{TEXT}\n",
    "newline for a digit": f"{TEXT[:-1]}\n",
    "space for a digit": f" {TEXT[1:]}",
    "NUL": f"{TEXT}\0",
    "full-width digit": TEXT.replace("1", "\uff11"),
    "full-width letter": TEXT.replace("f", "\uff46"),
    "Arabic digit": TEXT.replace("1", "\u0661"),
    "soft hyphen": TEXT.replace("-", "\u00ad"),
    "en dash": TEXT.replace("-", "\u2013"),
    "underscore": TEXT.replace("-", "_"),
    "plus": f"+{TEXT[1:]}",
    "hexadecimal prefix": f"0x{TEXT[2:]}",
    "no hexadecimal digit": f"g{TEXT[1:]}",
    "short": TEXT[:-1],
    "long": f"{TEXT}0",
    "empty": "",
    "two": TEXT + TEXT,
    "a megabyte": "0" * 1_000_000,
    "a surrogate": "\ud800" + TEXT[1:],
    "a str subclass": Text("no uuid"),
    "a str subclass with right text": Text(TEXT),
    "bytes": TEXT.encode(),
    "bytearray": bytearray(TEXT.encode()),
    "None": None,
    "int": 5,
    "UUID": uuid.UUID(TEXT),
    "key": RegistryKey.parse(TEXT),
    "marker": {SESSION_REF_TAG: TEXT},
    "list": [TEXT],
}


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_parse_takes_the_canonical_text_alone(name: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        RegistryKey.parse(WRONG_TEXTS[name], int)
    assert type(caught.value) is KeyFormatError
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_marker_takes_the_canonical_text_alone(name: str) -> None:
    with pytest.raises(MarkerError):
        RegistryKey.from_marker(marker(WRONG_TEXTS[name]), int)


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_error_does_not_quote_the_text(name: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        RegistryKey.parse(WRONG_TEXTS[name])
    assert len(chain_of(caught.value)) < 1_000
    assert TEXT not in chain_of(caught.value).lower()


# Equality.


def test_keys_are_equal_by_uuid_alone() -> None:
    keys = [RegistryKey.parse(TEXT, hint) for hint in HINTS]
    assert all(one == other and hash(one) == hash(other) for one in keys for other in keys)
    assert len(set(keys)) == 1


def test_keys_of_different_uuids_differ() -> None:
    assert RegistryKey.parse(TEXT, int) != RegistryKey.parse(OTHER_TEXT, int)
    assert RegistryKey.new(int) != RegistryKey.new(int)


@pytest.mark.parametrize("other", [TEXT, uuid.UUID(TEXT), uuid.UUID(TEXT).bytes, {SESSION_REF_TAG: TEXT}, None, 5])
def test_key_is_equal_to_no_other_kind_of_value(other: object) -> None:
    key = RegistryKey.parse(TEXT)
    assert key != other
    assert not key == other
    assert key.__eq__(other) is NotImplemented


def test_key_has_no_order() -> None:
    with pytest.raises(TypeError):
        sorted([RegistryKey.new(), RegistryKey.new()])


def test_equal_key_finds_the_ref() -> None:
    registry = SessionRefRegistry()
    key = registry.insert([1], list[int])
    assert registry.get(RegistryKey.parse(str(key), list[int])) == [1]
    assert RegistryKey.parse(str(key)) in registry


# Redaction.


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (sqlite3.Connection, "sqlite3.Connection"),
        (int, "int"),
        (list[int], "list[int]"),
        (int | None, "int | None"),
        (None, "None"),
        (object, "object"),
        (Any, "typing.Any"),
        (decimal.Decimal, "decimal.Decimal"),
        (dict[str, decimal.Decimal], "dict[str, decimal.Decimal]"),
    ],
)
def test_repr_tells_the_type_and_six_digits(hint: object, text: str) -> None:
    assert repr(RegistryKey.parse(TEXT, hint)) == f"RegistryKey[{text}](0f0e1d…)"


def test_repr_of_a_container_of_keys_is_redacted() -> None:
    assert repr([RegistryKey.parse(TEXT, int)]) == "[RegistryKey[int](0f0e1d…)]"


def test_repr_of_a_large_hint_is_short() -> None:
    hint = Union[tuple(list[dict[str, tuple[int, ...]]] | set[cls] for cls in (int, str, bytes, float, complex) * 9)]
    for _ in range(20):
        hint = dict[str, tuple[hint, int, str]]
    assert len(repr(RegistryKey.new(hint))) < 600


def test_no_error_shows_a_whole_key() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(1)
    gone = registry.insert(1)
    registry.release(gone)
    stranger = RegistryKey.new(int)
    for use, who in (
        (lambda: registry.get(stranger), stranger),
        (lambda: registry.get(gone), gone),
        (lambda: registry.get(key, str), key),
        (lambda: registry.verify(stranger), stranger),
        (lambda: registry.remove(gone), gone),
        (lambda: registry.get(str(key)), key),
        (lambda: RegistryKey.parse(str(key).upper()), key),
        (lambda: RegistryKey.from_marker(key.to_marker() | {"x": 1}), key),
        (lambda: RegistryKey.from_marker(key.to_marker(typed=True), str), key),
    ):
        with pytest.raises(Exception) as caught:
            use()
        assert str(who) not in chain_of(caught.value).lower()
        assert who.uuid.hex not in chain_of(caught.value).lower()


# Copies.


@pytest.mark.parametrize("hint", HINTS, ids=str)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copy_is_an_equal_key_of_the_same_hint(duplicate: Callable[[Any], Any], hint: object) -> None:
    key = RegistryKey.new(hint)
    assert duplicate(key) == key
    assert duplicate(key).hint == hint
    assert duplicate({"held": [key]})["held"][0] == key


def test_copy_of_a_held_key_opens_the_ref_and_does_not_copy_it() -> None:
    registry = SessionRefRegistry()
    value = Base()
    key = copy.deepcopy(registry.insert(value))
    assert registry.get(key) is value


PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("hint", [*HINTS, Box[int], Closes, Literal[1], UserId, tuple[int, ...]], ids=str)
def test_key_pickles_with_its_hint(hint: object, protocol: int) -> None:
    key = RegistryKey.new(hint)
    found = pickle.loads(pickle.dumps(key, protocol))
    assert type(found) is RegistryKey
    assert found == key
    assert found.hint == hint


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickle_of_a_held_key_does_not_hold_the_ref(protocol: int) -> None:
    registry = SessionRefRegistry()
    key = registry.insert("hunter2" * 1_000)
    written = pickle.dumps(key, protocol)
    assert b"hunter2" not in written
    assert registry.get(pickle.loads(written)) == "hunter2" * 1_000


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_key_of_a_local_class_opens_only_a_ref_of_the_same_tag(protocol: int) -> None:
    class Local: ...

    registry = SessionRefRegistry()
    value = Local()
    key = registry.insert(value)
    sealed = pickle.loads(pickle.dumps(key, protocol))
    assert sealed == key
    assert registry.get(sealed) is value
    assert registry[sealed] is value
    registry.verify(sealed)
    assert registry.remove(sealed) is value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_key_of_a_local_class_opens_no_ref_of_another_tag(protocol: int) -> None:
    class Local: ...

    registry = SessionRefRegistry()
    key = registry.insert(Base())
    sealed = pickle.loads(pickle.dumps(RegistryKey.parse(str(key), Local), protocol))
    for use in (registry.get, registry.__getitem__, registry.verify, registry.remove):
        with pytest.raises(RefTypeError):
            use(sealed)
    assert key in registry


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sealed_key_keeps_its_tag_over_another_pickling(protocol: int) -> None:
    class Local: ...

    registry = SessionRefRegistry()
    value = [Local()]
    key = registry.insert(value, list[Local])
    sealed = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(key, protocol)), protocol))
    assert sealed.to_marker(typed=True) == key.to_marker(typed=True)
    assert registry.get(sealed) is value


def test_sealed_key_is_checked_by_the_hint_of_the_ref() -> None:
    class Local: ...

    registry = SessionRefRegistry()
    value = [Local()]
    sealed = pickle.loads(pickle.dumps(registry.insert(value, list[Local])))
    value[0] = 1
    with pytest.raises(RefTypeError):
        registry.get(sealed)


def test_sealed_key_gives_object_as_its_hint_and_is_redacted() -> None:
    class Local: ...

    key = RegistryKey.parse(TEXT, Local)
    sealed = pickle.loads(pickle.dumps(key))
    assert sealed.hint is object
    assert TEXT not in repr(sealed)
    assert "0f0e1d…" in repr(sealed)
    assert copy.deepcopy(sealed) == key


# Markers.


def test_marker_is_one_field() -> None:
    assert RegistryKey.parse(TEXT, int).to_marker() == {"__blazen_session_ref__": TEXT}


@pytest.mark.parametrize(
    ("hint", "tag"),
    [
        (sqlite3.Connection, "sqlite3:Connection"),
        (int, "builtins:int"),
        (Base, f"{__name__}:Base"),
        (object, "builtins:object"),
        (collections.OrderedDict, "collections:OrderedDict"),
    ],
)
def test_typed_marker_adds_the_type_tag(hint: object, tag: str) -> None:
    assert RegistryKey.parse(TEXT, hint).to_marker(typed=True) == {"__blazen_session_ref__": TEXT, "type": tag}


@pytest.mark.parametrize("hint", HINTS, ids=str)
@pytest.mark.parametrize("typed", [True, False], ids=["typed", "untyped"])
def test_marker_is_json_and_gives_the_key_back(hint: object, typed: bool) -> None:
    key = RegistryKey.new(hint)
    written = json.loads(json.dumps(key.to_marker(typed=typed)))
    assert RegistryKey.from_marker(written) == key
    assert RegistryKey.from_marker(written, hint) == key
    assert RegistryKey.from_marker(written, hint).hint == hint


def test_each_marker_is_a_new_dict() -> None:
    key = RegistryKey.new(int)
    key.to_marker()["more"] = "x"
    assert list(key.to_marker()) == [SESSION_REF_TAG]


class Lying(dict):
    def __getitem__(self, key):
        return TEXT

    def __contains__(self, key):
        return True

    def __len__(self):
        return 1

    def get(self, key, default=None):
        return TEXT

    def items(self):
        return marker().items()

    def keys(self):
        return marker().keys()


class Name(str):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash(SESSION_REF_TAG)


class Claims:
    """Says that it is a dict."""

    @property
    def __class__(self):
        return dict


class Refuses:
    @property
    def __class__(self):
        raise ZeroDivisionError("hunter2")

    def __repr__(self) -> str:
        raise ZeroDivisionError("hunter2")


WRONG_MARKERS = {
    "empty": {},
    "None": None,
    "text": TEXT,
    "tag": SESSION_REF_TAG,
    "key": RegistryKey.parse(TEXT),
    "list": [SESSION_REF_TAG, TEXT],
    "list of pairs": [(SESSION_REF_TAG, TEXT)],
    "other key": {"ref": TEXT},
    "tag in upper case": {SESSION_REF_TAG.upper(): TEXT},
    "extra key": marker(more=1),
    "type and extra key": marker(type="builtins:int", more=1),
    "type alone": {"type": "builtins:int"},
    "type of None": marker(type=None),
    "type of int": marker(type=1),
    "type of list": marker(type=["builtins:int"]),
    "type of a str subclass": marker(type=Text("builtins:int")),
    "key that is no str": {SESSION_REF_TAG: TEXT, 1: "builtins:int"},
    "key that compares as it likes": {Name("x"): TEXT},
    "bytes as key": {SESSION_REF_TAG.encode(): TEXT},
    "escaped": {SESSION_REF_TAG: {SESSION_REF_TAG: TEXT}},
    "many keys": marker(**{f"key{n}": n for n in range(1_000)}),
    "a lying dict": Lying(more=1),
    "a lying class": Claims(),
    "a raising class": Refuses(),
    "a mapping": types.MappingProxyType({SESSION_REF_TAG: TEXT}),
    "a UserDict": collections.UserDict({SESSION_REF_TAG: TEXT}),
    "the dict class": dict,
}


@pytest.mark.parametrize("name", WRONG_MARKERS)
def test_what_is_no_marker_is_refused(name: str) -> None:
    for make in (RegistryKey.from_marker, lambda found: RegistryKey.from_marker(found, int)):
        with pytest.raises(MarkerError) as caught:
            make(WRONG_MARKERS[name])
        assert TEXT not in chain_of(caught.value)
        assert "hunter2" not in chain_of(caught.value)


def test_dict_subclass_is_read_as_the_dict_that_it_is() -> None:
    assert RegistryKey.from_marker(Lying({SESSION_REF_TAG: OTHER_TEXT})) == RegistryKey.parse(OTHER_TEXT)
    assert RegistryKey.from_marker(collections.OrderedDict(marker())) == RegistryKey.parse(TEXT)


def test_no_method_of_a_dict_subclass_runs() -> None:
    def fail(*_: object) -> typing.NoReturn:
        raise ZeroDivisionError

    names = ("__iter__", "__len__", "__getitem__", "__contains__", "__eq__", "keys", "items", "values", "get", "copy")
    shut = type("Shut", (dict,), dict.fromkeys(names, fail))
    for read in (RegistryKey.from_marker, RegistryKey.read):
        assert read(shut(marker())) == RegistryKey.parse(TEXT)


def test_marker_error_is_a_value_error() -> None:
    assert issubclass(MarkerError, KeyFormatError)
    assert issubclass(MarkerError, ValueError)


def test_marker_of_a_megabyte_is_refused_in_a_short_text() -> None:
    for wrong in (marker("x" * 1_000_000), {"x" * 1_000_000: TEXT}, marker(TEXT, **{"x" * 1_000_000: 1})):
        with pytest.raises(MarkerError) as caught:
            RegistryKey.from_marker(wrong)
        assert len(chain_of(caught.value)) < 1_000


# Types that are provably wrong.


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("builtins:str", int),
        ("builtins:int", str),
        ("builtins:float", str),
        ("builtins:complex", str),
        ("sqlite3:Connection", sqlite3.Cursor),
        pytest.param("builtins:str", int | None, id="a union with None"),
        pytest.param("builtins:str", int | bytes, id="a union of classes"),
        ("builtins:str", float),
        ("builtins:str", None),
        ("builtins:str", UserId),
        ("builtins:str", Annotated[int, "m"]),
        (f"{__name__}:Other", Base),
        (f"{__name__}:Base", Other),
        (f"{__name__}:Color", Base),
        ("decimal:Decimal", int),
        ("decimal:Decimal", float),
    ],
)
def test_type_of_another_loaded_class_is_refused(tag: str, hint: object) -> None:
    with pytest.raises(MarkerError) as caught:
        RegistryKey.from_marker(marker(type=tag), hint)
    assert TEXT not in chain_of(caught.value)


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("builtins:int", int),
        ("builtins:bool", int),
        ("builtins:int", bool),
        ("builtins:int", float),
        ("builtins:bool", float),
        ("builtins:int", complex),
        ("builtins:float", complex),
        ("builtins:float", int),
        ("builtins:complex", float),
        ("builtins:complex", int),
        ("builtins:object", int),
        ("builtins:str", object),
        ("builtins:str", Any),
        (f"{__name__}:Child", Base),
        (f"{__name__}:Base", Child),
        ("builtins:int", int | str),
        pytest.param("builtins:str", int | str, id="a class of the union"),
        ("builtins:int", UserId),
        pytest.param("builtins:str", Union[int, Any], id="a union with Any"),
    ],
)
def test_type_of_a_related_class_passes(tag: str, hint: object) -> None:
    assert RegistryKey.from_marker(marker(type=tag), hint) == RegistryKey.parse(TEXT)


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("builtins:int", collections.abc.Sequence),  # an ABC can register any class
        ("collections.abc:Sequence", int),
        ("builtins:int", Closes),
        ("builtins:str", list[int]),
        ("builtins:str", Literal[1]),
        ("builtins:list[builtins:int]", int),
        ("builtins:int | builtins:str", bytes),
        ("not.loaded:Thing", int),
        ("builtins:Nothing", int),
        ("builtins:int.nothing", str),
        ("builtins:len", int),
        ("builtins", int),
        ("builtins.int", str),
        (":int", str),
        ("builtins:", str),
        ("", int),
        ("::", int),
        ("x" * 1_000_000, int),
        ("." * 100_000 + ":" + "." * 100_000, int),
        ("\0:\0", int),
        ("\ud800:x", int),
    ],
    ids=range(21),
)
def test_type_that_decides_nothing_is_left_to_the_lookup(tag: str, hint: object) -> None:
    assert RegistryKey.from_marker(marker(type=tag), hint) == RegistryKey.parse(TEXT)


def test_any_type_passes_without_a_hint() -> None:
    for tag in ("builtins:str", "nowhere:Thing", ""):
        assert RegistryKey.from_marker(marker(type=tag)).hint is object


def test_undecided_type_is_found_at_the_lookup() -> None:
    registry = SessionRefRegistry()
    key = registry.insert("x")
    found = RegistryKey.from_marker(key.to_marker(typed=True), list[int])
    with pytest.raises(RefTypeError):
        registry.get(found)


def test_class_with_a_hook_decides_nothing() -> None:
    class Meta(type):
        def __subclasscheck__(cls, other: type) -> bool:
            raise AssertionError

    module = types.ModuleType("liveref_test_hooks")
    module.Hooked = Meta("Hooked", (), {})
    sys.modules[module.__name__] = module
    try:
        assert RegistryKey.from_marker(marker(type="liveref_test_hooks:Hooked"), int)
        assert RegistryKey.from_marker(marker(type="builtins:int"), module.Hooked)
    finally:
        del sys.modules[module.__name__]


def test_deciding_imports_nothing() -> None:
    name = "this"  # a module of the standard library that nothing loads, for it prints
    assert name not in sys.modules
    before = set(sys.modules)
    for tag in (f"{name}:Zen", "os.nothing:Thing", "idlelib.idle:Idle"):
        RegistryKey.from_marker(marker(type=tag), int)
    assert set(sys.modules) == before


class RaisingModule(types.ModuleType):
    def __getattribute__(self, name: str) -> object:
        raise AssertionError("an attribute hook ran")


def test_deciding_runs_no_attribute_hook_of_a_module() -> None:
    lazy = types.ModuleType("liveref_test_lazy")

    def __getattr__(name: str) -> object:
        raise AssertionError("an attribute hook ran")

    lazy.__getattr__ = __getattr__
    raising = RaisingModule("liveref_test_raising")
    stand_in = types.SimpleNamespace(Thing=int)
    modules = {"liveref_test_lazy": lazy, "liveref_test_raising": raising, "liveref_test_stand_in": stand_in}
    sys.modules.update(modules)
    try:
        for name in modules:
            assert RegistryKey.from_marker(marker(type=f"{name}:Thing"), int)
    finally:
        for name in modules:
            del sys.modules[name]


def test_deciding_runs_no_attribute_hook_of_a_class() -> None:
    class Hook:
        def __get__(self, instance: object, owner: type) -> object:
            raise AssertionError("a descriptor ran")

    class Meta(type):
        armed = False

        def __getattribute__(cls, name: str) -> object:
            if Meta.armed:
                raise AssertionError("an attribute hook ran")
            return super().__getattribute__(name)

    module = types.ModuleType("liveref_test_outer")
    module.Outer = Meta("Outer", (), {"Inner": Hook()})
    sys.modules[module.__name__] = module
    Meta.armed = True
    try:
        assert RegistryKey.from_marker(marker(type="liveref_test_outer:Outer.Inner"), int)
        assert RegistryKey.from_marker(marker(type="liveref_test_outer:Outer.Absent"), int)
        with pytest.raises(MarkerError):
            RegistryKey.from_marker(marker(type="liveref_test_outer:Outer"), int)
    finally:
        Meta.armed = False
        del sys.modules[module.__name__]


def test_nested_class_is_named_by_its_qualified_name() -> None:
    module = types.ModuleType("liveref_test_nested")
    outer = type("Outer", (), {})
    outer.Inner = type("Inner", (), {})
    module.Outer = outer
    sys.modules[module.__name__] = module
    try:
        with pytest.raises(MarkerError):
            RegistryKey.from_marker(marker(type="liveref_test_nested:Outer.Inner"), int)
    finally:
        del sys.modules[module.__name__]


# Type tags.


def tag_of(hint: object) -> str:
    return RegistryKey.new(hint).to_marker(typed=True)["type"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (int | str, str | int),
        (int | str, Union[str, int]),
        (int | None, Optional[int]),
        (int | None, None | int),
        (Union[int, str, None], Optional[Union[str, int]]),
        (list[int | str], list[str | int]),
        (dict[str, list[int] | None], dict[str, Optional[list[int]]]),
        (None, type(None)),
        (list[int], typing.List[int]),
        (dict[str, int], typing.Dict[str, int]),
        (tuple[int, ...], typing.Tuple[int, ...]),
        (type[int], typing.Type[int]),
        (collections.abc.Sequence[int], typing.Sequence[int]),
        (collections.abc.Callable[[int], str], typing.Callable[[int], str]),
        (list, typing.List),
        (Literal["a", "b"], Literal["b", "a"]),
    ],
    ids=range(16),
)
def test_hints_of_the_same_meaning_have_the_same_tag(one: object, other: object) -> None:
    assert tag_of(one) == tag_of(other)


DISTINCT = [
    int,
    str,
    bool,
    object,
    Any,
    None,
    list,
    list[int],
    list[str],
    list[Any],
    typing.Sequence[int],
    tuple[int],
    tuple[int, ...],
    tuple[()],
    int | None,
    int | str,
    Literal[1],
    Literal[True],
    Literal["1"],
    Literal[b"1"],
    Literal[Color.RED],
    Callable[[int], str],
    Callable[[str], str],
    Callable[[int, int], str],
    Callable[..., str],
    type[int],
    Box,
    Box[int],
    Base,
    Child,
    UserId,
    Closes,
    dict[str, int],
    dict[int, str],
]


def test_hints_of_different_meaning_have_different_tags() -> None:
    tags = [tag_of(hint) for hint in DISTINCT]
    assert len(set(tags)) == len(DISTINCT)


def test_classes_of_one_name_in_two_modules_have_different_tags() -> None:
    classes = [type("Same", (), {"__module__": module}) for module in ("one", "two")]
    assert tag_of(classes[0]) == "one:Same"
    assert tag_of(classes[1]) == "two:Same"
    assert tag_of(list[classes[0]]) != tag_of(list[classes[1]])


def test_enum_literals_of_two_classes_of_one_name_have_different_tags() -> None:
    one = enum.Enum("Same", {"A": 1}, module="one")
    two = enum.Enum("Same", {"A": 1}, module="two")
    assert tag_of(Literal[one.A]) != tag_of(Literal[two.A])


def test_tag_does_not_depend_on_the_hash_seed() -> None:
    code = "import liveref; print(liveref.RegistryKey.new(int | str | bytes | None).to_marker(typed=True)['type'])"
    tags = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(tags) == 1


def test_every_error_of_a_key_is_an_error_of_liveref() -> None:
    for error in (HintError, KeyFormatError, MarkerError, RefTypeError):
        assert issubclass(error, LiveRefError)
