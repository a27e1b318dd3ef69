"""A serializer fits its class."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Self

from typing_extensions import assert_type

from liveref import RegistryKey, SessionRefRegistry, register_serializer, serializer


@serializer("cases.blob")
class Blob:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __liveref_serialize__(self) -> bytes:
        return self.content

    @classmethod
    def __liveref_deserialize__(cls, data: bytes) -> Self:
        return cls(data)


@serializer("cases.named", version=2)
class Named:
    """Another way to write it, with other names."""

    def __liveref_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __liveref_deserialize__(cls, content: bytes, /, *, strict: bool = True) -> Named:
        return cls()


def stays_what_it_is(registry: SessionRefRegistry) -> None:
    assert_type(Blob(b"x"), Blob)
    assert_type(Blob(b"x").content, bytes)
    assert_type(registry.insert(Blob(b"x")), RegistryKey[Blob])
    assert_type(serializer("cases.again")(Blob), type[Blob])
    Blob("x")  # E: argument


class Plain:
    """A class without the methods."""


class Half:
    def __liveref_serialize__(self) -> bytes:
        return b""


class Texting:
    def __liveref_serialize__(self) -> str:
        return ""

    @classmethod
    def __liveref_deserialize__(cls, data: bytes) -> Self:
        return cls()


class Parsing:
    def __liveref_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __liveref_deserialize__(cls, data: str) -> Self:
        return cls()


class Straying:
    def __liveref_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __liveref_deserialize__(cls, data: bytes) -> Plain:
        return Plain()


def wrong_classes() -> None:
    serializer("cases.plain")(Plain)  # E: bound
    serializer("cases.half")(Half)  # E: bound
    serializer("cases.texting")(Texting)  # E: bound
    serializer("cases.parsing")(Parsing)  # E: bound
    serializer("cases.straying")(Straying)  # E: bound
    serializer("cases.object")(Blob(b"x"))  # E: argument
    serializer(1)  # E: argument
    serializer()  # E: missing
    serializer("cases.blob", 2)  # E: positional
    serializer("cases.blob", version="2")  # E: argument


def dump(number: Fraction) -> bytes:
    return str(number).encode()


def load(data: bytes) -> Fraction:
    return Fraction(data.decode())


def close(number: Fraction) -> None: ...


def close_queue(queue: deque[int]) -> None: ...


def registered() -> None:
    assert_type(register_serializer("cases.fraction", Fraction, dump, load), None)
    register_serializer("cases.fraction", Fraction, dump, load, version=2, finalizer=close)
    register_serializer("cases.fraction", Fraction, dump, load, finalizer=None)
    register_serializer("cases.blob", Blob, lambda blob: blob.content, lambda data: Blob(data))
    register_serializer("cases.fraction", Fraction, dump)  # E: missing
    register_serializer("cases.fraction", Fraction, dump, load, 2)  # E: positional
    register_serializer(1, Fraction, dump, load)  # E: argument
    register_serializer("cases.fraction", Fraction, str, load)  # E: argument
    register_serializer("cases.fraction", Fraction, dump, Fraction)  # E: argument
    register_serializer("cases.fraction", Fraction, dump, load, finalizer=close_queue)  # E: argument
    register_serializer("cases.fraction", Fraction, dump, load, version="2")  # E: argument
