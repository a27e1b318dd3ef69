"""Aliases that hold names as text, which the run time can't resolve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import TypeAliasType, TypeVarTuple, Unpack

from liveref import RegistryKey, SessionRefRegistry

if TYPE_CHECKING:
    import sqlite3
    from decimal import Decimal as Number

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Own = TypeAliasType("Own", "int | list[Own]")
Anything = TypeAliasType("Anything", Any)
Listed = TypeAliasType("Listed", "list[T]", type_params=(T,))
Numbers = TypeAliasType("Numbers", "list[Number]")
Databases = TypeAliasType("Databases", "sqlite3.Connection | None")
Nowhere = TypeAliasType("Nowhere", "Missing")  # E: name-defined
Perhaps = TypeAliasType("Perhaps", "int | Missing")  # E: name-defined
Broken = TypeAliasType("Broken", "int |")  # E: valid-type


class Rows(Generic[Unpack[Ts]]):
    def lookups(self, refs: SessionRefRegistry, key: RegistryKey[object]) -> None:
        refs.get(key, Own)  # ok
        refs.get(key, Anything)  # ok
        refs.get(key, Listed[int])  # ok
        refs.get(key, Numbers)  # E: liveref-unsupported
        refs.get(key, Databases)  # E: liveref-unsupported
        refs.get(key, Nowhere)  # E: liveref-unsupported
        refs.get(key, Perhaps)  # E: liveref-unsupported
        refs.get(key, tuple[*Ts])  # E: liveref-unsupported
        refs.get(key, list[tuple[int, Unpack[Ts]]])  # E: liveref-unsupported
