"""Payloads with keys and live objects in them, as plain JSON values and back.

A key is written as its marker and a live object as a typed marker, so each comes back as what it was. A
dict of the user's own that contains the tag is escaped, as ``{TAG: {the user's dict}}``: the value of a
marker is always a text. Nothing here recurses, so depth is no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias, cast

from typing_extensions import TypeIs

from liveref._key import RegistryKey
from liveref._payloads.encode import CYCLE, TOP, Path, encoded, path_text
from liveref._payloads.swap import Swap
from liveref._registry.registry import SessionRefRegistry
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.json import JSON
from liveref._text.marker import SESSION_REF_TAG
from liveref._text.tag import readable
from liveref.exceptions import MarkerError, NotJSONableError, RefLookupError

__all__ = ["decode", "default", "encode", "find_markers", "reject_markers"]

_Step: TypeAlias = tuple[Any, Any, Path | None]  # a container, its copy to be and its path; None once all is copied
_Admit: TypeAlias = Callable[[object], None]
_REFUSE: Final = "Refuse it, or take that part out."
_GONE: Final = "Decode while its session lives, with a session that Session.resume brought back, or without registry=."


def encode(
    payload: object,
    *,
    registry: SessionRefRegistry | None = None,
    live: Iterable[type] = (),
    recipes: SnapshotKeys | None = None,
) -> JSON:
    """The payload as plain JSON values; O(n), and O(refs) once if there is a live object in it.

    Args:
        payload: None, bool, int, finite float, str, list and dict with str keys, all by exact type, with
            keys and objects of the types in ``live`` anywhere in it.
        registry: where live objects are inserted, unless they are there; None for the current one.
        live: the classes whose instances become markers. An object keeps its key from hop to hop.
        recipes: the ring that signs the recipes of refs into their markers, which `decode` admits in another process
            too; None for markers without.

    Raises:
        NotJSONableError: anything else is in it; it names the path, and if it is a ref also its key and
            where it was inserted.
        NoCurrentRegistryError: a live object is in it, or with ``recipes`` a key, and there is no registry.
        InvalidArgumentError: a recipe takes more than 8 KiB.
        CapacityExceededError, RegistryClosedError: the registry takes no more.
            Whatever it raises, nothing was inserted.

    Example:
        >>> encode({"key": RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110"), "n": [1, None]})
        {'key': {'__blazen_session_ref__': '0f0e1d2c-3b4a-4958-8776-655443322110'}, 'n': [1, None]}
    """
    return encoded(payload, registry, live, recipes)


def default(found: object) -> dict[str, str]:
    """The marker of a key: pass it as ``default=`` to ``json.dumps`` or ``orjson.dumps``.

    What is written so is read by `decode`. Unlike `encode` it sees only what the encoder does not know: tuples
    and the like pass, and a dict of the user's own that contains the tag is not escaped.

    Raises:
        NotJSONableError: it is no key. It is a TypeError, as encoders expect.

    Example:
        >>> import json
        >>> json.dumps([RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110")], default=default)
        '[{"__blazen_session_ref__": "0f0e1d2c-3b4a-4958-8776-655443322110"}]'
    """
    if type(found) is RegistryKey:
        return cast("RegistryKey[object]", found).to_marker()
    raise NotJSONableError(
        "a part of it", readable(type(found)), "Pass its key, or use encode with its class in live=."
    )


def decode(payload: JSON, *, registry: SessionRefRegistry | None = None, recipes: SnapshotKeys | None = None) -> object:
    """What `encode` was given.

    Args:
        payload: what it wrote.
        registry: where the live objects are looked up; without one they come back as keys.
        recipes: the ring by which refs with a recipe in their marker are admitted, into the current registry where none
            is given; None to read past recipes.

    Raises:
        MarkerError: a marker is broken, or a container in itself; it names the path.
        RefNotFoundError, RefReleasedError, RefDroppedError: a live object is not there any more.
        MarkerAuthError, UnknownTypeTagError, RefLoadError: with ``recipes``, as `SessionRefRegistry.admit`.
        CapacityExceededError, RegistryClosedError: so are these.
        NoCurrentRegistryError: with ``recipes``, there is no registry.

    Examples:
        >>> import secrets
        >>> from liveref import SnapshotKeys, reopener
        >>> @reopener("docs.jsonable.rows")
        ... def rows(count: int) -> list[int]:
        ...     return [*range(count)]
        >>> ring = SnapshotKeys({"2026-11": secrets.token_bytes(32)}, current="2026-11")
        >>> before, after = SessionRefRegistry(), SessionRefRegistry()
        >>> written = encode(before.open(rows.recipe(3)), registry=before, recipes=ring)
        >>> after.get_any(decode(written, registry=after, recipes=ring))
        [0, 1, 2]

        >>> registry = SessionRefRegistry()
        >>> decode(encode([open], registry=registry, live=[type(open)]), registry=registry) == [open]
        True
    """
    admit = None if recipes is None else Swap(registry, recipes=recipes).admit
    decoded: list[object] = [None]
    todo: list[_Step] = [([payload], decoded, TOP)]
    around: set[int] = set()
    while todo:
        source, copy, path = todo.pop()
        if path is None:
            around.discard(id(source))
            continue
        around.add(id(source))
        todo.append((source, None, None))
        for name, item in _children(source):
            here = (path, name)
            value, inside = _decoded(item, here, registry, admit)
            copy[name] = value
            if inside is not None:
                _refuse_cycle(inside, around, here)  # the item itself may be its escape, made anew each time
                todo.append((inside, value, here))
    return decoded[0]


def find_markers(payload: object) -> Iterator[tuple[str, RegistryKey[object]]]:
    """The path and key of each marker in a payload, in its order; nothing is looked up.

    Raises:
        MarkerError: a marker is broken, or a container in itself; it names the path.

    Example:
        >>> marker = {"__blazen_session_ref__": "0f0e1d2c-3b4a-4958-8776-655443322110"}
        >>> list(find_markers({"event": {"conns": [marker]}}))
        [('$.event.conns[0]', RegistryKey[object](0f0e1d…))]
    """
    for item, path, escaped in _walk(payload):
        if _has_tag(item) and not escaped and _escaped(item) is None:
            yield path_text(path), _key_of(item, path)


def reject_markers(payload: object) -> None:
    """Make sure that a payload from outside holds no marker, nor anything that looks like one.

    Raises:
        MarkerError: a dict in it contains the tag, or a container itself; the error names its path.
    """
    for item, path, _ in _walk(payload):
        if _has_tag(item):
            found = f"a dict with the tag at {path_text(path)}"
            raise MarkerError(found, "a payload without session references", _REFUSE, "refused input")


def _decoded(
    item: object, path: Path, registry: SessionRefRegistry | None, admit: _Admit | None
) -> tuple[object, dict[str, object] | list[object] | None]:
    """What a value stands for, and the container to copy into it."""
    if _is_list(item):
        return _empty(item), item
    if not _is_dict(item):
        return item, None
    if SESSION_REF_TAG not in item:
        return {}, item
    escaped = _escaped(item)
    if escaped is not None:
        return {}, escaped
    key = _key_of(item, path, admit)
    return (key if registry is None or "type" not in item else _object_of(key, registry)), None


def _object_of(key: RegistryKey[object], registry: SessionRefRegistry) -> object:
    try:
        return registry.get_any(key)
    except RefLookupError as error:
        error._advice = _GONE
        raise


def _walk(payload: object) -> Iterator[tuple[object, Path, bool]]:
    """Every value of a payload with its path, in its order, and whether it is a dict that was escaped."""
    todo: list[tuple[object, Path | None, bool]] = [(payload, (TOP, 0), False)]
    around: set[int] = set()
    while todo:
        item, path, escaped = todo.pop()
        if path is None:
            around.discard(id(item))
            continue
        _refuse_cycle(item, around, path)
        yield item, path, escaped
        if not _has_tag(item) or escaped or _escaped(item) is not None:
            is_escape = _has_tag(item) and not escaped
            inside = [(child, (path, name), is_escape) for name, child in reversed([*_children(item)])]
            if inside:
                around.add(id(item))
                todo += [(item, None, False), *inside]


def _refuse_cycle(container: object, around: set[int], path: Path) -> None:
    """Raise if a container is one of those around it."""
    if id(container) in around:
        raise MarkerError(f"{CYCLE} at {path_text(path)}", "what JSON can hold", _REFUSE, "not a payload")


def _children(item: object) -> Iterable[tuple[str | int, object]]:
    if _is_dict(item):
        return item.items()
    return enumerate(item) if _is_row(item) else ()


def _empty(source: dict[str, object] | list[object]) -> dict[str, object] | list[object]:
    empty: list[object] = [None] * (0 if _is_dict(source) else len(source))
    return {} if _is_dict(source) else empty


def _has_tag(item: object) -> bool:
    return _is_dict(item) and SESSION_REF_TAG in item


def _escaped(item: object) -> dict[str, object] | None:
    """The user's dict in an escape; None where it is none."""
    if not _is_dict(item) or len(item) != 1:
        return None
    inner = item[SESSION_REF_TAG]
    return inner if _is_dict(inner) else None


def _key_of(marker: object, path: Path, admit: _Admit | None = None) -> RegistryKey[object]:
    try:
        key = RegistryKey.from_marker(marker)
        if admit is not None:
            admit(marker)
    except MarkerError as error:
        kind, (found, *rest) = type(error), error.args
    else:
        return key
    raise kind(f"{found} at {path_text(path)}", *rest)


def _is_dict(value: object) -> TypeIs[dict[str, object]]:
    return _is(value, dict)


def _is_list(value: object) -> TypeIs[list[object]]:
    return _is(value, list)


def _is_row(value: object) -> TypeIs[list[object] | tuple[object, ...]]:
    """Whether it is what JSON writes as a list."""
    return _is(value, (list, tuple))


def _is(value: object, kind: type | tuple[type, ...]) -> bool:
    """As isinstance, for proxies too: but a value that can't be asked what it is, or lies, is no container."""
    if issubclass(type(value), kind):
        return True
    try:
        return isinstance(value, kind) and all(hasattr(type(value), name) for name in ("__contains__", "__iter__"))
    except Exception:  # noqa: BLE001  any code of a proxy
        return False
