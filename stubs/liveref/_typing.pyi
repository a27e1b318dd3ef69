import enum
from _typeshed import Incomplete
from collections.abc import Callable
from typing import Any, Final, TypeVar
from typing_extensions import TypeForm as TypeForm

__all__ = ['MISSING', 'UNRESOLVED', 'Default', 'Missing', 'T', 'T_co', 'TypeForm', 'V', 'persisted']

T = TypeVar('T')
V = TypeVar('V')
Default = TypeVar('Default')
T_co = TypeVar('T_co', covariant=True)
C = TypeVar('C', bound=Callable[..., object])

def persisted(found: C) -> C: ...

class Missing(enum.Enum):
    MISSING = 'missing'

MISSING: Final[Incomplete]
UNRESOLVED: Final[dict[str, Any]]
