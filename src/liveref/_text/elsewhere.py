"""The errors of refs that live in another process; their arguments are positional, as those of all others."""

from __future__ import annotations

from liveref.exceptions import LiveRefError, RefLookupError, spelled

__all__ = [
    "EngineError",
    "RefElsewhereError",
    "RefLostError",
    "RefUnavailableError",
    "RemoteCallError",
    "RemoteResultError",
]


class EngineError(LiveRefError):
    """Base of the errors of engines: what has to do with another process."""


class RefElsewhereError(EngineError, RefLookupError):
    """The object stays in its process: here it can't be had.

    Args:
        key: the redacted key.
        type_tag: what it is.
        origin: the process that it lives in.
        advice: what to do instead.
    """

    public = "This reference can't be used here."

    def __init__(self, key: str, type_tag: str, origin: str, advice: str) -> None:
        super().__init__(key, type_tag, origin, advice)

    def __str__(self) -> str:
        key, type_tag, origin, advice = self.args
        return f"ref {key} ({type_tag}) lives in {origin} and can't leave it. {advice}"


class RefLostError(EngineError, RefLookupError):
    """The process that held the ref is gone, and the ref with it; ``default=`` does not hide it.

    Args:
        key: the redacted key.
        type_tag: what it was.
        origin: the process that it lived in.
        cause: how that is known.
    """

    public = "What this reference stood for is lost."

    def __init__(self, key: str, type_tag: str, origin: str, cause: str) -> None:
        super().__init__(key, type_tag, origin, cause)

    def __str__(self) -> str:
        key, type_tag, origin, cause = self.args
        return (
            f"ref {key} ({type_tag}) is lost with its process, {origin}: {cause}. "
            f"Make it anew, or resume its session from a snapshot: its keys then hold again."
        )


class RefUnavailableError(EngineError):
    """The process that holds the ref does not answer. It may have done what was asked, and the ref may be there.

    Args:
        key: the redacted key.
        type_tag: what it is.
        origin: the process that it lives in.
        cause: how that is known.
        waited: seconds.
    """

    public = "What this reference stands for can't be reached at present; try again later."

    def __init__(self, key: str, type_tag: str, origin: str, cause: str, waited: float) -> None:
        super().__init__(key, type_tag, origin, cause, waited)

    def __str__(self) -> str:
        key, type_tag, origin, cause, waited = self.args
        advice = "Ask again where that does no harm, or allow more time by timeout=."
        silent = f"{cause} after {spelled(waited)} s. What was asked may have been done"
        return f"ref {key} ({type_tag}) of {origin}: {silent}. {advice}"


class RemoteCallError(EngineError):
    """What a function raised in another process can't be brought here.

    Args:
        key: the redacted key.
        origin: the process that it ran in.
        error: the type of what it raised, and where.
    """

    def __init__(self, key: str, origin: str, error: str) -> None:
        super().__init__(key, origin, error)

    def __str__(self) -> str:
        key, origin, error = self.args
        return (
            f"the function for ref {key} raised {error} in {origin}, which can't be pickled. "
            f"Raise an exception that can be, with plain arguments."
        )


class RemoteResultError(EngineError, TypeError):
    """The result of a function in another process can't be brought here.

    Args:
        key: the redacted key.
        origin: the process that it ran in.
        found: the type of the result.
    """

    def __init__(self, key: str, origin: str, found: str) -> None:
        super().__init__(key, origin, found)

    def __str__(self) -> str:
        key, origin, found = self.args
        return (
            f"the function for ref {key} gave {found} in {origin}, which can't be pickled. "
            f"Return plain data, or keep the result there: refs.derive(key, fn)."
        )
