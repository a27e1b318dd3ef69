from liveref._registry.entry import Holder
from liveref._registry.outcome import Outcome
from typing import Any

__all__ = ['Going', 'note_error']

class Going:
    def __del__(self) -> None: ...

def note_error(error: BaseException, holder: Holder[Any], outcome: Outcome) -> None: ...
