"""The error codes: one a mistake, each documented in docs/plugin.md."""

from __future__ import annotations

from typing import Final

from mypy.errorcodes import ARG_TYPE, ErrorCode
from mypy.errors import HIDE_LINK_CODES, SHOW_NOTE_CODES

__all__ = ["ARGUMENT", "CODES", "FLOW", "KEY", "Code"]


class Code(ErrorCode):
    """An error code of the plugin; `option` switches it on and off."""

    def __init__(self, option: str, description: str, *, sub_code_of: ErrorCode | None = None) -> None:
        super().__init__(f"liveref-{option}", description, "liveref", sub_code_of=sub_code_of)
        self.option: Final = option
        HIDE_LINK_CODES.add(self)  # mypy's link for an error code leads to mypy's own pages


OVERLAP: Final = Code("overlap", "A lookup's hint has no value in common with the key's type")
UNTYPED: Final = Code("untyped", "A key without a type, or a lookup through one")
ROUNDTRIP: Final = Code("roundtrip", "A key is read back from its text or marker with a hint that can't match")
WIDENED: Final = Code("widened", "A key loses the type of its value to its annotation")
LOST_HINT: Final = Code("lost-hint", "A type in brackets before a class method of RegistryKey, where it has no effect")
SHALLOW: Final = Code("shallow", "A hint of which the run-time check sees only a part")
UNSUPPORTED: Final = Code("unsupported", "A hint that can't be checked at run time")
REMOVED: Final = Code("removed", "A key is used after its ref has gone")
FOREIGN: Final = Code("foreign", "A key is used with a registry that never held it")
ESCAPE: Final = Code("escape", "A key leaves the session that holds its ref")

FLOW: Final = (REMOVED, FOREIGN, ESCAPE)
"""The rules that follow values through a function; off by default."""
CODES: Final = (OVERLAP, UNTYPED, ROUNDTRIP, WIDENED, LOST_HINT, SHALLOW, UNSUPPORTED, *FLOW)
ARGUMENT: Final = Code("argument", "An argument of insert() that does not fit the others", sub_code_of=ARG_TYPE)
"""What `python -m liveref lint` shows where mypy itself says arg-type; it has no switch."""
KEY: Final = Code("key", "How a key is made of what stands in its place")
"""A note beside mypy's own error; it has no switch either."""
SHOW_NOTE_CODES.add(KEY.code)
