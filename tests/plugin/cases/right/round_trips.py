"""Keys that go through text and markers and come back as what they were."""

from __future__ import annotations

import json

from liveref import RegistryKey, SessionRefRegistry


def there_and_back(key: RegistryKey[int], maybe: RegistryKey[int | None], flag: bool) -> None:
    RegistryKey.parse(str(key), int)  # ok
    RegistryKey.parse(str(key), float)  # ok
    RegistryKey.parse(f"{key}", bool)  # ok
    RegistryKey.parse(f"{key.uuid}", int | None)  # ok
    RegistryKey.parse(str(key))  # ok
    RegistryKey.from_marker(key.to_marker(), int)  # ok
    RegistryKey.from_marker(maybe.to_marker(typed=True), int)  # ok
    text = str(key)
    RegistryKey.parse(text, int)  # ok
    RegistryKey.parse(f"{text}", str)  # ok
    RegistryKey.parse(f"x{key}", str)  # ok
    RegistryKey.parse(str(key)[:3], str)  # ok
    marker = key.to_marker()
    marker = json.loads(json.dumps(marker))
    RegistryKey.from_marker(marker, str)  # ok
    other = str(key)
    if flag:
        other = "0f0e1d2c-3b4a-4958-8776-655443322110"
    RegistryKey.parse(other, str)  # ok
    for line in ["a", str(key)]:
        RegistryKey.parse(line, str)  # ok
    first, second = str(key), str(maybe)
    RegistryKey.parse(first, str)  # ok
    RegistryKey.parse(second, str)  # ok
    RegistryKey.parse(str(1), str)  # ok


def parameter(text: str, key: RegistryKey[int]) -> str:
    RegistryKey.parse(text, str)  # ok
    text = str(key)
    return text


def kept_wide(refs: SessionRefRegistry, thing: object) -> list[RegistryKey[object]]:
    a: RegistryKey[object] = refs.insert(1, object)  # ok
    b: RegistryKey[object] = refs.insert(thing)  # ok
    c: RegistryKey[int] = refs.insert(1)  # ok
    d: RegistryKey[float] = refs.insert(1, float)  # ok
    keys: list[RegistryKey[object]] = [a, b, c, d]
    keys.append(refs.insert(1))  # ok
    more: list[RegistryKey[object]] = [refs.insert(1), refs.insert("a")]  # ok
    both: tuple[RegistryKey[object], int] = refs.insert(1), 2  # ok
    print(refs.release(refs.insert(1)), both)  # ok
    return [*keys, *more]


def returned(refs: SessionRefRegistry) -> RegistryKey[object]:
    return refs.insert(1)  # ok
