"""Sweeping a registry every so many seconds: in a thread, or in a task."""

from __future__ import annotations

import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from liveref._registry.finalize import generation
from liveref._registry.leases import check_seconds
from liveref._text.tag import readable
from liveref._text.telling import told_nobody
from liveref.exceptions import counted

if TYPE_CHECKING:
    import asyncio

__all__ = ["Sweeping"]


class Swept(Protocol):
    """What can be swept: a registry."""

    _closed: bool

    def sweep(self) -> int:
        """End what has expired."""
        ...

    async def asweep(self) -> int:
        """End what has expired, awaiting finalizers."""
        ...


class Sweeping:
    """Sweeps a registry for as long as its ``with`` lasts, or its session; `SessionRefRegistry.sweeping` makes it."""

    __slots__ = ("_ended", "_every", "_made_in", "_registry", "_task")

    def __init__(self, registry: Swept, every: float) -> None:
        check_seconds("every", every, optional=False)
        self._registry: Final = weakref.ref(registry)
        self._every: Final = every
        self._made_in = generation()
        self._ended: threading.Event | None = None
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._ended = threading.Event()
        threading.Thread(target=self._sweep, args=(self._ended,), name="liveref sweeping", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ended is not None:
            self._ended.set()

    async def __aenter__(self) -> Self:
        import asyncio  # noqa: PLC0415  it takes as long to import as liveref

        self._task = asyncio.ensure_future(self._asweep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            import asyncio  # noqa: PLC0415  as above

            self._task.cancel()
            await asyncio.wait({self._task})

    def _sweep(self, ended: threading.Event) -> None:
        while not ended.wait(min(self._every, threading.TIMEOUT_MAX)):
            registry = self._registry()
            if registry is None or registry._closed:
                return
            try:
                registry.sweep()
            except Exception as error:  # noqa: BLE001  of finalizers
                _warn(error)
            del registry

    async def _asweep(self) -> None:
        import asyncio  # noqa: PLC0415  as above

        while True:
            await asyncio.sleep(self._every)
            registry = self._registry()
            if registry is None or registry._closed:
                return
            try:
                await registry.asweep()
            except Exception as error:  # noqa: BLE001  of finalizers
                _warn(error)
            del registry


def _warn(error: Exception) -> None:
    errors: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    kinds = ", ".join(readable(type(each)) for each in errors or (error,))
    failed = f"{counted(len(errors), 'finalizer')} of expired refs" if errors else "a sweep of expired refs"
    told_nobody(f"{failed} failed: {kinds}. The sweeping goes on.")
