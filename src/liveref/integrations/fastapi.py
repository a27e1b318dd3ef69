"""FastAPI: keys in paths and queries, what errors answer, and sessions for a request or for a user."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from inspect import isawaitable
from typing import Any, Final

from liveref._key import KeyField, RegistryKey
from liveref._registry.owners import Owner, acting_as
from liveref._session import Session
from liveref._text.elsewhere import RefLostError, RefUnavailableError
from liveref.exceptions import (
    CapacityExceededError,
    KeyFormatError,
    RefDroppedError,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
)
from liveref.integrations._fastapi import Stays

try:
    from fastapi import FastAPI, HTTPException, Request, params
    from fastapi.responses import JSONResponse
    from pydantic import PlainValidator
    from pydantic.fields import FieldInfo
except ImportError as _error:
    raise ImportError("fastapi is missing: pip install 'liveref[fastapi]'") from _error

__all__ = ["PathKey", "QueryKey", "SessionPerUser", "add_handlers", "request_session"]

_STATUS: Final[dict[int, list[type[Exception]]]] = {
    404: [RefNotFoundError],
    410: [RefReleasedError, RefDroppedError, RefLostError, RegistryClosedError],
    422: [KeyFormatError, RefTypeError],
    503: [CapacityExceededError, RefUnavailableError],
}


class _KeyText:
    """A parameter that is a text for FastAPI, which takes no class of ours in a path, and a key for who reads it."""

    def __init__(self, hint: object) -> None:
        super().__init__()
        self.metadata: list[Any] = [_reader(hint)]  # Any: as pydantic's own

    @staticmethod
    def from_annotation(annotation: Any) -> FieldInfo:  # Any: as pydantic's own, which FastAPI asks for the type
        field = FieldInfo.from_annotation(annotation)
        field.annotation = str
        return field


def _reader(hint: object) -> PlainValidator:
    field = KeyField(hint)

    def read(found: str) -> RegistryKey[object]:
        try:
            return field.read(found)
        except KeyFormatError as error:  # as the ValueError that it is, FastAPI would tell what was found
            raise HTTPException(422, error.public) from error

    return PlainValidator(read, json_schema_input_type=str)


class PathKey(_KeyText, params.Path):  # type: ignore[misc]  # FastAPI's own parameters extend the final FieldInfo
    """A key in the path: ``db: Annotated[RegistryKey[Connection], PathKey(Connection)]`` reads ``{db}``.

    `RegistryKey.read` reads it. What is no key, or provably one of another type, is answered with 422 and one public
    sentence that repeats nothing of it.

    Raises:
        HintError: the hint can't be checked at run time.
    """


class QueryKey(_KeyText, params.Query):  # type: ignore[misc]  # as above
    """A key in the query, ``?db=…``; as `PathKey`, and ``RegistryKey[Connection] | None`` may have the default None."""


def add_handlers(app: FastAPI) -> None:
    """Answer liveref's errors with their ``public`` text: ``{"detail": "This reference is not known here."}``.

    404 where a ref was never there, 410 where it or its session is gone, 422 for what is no key or of another type,
    503 where the registry is full or a process silent. The rest stays a 500: that is the program's own mistake.
    """
    for status, errors in _STATUS.items():
        for error in errors:
            app.add_exception_handler(error, partial(_answer, status))


async def _answer(status: int, request: Request, error: Any) -> JSONResponse:  # Any: one of the table
    if request.scope["type"] == "websocket":  # there Starlette drops the response, and would the error
        raise error
    return JSONResponse({"detail": error.public}, status)


async def request_session() -> AsyncGenerator[Session]:
    """A session that is current in the request and ends after the response: ``Depends(request_session)``."""
    async with Session() as session:
        yield session


class SessionPerUser:
    """A dependency: one session for each user, current in their requests, which act as that user (`acting_as`).

    Args:
        identify: gives who sent a request, awaited where it is asynchronous; None is answered with 401.
        idle: seconds without a request after which a session ends.
        session: makes the session of a user: ``lambda: Session(capacity=16)``.

    Raises:
        InvalidArgumentError: ``idle`` is no number of seconds.

    Example:
        >>> sessions = SessionPerUser(lambda request: request.headers.get("x-user"), idle=600)
        >>> app = FastAPI(lifespan=sessions.lifespan)  # and session: Annotated[Session, Depends(sessions)]
    """

    def __init__(
        self,
        identify: Callable[[Request], Owner | Awaitable[Owner | None] | None],
        *,
        idle: float = 1800,
        session: Callable[[], Session] = Session,
    ) -> None:
        self._identify: Final = identify
        self._stays: Final = Stays(idle, session)

    async def __call__(self, request: Request) -> AsyncGenerator[Session]:
        """The session of who sent the request."""
        found = self._identify(request)
        owner = await found if isawaitable(found) else found
        if owner is None:
            raise HTTPException(401, "This is for users who say who they are.")
        with acting_as(owner), self._stays.of(owner) as session:
            yield session

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncGenerator[None]:
        """For ``FastAPI(lifespan=)``, or inside of a lifespan of yours: ends all sessions when it ends."""
        try:
            yield
        finally:
            await self._stays.end()
