"""A key has no public constructor, and nothing of it changes."""

from __future__ import annotations

import copy
import uuid
from sqlite3 import Connection

from typing_extensions import TypeForm, assert_type

from liveref import RegistryKey, SessionRefRegistry


def no_constructor(text: str) -> None:
    RegistryKey()  # E: missing pyrefly=bad-argument-count
    RegistryKey(text)  # E: argument
    RegistryKey(uuid.uuid4())  # E: argument
    RegistryKey[Connection]()  # E: missing pyrefly=bad-argument-count
    RegistryKey[Connection](text)  # E: argument
    RegistryKey(None)  # E: argument


def code_after_a_method_is_checked(key: RegistryKey[int]) -> None:
    # A method that gave NoReturn would end the function for mypy, and hide what follows.
    copy.copy(key)
    key.to_marker(typed="yes")  # E: argument


def parts(key: RegistryKey[Connection]) -> None:
    assert_type(key.uuid, uuid.UUID)
    assert_type(key.uuid.hex, str)
    assert_type(key.hint, TypeForm[Connection])
    assert_type(hash(key), int)
    assert_type(copy.copy(key), RegistryKey[Connection])
    assert_type(copy.deepcopy(key), RegistryKey[Connection])


def immutable(key: RegistryKey[int]) -> None:
    key.uuid = uuid.uuid4()  # E: read-only
    key.hint = int  # E: read-only
    key.note = "mine"  # E: new-attribute
    # deviation(mypy, pyrefly, zuban): lets a property without a deleter be deleted
    del key.uuid  # E: read-only mypy=- pyrefly=- zuban=-


def unknown(key: RegistryKey[int]) -> None:
    key.get()  # E: attribute
    key.value  # E: attribute


class MyKey(RegistryKey[int]):  # E: final
    """A key is final."""


def comparisons(one: RegistryKey[int], other: RegistryKey[str], untyped: RegistryKey[object]) -> None:
    assert_type(one == untyped, bool)
    notes: dict[RegistryKey[object], int] = {one: 1, untyped: 2}
    assert_type(notes[other], int)
    if one < other:  # E: operator
        pass


def narrowing(found: RegistryKey[int] | str) -> None:
    if isinstance(found, RegistryKey):
        assert_type(found, RegistryKey[int])
    else:
        assert_type(found, str)


def narrowing_an_object(found: object, registry: SessionRefRegistry) -> None:
    if isinstance(found, RegistryKey):
        # deviation(pyright, basedpyright): RegistryKey[Unknown], which strict mode takes nowhere
        assert_type(registry.get_any(found), object)  # E: pyright=reportUnknownArgumentType
        # deviation(pyright, basedpyright): as above
        assert_type(registry.get(found, int), int)  # E: pyright=reportUnknownArgumentType


def matching(found: RegistryKey[int] | None) -> None:
    match found:
        case RegistryKey():
            assert_type(found, RegistryKey[int])
        case None:
            assert_type(found, None)
