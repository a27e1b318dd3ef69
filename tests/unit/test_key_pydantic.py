from __future__ import annotations

import copy
import json
import pickle
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sized
from typing import Any, Generic, Optional, TypeVar, Union

import pydantic_core
import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.dataclasses import dataclass

from liveref import SESSION_REF_TAG, HintError, KeyFormatError, MarkerError, RegistryKey, SessionRefRegistry
from liveref._text.tag import readable

TEXT = "0f0e1d2c-3b4a-4958-8776-655443322110"

T = TypeVar("T")


class Base: ...


class Child(Base): ...


class Job(BaseModel):
    conn: RegistryKey[sqlite3.Connection]


class Loose(BaseModel):
    ref: RegistryKey


class Held(BaseModel):
    ref: RegistryKey[object]


class Either(BaseModel):
    ref: Union[RegistryKey[sqlite3.Connection], RegistryKey[sqlite3.Cursor]]


class Several(BaseModel):
    refs: list[RegistryKey[int]]
    by_name: dict[str, RegistryKey[str]] = {}
    maybe: Optional[RegistryKey[int]] = None


class Holder(BaseModel, Generic[T]):
    ref: RegistryKey[T]


def marker(tag: str | None = None) -> dict[str, str]:
    return {SESSION_REF_TAG: TEXT} if tag is None else {SESSION_REF_TAG: TEXT, "type": tag}


CONNECTION = RegistryKey.parse(TEXT, sqlite3.Connection)
CURSOR = RegistryKey.parse(TEXT, sqlite3.Cursor)


def typed(key: RegistryKey[Any]) -> dict[str, str]:
    return key.to_marker(typed=True)


# Writing.


def test_json_holds_the_typed_marker() -> None:
    written = json.loads(Job(conn=CONNECTION).model_dump_json())
    assert written == {"conn": {"__blazen_session_ref__": TEXT, "type": "sqlite3:Connection"}}


def test_json_mode_dump_holds_the_typed_marker() -> None:
    assert Job(conn=CONNECTION).model_dump(mode="json") == {"conn": typed(CONNECTION)}


def test_python_mode_dump_keeps_the_key() -> None:
    dumped = Job(conn=CONNECTION).model_dump()
    assert dumped["conn"] is CONNECTION
    assert Job(conn=CONNECTION).conn is CONNECTION


def test_what_was_written_is_read_back() -> None:
    written = Job(conn=CONNECTION).model_dump_json()
    found = Job.model_validate_json(written)
    assert found.conn == CONNECTION
    assert type(found.conn) is RegistryKey
    assert found.conn.hint is sqlite3.Connection


def test_python_dump_is_read_back() -> None:
    job = Job(conn=CONNECTION)
    assert Job.model_validate(job.model_dump()) == job


def test_keys_in_containers_are_written_and_read_back() -> None:
    model = Several(refs=[RegistryKey.new(int), RegistryKey.new(int)], by_name={"a": RegistryKey.new(str)})
    found = Several.model_validate_json(model.model_dump_json())
    assert found == model
    assert [key.hint for key in found.refs] == [int, int]
    assert found.by_name["a"].hint is str
    assert found.maybe is None


def test_adapter_writes_and_reads_a_key_alone() -> None:
    adapter = TypeAdapter(RegistryKey[list[int]])
    key = RegistryKey.new(list[int])
    written = adapter.dump_json(key)
    assert json.loads(written) == typed(key)
    assert adapter.validate_json(written) == key
    assert adapter.validate_json(written).hint == list[int]


def test_dataclass_of_pydantic_takes_a_key() -> None:
    @dataclass
    class Record:
        ref: RegistryKey[int]

    key = RegistryKey.new(int)
    assert Record(ref=key.to_marker()).ref == key


def test_key_of_a_subclass_is_written_with_the_tag_of_the_field() -> None:
    model = create_model("Model", ref=(RegistryKey[Base], ...))
    key = RegistryKey.new(Child)
    written = model(ref=key).model_dump(mode="json")
    assert written["ref"]["type"] == RegistryKey.new(Base).to_marker(typed=True)["type"]


def test_model_with_a_key_is_copied_and_pickled() -> None:
    job = Job(conn=CONNECTION)
    assert copy.deepcopy(job) == job
    assert job.model_copy(deep=True) == job
    assert pickle.loads(pickle.dumps(job)) == job


def test_repr_of_a_model_is_redacted() -> None:
    assert TEXT not in repr(Job(conn=CONNECTION))


def test_key_read_from_json_opens_the_ref() -> None:
    registry = SessionRefRegistry()
    key = registry.insert([1, 2], list[int])
    adapter = TypeAdapter(RegistryKey[list[int]])
    assert registry.get(adapter.validate_json(adapter.dump_json(key))) == [1, 2]


# Reading.


@pytest.mark.parametrize("tag", [None, "sqlite3:Connection"], ids=["untyped", "typed"])
def test_marker_with_the_tag_of_the_field_or_none_is_read(tag: str | None) -> None:
    assert Job.model_validate({"conn": marker(tag)}).conn == CONNECTION
    assert Job.model_validate_json(json.dumps({"conn": marker(tag)})).conn.hint is sqlite3.Connection


def test_key_of_no_hint_takes_the_hint_of_the_field() -> None:
    found = Job(conn=RegistryKey.parse(TEXT)).conn
    assert found == CONNECTION
    assert found.hint is sqlite3.Connection


WRONG = {
    "None": None,
    "another text": "x",
    "text in upper case": TEXT.upper(),
    "text in braces": f"{{{TEXT}}}",
    "text with a space": f" {TEXT}",
    "JSON text of another type": json.dumps(marker("builtins:str")),
    "bytes": TEXT.encode(),
    "UUID": CONNECTION.uuid,
    "number": 5,
    "empty": {},
    "other key": {"ref": TEXT},
    "extra key": marker() | {"more": 1},
    "upper case": {SESSION_REF_TAG: TEXT.upper()},
    "not a uuid": {SESSION_REF_TAG: "x"},
    "number as uuid": {SESSION_REF_TAG: 5},
    "type that is no text": {SESSION_REF_TAG: TEXT, "type": 5},
    "recipe that is no text": marker() | {"recipe": 5},
    "recipe that is too long": marker() | {"recipe": "x" * 8193},
    "list": [marker()],
    "escaped": {SESSION_REF_TAG: marker()},
    "wrong tag": marker("builtins:str"),
    "tag of another class": marker("sqlite3:Cursor"),
}

OF_ANOTHER_TYPE = ("wrong tag", "tag of another class", "JSON text of another type")
NO_JSON = ("bytes", "UUID")


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_a_validation_error(name: str) -> None:
    with pytest.raises(ValidationError):
        Job.model_validate({"conn": WRONG[name]})


@pytest.mark.parametrize("name", sorted(WRONG.keys() - NO_JSON))
def test_wrong_json_is_a_validation_error(name: str) -> None:
    with pytest.raises(ValidationError):
        Job.model_validate_json(json.dumps({"conn": WRONG[name]}))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_of_an_untyped_field_is_a_validation_error(name: str) -> None:
    if name in OF_ANOTHER_TYPE:
        assert Held.model_validate({"ref": WRONG[name]}).ref == CONNECTION
        return
    for model in (Held, Loose):
        with pytest.raises(ValidationError):
            model.model_validate({"ref": WRONG[name]})


def test_missing_key_is_a_validation_error() -> None:
    with pytest.raises(ValidationError):
        Job.model_validate({})


def test_key_of_another_type_is_a_validation_error() -> None:
    with pytest.raises(ValidationError):
        Job(conn=RegistryKey.new(str))
    with pytest.raises(ValidationError):
        Job(conn=CURSOR)


def test_validation_error_names_the_field() -> None:
    with pytest.raises(ValidationError) as caught:
        Several.model_validate({"refs": [RegistryKey.new(int), 5]})
    assert caught.value.errors()[0]["loc"] == ("refs", 1)


class Secretive:
    def __repr__(self) -> str:
        return f"<postgres://user:hunter2@host {TEXT}>"


SHOWN = WRONG | {"live object": Secretive(), "list of them": [Secretive()], "a dict with one": {"a": Secretive()}}


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lax"])
@pytest.mark.parametrize("field", ["conn", "ref"])
def test_validation_error_shows_the_class_of_its_input_alone(name: str, strict: bool, field: str) -> None:
    model, wrong = Either if field == "ref" else Job, SHOWN[name]
    if (field, name) == ("ref", "tag of another class"):
        wrong = marker("builtins:str")
    with pytest.raises(ValidationError) as caught:
        model.model_validate({field: wrong}, strict=strict)
    for error in caught.value.errors():
        assert error["input"] == readable(type(wrong))
    for shown in (str(caught.value), repr(caught.value), repr(caught.value.errors()), caught.value.json()):
        assert "hunter2" not in shown
        assert TEXT[-12:] not in shown.lower()
        assert CONNECTION.uuid.hex not in shown


def test_a_key_of_another_type_is_shown_as_a_key() -> None:
    with pytest.raises(ValidationError, match=r"found a key of 'sqlite3:Cursor' \(0f0e1d…\)") as caught:
        Job(conn=CURSOR)
    assert caught.value.errors()[0]["input"] == "liveref.RegistryKey"


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        (f"hunter2 {TEXT}", "unknown"),
        (f"sqlite3:hunter2 {TEXT}", "unknown"),
        (f"builtins:list[hunter2 {TEXT}]", "builtins:list[…]"),
        ("builtins:int", "builtins:int"),
    ],
)
def test_of_the_type_of_a_marker_no_more_is_shown_than_names_a_class(tag: str, shown: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"found a marker of '{shown}' (0f0e1d…)")) as caught:
        Job.model_validate({"conn": marker(tag)}, strict=True)
    assert "hunter2" not in str(caught.value) + caught.value.json()


@pytest.mark.parametrize("wrong", [TEXT.upper(), f"{{{TEXT}}}", f"{TEXT}\0", f"\ud800{TEXT}", TEXT.encode(), 5])
def test_what_is_no_key_is_told_as_a_client_or_model_can_use_it(wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Job.model_validate({"conn": wrong})
    (told,) = caught.value.errors()
    assert told["msg"].endswith(". Pass it on exactly as it was given; it can't be made up.")
    assert type(told["ctx"]["error"]) is (KeyFormatError if type(wrong) is str else MarkerError)
    assert len(told["msg"]) < 200


def test_lax_fields_read_the_text_of_a_key_and_of_a_marker() -> None:
    for text in (TEXT, json.dumps(marker()), f" {json.dumps(marker('sqlite3:Connection'), indent=2)}\n"):
        for found in (Job.model_validate({"conn": text}), Job.model_validate_json(json.dumps({"conn": text}))):
            assert found.conn == CONNECTION
            assert found.conn.hint is sqlite3.Connection
        with pytest.raises(ValidationError):
            Job.model_validate({"conn": text}, strict=True)


def test_a_marker_with_a_recipe_is_read_as_one_without() -> None:
    for more in ({"recipe": "é" * 4096}, {"recipe": "", "type": "sqlite3:Connection"}):
        sturdy = marker() | more
        assert Job.model_validate({"conn": sturdy}, strict=True).conn == CONNECTION
        assert satisfies(Job.model_json_schema(), {"conn": sturdy}, Job.model_json_schema())


def test_a_marker_of_a_class_that_was_loaded_anew_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    job = create_model("Old", ref=(RegistryKey[Base], ...))
    old = RegistryKey.new(Base)
    new = type("Base", (), {"__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Base", new)
    for found in (typed(old), RegistryKey.new(new)):
        with pytest.raises(
            ValidationError,
            match=r"found a (key|marker) of '.*:Base' \(\w{6}…\), another class of the same name, loaded anew",
        ):
            job.model_validate({"ref": found})


def test_strict_mode_reads_the_same() -> None:
    assert Job.model_validate({"conn": CONNECTION}, strict=True).conn == CONNECTION
    assert Job.model_validate_json(json.dumps({"conn": marker()}), strict=True).conn == CONNECTION


def test_assignment_is_validated() -> None:
    class Model(BaseModel):
        model_config = ConfigDict(validate_assignment=True)
        ref: RegistryKey[int]

    model = Model(ref=RegistryKey.new(int))
    with pytest.raises(ValidationError):
        model.ref = RegistryKey.new(str)
    model.ref = key = RegistryKey.new(int)
    assert model.ref == key


# The bare class, and object.


@pytest.mark.parametrize("model", [Loose, Held, create_model("AnyModel", ref=(RegistryKey[Any], ...))])
def test_field_of_any_type_keeps_the_hint_and_tag_of_its_key(model: Any) -> None:
    key = RegistryKey.new(int)
    held = model(ref=key)
    assert held.ref is key
    assert held.model_dump(mode="json") == {"ref": typed(key)}


@pytest.mark.parametrize("model", [Loose, Held])
def test_field_of_any_type_reads_a_key_of_object(model: Any) -> None:
    assert model.model_validate({"ref": marker("builtins:int")}).ref.hint is object


# The JSON schema.


def follow(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found = schema["properties"][name]
    return schema["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_json_schema_holds_the_type_as_a_constant(mode: Any) -> None:
    field = follow(Job.model_json_schema(mode=mode), "conn")
    assert field["type"] == "object"
    assert field["properties"]["type"]["const"] == "sqlite3:Connection"
    assert field["additionalProperties"] is False
    assert SESSION_REF_TAG in field["required"]
    assert field["required"] == [SESSION_REF_TAG]
    assert field["properties"][SESSION_REF_TAG]["type"] == "string"


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_json_schema_of_any_type_has_no_constant(mode: Any) -> None:
    field = follow(Held.model_json_schema(mode=mode), "ref")
    assert "const" not in field["properties"]["type"]
    assert field["properties"]["type"]["type"] == "string"


def satisfies(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """The few words of JSON Schema that a key's schema uses."""
    if "$ref" in schema:
        return satisfies(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    if "anyOf" in schema:
        return any(satisfies(each, value, root) for each in schema["anyOf"])
    known = {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "const",
        "pattern",
        "title",
        "items",
        "default",
        "description",
        "maxLength",
        "$defs",
    }
    assert set(schema) <= known
    kinds = {"object": dict, "string": str, "array": list, "null": type(None)}
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        return False
    if isinstance(value, list):
        return all(satisfies(schema["items"], each, root) for each in value)
    if not isinstance(value, dict) or schema.get("type") != "object":
        return True
    fields, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    if not set(schema.get("required", ())) <= value.keys() or (more is False and not value.keys() <= fields.keys()):
        return False
    rest = more if isinstance(more, dict) else {}
    return all(satisfies(fields.get(name, rest), each, root) for name, each in value.items())


MODELS = [
    Job(conn=CONNECTION),
    Held(ref=RegistryKey.new(int)),
    Loose(ref=RegistryKey.new(int)),
    Either(ref=CURSOR),
    Several(refs=[RegistryKey.new(int)], by_name={"a": RegistryKey.new(str)}, maybe=RegistryKey.new(int)),
    Several(refs=[]),
    Holder[int](ref=RegistryKey.new(int)),
]


@pytest.mark.parametrize("model", MODELS, ids=[f"{at}-{type(model).__name__}" for at, model in enumerate(MODELS)])
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_what_is_written_satisfies_its_own_schema(model: BaseModel, mode: Any) -> None:
    schema = type(model).model_json_schema(mode=mode)
    assert satisfies(schema, json.loads(model.model_dump_json()), schema)
    assert type(model).model_validate_json(model.model_dump_json()) == model


def test_json_schema_is_one_component_that_says_what_a_handle_is() -> None:
    class Both(BaseModel):
        one: RegistryKey[sqlite3.Connection]
        other: list[RegistryKey[sqlite3.Connection]] = []
        numbers: RegistryKey[list[int]] | None = None

    schemas = [Both.model_json_schema(mode=mode) for mode in ("validation", "serialization")]
    assert schemas[0]["$defs"] == schemas[1]["$defs"]
    assert sorted(schemas[0]["$defs"]) == ["RegistryKey_Connection_", "RegistryKey_list_int__"]
    component = follow(schemas[0], "one")
    assert component["title"] == "Handle of sqlite3.Connection"
    assert component["description"].startswith("Stands for an object of type sqlite3.Connection, which the program")


def test_classes_of_one_name_are_components_of_their_own() -> None:
    def made() -> Any:
        class Local: ...

        return Local

    one, other = made(), made()
    model = create_model("Model", a=(RegistryKey[one], ...), b=(RegistryKey[other], ...))
    keys = {"a": RegistryKey.new(one), "b": RegistryKey.new(other)}
    assert model(**keys).a.hint is one
    assert model(**keys).b.hint is other
    with pytest.raises(ValidationError):
        model(a=keys["b"], b=keys["a"])
    assert len(model.model_json_schema()["properties"]) == 2


@pytest.mark.parametrize("name", sorted(WRONG.keys() - NO_JSON))
def test_what_is_refused_does_not_satisfy_the_schema(name: str) -> None:
    schema = Job.model_json_schema()
    assert not satisfies(schema, {"conn": WRONG[name]}, schema)


# Unions.


@pytest.mark.parametrize("key", [CONNECTION, CURSOR], ids=["connection", "cursor"])
def test_union_of_keys_is_told_apart_by_the_tag_when_read(key: RegistryKey[Any]) -> None:
    for found in (
        Either.model_validate({"ref": typed(key)}),
        Either.model_validate_json(json.dumps({"ref": typed(key)})),
        Either(ref=key),
    ):
        assert found.ref.hint is key.hint


@pytest.mark.parametrize("key", [CONNECTION, CURSOR], ids=["connection", "cursor"])
def test_union_of_keys_is_told_apart_by_the_tag_when_written(key: RegistryKey[Any]) -> None:
    assert Either(ref=key).model_dump(mode="json") == {"ref": typed(key)}
    assert json.loads(Either(ref=key).model_dump_json()) == {"ref": typed(key)}
    assert Either.model_validate_json(Either(ref=key).model_dump_json()) == Either(ref=key)


def test_union_of_keys_refuses_a_third_type() -> None:
    with pytest.raises(ValidationError):
        Either(ref=RegistryKey.new(int))
    with pytest.raises(ValidationError):
        Either.model_validate({"ref": marker("builtins:int")})


def test_the_errors_of_a_union_name_its_members_by_their_tags() -> None:
    with pytest.raises(ValidationError) as caught:
        Either.model_validate({"ref": 5})
    assert [error["loc"] for error in caught.value.errors()] == [
        ("ref", "sqlite3:Connection"),
        ("ref", "sqlite3:Cursor"),
    ]
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Union[RegistryKey, int]).validate_python("x")
    assert [error["loc"] for error in caught.value.errors()] == [("RegistryKey",), ("int",)]


def test_no_error_names_a_function_of_liveref() -> None:
    for hint in (Optional[RegistryKey[int]], Union[list[RegistryKey[int]], RegistryKey[str]]):
        with pytest.raises(ValidationError, match=r"RegistryKey\[int\]") as caught:
            TypeAdapter(hint).validate_python(5)
        assert "read" not in str([error["loc"] for error in caught.value.errors()]) + caught.value.title


def test_union_in_a_list_is_written_by_the_tag_of_each() -> None:
    adapter = TypeAdapter(list[Union[RegistryKey[sqlite3.Connection], RegistryKey[sqlite3.Cursor]]])
    assert adapter.dump_python([CURSOR, CONNECTION], mode="json") == [typed(CURSOR), typed(CONNECTION)]
    assert [key.hint for key in adapter.validate_json(adapter.dump_json([CURSOR, CONNECTION]))] == [
        sqlite3.Cursor,
        sqlite3.Connection,
    ]


@pytest.mark.parametrize("hint", [list[int], list[str]], ids=str)
def test_union_of_keys_of_parametrised_types_is_told_apart_by_the_tag(hint: Any) -> None:
    adapter = TypeAdapter(Union[RegistryKey[list[int]], RegistryKey[list[str]]])
    key = RegistryKey.new(hint)
    assert adapter.validate_python(typed(key)).hint == hint
    assert adapter.validate_python(key).hint == hint
    assert adapter.dump_python(key, mode="json") == typed(key)


@pytest.mark.parametrize(
    "hint", [sqlite3.Connection, list[str], Optional[int]], ids=["connection", "list[str]", "int | None"]
)
def test_union_of_keys_of_a_class_and_a_parametrised_type_is_told_apart_by_the_tag(hint: Any) -> None:
    adapter = TypeAdapter(Union[RegistryKey[sqlite3.Connection], RegistryKey[list[str]], RegistryKey[Optional[int]]])
    key = RegistryKey.new(hint)
    assert adapter.validate_python(key).hint == hint
    assert adapter.dump_python(key, mode="json") == typed(key)
    assert adapter.validate_json(adapter.dump_json(key)).hint == hint


@pytest.mark.parametrize("hint", [list[str], Optional[list[str]]], ids=str)
def test_a_key_of_a_parametrised_type_fits_a_field_of_its_class(hint: Any) -> None:
    adapter = TypeAdapter(RegistryKey[list])
    assert adapter.validate_python(RegistryKey.new(hint)).hint is list
    with pytest.raises(ValidationError):
        TypeAdapter(RegistryKey[str]).validate_python(RegistryKey.new(list[str]))


@pytest.mark.parametrize("hint", [Base, Child], ids=["base", "child"])
def test_union_of_keys_of_a_class_and_its_subclass_keeps_the_type(hint: Any) -> None:
    adapter = TypeAdapter(Union[RegistryKey[Base], RegistryKey[Child]])
    key = RegistryKey.new(hint)
    assert adapter.validate_python(typed(key)).hint is hint
    assert adapter.validate_python(key).hint is hint


@pytest.mark.parametrize(
    ("union", "hint"),
    [
        (Union[RegistryKey[Child], RegistryKey[Base]], Base),
        (Union[RegistryKey[Child], RegistryKey[Base]], Child),
        (Union[RegistryKey[bool], RegistryKey[int]], int),
        (Union[RegistryKey[Optional[Child]], RegistryKey[Base]], Base),
    ],
    ids=["base", "child", "int", "or none"],
)
def test_union_writes_no_key_of_a_base_class_as_one_of_a_subclass(union: Any, hint: Any) -> None:
    adapter = TypeAdapter(union)
    assert adapter.validate_json(adapter.dump_json(RegistryKey.new(hint))).hint is hint


def test_a_key_of_a_class_is_written_with_the_abstract_type_of_its_field() -> None:
    adapter = TypeAdapter(RegistryKey[Sized])
    assert adapter.dump_python(RegistryKey.new(list), mode="json")["type"] == "collections.abc:Sized"


def test_union_of_a_key_and_other_types() -> None:
    adapter = TypeAdapter(Union[RegistryKey[int], int, str, None])
    key = RegistryKey.new(int)
    for value in (5, "x", None):
        assert adapter.validate_json(adapter.dump_json(value)) == value
    assert adapter.validate_json(adapter.dump_json(key)) == key


# Where pydantic does not know the type.


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")
    data: Any = None


KEY = RegistryKey.parse(TEXT, int)
UNTYPED = {
    "Any": lambda: Anything(data=KEY).model_dump_json(),
    "Any, deep": lambda: Anything(data={"k": [KEY]}).model_dump(mode="json"),
    "extra": lambda: Anything(k=KEY).model_dump_json(),
    "serialize_as_any": lambda: Several(refs=[KEY]).model_dump_json(serialize_as_any=True),
    "dict of Any": lambda: TypeAdapter(dict[str, Any]).dump_json({"k": KEY}).decode(),
    "to_jsonable_python": lambda: pydantic_core.to_jsonable_python({"k": KEY}),
    "to_json": lambda: pydantic_core.to_json([KEY]).decode(),
}


@pytest.mark.parametrize("name", UNTYPED)
def test_a_key_is_written_as_its_typed_marker_where_the_type_is_not_known(name: str) -> None:
    written = UNTYPED[name]()
    assert json.dumps(typed(KEY)) in json.dumps(json.loads(written) if isinstance(written, str) else written)


def test_a_field_of_any_keeps_the_key_in_python() -> None:
    assert Anything(data=KEY).model_dump()["data"] is KEY


def test_the_serializer_is_made_once_pydantic_asks_for_it() -> None:
    code = """
import liveref
key = liveref.RegistryKey.new(int)
assert not hasattr(key, "__pydantic_serializer__")
import pydantic_core
assert b"builtins:int" in pydantic_core.to_json(key)
print(liveref.RegistryKey.__pydantic_serializer__ is key.__pydantic_serializer__)
"""
    assert run(code) == "True"


def test_a_field_that_is_keyed_by_keys_is_written_with_their_texts_and_read_back() -> None:
    adapter = TypeAdapter(dict[RegistryKey[int] | RegistryKey[str], str])
    assert adapter.dump_python({KEY: "x"}, mode="json") == json.loads(adapter.dump_json({KEY: "x"})) == {TEXT: "x"}
    assert adapter.validate_json(adapter.dump_json({KEY: "x"})) == {KEY: "x"}
    assert adapter.dump_python({KEY: "x"}) == {KEY: "x"}


def test_so_is_a_dict_that_is_keyed_by_keys_where_the_type_is_not_known() -> None:
    for dump in (Anything(data={KEY: 1}).model_dump_json, lambda: pydantic_core.to_json({"data": {KEY: 1}})):
        assert json.loads(dump()) == {"data": {TEXT: 1}}


# Generic models.


def test_generic_model_with_its_parameter_checks_it() -> None:
    model = Holder[sqlite3.Connection]
    assert model(ref=CONNECTION).model_dump(mode="json") == {"ref": typed(CONNECTION)}
    assert model.model_validate({"ref": marker()}).ref.hint is sqlite3.Connection
    with pytest.raises(ValidationError):
        model.model_validate({"ref": marker("builtins:str")})


def test_generic_model_without_its_parameter_takes_any_key() -> None:
    assert Holder(ref=CONNECTION).model_dump(mode="json") == {"ref": typed(CONNECTION)}
    assert Holder.model_validate({"ref": marker("builtins:str")}).ref.hint is object
    assert Holder.model_json_schema()


# What can't be a field.


def test_hint_that_can_not_be_checked_is_refused_when_the_model_is_made() -> None:
    with pytest.raises(HintError):
        TypeAdapter(RegistryKey["int"])


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_import_does_not_import_pydantic() -> None:
    code = "import liveref, sys; print([name for name in sys.modules if name.startswith('pydantic')])"
    assert run(code) == "[]"
