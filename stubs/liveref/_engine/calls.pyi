import abc
from _typeshed import Incomplete
from abc import ABC
from liveref._engine.answers import Found
from liveref._engine.wire import Answer
from liveref._key import RegistryKey
from liveref._text.route import Route
from typing import Any, Final, TypeVar

__all__ = ['Calls', 'Gone', 'Silent', 'Target', 'require_engine', 'target_of', 'there']

R = TypeVar('R')

class Gone(Exception): ...
class Silent(Exception): ...

class Target:
    route: Final[Incomplete]
    key: Final[Incomplete]
    tag: Final[Incomplete]
    def __init__(self, route: Route, key: str, tag: str) -> None: ...

class Calls(ABC, metaclass=abc.ABCMeta):
    timeout: float
    def __init__(self, timeout: float) -> None: ...
    def homes(self) -> dict[int, str]: ...
    def name_of(self, home: int) -> str: ...

def target_of(key: RegistryKey[Any], tag: str) -> Target: ...
def there(found: Found | Answer) -> Found: ...
def require_engine(found: object) -> None: ...
