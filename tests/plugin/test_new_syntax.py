"""Type parameters in brackets and ``type`` statements, which the Python of the tests may not be able to read."""

from __future__ import annotations

from pathlib import Path

from .harness import difference, expected, run, write_config

MODULE = """\
from typing import Self

from liveref import RegistryKey, SessionRefRegistry

type Key[T] = RegistryKey[T]
type Number = int | float
type Nested = list[Nested] | int
type Bare = RegistryKey

class Box[T, *Ts, **P]:
    key: RegistryKey[T]

    def open(self, refs: SessionRefRegistry) -> T:
        return refs.get(self.key)

    def keep(self, refs: SessionRefRegistry) -> RegistryKey[Self]:
        return refs.insert(self)

    def nothing(self) -> None:
        RegistryKey.new(T)  # E: liveref-unsupported, misc

def first[T](refs: SessionRefRegistry, key: Key[T]) -> T:
    return refs.get(key)

def bounded[T: int](refs: SessionRefRegistry, key: RegistryKey[T]) -> int:
    refs.get(key, str)  # E: liveref-overlap
    return refs.get(key, int)

def choice[T: (int, str)](refs: SessionRefRegistry, key: RegistryKey[T]) -> T:
    refs.get(key, str)
    return refs.get(key)

def variables[T](refs: SessionRefRegistry, key: RegistryKey[T], cls: type[T]) -> T:
    RegistryKey.new(T)  # E: liveref-unsupported, misc
    RegistryKey.new(list[T])  # E: liveref-unsupported
    def inner[U](item: U) -> RegistryKey[U]:
        RegistryKey.new(U)  # E: liveref-unsupported, misc
        return refs.insert(item)
    inner(1)
    return refs.get(key, cls)

def aliases(refs: SessionRefRegistry, key: Key[int], number: RegistryKey[Number]) -> None:
    refs.get(key, str)  # E: liveref-overlap
    refs.get(key, Nested)
    refs.get(number, Number)
    refs.get(number, int)
    refs.get(number, str)  # E: liveref-overlap
    refs.insert([1, [2]], Nested)
    refs.insert("a", Nested)  # E: arg-type

def bare(key: Bare) -> None:  # E: liveref-untyped
    pass
"""


def test_new_syntax_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "new_syntax.py"
    path.write_text(MODULE)
    config = write_config(tmp_path, options="flow = true", mypy="python_version = 3.12")
    assert not difference(expected([path]), run([path], config, tmp_path / "cache", "--native-parser").findings)
