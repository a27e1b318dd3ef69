"""Lines for a terminal, a file or a pipe."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from liveref._text.tag import printable

__all__ = ["write"]


def write(stream: TextIO | None, *lines: str) -> None:
    """Write lines to a stream of whatever encoding, open or not; a reader that has seen enough may close it.

    Raises:
        SystemExit: they can't be written, as where the disk is full; it tells why.
    """
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    text = "".join(f"{printable(line)}\n" for line in lines)
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for the flush at the exit
        if not isinstance(error, BrokenPipeError):
            sys.exit(f"the output can't be written: {error.strerror}")
