"""Payloads with keys and live objects in them, as plain JSON values and back.

A key is written as its marker and a live object as a typed marker, so each comes back as what it was. A
dict of the user's own that contains the tag is escaped, as ``{TAG: {the user's dict}}``: the value of a
marker is always a text. Nothing here recurses, so depth is no limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from liveref._json import ADVICE, JSON, SPECIAL, encodable, path_step
from liveref._key import RegistryKey
from liveref._marker import SESSION_REF_TAG
from liveref._registry import SessionRefRegistry
from liveref._swap import Swap
from liveref._tag import readable
from liveref.exceptions import MarkerError, NotJSONableError

__all__ = ["decode", "encode", "find_markers", "reject_markers"]

_Path: TypeAlias = tuple[Any, str | int]  # Any: the path of what the value is in, or None

_PLAIN: Final = frozenset({type(None), bool, int})
_STR: Final = frozenset({str})
_ROOT: Final[_Path] = (None, 0)


def encode(payload: object, *, registry: SessionRefRegistry | None = None, live: Iterable[type] = ()) -> JSON:
    """The payload as plain JSON values; O(n), and O(refs) once if there is a live object in it.

    Args:
        payload: None, bool, int, finite float, str, list and dict with str keys, all by exact type, with
            keys and objects of the types in ``live`` anywhere in it.
        registry: where live objects are inserted, unless they are there; None for the current one.
        live: the classes whose instances become markers. An object keeps its key from hop to hop.

    Raises:
        NotJSONableError: anything else is in it; it names the path.
        NoCurrentRegistryError: a live object is in it, and there is no registry.
        CapacityExceededError, RegistryClosedError: the registry takes no more.
            Whatever it raises, nothing was inserted.

    Example:
        >>> encode({"key": RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110"), "n": [1, None]})
        {'key': {'__blazen_session_ref__': '0f0e1d2c-3b4a-4958-8776-655443322110'}, 'n': [1, None]}
    """
    swap = Swap(registry, live=live)
    encoder = _Encoder(swap.classes)
    encoded = encoder.run(payload)
    if encoder.found:
        with swap.write() as writing:
            for copy, name, value in encoder.found:
                copy[name] = writing.key_of(value).to_marker(typed=True)
    return cast("JSON", encoded[0])


def decode(payload: JSON, *, registry: SessionRefRegistry | None = None) -> object:
    """What `encode` was given.

    Args:
        payload: what it wrote.
        registry: where the live objects are looked up; without one they come back as keys.

    Raises:
        MarkerError: a marker is broken; it names the path.
        RefNotFoundError, RefReleasedError, RefDroppedError: a live object is not there any more.

    Example:
        >>> registry = SessionRefRegistry()
        >>> decode(encode([open], registry=registry, live=[type(open)]), registry=registry) == [open]
        True
    """
    decoded: list[object] = [None]
    todo: list[tuple[object, Any, _Path | None]] = [([payload], decoded, None)]
    while todo:
        source, copy, path = todo.pop()
        for name, item in _children(source):
            here = _ROOT if path is None else (path, name)
            value, inside = _decoded(item, here, registry)
            copy[name] = value
            if inside is not None:
                todo.append((inside, value, here))
    return decoded[0]


def find_markers(payload: object) -> Iterator[tuple[str, RegistryKey[object]]]:
    """The path and key of each marker in a payload, in its order; nothing is looked up.

    Raises:
        MarkerError: a marker is broken; it names the path.

    Example:
        >>> marker = {"__blazen_session_ref__": "0f0e1d2c-3b4a-4958-8776-655443322110"}
        >>> list(find_markers({"event": {"conns": [marker]}}))
        [('$.event.conns[0]', RegistryKey[object](0f0e1d…))]
    """
    for item, path, escaped in _walk(payload):
        if _has_tag(item) and not escaped and _escaped(item) is None:
            yield _text(path), _key_of(item, path)


def reject_markers(payload: object) -> None:
    """Make sure that a payload from outside holds no marker, nor anything that looks like one.

    Raises:
        MarkerError: a dict in it contains the tag; the error names its path.
    """
    for item, path, _ in _walk(payload):
        if _has_tag(item):
            raise MarkerError(f"a dict with the tag at {_text(path)}", "a payload without session references")


class _Encoder:
    """One run of `encode`: copies container by container, and notes where the live objects go.

    The containers in it are Any, for their types are asked for one by one: a cast would cost as much again.
    """

    def __init__(self, classes: tuple[type, ...]) -> None:
        self._classes = classes
        self._todo: list[tuple[Any, Any, _Path] | int] = []
        self._inside: set[int] = set()  # the containers that the one under way is in
        self.found: list[tuple[Any, str | int, object]] = []

    def run(self, payload: object) -> list[object]:
        """A list of the copy, so that even the payload itself has a place."""
        top: list[object] = [None]
        self._fill(((0, payload),), top, None)
        while self._todo:
            task = self._todo.pop()
            if type(task) is tuple:
                self._enter(*task)
            else:
                self._inside.remove(cast("int", task))
        return top

    def _enter(self, source: dict[str, object] | list[object], copy: Any, path: _Path) -> None:
        identity = id(source)
        if identity in self._inside:
            raise NotJSONableError(_text(path), "a container that contains itself", ADVICE)
        todo, before = self._todo, len(self._todo)
        if isinstance(source, dict):
            _check_names(cast("Mapping[object, object]", source), path)
        self._fill(source.items() if isinstance(source, dict) else enumerate(source), copy, path)
        if len(todo) > before:  # it holds containers, and is left once those are done
            self._inside.add(identity)
            todo.insert(before, identity)

    def _fill(self, items: Iterable[tuple[Any, Any]], copy: Any, path: _Path | None) -> None:
        for name, item in items:
            kind: type[object] = type(item)  # pyright: ignore[reportUnknownVariableType]  of an Any
            if (
                kind in _PLAIN
                or (kind is str and (item.isascii() or encodable(item)))
                or (kind is float and math.isfinite(item))
            ):
                copy[name] = item
            else:
                copy[name] = self._other(item, kind, copy, name, _ROOT if path is None else (path, name))

    def _other(self, item: Any, kind: type[object], copy: Any, name: str | int, path: _Path) -> object:
        if kind is dict:
            inner: dict[str, object] = {}
            self._todo.append((item, inner, path))
            return {SESSION_REF_TAG: inner} if SESSION_REF_TAG in item else inner
        if kind is list:
            items: list[object] = [None] * len(item)
            self._todo.append((item, items, path))
            return items
        if kind is RegistryKey:
            key: RegistryKey[object] = item
            return key.to_marker()
        if isinstance(item, self._classes):
            self.found.append((copy, name, item))
            return None
        raise NotJSONableError(_text(path), SPECIAL.get(kind) or readable(kind), ADVICE)


def _check_names(source: Mapping[object, object], path: _Path) -> None:
    if set(map(type, source)) <= _STR and all(map(str.isascii, cast("Iterable[str]", source))):
        return
    for name in source:
        if type(name) is not str or not encodable(name):
            raise NotJSONableError(_text(path), f"a dict key of type {readable(type(name))}", ADVICE)


def _decoded(
    item: object, path: _Path, registry: SessionRefRegistry | None
) -> tuple[object, dict[str, object] | list[object] | None]:
    """What a value stands for, and the container to copy into it."""
    if isinstance(item, list):
        items = cast("list[object]", item)
        return _empty(items), items
    if not isinstance(item, dict):
        return item, None
    fields = cast("dict[str, object]", item)
    if SESSION_REF_TAG not in fields:
        return {}, fields
    escaped = _escaped(fields)
    if escaped is not None:
        return {}, escaped
    key = _key_of(fields, path)
    is_object = registry is not None and len(fields) > 1
    return (registry.get_any(key) if is_object and registry is not None else key), None


def _walk(payload: object) -> Iterator[tuple[object, _Path, bool]]:
    """Every value of a payload with its path, in its order, and whether it is a dict that was escaped."""
    todo: list[tuple[object, _Path, bool]] = [(payload, _ROOT, False)]
    while todo:
        item, path, escaped = todo.pop()
        yield item, path, escaped
        if not _has_tag(item) or escaped or _escaped(item) is not None:
            is_escape = _has_tag(item) and not escaped
            todo += [(child, (path, name), is_escape) for name, child in reversed([*_children(item)])]


def _children(item: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(item, dict):
        return cast("dict[str | int, object]", item).items()
    return enumerate(cast("list[object]", item)) if isinstance(item, list) else ()


def _empty(source: dict[str, object] | list[object]) -> dict[str, object] | list[object]:
    empty: list[object] = [None] * (0 if isinstance(source, dict) else len(source))
    return {} if isinstance(source, dict) else empty


def _has_tag(item: object) -> bool:
    return isinstance(item, dict) and SESSION_REF_TAG in item


def _escaped(item: object) -> dict[str, object] | None:
    """The user's dict in an escape; None where it is none."""
    if not isinstance(item, dict) or len(cast("dict[str, object]", item)) != 1:
        return None
    inner = cast("dict[str, object]", item)[SESSION_REF_TAG]
    return cast("dict[str, object]", inner) if isinstance(inner, dict) else None


def _key_of(marker: object, path: _Path) -> RegistryKey[object]:
    try:
        return RegistryKey.from_marker(marker)
    except MarkerError as error:
        found, expected = error.args
    raise MarkerError(f"{found} at {_text(path)}", expected)


def _text(path: _Path) -> str:
    """A path as text: ``$.event.conns[2]``."""
    names: list[str | int] = []
    step: _Path | None = path
    while step is not None:
        step, name = step
        names.append(name)
    return f"${''.join(map(path_step, reversed(names[:-1])))}"
