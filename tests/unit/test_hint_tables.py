"""The table of hint forms at run time and that of the mypy plugin hold the same, name by name."""

from __future__ import annotations

import collections
import collections.abc
import importlib
import typing
from collections.abc import Iterable

import pytest
import typing_extensions

pytest.importorskip("mypy", reason="the plugin needs mypy")

from liveref._hints import forms
from liveref_mypy import _names

TYPESHED = {"typing.AbstractSet": collections.abc.Set}


def found(names: Iterable[str]) -> set[object]:
    """What names of the plugin are at run time: of a name of typing the class behind it."""
    return {_of(name) for name in names}


def _of(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    if name in TYPESHED:
        return TYPESHED[name]
    home = importlib.import_module(module)
    form = getattr(home if hasattr(home, attribute) else typing_extensions, attribute)  # older Pythons lack some
    return typing.get_origin(form) or form


TABLES = {
    "ITEMS": (forms.ITEMS, _names.ITEMS),
    "PAIRS": ({*forms.PAIRS, collections.Counter}, {*_names.PAIRS, _names.COUNTER}),
    "ONE_SHOT": (forms.ONE_SHOT, _names.ONE_SHOT),
    "FILES": (forms.FILES, _names.FILES),
    "TEXTS": (forms.TEXTS, _names.TEXTS),
    "BARE": (forms.BARE, _names.NEED_BRACKETS),
}


@pytest.mark.parametrize("name", TABLES)
def test_both_hold_the_same(name: str) -> None:
    ours, theirs = TABLES[name]
    assert set(ours) == found(theirs)


NO_NAME_TO_MYPY = {
    typing.Never: "mypy has a type of its own",
    typing.NoReturn: "mypy has a type of its own",
    typing.Self: "mypy reports it",
    typing.Concatenate: "mypy reports it",
    typing.TypeAlias: "mypy takes it for a value",
    typing.TypedDict: "mypy reports it",
    importlib.import_module("typing_extensions").TypedDict: "mypy reports it",
    importlib.import_module("typing_extensions").TypeForm: "mypy has a type of its own",
}


NO_TYPE_AT_RUN_TIME = {typing.NamedTuple, typing_extensions.NamedTuple}
"""Functions, which are refused as such."""


def test_what_is_refused_is_refused_by_both() -> None:
    assert set(forms.REFUSED) - set(NO_NAME_TO_MYPY) == found(_names.QUALIFIERS) - NO_TYPE_AT_RUN_TIME


def test_what_a_callable_may_give_back_is_the_same() -> None:
    assert set(forms.RESULTS) - {typing.Never, typing.NoReturn} == found(_names.GUARDS)


def test_builders_know_every_form_of_the_tables() -> None:
    from liveref._hints.compile import _BUILDERS

    assert {*forms.ITEMS, *forms.PAIRS, *forms.TEXTS, *forms.UNIONS, *found([_names.ITEMS_VIEW])} <= set(_BUILDERS)
