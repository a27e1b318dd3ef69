from _typeshed import Incomplete
from collections.abc import Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias

__all__ = ['ExitHook', 'Finalizer', 'Outcome', 'Pending', 'Steps', 'arun', 'finalize', 'run']

ExitHook: TypeAlias = Callable[[type[BaseException] | None, BaseException | None, TracebackType | None], object]

class Finalizer:
    call: Final[Incomplete]
    exit: Final[Incomplete]
    def __init__(self, call: Callable[..., object] | None, exit_: ExitHook | None = None) -> None: ...
    def share(self) -> None: ...
    def give_up(self) -> bool: ...
    def is_of_this_process(self) -> bool: ...

class Outcome:
    error: Incomplete
    errors: list[BaseException]
    count: int
    def __init__(self, error: BaseException | None = None) -> None: ...
    def reraise(self) -> None: ...

class Pending(NamedTuple):
    awaitable: Awaitable[object]
    hook: bool
Steps: TypeAlias = Generator[Pending, object, None]

def finalize(duties: Iterable[tuple[Finalizer, object]], outcome: Outcome) -> Steps: ...
def run(steps: Steps) -> None: ...
async def arun(steps: Steps, outcome: Outcome, timeout: float | None) -> None: ...
