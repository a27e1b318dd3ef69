"""The hooks that mypy calls, each wrapped: whatever goes wrong in a rule, mypy's own result stands."""

from __future__ import annotations

import functools
import hashlib
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from mypy.nodes import TypeInfo
from mypy.options import Options
from mypy.plugin import (
    AnalyzeTypeContext,
    FunctionSigContext,
    MethodSigContext,
    Plugin,
    ReportConfigContext,
)
from mypy.types import FunctionLike, Type

from liveref_mypy import _names
from liveref_mypy._call import Call, call_of
from liveref_mypy._codes import UNTYPED
from liveref_mypy._flow.flows import Flows
from liveref_mypy._index import Indexes
from liveref_mypy._options import enabled_codes
from liveref_mypy._rules.binding import bind_value
from liveref_mypy._rules.depth import check_depth
from liveref_mypy._rules.lost_hint import check_lost_hint
from liveref_mypy._rules.overlap import check_overlap
from liveref_mypy._rules.roundtrip import check_roundtrip
from liveref_mypy._rules.untyped import check_untyped, is_bare_annotation, is_bare_key, report_bare_annotation
from liveref_mypy._rules.widened import check_widened
from liveref_mypy._types import inherits

__all__ = ["LiverefPlugin"]

R = TypeVar("R")

_TYPESHED: Final = "typeshed"
_HOOKED: Final = _names.REGISTRY_METHODS | _names.KEY_METHODS | _names.TYPED_METHODS
_STDLIB: Final = ("builtins.", "typing.", "collections.", "typing_extensions.", "_typeshed.")


@functools.cache
def fingerprint() -> str:
    """A hash of all the plugin's files."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class LiverefPlugin(Plugin):
    """Finds wrong lookups; see docs/plugin.md for what each rule means."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._codes = enabled_codes(options.config_file)
        self._indexes = Indexes()
        self._flows = Flows()
        self._skip_once = False

    def report_config_data(self, ctx: ReportConfigContext) -> str | None:
        """What a cached result depends on: the plugin's own files, of which mypy knows but one, and the options."""
        if _TYPESHED in Path(ctx.path).parts:  # nothing is found there, so that a new option leaves it cached
            return None
        return fingerprint() + ":" + " ".join(sorted(code.code for code in self._codes))

    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        """The rules for the methods of a registry and of a key, of subclasses too."""
        if fullname[fullname.rfind(".") + 1 :] not in _HOOKED or fullname.startswith(_STDLIB):
            return None  # so of nearly all calls that mypy asks for
        return self._guarded(self._method_hook, fullname, default=None)

    def _method_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        owner, _, method = fullname.rpartition(".")
        if owner == _names.KEY:
            return partial(self._key_hook, method) if method in _names.KEY_METHODS else None
        if owner == _names.TYPED_REFS:
            return partial(self._view_hook, method) if method in _names.TYPED_METHODS else None
        if method not in _names.REGISTRY_METHODS or not self._is_registry(owner, method):
            return None
        return partial(self._registry_hook, method)

    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """The rules for class methods of a key that are called on the bare class."""
        owner, _, method = fullname.rpartition(".")
        is_key = owner == _names.KEY and method in _names.KEY_METHODS
        return partial(self._key_hook, method) if is_key else None

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        """The rule for annotations without brackets."""
        if self._skip_once:
            self._skip_once = False
            return None
        if fullname.startswith(_STDLIB) or UNTYPED not in self._codes:
            return None
        if fullname == _names.KEY or self._guarded(self._is_bare_alias, fullname, default=False):
            return self._annotation_hook
        return None

    def _is_bare_alias(self, fullname: str) -> bool:
        found = self.lookup_fully_qualified(fullname)
        return found is not None and is_bare_key(found.node)

    def _is_registry(self, owner: str, method: str) -> bool:
        """Whether a class is a registry, and the method its own."""
        if owner == _names.REGISTRY:
            return True
        found = self.lookup_fully_qualified(owner)
        info = found.node if found is not None else None
        if not isinstance(info, TypeInfo) or not inherits(info, _names.REGISTRY):
            return False
        definer = info.get_containing_type_info(method)
        return definer is not None and definer.fullname.startswith(_names.PACKAGE)

    def _annotation_hook(self, ctx: AnalyzeTypeContext) -> Type:
        self._skip_once = True
        found = ctx.api.analyze_type(ctx.type)
        if self._guarded(is_bare_annotation, ctx, default=False):
            return report_bare_annotation(ctx, found)
        return found

    def _key_hook(self, method: str, ctx: MethodSigContext | FunctionSigContext) -> FunctionLike:
        self._guarded(self._check_key, method, ctx, default=None)
        return ctx.default_signature

    def _check_key(self, method: str, ctx: MethodSigContext | FunctionSigContext) -> None:
        call = call_of(ctx, method, self._codes)
        if call is None:
            return
        self._each(call, check_lost_hint, check_depth)
        if method != "new":
            self._guarded(check_roundtrip, call, self._indexes, default=None)

    def _view_hook(self, method: str, ctx: MethodSigContext) -> FunctionLike:
        call = self._guarded(call_of, ctx, method, self._codes, default=None)
        if call is not None:
            self._guarded(self._flows.check, call, default=None)
        return ctx.default_signature

    def _registry_hook(self, method: str, ctx: MethodSigContext) -> FunctionLike:
        self._guarded(self._check_registry, method, ctx, default=None)
        if method != "insert":
            return ctx.default_signature
        return self._guarded(bind_value, ctx, default=ctx.default_signature)

    def _check_registry(self, method: str, ctx: MethodSigContext) -> None:
        call = call_of(ctx, method, self._codes)
        if call is None:
            return
        if method in {"get", "__getitem__"}:
            self._each(call, check_untyped)
        if method in {"get", "insert", "typed"}:
            self._each(call, check_depth)
        if method == "get":
            self._guarded(check_overlap, call, self._indexes, default=None)
        if method == "insert":
            self._guarded(check_widened, call, self._indexes, default=None)
        self._guarded(self._flows.check, call, default=None)

    def _each(self, call: Call, *rules: Callable[[Call], None]) -> None:
        for rule in rules:
            self._guarded(rule, call, default=None)

    def _guarded(self, rule: Callable[..., R], *args: object, default: R) -> R:
        """What a rule gives, or the default if it fails; ``--show-traceback`` tells of the failure."""
        try:
            return rule(*args)
        except Exception:  # noqa: BLE001  a plugin must never be what stops a check
            if self.options.show_traceback:
                traceback.print_exc()
            return default
