"""What one call or lookup does to the keys, and whether it may use the key that it uses."""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import CallExpr, Expression, IndexExpr, MemberExpr, RefExpr

from liveref_mypy import _codes, _names
from liveref_mypy._call import spell
from liveref_mypy._codes import Code
from liveref_mypy._flow.state import UNSURE, End, Gone, Key, Scope, State, Store, View
from liveref_mypy._flow.values import Values, argument

__all__ = ["Calls"]

_ENDS_ALL = {"drain", "adrain", "close", "aclose"}
_USES = {"aget", "borrow", "get", "get_any", "remove", "renew"}
_DROPS = {"arelease", "release", "remove"}
_SAVES = {"asave", "save", "snapshot"}
_HARMLESS = {"add", "append", "critical", "debug", "error", "exception", "info", "log", "warning"}


class Calls:
    """Carries out calls on the state; what is wrong goes to `report`."""

    def __init__(self, state: State, values: Values, report: Callable[[Expression, Code, str], None]) -> None:
        self._state = state
        self._values = values
        self._report = report
        self.statement: Expression | None = None
        """The call whose result nothing is done with."""

    def index(self, expr: IndexExpr) -> None:
        """Carry out ``registry[key]``."""
        base = self._values.of(expr.base)
        if isinstance(base, Store):
            self._use(base, expr.index, expr)

    def call(self, expr: CallExpr) -> None:
        """Carry out a call whose parts have been."""
        callee = expr.callee
        base = self._values.of(callee.expr) if isinstance(callee, MemberExpr) else None
        self._values.of(expr)  # a new registry, session or key is born at its call
        if isinstance(base, Store) and isinstance(callee, MemberExpr) and _is_own_method(base, callee.name):
            self._hand_out(expr)
            self._share(base)
        elif isinstance(base, Store) and isinstance(callee, MemberExpr):
            self._on_registry(base, callee.name, expr)
        elif isinstance(base, Scope) and isinstance(callee, MemberExpr):
            self._on_session(base, callee.name, expr)
        elif isinstance(base, View) and isinstance(callee, MemberExpr):
            self._on_registry(base.store, callee.name, expr)
        elif not isinstance(base, Key) and not _is_harmless(callee):
            self._hand_out(expr)
            self._values.forget_attributes(callee)

    def end(self, store: Store, line: int, how: str, *, by_session: bool = False) -> None:
        """All keys of a registry go now."""
        self._state.put(("end", store), End(self._values.moment(), line, how, by_session))

    def may_leave(self, key: Key, store: Store) -> bool:
        """Whether a key may outlive its session: by its lifetime, or in a snapshot."""
        saved = self._state.get(("saved", store))
        return key.outlives or saved is UNSURE or (isinstance(saved, int) and key.number < saved)

    def ended_with_session(self, key: Key) -> End | None:
        """The end of the session that a key was inserted into, if it ended before this."""
        if key.owner is None or any(self._state.get((slot, key)) is not None for slot in ("gone", "moved")):
            return None
        end = self._state.get(("end", key.owner))
        return end if isinstance(end, End) and end.by_session and end.moment > key.number else None

    def is_alive_in(self, key: Key, store: Store) -> bool:
        """Whether a key surely has its ref in a registry."""
        alive = self._state.get(("gone", key)) is None and self._state.get(("moved", key)) is None
        return alive and key.owner == store and self._state.get(("end", store)) is None

    def _on_registry(self, store: Store, method: str, expr: CallExpr) -> None:
        key = argument(expr, "key", 0)
        if method in _USES and key is not None and "default" not in expr.arg_names:
            self._use(store, key, expr)
        if method in _DROPS and key is not None:
            self._drop(store, key, method, expr)
        elif method in _ENDS_ALL and "owner" not in expr.arg_names:
            self.end(store, expr.line, f"{method}()")
        elif method == "transfer_ref":
            self._move(key)
        elif method not in _names.REGISTRY_METHODS:
            self._hand_out(expr)

    def _on_session(self, scope: Scope, method: str, expr: CallExpr) -> None:
        if method in {"close", "aclose"} and scope.purges:
            self.end(scope.store, expr.line, f"{method}()", by_session=True)
        elif method in _SAVES:
            self._state.put(("saved", scope.store), self._values.moment())
        self._hand_out(expr)

    def _drop(self, store: Store, expr: Expression, method: str, call: CallExpr) -> None:
        """A key goes; where the result of a release is asked for, it may have been another registry's."""
        key = self._values.of(expr)
        may_be_here = {store} if store.is_own and not store.is_fresh else {None, store}
        if not isinstance(key, Key) or key.owner not in may_be_here or self._state.get(("gone", key)) is not None:
            return
        gone = Gone(store, End(self._values.moment(), call.line, f"{method}()"))
        self._state.put(("gone", key), UNSURE if method != "remove" and call is not self.statement else gone)

    def _move(self, key_expr: Expression | None) -> None:
        key = self._values.of(key_expr) if key_expr is not None else None
        if isinstance(key, Key):
            self._state.put(("moved", key), UNSURE)
            self._state.put(("gone", key), UNSURE)

    def _hand_out(self, expr: CallExpr) -> None:
        """Who else gets a key may bring it back; who gets a registry may fill it, and a session, save it."""
        for arg in expr.args:
            value = self._values.of(arg)
            if isinstance(value, Key):
                self._state.put(("moved", value), UNSURE)
                self._state.put(("gone", value), UNSURE)
            elif isinstance(value, Store):
                self._share(value)
            elif isinstance(value, Scope):
                self._share(value.store)
                self._state.put(("saved", value.store), UNSURE)
            elif isinstance(arg, MemberExpr) and isinstance(owner := self._values.of(arg.expr), Scope):
                self._state.put(("saved", owner.store), UNSURE)

    def _share(self, store: Store) -> None:
        self._state.put(("shared", store), UNSURE)

    def _use(self, store: Store, key_expr: Expression, at: Expression) -> None:
        key = self._values.of(key_expr)
        if not isinstance(key, Key):
            return
        gone = self._state.get(("gone", key))
        moved = self._state.get(("moved", key)) is not None
        if isinstance(gone, Gone) and gone.store == store:
            self._report_gone(key_expr, at, gone.end)
        elif not moved and (key.owner == store or (gone is None and self._is_stranger(key, store))):
            self._use_after_end(store, key, key_expr, at)
        elif not moved and gone is None and self._is_foreign(key, store):
            self._report(
                at,
                _codes.FOREIGN,
                f"{spell(key_expr)} was inserted into another registry, so that this one raises RefNotFoundError; "
                "look it up where it was inserted, or move it here with transfer_ref()",
            )

    def _is_stranger(self, key: Key, store: Store) -> bool:
        """Whether nothing is known of a key, and a registry can only look into itself for it."""
        is_isolated = store.is_own and not store.is_fresh
        return key.owner is None and not is_isolated and self._state.get(("shared", store)) is None

    def _use_after_end(self, store: Store, key: Key, key_expr: Expression, at: Expression) -> None:
        end = self._state.get(("end", store))
        if not isinstance(end, End) or end.moment < key.number or (end.by_session and key.outlives):
            return
        if end.by_session:
            self._report(
                at,
                _codes.ESCAPE,
                f"the session that holds the ref of {spell(key_expr)} ended on line {end.line}; "
                "use the key before that, or insert it with a lifetime that is longer",
            )
        else:
            self._report_gone(key_expr, at, end)

    def _report_gone(self, key_expr: Expression, at: Expression, end: End) -> None:
        self._report(
            at,
            _codes.REMOVED,
            f"the ref of {spell(key_expr)} has gone with {end.how} on line {end.line}; "
            "use the key before that, or pass default= if it may be gone",
        )

    def _is_foreign(self, key: Key, store: Store) -> bool:
        owner = key.owner
        if owner is None or not (owner.is_own and store.is_fresh) or owner == store:
            return False
        if key.outlives and not owner.is_fresh:  # an isolated child hands it to its parent when it ends
            return False
        return all(self._state.get(("shared", each)) is None for each in (owner, store))


def _is_own_method(store: Store, method: str) -> bool:
    """Whether a subclass of the registry has the method itself, so that it may do anything."""
    definer = store.info.get_containing_type_info(method) if store.info is not None else None
    return definer is not None and method in _names.REGISTRY_METHODS and not definer.fullname.startswith(_names.PACKAGE)


def _is_harmless(callee: Expression) -> bool:
    """Whether a function keeps its hands off keys and registries: a builtin one, a context, a log, a list."""
    if isinstance(callee, RefExpr) and callee.fullname.startswith(("builtins.", "contextlib.")):
        return True
    return isinstance(callee, MemberExpr) and callee.name in _HARMLESS
