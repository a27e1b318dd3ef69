"""FastMCP: each call acts as its caller, whom the server's own token verifier has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveref._registry.owners import Owner, acting_as

try:
    from fastmcp.server.dependencies import get_access_token
    from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
except ImportError as _error:
    raise ImportError("fastmcp is missing: pip install 'liveref[fastmcp]'") from _error

if TYPE_CHECKING:
    from fastmcp.server.auth import AccessToken

__all__ = ["OwnerMiddleware"]


class OwnerMiddleware(Middleware):
    """Lets each call act as the verified caller: what a tool inserts is theirs, and they alone find it.

    The owner is a tuple of what the token says, labelled: ``("iss=https://issuer", "client_id=client-7",
    "sub=user-7")``; what it does not say is left out. Nobody acts without a token. A token without a subject is one
    owner for all users of its client.

    Example:
        >>> from fastmcp import FastMCP
        >>> server = FastMCP("databases", middleware=[OwnerMiddleware()])
    """

    async def on_message(self, context: MiddlewareContext[object], call_next: CallNext[object, object]) -> object:
        """Run the call as its caller."""
        with acting_as(_owner_of(get_access_token())):
            return await call_next(context)


def _owner_of(token: AccessToken | None) -> Owner | None:
    """Who a verified token is of."""
    if token is None:
        return None
    said = {
        "iss": token.claims.get("iss"),
        "client_id": token.client_id,
        "sub": token.subject or token.claims.get("sub"),
    }
    return tuple(f"{name}={value}" for name, value in said.items() if value) or None
