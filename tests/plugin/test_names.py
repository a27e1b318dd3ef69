"""Every dotted name that the plugin holds is a name of what it says, and every option is documented."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator

import pytest

import liveref
from liveref import RegistryKey, SessionRefRegistry, TypedRefs, _policy
from liveref_mypy import _codes, _names, plugin


def _held() -> Iterator[str]:
    for name, value in vars(_names).items():
        if name.isupper():
            yield from (text for text in ((value,) if isinstance(value, str) else value) if "." in text.strip("."))


def _find(name: str) -> object:
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise LookupError(name)


TYPESHED = {
    "typing.AbstractSet": "collections.abc.Set",
    "_collections_abc.Buffer": "typing_extensions.Buffer",  # there from Python 3.12 on
    "typing.ReadOnly": "typing_extensions.ReadOnly",  # from 3.13 on
    "typing.TypeIs": "typing_extensions.TypeIs",
    "io.Reader": "typing_extensions.Reader",  # from 3.14 on
    "io.Writer": "typing_extensions.Writer",
    "_pytest.python_api.raises": "pytest.raises",  # where pytest before 8.4 had it
    "_pytest.raises.raises": "pytest.raises",
}


@pytest.mark.parametrize("name", sorted(set(_held())))
def test_name_is_found(name: str) -> None:
    assert _find(TYPESHED.get(name, name)) is not None


@pytest.mark.parametrize("name", sorted(name for name in set(_held()) if name.startswith("liveref.")))
def test_name_of_liveref_is_that_of_the_file_where_it_is_defined(name: str) -> None:
    module, _, wanted = name.rpartition(".")
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    definitions = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    assert wanted in [node.name for node in definitions]


def test_methods_exist() -> None:
    assert [name for name in _names.REGISTRY_METHODS if not hasattr(SessionRefRegistry, name)] == []
    assert [name for name in _names.TYPED_METHODS if not hasattr(TypedRefs, name)] == []


def test_what_makes_a_key_is_known() -> None:
    """A way to make keys that the rules do not look at would be blind."""
    makers = {name for name, each in vars(RegistryKey).items() if isinstance(each, classmethod)}
    assert _names.KEY_METHODS == {name for name in makers if not name.startswith("_")}


def test_lifetimes_that_outlive_their_session_are_those_of_the_table() -> None:
    rows = _policy.LIFETIMES.items()
    assert _names.LIFETIMES_THAT_OUTLIVE == {each.name for each, row in rows if row.in_parent or row.outlives_owner}


def test_public_names_of_registry_methods_are_all_known() -> None:
    public = {name for name in dir(SessionRefRegistry) if not name.startswith("_")}
    assert public - _names.REGISTRY_METHODS == {"capacity", "describe", "is_empty"}


def test_codes_are_distinct_and_carry_the_prefix() -> None:
    codes = [code.code for code in _codes.CODES]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("liveref-") for code in codes)


def test_entry_point_gives_the_class() -> None:
    assert plugin("2.4.1").__name__ == "LiverefPlugin"
    assert liveref.__all__
