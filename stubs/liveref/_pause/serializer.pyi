from collections.abc import Callable, Iterable
from liveref._typing import T
from typing import Any, NamedTuple, Protocol, Self, TypeVar

__all__ = ['Serializable', 'Serializer', 'register_serializer', 'serializer', 'serializer_tagged', 'serializers_of']

class Serializable(Protocol):
    def __liveref_serialize__(self) -> bytes: ...
    @classmethod
    def __liveref_deserialize__(cls, data: bytes, /) -> Self: ...
S = TypeVar('S', bound=Serializable)

class Serializer(NamedTuple):
    tag: str
    cls: type
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]
    version: int
    finalizer: Callable[[Any], object] | None

def serializer(tag: str, *, version: int = 1) -> Callable[[type[S]], type[S]]: ...
def register_serializer(tag: str, cls: type[T], dump: Callable[[T], bytes], load: Callable[[bytes], T], *, version: int = 1, finalizer: Callable[[T], object] | None = None) -> None: ...
def serializers_of(classes: Iterable[int]) -> dict[int, Serializer]: ...
def serializer_tagged(tag: str, version: int) -> Serializer: ...
