"""`RegistryKey.read`: what clients hand back of a key; and markers that carry a recipe."""

from __future__ import annotations

import collections
import json
import sqlite3
import sys
import time
import uuid
from typing import Any

import pytest

from liveref import SESSION_REF_TAG, HintError, KeyFormatError, MarkerError, RegistryKey, SessionRefRegistry
from liveref.jsonable import decode, find_markers, reject_markers

TEXT = "0f0e1d2c-3b4a-4958-8776-655443322110"
KEY = RegistryKey.parse(TEXT, int)


class Text(str):
    """A text that lies about itself."""

    def __str__(self) -> str:
        return "hunter2"

    def startswith(self, *_: object) -> bool:
        raise ZeroDivisionError("hunter2")


class Lying:
    @property
    def __class__(self) -> type:
        raise ZeroDivisionError("hunter2")


def marker(**more: object) -> dict[str, object]:
    return {SESSION_REF_TAG: TEXT, **more}


FORMS: dict[str, Any] = {
    "a key": KEY,
    "a key of any type": RegistryKey.parse(TEXT),
    "its marker": KEY.to_marker(),
    "its typed marker": KEY.to_marker(typed=True),
    "a sturdy marker": marker(recipe="abc", type="builtins:int"),
    "its text": str(KEY),
    "a str subclass": Text(TEXT),
    "its marker as JSON": json.dumps(KEY.to_marker()),
    "its typed marker as JSON": json.dumps(KEY.to_marker(typed=True)),
    "its marker as indented JSON": f"\n {json.dumps(KEY.to_marker(typed=True), indent=4)} ",
    "its marker as escaped JSON": json.dumps(KEY.to_marker()).replace("0f", "\\u0030f"),
    "a sturdy marker of escapes as JSON": json.dumps(marker(recipe="\x00" * 8192, type="builtins:int"), indent=8),
    "a sturdy marker as JSON": json.dumps(marker(recipe="é" * 4096)),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_key_is_read(name: str) -> None:
    found = RegistryKey.read(FORMS[name], int)
    assert found == KEY
    assert found.hint is int
    assert RegistryKey.read(FORMS[name]) == KEY


def test_a_key_that_is_read_opens_its_ref() -> None:
    registry = SessionRefRegistry()
    key = registry.insert([1], list[int])
    assert registry.get(RegistryKey.read(str(key), list[int])) == [1]


def test_without_a_hint_a_marker_is_a_key_of_object_and_a_key_keeps_its_hint() -> None:
    assert RegistryKey.read(KEY.to_marker(typed=True)).hint is object
    assert RegistryKey.read(KEY) is KEY


NO_TEXTS = {
    "empty": "",
    "upper case": TEXT.upper(),
    "braces": f"{{{TEXT}}}",
    "a space": f" {TEXT}",
    "a space that does not break": f"{TEXT}\xa0",
    "a NUL": f"{TEXT}\0",
    "a NUL alone": "\0",
    "wide digits": TEXT.replace("0", "\uff10"),
    "right to left": f"\u202e{TEXT}",
    "a newline": f"{TEXT}\n",
    "urn": f"urn:uuid:{TEXT}",
    "no hyphens": TEXT.replace("-", ""),
    "words": "the database",
    "quoted": json.dumps(TEXT),
    "a list": json.dumps([KEY.to_marker()]),
    "broken JSON": json.dumps(KEY.to_marker())[:-1],
    "JSON with words around": f"Here it is: {json.dumps(KEY.to_marker())}",
    "another dict": '{"a": 1}',
    "a marker with more": json.dumps(marker(more=TEXT)),
    "a marker in upper case": json.dumps({SESSION_REF_TAG: TEXT.upper()}),
    "a marker of a number": json.dumps({SESSION_REF_TAG: 5}),
    "a marker with a long recipe": json.dumps(marker(recipe="x" * 8193)),
    "a huge number": '{"a": ' + "9" * 5000 + "}",
    "a surrogate": "\ud800" + TEXT,
    "a surrogate at its end": TEXT + "\udfff",
    "a marker with a NUL": json.dumps({SESSION_REF_TAG: f"{TEXT}\0"}),
    "a marker twice": f'{{"{SESSION_REF_TAG}": "{TEXT}", "{SESSION_REF_TAG}": "{TEXT.upper()}"}}',
    "deep": '{"a": ' * 10_000,
    "a megabyte": "0" * 1_000_000,
    "a megabyte of JSON": json.dumps(marker(recipe="x" * 1_000_000)),
    "a megabyte of braces": "{" * 1_000_000,
    "a megabyte of spaces": " " * 1_000_000,
}


@pytest.mark.parametrize("name", NO_TEXTS)
@pytest.mark.parametrize("hint", [int, object])
def test_a_text_that_is_none_is_told_in_short_and_without_an_echo(name: str, hint: type) -> None:
    started = time.process_time()
    with pytest.raises(KeyFormatError) as caught:
        RegistryKey.read(NO_TEXTS[name], hint)
    assert time.process_time() - started < 1  # a megabyte takes no longer than a word: this is a thousand times as much
    assert type(caught.value) is KeyFormatError
    assert TEXT[:8] not in str(caught.value).lower()
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is caught.value.__context__ is None or "JSON text" in str(caught.value)


NO_OTHERS = {
    "None": None,
    "bytes": TEXT.encode(),
    "a bytearray": bytearray(TEXT.encode()),
    "UUID": uuid.UUID(TEXT),
    "a list": [KEY],
    "a number": 5,
    "a dict": {"a": 1},
    "a marker with more": marker(more=1),
    "a marker of another type": marker(type="builtins:str"),
    "a key of another type": RegistryKey.parse(TEXT, str),
    "JSON of another type": json.dumps(marker(type="builtins:str")),
    "an odd class": Lying(),
    "a mapping that is no dict": collections.UserDict(marker()),
}


@pytest.mark.parametrize("name", NO_OTHERS)
def test_all_else_is_a_marker_error_that_repeats_nothing(name: str) -> None:
    with pytest.raises(MarkerError) as caught:
        RegistryKey.read(NO_OTHERS[name], int)
    assert TEXT not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_hint_that_can_not_be_checked_is_refused() -> None:
    with pytest.raises(HintError):
        RegistryKey.read(TEXT, "int")


def test_parse_and_from_marker_stay_exact() -> None:
    for form in (KEY, KEY.to_marker(), json.dumps(KEY.to_marker())):
        with pytest.raises(KeyFormatError):
            RegistryKey.parse(form)
    for form in (KEY, TEXT, json.dumps(KEY.to_marker())):
        with pytest.raises(MarkerError):
            RegistryKey.from_marker(form)


# Markers with a recipe.


@pytest.mark.parametrize("more", [{}, {"type": "builtins:int"}], ids=["untyped", "typed"])
@pytest.mark.parametrize("recipe", ["", "x" * 8192, "é" * 4096, "\ud800"], ids=["empty", "ascii", "bytes", "surrogate"])
def test_a_recipe_in_a_marker_is_not_read(more: dict[str, str], recipe: str) -> None:
    sturdy = marker(**more, recipe=recipe)
    assert RegistryKey.from_marker(sturdy, int) == KEY
    assert list(find_markers([sturdy])) == [("$[0]", KEY)]
    assert decode([sturdy]) == [KEY]
    with pytest.raises(MarkerError):
        reject_markers([sturdy])


@pytest.mark.parametrize("recipe", ["x" * 8193, "é" * 4097, None, 5, b"x", Text("x")], ids=range(6))
def test_a_recipe_that_is_too_long_or_no_text_is_refused(recipe: object) -> None:
    for sturdy in (marker(recipe=recipe), marker(recipe=recipe, type="builtins:int")):
        with pytest.raises(MarkerError):
            RegistryKey.from_marker(sturdy, int)
        with pytest.raises(MarkerError):
            list(find_markers(sturdy))


def test_a_typed_sturdy_marker_stands_for_an_object_and_another_for_a_key() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(7)
    sturdy = [{**key.to_marker(typed=typed), "recipe": "abc"} for typed in (True, False)]
    assert decode(sturdy, registry=registry) == [7, key]


# What the errors advise.


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda: RegistryKey.from_marker(TEXT), "A text is read by RegistryKey.parse(text, hint), and"),
        (lambda: RegistryKey.from_marker(5), "Pass on what str(key) or key.to_marker() wrote."),
        (lambda: RegistryKey.parse(KEY.to_marker()), "A marker is read by RegistryKey.from_marker(marker, hint)."),
        (lambda: RegistryKey.parse(KEY), "Pass on what str(key) or key.to_marker() wrote."),
    ],
    ids=range(4),
)
def test_the_advice_fits_what_was_passed(call: Any, advice: str) -> None:
    with pytest.raises(KeyFormatError) as caught:
        call()
    assert advice in str(caught.value)


def test_a_class_that_was_loaded_anew_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (type("Conn", (), {"__module__": __name__}) for _ in range(2))
    monkeypatch.setattr(sys.modules[__name__], "Conn", new, raising=False)
    typed = RegistryKey.new(new).to_marker(typed=True)
    for found in (RegistryKey.new(new), typed):
        with pytest.raises(MarkerError, match="another class of the same name, loaded anew") as caught:
            RegistryKey.read(found, old)
        assert "with the class that is loaded now" in str(caught.value)
    with pytest.raises(MarkerError, match="loaded anew"):
        RegistryKey.from_marker(typed, old)


def test_a_key_of_another_class_is_told_by_its_tag() -> None:
    with pytest.raises(
        MarkerError, match=r"expected a key of 'sqlite3:Cursor', found a key of 'builtins:int' \(0f0e1d…\)"
    ):
        RegistryKey.read(KEY, sqlite3.Cursor)
