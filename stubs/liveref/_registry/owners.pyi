from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final, TypeAlias

__all__ = ['ACTING', 'Owner', 'acting_as', 'check_owner', 'current_owner']

Owner: TypeAlias = str | tuple[str, ...]
ACTING: Final[ContextVar[Owner | None]]

def current_owner() -> Owner | None: ...
def acting_as(owner: Owner | None) -> AbstractContextManager[None]: ...
def check_owner(owner: object) -> None: ...
