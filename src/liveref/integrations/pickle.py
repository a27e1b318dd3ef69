"""pickle: live objects in a payload travel as keys, through ``persistent_id``; for engines that pickle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from liveref._payloads import pickling
from liveref._payloads.swap import Swap
from liveref._registry.registry import SessionRefRegistry
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.blame import GoneError, user_place, why_not_loaded
from liveref._text.tag import readable
from liveref.exceptions import LiveRefError, PickleFormatError, RefLookupError

__all__ = ["dumps", "loads"]

_GONE: Final = "Read it while its session lives, or in one that Session.resume brought back."


def dumps(
    obj: object,
    registry: SessionRefRegistry | None = None,
    *,
    live: Iterable[type] = (),
    recipes: SnapshotKeys | None = None,
) -> bytes:
    """The pickle of a payload, with keys in place of its live objects.

    Args:
        obj: the payload; keys in it pickle as keys, with their hints.
        registry: where live objects are inserted, unless they are there; None for the current one.
        live: the classes whose instances become keys. An object keeps its key from hop to hop.
        recipes: the ring that signs the recipes of refs into the pickle, so that `loads` admits them in another
            process too; None to go without.

    Raises:
        NotPicklableError: a part of it can't be pickled; it names the path.
        NoCurrentRegistryError: a live object is in it, or with ``recipes`` a key, and there is no registry.
        InvalidArgumentError: a recipe takes more than 8 KiB.
        CapacityExceededError, RegistryClosedError: the registry takes no more.
            Whatever it raises, nothing was inserted.

    Example:
        >>> import threading
        >>> registry = SessionRefRegistry()
        >>> lock = threading.Lock()
        >>> loads(dumps({"lock": lock}, registry, live=[type(lock)]), registry)["lock"] is lock
        True
    """
    with Swap(registry, live=live, recipes=recipes).write() as writing:
        return pickling.dumps(obj, writing)


def loads(data: bytes, registry: SessionRefRegistry | None = None, *, recipes: SnapshotKeys | None = None) -> object:
    """What `dumps` was given: keys as keys, live objects as those objects.

    As with pickle itself, load only what you trust: a pickle may run any code.

    Args:
        data: what `dumps` gave.
        registry: where live objects are looked up; None for the current one.
        recipes: the ring by which refs with a recipe beside their key are admitted; None to read past recipes.

    Raises:
        PickleFormatError: it can't be unpickled. What code of yours raised is its cause.
        RefNotFoundError, RefReleasedError, RefDroppedError: a live object is not there any more.
        NoCurrentRegistryError: a live object is in it, or with ``recipes`` a key with one, and there is no registry.
        MarkerAuthError, UnknownTypeTagError, RefLoadError: with ``recipes``, as `SessionRefRegistry.admit`.
        CapacityExceededError, RegistryClosedError: so are these.

    Example:
        >>> import secrets
        >>> from liveref import SnapshotKeys, reopener
        >>> @reopener("docs.pickle.rows")
        ... def rows(count: int) -> list[int]:
        ...     return [*range(count)]
        >>> ring = SnapshotKeys({"2026-11": secrets.token_bytes(32)}, current="2026-11")
        >>> before, after = SessionRefRegistry(), SessionRefRegistry()
        >>> data = dumps(before.open(rows.recipe(3)), before, recipes=ring)
        >>> after[loads(data, after, recipes=ring)]
        [0, 1, 2]
    """
    swap = Swap(registry, recipes=recipes)
    try:
        return pickling.loads(data, swap)
    except RefLookupError as error:
        error._advice = _GONE
        raise
    except (LiveRefError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  broken bytes raise anything, and so does code of the user's
        failure = error
    if isinstance(failure, GoneError):
        raise PickleFormatError(failure.error, failure.missing)
    place, (_, cause) = user_place(failure), why_not_loaded(failure)
    where = f" at {place}" if place else ""
    raise PickleFormatError(f"{readable(type(failure))}{where}", None, cause is not None) from cause
