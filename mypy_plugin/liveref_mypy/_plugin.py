"""The names that mypy asks hooks for: nearly all of them are none of the plugin's, and that is answered at once."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from mypy import nodes
from mypy.errorcodes import ARG_TYPE, ErrorCode
from mypy.nodes import MypyFile, TypeInfo, TypeVarLikeExpr
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
from liveref_mypy._codes import ARGUMENT, UNTYPED
from liveref_mypy._guard import Guard
from liveref_mypy._options import enabled_codes

if TYPE_CHECKING:
    from liveref_mypy._hooks import Hooks

__all__ = ["LintPlugin", "LiverefPlugin"]

_TYPESHED: Final = f"{os.sep}typeshed{os.sep}"
_HOOKED: Final = _names.REGISTRY_METHODS | _names.KEY_METHODS | _names.TYPED_METHODS
_STDLIB: Final = ("builtins.", "typing.", "collections.", "typing_extensions.", "_typeshed.")

MethodHook: TypeAlias = Callable[[MethodSigContext], FunctionLike]
FunctionHook: TypeAlias = Callable[[FunctionSigContext], FunctionLike]
TypeHook: TypeAlias = Callable[[AnalyzeTypeContext], Type]


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

    misfit: ClassVar[ErrorCode] = ARG_TYPE
    """The code of an argument of ``insert()`` that does not fit the others."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._codes = enabled_codes(options.config_file)
        self._guard = Guard(tells=options.show_traceback)
        self._methods: dict[str, MethodHook | None] = {}
        """What is known of each method; mypy asks 100,000 times in a large project."""
        self._plain: set[str] = set()
        """Names that are known to be no bare key; mypy asks as often."""
        self._skip_once = False

    @functools.cached_property
    def _hooks(self) -> Hooks:
        """The rules. A run over a warm cache meets no lookup, and so need not import them."""
        from liveref_mypy._hooks import Hooks  # noqa: PLC0415

        return Hooks(self._codes, self._guard, misfit=self.misfit)

    def set_modules(self, modules: dict[str, MypyFile]) -> None:
        """Forget what is known of the modules: in the daemon, some have changed."""
        super().set_modules(modules)
        self._methods.clear()
        self._plain.clear()
        vars(self).pop("_hooks", None)

    def report_config_data(self, ctx: ReportConfigContext) -> str | None:
        """What a cached result depends on: the plugin's own files, of which mypy knows but one, and the options."""
        if _TYPESHED in ctx.path:  # nothing is found there, so that a new option leaves it cached
            return None
        return self._config_data

    @functools.cached_property
    def _config_data(self) -> str:
        return " ".join([fingerprint(), self.misfit.code, *sorted(code.code for code in self._codes)])

    def get_method_signature_hook(self, fullname: str) -> MethodHook | None:
        """The rules for the methods of a registry and of a key, of subclasses too."""
        try:
            return self._methods[fullname]
        except KeyError:
            owner, _, method = fullname.rpartition(".")
            hooked = method in _HOOKED and not fullname.startswith(_STDLIB)
            hook = self._methods[fullname] = self._guard(None, self._method_hook, owner, method) if hooked else None
            return hook

    def get_function_signature_hook(self, fullname: str) -> FunctionHook | None:
        """The rules for class methods of a key that are called on the bare class."""
        if not fullname.startswith(_names.KEY):
            return None
        return self._guard(None, self._key_hook, fullname.removeprefix(_names.KEY))

    def get_type_analyze_hook(self, fullname: str) -> TypeHook | None:
        """The rule for annotations without brackets."""
        if fullname in self._plain:
            return None
        if self._skip_once:
            self._skip_once = False
            return None
        if UNTYPED not in self._codes or not self._guard(False, self._may_be_bare, fullname):  # noqa: FBT003
            return None
        return self._annotation_hook

    def _key_hook(self, rest: str) -> FunctionHook | None:
        return self._hooks.of_key(rest.removeprefix(".")) if rest else self._hooks.of_constructor()

    def _method_hook(self, owner: str, method: str) -> MethodHook | None:
        if owner == _names.KEY:
            return self._hooks.of_key(method)
        if owner == _names.TYPED_REFS:
            return self._hooks.of_view(method)
        return self._hooks.of_registry(method) if self._is_registry(owner, method) else None

    def _may_be_bare(self, fullname: str) -> bool:
        if fullname == _names.KEY:
            return True
        found = self.lookup_fully_qualified(fullname)
        node = found.node if found is not None else None
        if isinstance(node, TypeInfo | TypeVarLikeExpr) or fullname.startswith(_STDLIB):
            self._plain.add(fullname)
            return False
        return isinstance(node, nodes.TypeAlias) and self._hooks.is_bare_alias(node)

    def _is_registry(self, owner: str, method: str) -> bool:
        """Whether a class is a registry, and the method its own."""
        if owner == _names.REGISTRY:
            return True
        found = self.lookup_fully_qualified(owner)
        info = found.node if found is not None else None
        if not isinstance(info, TypeInfo) or not info.has_base(_names.REGISTRY):
            return False
        definer = info.get_containing_type_info(method)
        return definer is not None and definer.fullname.startswith(_names.PACKAGE)

    def _annotation_hook(self, ctx: AnalyzeTypeContext) -> Type:
        self._skip_once = True
        return self._hooks.annotation(ctx, ctx.api.analyze_type(ctx.type))


class LintPlugin(LiverefPlugin):
    """For ``python -m liveref lint``, which shows no code of mypy's: all that the plugin finds has one of its own."""

    misfit: ClassVar[ErrorCode] = ARGUMENT
