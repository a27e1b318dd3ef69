"""Payloads with keys and live objects in them, as plain JSON values and back.

A key is written as its marker and a live object as a typed marker, so each comes back as what it was. A
dict of the user's own that contains the tag is escaped, as ``{TAG: {the user's dict}}``: the value of a
marker is always a text. Nothing here recurses, so depth is no limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
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
_Node: TypeAlias = tuple[Any, str | int, Any, Any, int]
"""A container under way: the node that it is in and its name there, the container, its copy, its depth."""

_PLAIN: Final = frozenset({type(None), bool, int})
_TOP: Final[_Path] = (None, 0)
"""The path of the list that holds the payload."""
_DEEP: Final = 32
"""The depth from which on a cycle is suspected, there and at each double of it."""
_ADVICE: Final = f"{ADVICE} A live object goes as its key, or with its class in live=."


def encode(payload: object, *, registry: SessionRefRegistry | None = None, live: Iterable[type] = ()) -> JSON:
    """The payload as plain JSON values; O(n), and O(refs) once if there is a live object in it.

    Args:
        payload: None, bool, int, finite float, str, list and dict with str keys, all by exact type, with
            keys and objects of the types in ``live`` anywhere in it.
        registry: where live objects are inserted, unless they are there; None for the current one.
        live: the classes whose instances become markers. An object keeps its key from hop to hop.

    Raises:
        NotJSONableError: anything else is in it; it names the path, and if it is a ref also its key and
            where it was inserted.
        NoCurrentRegistryError: a live object is in it, and there is no registry.
        CapacityExceededError, RegistryClosedError: the registry takes no more.
            Whatever it raises, nothing was inserted.

    Example:
        >>> encode({"key": RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110"), "n": [1, None]})
        {'key': {'__blazen_session_ref__': '0f0e1d2c-3b4a-4958-8776-655443322110'}, 'n': [1, None]}
    """
    swap = Swap(registry, live=live)
    encoder = _Encoder(swap)
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
    todo: list[tuple[object, Any, _Path]] = [([payload], decoded, _TOP)]
    while todo:
        source, copy, path = todo.pop()
        for name, item in _children(source):
            here = (path, name)
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

    A container is copied whole and only what is not plain is replaced then, which is half the work of
    building it up. What is in it is Any, for its type is asked for: a cast would cost as much again.
    """

    def __init__(self, swap: Swap) -> None:
        self._swap: Final = swap
        self.found: Final[list[tuple[Any, str | int, object]]] = []

    def run(self, payload: object) -> list[object]:  # noqa: C901  one loop: a call a container costs a tenth
        """A list of the copy, so that even the payload itself has a place."""
        top = [payload]
        todo: list[_Node] = [(None, 0, [payload], top, 0)]
        while todo:
            node = todo.pop()
            _, _, source, copy, depth = node
            if depth >= _DEEP and not depth & (depth - 1):
                _refuse_cycle(node)
            if type(source) is list and _PLAIN.issuperset(map(type, copy)):
                continue
            depth += 1
            for name, item in _items(node):
                kind: type[object] = type(item)  # pyright: ignore[reportUnknownVariableType]  of an Any
                if kind in _PLAIN or (kind is str and (item.isascii() or encodable(item))):
                    continue
                if kind is dict:
                    copy[name] = inner = item.copy()
                    if SESSION_REF_TAG in inner:
                        copy[name] = {SESSION_REF_TAG: inner}
                    if inner:
                        todo.append((node, name, item, inner, depth))
                elif kind is list:
                    copy[name] = inner = item.copy()
                    if inner:
                        todo.append((node, name, item, inner, depth))
                elif kind is not float or not math.isfinite(item):
                    copy[name] = self._stand_in(item, kind, node, name)
        return top

    def _stand_in(self, item: object, kind: type[object], node: _Node, name: str | int) -> object:
        if kind is RegistryKey:
            return cast("RegistryKey[object]", item).to_marker()
        if self._swap.is_live(item):
            self.found.append((node[3], name, item))
            return None
        path = _text((node, name))
        if kind in SPECIAL:
            raise NotJSONableError(path, SPECIAL[kind], ADVICE)
        raise self._swap.refusal(path, item, _ADVICE)


def _items(node: _Node) -> Iterable[tuple[Any, Any]]:
    """The items of a copied container, once the names of a dict are checked."""
    if type(node[2]) is list:
        items: list[Any] = node[3]
        return enumerate(items)
    fields: dict[Any, Any] = node[3]
    names: Iterable[object] = fields
    for name in names:
        if type(name) is not str or not (name.isascii() or encodable(name)):
            kind = readable(type(name))  # pyright: ignore[reportUnknownArgumentType]  of an object
            raise NotJSONableError(_text(node), f"a dict key of type {kind}", ADVICE)
    return fields.items()


def _refuse_cycle(node: _Node) -> None:
    """Raise if a container is inside itself: where a cycle is followed, each container comes again and again."""
    outer = node[0]
    while outer is not None and outer[2] is not node[2]:
        outer = outer[0]
    if outer is not None:
        raise NotJSONableError(_text(_first_repeated(node)), "a container that contains itself", ADVICE)


def _first_repeated(node: _Node) -> _Node:
    """Of a node and those that it is in, the outermost whose container came before."""
    nodes: list[_Node] = []
    outer: _Node | None = node
    while outer is not None:
        nodes.append(outer)
        outer = outer[0]
    first = {id(each[2]): each for each in nodes}
    return next(each for each in reversed(nodes) if first[id(each[2])] is not each)


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
    todo: list[tuple[object, _Path, bool]] = [(payload, (_TOP, 0), False)]
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


def _text(path: _Path | _Node) -> str:
    """A path as text: ``$.event.conns[2]``."""
    names: list[str | int] = []
    step: _Path | _Node | None = path
    while step is not None:
        names.append(step[1])
        step = step[0]
    return f"${''.join(map(path_step, reversed(names[:-2])))}"
