"""The typed handle of one live reference: `RegistryKey`."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    Never,
    Self,
    TypeVar,
    cast,
    final,
    get_args,
    get_origin,
    overload,
)
from uuid import UUID

from typing_extensions import TypeForm

from liveref._hints.forms import TOWER, UNIONS
from liveref._hints.info import (
    ClassInfo,
    Sealed,
    check_of,
    class_info,
    hint_of,
    sealed,
    tag_of,
)
from liveref._text.ids import fresh_id
from liveref._text.marker import SESSION_REF_TAG, marker_in, parse_marker, parse_text, redact, text_of
from liveref._text.schema import UnknownTypeSerializer, json_schema, key_schema
from liveref._text.tag import loaded_class, mro_of, readable, type_tag
from liveref._typing import MISSING, Missing, T_co, V, persisted
from liveref.exceptions import KeyFormatError, MarkerError

__all__ = ["KeyField", "RegistryKey", "key", "make_key", "new_object", "sealed_key"]

new_object: Final[Callable[..., Any]] = object.__new__  # Any: the names that take what it makes say what that is


def _typed_marker(key: RegistryKey[object]) -> dict[str, str]:
    return key.to_marker(typed=True)


@final
class RegistryKey(Generic[T_co]):
    """The handle of a live object of type ``T``: what a payload carries in its place.

    A key is immutable, and safe to share between threads and tasks. It is a bearer capability: who
    has it can look the object up in the registry that holds it. Two keys are equal when their UUIDs
    are, whatever their hints.

    Keys come from `SessionRefRegistry.insert`, `new`, `parse`, `from_marker` and `read`; the class itself
    can't be called.

    Example:
        >>> key = RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", int)
        >>> key
        RegistryKey[int](0f0e1d…)
        >>> key.to_marker()
        {'__blazen_session_ref__': '0f0e1d2c-3b4a-4958-8776-655443322110'}
    """

    __slots__ = ("__weakref__", "_entry", "_id", "_info", "_value")  # Holder says what _entry and _value are for

    if TYPE_CHECKING:
        _id: bytes
        _info: ClassInfo

    def __new__(cls, *_args: Never, **_kwargs: Never) -> Self:
        message = (
            "RegistryKey has no public constructor: get a key from registry.insert(value), "
            "RegistryKey.new(hint), RegistryKey.parse(text, hint) or RegistryKey.from_marker(marker, hint)"
        )
        raise TypeError(message)

    def __init__(self, never: Never, /) -> None:  # pyright: ignore[reportInconsistentConstructor]
        """Never runs: it makes every call an error for a checker."""

    def __init_subclass__(cls) -> None:
        message = "RegistryKey is final: it can't be subclassed"
        raise TypeError(message)

    @overload
    @classmethod
    def new(cls, hint: Missing = ...) -> RegistryKey[object]: ...
    @overload
    @classmethod
    def new(cls, hint: TypeForm[V]) -> RegistryKey[V]: ...
    @classmethod
    def new(cls, hint: object = MISSING) -> RegistryKey[object]:
        """A key that no registry holds yet, with a random UUID of version 4.

        Raises:
            HintError: the hint can't be checked at run time.
        """
        return make_key(fresh_id(), class_info(object if hint is MISSING else hint))

    @overload
    @classmethod
    def parse(cls, text: str, hint: Missing = ...) -> RegistryKey[object]: ...
    @overload
    @classmethod
    def parse(cls, text: str, hint: TypeForm[V]) -> RegistryKey[V]: ...
    @classmethod
    def parse(cls, text: str, hint: object = MISSING) -> RegistryKey[object]:
        """The key whose canonical text is given, as ``str(key)`` wrote it.

        Args:
            text: a lower-case UUID with hyphens, and no other form of one.
            hint: the type that a lookup checks; without one a lookup gives ``object``.

        Raises:
            KeyFormatError: the text is anything else.
            HintError: the hint can't be checked at run time.
        """
        return make_key(parse_text(text), class_info(object if hint is MISSING else hint))

    @overload
    @classmethod
    def from_marker(cls, marker: object, hint: Missing = ...) -> RegistryKey[object]: ...
    @overload
    @classmethod
    def from_marker(cls, marker: object, hint: TypeForm[V]) -> RegistryKey[V]: ...
    @classmethod
    def from_marker(cls, marker: object, hint: object = MISSING) -> RegistryKey[object]:
        """The key of a marker, typed or not, as `to_marker` wrote it.

        Args:
            marker: ``{"__blazen_session_ref__": "<uuid>"}``, with or without ``"type": "<type tag>"`` and
                ``"recipe": "<text of at most 8 KiB>"``, which is not read.
            hint: the type that a lookup checks; without one a lookup gives ``object``.

        Raises:
            MarkerError: it is anything else, or its type is provably not the hint's.
            HintError: the hint can't be checked at run time.
        """
        return key_of_marker(marker, class_info(object if hint is MISSING else hint))

    @overload
    @classmethod
    def read(cls, found: object, hint: Missing = ...) -> RegistryKey[object]: ...
    @overload
    @classmethod
    def read(cls, found: object, hint: TypeForm[V]) -> RegistryKey[V]: ...
    @classmethod
    def read(cls, found: object, hint: object = MISSING) -> RegistryKey[object]:
        """The key of whatever a client hands back: a URL and a language model have texts alone.

        Args:
            found: a key, a marker as a dict or as JSON text, or the canonical text ``str(key)``.
            hint: the type that a lookup checks; without one a lookup gives ``object``.

        Raises:
            KeyFormatError: a text that is none of these. Neither error repeats what was found.
            MarkerError: anything else that is none of these, or a key or marker that is provably not of the hint.
            HintError: the hint can't be checked at run time.

        Examples:
            >>> import json
            >>> text = "0f0e1d2c-3b4a-4958-8776-655443322110"
            >>> RegistryKey.read(json.dumps({"__blazen_session_ref__": text}), int) == RegistryKey.read(text)
            True
        """
        return KeyField(object if hint is MISSING else hint).read(found)

    @property
    def uuid(self) -> UUID:
        """The identity of the ref."""
        return UUID(bytes=self._id)

    @property
    def hint(self) -> TypeForm[T_co]:
        """The type that a lookup checks."""
        hint: TypeForm[T_co] = hint_of(self._info)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        return hint

    def to_marker(self, *, typed: bool = False) -> dict[str, str]:
        """The JSON form: ``{"__blazen_session_ref__": "<uuid>"}``.

        Args:
            typed: add ``"type": "<type tag>"``, such as ``"sqlite3:Connection"``.
        """
        marker = {SESSION_REF_TAG: text_of(self._id)}
        if typed:
            marker["type"] = tag_of(self._info)
        return marker

    def __str__(self) -> str:
        return text_of(self._id)

    def __repr__(self) -> str:
        return f"RegistryKey[{readable(self.hint)}]({redact(self._id)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not RegistryKey:
            return NotImplemented
        return self._id == other._id

    def __hash__(self) -> int:
        return hash(self._id)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        if isinstance(check_of(self._info), Sealed):
            return sealed_key, (self._id, tag_of(self._info))
        try:
            pickle.dumps(self.hint)
        except Exception:  # noqa: BLE001  a local class, a lambda in Annotated, …
            return sealed_key, (self._id, tag_of(self._info))
        return key, (self._id, self.hint)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, object]:
        return key_schema(KeyField.of(source))

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: dict[str, object], handler: object) -> dict[str, object]:
        return json_schema(core_schema)

    if TYPE_CHECKING:
        __pydantic_serializer__: UnknownTypeSerializer[RegistryKey[object]]
    else:
        __pydantic_serializer__ = UnknownTypeSerializer(_typed_marker)


def make_key(uid: bytes, info: ClassInfo) -> RegistryKey[Never]:
    """The key of an id, for any hint."""
    key: RegistryKey[Never] = new_object(RegistryKey)
    key._id = uid
    key._info = info
    return key


@persisted
class key:  # noqa: N801  pickles name it so; a class, for engines that check what a pickle names admit no function
    """The key of a pickle."""

    def __new__(cls, uid: bytes, hint: object) -> Self:
        return cast("Self", make_key(uid, class_info(hint)))  # it is no instance


@persisted
class sealed_key:  # noqa: N801  as above
    """The key of a pickle that holds no hint, for that could not be pickled."""

    def __new__(cls, uid: bytes, tag: str) -> Self:
        return cast("Self", make_key(uid, sealed(tag)))  # it is no instance


def key_of_marker(marker: object, info: ClassInfo) -> RegistryKey[object]:
    uid, tag = parse_marker(marker)
    if tag is not None and _names_another(tag, info):
        raise _refused("marker", uid, tag, type_tag(hint_of(info)))
    return make_key(uid, info)


def _refused(what: str, uid: bytes, found: str, expected: str) -> MarkerError:
    """The error of a key or marker of one type tag where another was expected."""
    told = f"a {what} of {found[:80]!r} ({redact(uid)})"
    if found != expected:
        return MarkerError(told, f"a {what} of {expected!r}")
    advice = "Make the key and what reads it anew, with the class that is loaded now."
    return MarkerError(f"{told}, another class of the same name, loaded anew", f"a {what} of {expected!r}", advice)


def _shown(tag: str) -> str:
    """The type tag of a marker as an error may show it: no more of it than names a class, for a client wrote it."""
    name, bracket, _ = tag.partition("[")
    return "unknown" if loaded_class(name) is None else f"{name}[…]" if bracket else name


class KeyField:
    """Reads and writes the keys of one field of a model.

    Args:
        hint: of its keys.
    """

    def __init__(self, hint: object) -> None:
        self._takes_all: Final = hint is object or hint is Any
        self._info: Final = class_info(hint)
        self._tag: Final = type_tag(hint)

    @classmethod
    def of(cls, annotation: object) -> Self:
        """The field of an annotation, such as ``RegistryKey[sqlite3.Connection]``."""
        hint: object = next(iter(get_args(annotation)), object)
        return cls(object if isinstance(hint, TypeVar) else hint)  # a generic model without its parameter

    @property
    def tag(self) -> str | None:
        """The one type tag of its keys; None where it takes all."""
        return None if self._takes_all else self._tag

    @property
    def name(self) -> str:
        """What its keys are keys of, for people."""
        return readable(hint_of(self._info))

    @property
    def identity(self) -> int:
        """A number that it shares with the fields of equal hints alone."""
        return id(check_of(self._info) or self._info)

    def read(self, found: object) -> RegistryKey[object]:
        """The key of what `RegistryKey.read` takes; MarkerError or KeyFormatError, a ValueError, for all else."""
        return self.read_marker(_text_as_marker(cast("str", found)) if issubclass(type(found), str) else found)

    def read_marker(self, found: object) -> RegistryKey[object]:
        """The key that a marker or a key stands for; MarkerError for anything else."""
        key = _as_key(found)
        if key is None:
            return key_of_marker(found, self._info)
        if not self.takes(key):
            raise _refused("key", key._id, tag_of(key._info), self._tag)
        same = self._takes_all or tag_of(key._info) == self._tag
        return key if same else make_key(key._id, self._info)

    def read_exact(self, found: object) -> RegistryKey[object]:
        """As `read_marker`, but only what has the field's own tag or none: so a union tells its members apart."""
        key = _as_key(found)
        uid, tag = parse_marker(found) if key is None else (key._id, tag_of(key._info))
        if tag is not None and tag != self._tag and not self._takes_all:
            raise (
                _refused("marker", uid, _shown(tag), self._tag) if key is None else _refused("key", uid, tag, self._tag)
            )
        return self.read_marker(found)

    def takes(self, found: object) -> bool:
        """Whether a value is a key that the field may hold."""
        key = _as_key(found)
        if key is None or _names_another(tag_of(key._info), self._info) or _apart(key._info, self._info):
            return False
        by_class = self._takes_all or _classes_of(key._info) or _classes_of(self._info)
        return bool(by_class) or tag_of(key._info) == self._tag

    def narrows(self, key: RegistryKey[object]) -> bool:
        """Whether a key that the field takes is of a base class: as one of the field's own it may open nothing."""
        pairs = [(cls, mine) for cls in _classes_of(key._info) if cls is not object for mine in _classes_of(self._info)]
        is_child = any(_is_subclass(cls, mine) for cls, mine in pairs)
        return not is_child and any(_is_subclass(mine, cls) for cls, mine in pairs)

    def write(self, key: RegistryKey[object]) -> dict[str, str]:
        """The typed marker of a key, of the field's type."""
        return _typed_marker(key if self._takes_all else make_key(key._id, self._info))


def _text_as_marker(found: str) -> object:
    """The marker that a text holds, or whose id it is."""
    text = str.__str__(found)
    marker = marker_in(text)
    if marker is None:
        return {SESSION_REF_TAG: text_of(parse_text(text))}
    try:
        parse_marker(marker)
    except MarkerError as error:
        refused, expected, _, _ = error.args
    else:
        return marker
    raise KeyFormatError(f"a JSON text of {refused}", expected)


def _as_key(found: object) -> RegistryKey[object] | None:
    return cast("RegistryKey[object]", found) if type(found) is RegistryKey else None


def _classes_of(info: ClassInfo) -> tuple[type, ...]:
    """The classes that a hint comes down to; empty where it is more than a choice of classes."""
    check = check_of(info)
    if check is None:
        return cast("tuple[type]", (info,))
    return check.part.front if check.part.only_classes else ()


def _unrelated(named: type, cls: type) -> bool:
    """Whether no class is the parent of the other, as far as that is decided without their hooks."""
    plain = all(type(each).__subclasscheck__ is type.__subclasscheck__ for each in (named, cls))
    return plain and not (_is_subclass(named, cls) or _is_subclass(cls, named))


def _names_another(tag: str, info: ClassInfo) -> bool:
    """Whether a type tag names a class that is loaded and unrelated to every class of a hint."""
    named = loaded_class(tag)
    classes = _classes_of(info)
    return named is not None and bool(classes) and all(_unrelated(named, cls) for cls in classes)


def _apart(one: ClassInfo, other: ClassInfo) -> bool:
    """Whether two hints are of classes that are unrelated, such as ``list[str]`` and ``sqlite3.Connection``."""
    pairs = [(mine, theirs) for mine in _outside(one) for theirs in _outside(other)]
    return bool(pairs) and all(_unrelated(mine, theirs) for mine, theirs in pairs)


def _outside(info: ClassInfo) -> tuple[type, ...]:
    """The classes of a hint, or that of a generic one; empty where there is no saying."""
    origin = get_origin(hint_of(info))
    generic = (origin,) if type(origin) is type and origin not in {*UNIONS, Annotated} else ()
    return _classes_of(info) or generic


def _is_subclass(lower: type, upper: type) -> bool:
    uppers = TOWER.get(upper, (upper,)) if type(upper) is type else (upper,)
    return any(base is each for base in mro_of(lower) for each in uppers)
