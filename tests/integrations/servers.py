"""Real servers for the tests that ask over HTTP."""

from __future__ import annotations

import socket
import threading
from typing import Any

import uvicorn


class Server(uvicorn.Server):
    """A uvicorn in a thread, on a free port of the loopback.

    Args:
        app: what it serves.
        options: of `uvicorn.Config`.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(uvicorn.Config(app, host="127.0.0.1", port=0, **{"log_level": "error", **options}))
        self.thread = threading.Thread(target=self.run)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def port(self) -> int:
        return int(self.servers[0].sockets[0].getsockname()[1])

    def begin(self) -> int:
        """Start it; the port that it listens at."""
        self.thread.start()
        assert self.ready.wait(30)
        return self.port()

    def end(self) -> None:
        """Stop it, and wait for its thread."""
        self.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()
