"""pytest: the fixture `live_session`, and tests that fail when they leave refs with finalizers behind.

Load it with ``-p liveref.integrations.pytest_plugin``, or ``pytest_plugins`` in the top ``conftest.py``. It is
no entry point: it changes which tests pass, and that should be asked for.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, Final
from unittest import TestCase
from weakref import ref as weak

import pytest

from liveref._registry.current import bind
from liveref._registry.entry import Entry, Holder, tag_of_ref
from liveref._registry.registry import SessionRefRegistry
from liveref._registry.store import Store, witness
from liveref._session import Session
from liveref.exceptions import counted

__all__ = ["live_session"]

_MARKER: Final = "leaks_refs"
_ADVICE: Final = (
    "Release or remove each, or close its registry or session. "
    f"Mark a test that means to leave them @pytest.mark.{_MARKER}."
)


class _Watch:
    """The refs that a test may leave behind: in its live session, and in registries made while it runs."""

    def __init__(self, refs: SessionRefRegistry | None) -> None:
        self._live: Final = refs
        self._before: Final = frozenset(() if refs is None else refs._refs)
        self._made: Final[list[tuple[weak[Store], dict[bytes, Holder[Any]]]]] = []

    @contextmanager
    def watching(self) -> Generator[None]:
        """Take note of each registry that is made meanwhile."""
        token = witness.set(self._note)
        try:
            yield
        finally:
            witness.reset(token)

    def _note(self, made: Store) -> None:
        self._made.append((weak(made), made._refs))  # the refs outlive a registry that is collected

    def lost(self) -> list[Holder[Any]]:
        """What nobody can finalize any more, and what the test put into its live session."""
        live = (
            []
            if self._live is None
            else [key for uid, key in self._live._refs.copy().items() if uid not in self._before]
        )
        return _unfinished([*live, *(key for made, refs in self._made if made() is None for key in refs.values())])

    def left(self) -> list[Holder[Any]]:
        """What is in registries that the test made and that are still there, if only because of a cycle."""
        return _unfinished(key for made, refs in self._made if made() is not None for key in refs.copy().values())


_WATCH: Final = pytest.StashKey[_Watch]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{_MARKER}: the test leaves refs with finalizers behind on purpose")


@pytest.fixture
def live_session() -> Generator[Session]:
    """A session that is current in the test, synchronous or not, and ends after it.

    What fixtures insert ends with it. What the test inserts with a finalizer has to be gone when the test ends.
    """
    with Session() as session:
        yield session


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test, and fail it for what it has lost."""
    session: object = getattr(item, "funcargs", {}).get("live_session")
    watch = item.stash[_WATCH] = _Watch(session.refs if isinstance(session, Session) else None)
    with watch.watching(), _in_task(item, watch):
        result = yield
    _refuse(item, watch.lost())
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Run the teardown of a test, and fail it for what is open then."""
    result = yield
    if _WATCH in item.stash:
        watch = item.stash[_WATCH]
        del item.stash[_WATCH]
        _refuse(item, watch.left())
    return result


@contextmanager
def _in_task(item: pytest.Item, watch: _Watch) -> Generator[None]:
    """Carry what is current into an asynchronous test, whose event loop may have an older context."""
    if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.obj):
        yield
        return
    test: Callable[..., Awaitable[object]] = item.obj

    @functools.wraps(test)
    async def run(*args: object, **kwargs: object) -> object:
        with watch.watching():
            return await bound(*args, **kwargs)

    bound = bind(test) if "live_session" in item.funcargs else test
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item, "obj", run)
        if isinstance(item.instance, TestCase):  # of which pytest asks the case itself for the test
            patch.setattr(item.instance, item.name, run)
        yield


def _unfinished(keys: Iterable[Holder[Any]]) -> list[Holder[Any]]:
    return [key for key in keys if key._entry.finalizer is not None and _was_opened(key._entry)]


def _was_opened(entry: Entry) -> bool:
    """Not so where a recipe would open it at the first lookup after a pause."""
    return entry.opening is None or bool(entry.opening.peek())


def _refuse(item: pytest.Item, keys: list[Holder[Any]]) -> None:
    leaks = [f"  {tag_of_ref(key)} inserted at {key._entry.where() or 'a resume'}" for key in keys]
    if leaks and item.get_closest_marker(_MARKER) is None:
        heading = f"the test left {counted(len(leaks), 'ref')} with finalizers:"
        pytest.fail("\n".join([heading, *leaks, _ADVICE]), pytrace=False)
