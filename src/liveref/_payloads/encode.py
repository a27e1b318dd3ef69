"""One run of `encode`: a payload copied as plain JSON values, and where in it the live objects go."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, cast

from liveref._key import RegistryKey
from liveref._payloads.swap import Swap
from liveref._registry.registry import SessionRefRegistry
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.json import ADVICE, JSON, SAFE_BITS, encodable, name_fault, path_step, special_of, writable
from liveref._text.marker import SESSION_REF_TAG
from liveref.exceptions import NotJSONableError

__all__ = ["CYCLE", "TOP", "Encoder", "Path", "encoded", "path_text"]

Path: TypeAlias = tuple[Any, str | int]  # Any: the path of what the value is in, or None
_Node: TypeAlias = tuple[Any, str | int, Any, Any, int]
"""A container under way: the node that it is in and its name there, the container, its copy, its depth."""

_MarkerOf: TypeAlias = Callable[[RegistryKey[object]], dict[str, str]]
_PLAIN: Final = frozenset({type(None), bool, int})
TOP: Final[Path] = (None, 0)
"""The path of the list that holds the payload."""
_DEEP: Final = 32
"""The depth from which on a cycle is suspected, there and at each double of it."""
_WIDE: Final = 128
"""The items from which on each container is suspected: copies of many of them would take all memory."""
CYCLE: Final = "a container that contains itself"
_ADVICE: Final = f"{ADVICE} A live object goes as its key, or with its class in live=."


def encoded(
    payload: object, registry: SessionRefRegistry | None, live: Iterable[type], recipes: SnapshotKeys | None
) -> JSON:
    """What `liveref.jsonable.encode` gives."""
    swap = Swap(registry, live=live, recipes=recipes)
    encoder = Encoder(swap)
    copied = encoder.run(payload)
    if encoder.found:
        swap.put_markers(encoder.found)
    return cast("JSON", copied[0])


class Encoder:
    """One run of `encode`: copies container by container, and notes where the live objects go.

    A container is copied whole and only what is not plain is replaced then, which is half the work of
    building it up. What is in it is Any, for its type is asked for: a cast would cost as much again.
    """

    def __init__(self, swap: Swap) -> None:
        self._swap: Final = swap
        self._marker_of: Final[_MarkerOf] = swap.marker_of if swap.recipes else RegistryKey[object].to_marker
        self.found: Final[list[tuple[Any, str | int, object]]] = []

    def run(self, payload: object) -> list[object]:  # noqa: C901, PLR0912  one loop: a call a container costs a tenth
        """A list of the copy, so that even the payload itself has a place."""
        top = [payload]
        todo: list[_Node] = [(None, 0, [payload], top, 0)]
        while todo:
            node = todo.pop()
            _, _, source, copy, depth = node
            if depth >= _DEEP and not depth & (depth - 1):
                _refuse_cycle(node)
            if type(source) is list and _are_plain(copy):
                continue
            depth += 1
            for name, item in _items(node):
                kind: type[object] = type(item)  # pyright: ignore[reportUnknownVariableType]  of an Any
                if kind is str:
                    if item.isascii() or encodable(item):
                        continue
                elif kind is int:
                    if item.bit_length() <= SAFE_BITS:
                        continue
                elif kind is bool or item is None:
                    continue
                if kind is dict or kind is list:
                    copy[name] = inner = item.copy()
                    if kind is dict and SESSION_REF_TAG in inner:
                        copy[name] = {SESSION_REF_TAG: inner}
                    if inner:
                        within = (node, name, item, inner, depth)
                        if len(inner) > _WIDE:
                            _refuse_cycle(within)
                        todo.append(within)
                elif kind is not float or not math.isfinite(item):
                    copy[name] = self._stand_in(item, kind, node, name)
        return top

    def _stand_in(self, item: object, kind: type[object], node: _Node, name: str | int) -> object:
        if kind is RegistryKey:
            return self._marker_of(cast("RegistryKey[object]", item))
        if self._swap.is_live(item):
            self.found.append((node[3], name, item))
            return None
        if kind is int and writable(cast("int", item)):
            return item
        path = path_text((node, name))
        special = special_of(kind)
        if special is not None:
            raise NotJSONableError(path, special, ADVICE)
        raise self._swap.refusal(path, item, _ADVICE)


def _items(node: _Node) -> Iterable[tuple[Any, Any]]:
    """The items of a copied container, once the names of a dict are checked."""
    if type(node[2]) is list:
        items: list[Any] = node[3]
        return enumerate(items)
    fields: dict[Any, Any] = node[3]
    names: Iterable[object] = fields
    for name in names:
        if type(name) is not str or not name.isascii():
            fault = name_fault(name)
            if fault is not None:
                raise NotJSONableError(path_text(node), fault, ADVICE)
    return fields.items()


def _are_plain(items: list[Any]) -> bool:
    """Whether a list holds None, bool and small ints alone, as far as the quickest look at it tells."""
    try:
        if not _PLAIN.issuperset(map(type, items)):
            return False
        math.fsum(items)
    except Exception:  # noqa: BLE001  None, an int above every float, a class without a hash: each is looked at then
        return False
    return True


def _refuse_cycle(node: _Node) -> None:
    """Raise if a container is inside itself: where a cycle is followed, each container comes again and again."""
    outer = node[0]
    while outer is not None and outer[2] is not node[2]:
        outer = outer[0]
    if outer is not None:
        raise NotJSONableError(path_text(_first_repeated(node)), CYCLE, ADVICE)


def _first_repeated(node: _Node) -> _Node:
    """Of a node and those that it is in, the outermost whose container came before."""
    nodes: list[_Node] = []
    outer: _Node | None = node
    while outer is not None:
        nodes.append(outer)
        outer = outer[0]
    first = {id(each[2]): each for each in nodes}
    return next(each for each in reversed(nodes) if first[id(each[2])] is not each)


def path_text(path: Path | _Node) -> str:
    """A path as text: ``$.event.conns[2]``."""
    names: list[str | int] = []
    step: Path | _Node | None = path
    while step is not None:
        names.append(step[1])
        step = step[0]
    return f"${''.join(map(path_step, reversed(names[:-2])))}"
