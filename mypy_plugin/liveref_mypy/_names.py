"""Every dotted name that the plugin knows; a test imports each, so that a renamed class can't switch a rule off."""

from __future__ import annotations

from typing import Final

# liveref, by the modules that define the classes: that is what mypy goes by.
PACKAGE: Final = "liveref."
REGISTRY: Final = "liveref._registry.registry.SessionRefRegistry"
TYPED_REFS: Final = "liveref._registry.typed.TypedRefs"
SESSION: Final = "liveref._session.Session"
CURRENT: Final = "liveref._registry.current.current_session_registry"
USE: Final = "liveref._registry.current.use_session_registry"
KEY: Final = "liveref._key.RegistryKey"
PINNED: Final = "liveref._hints.pinned.Pinned"
RECIPES: Final = frozenset({"liveref._recipe.AsyncRecipe", "liveref._recipe.Recipe"})
MISSING: Final = "liveref._typing.Missing"
LIVE_REF_ERROR: Final = "liveref.exceptions.LiveRefError"
REF_TYPE_ERROR: Final = "liveref.exceptions.RefTypeError"

REGISTRY_METHODS: Final = frozenset({
    "__getitem__", "aclose", "admit", "adrain", "aget", "aopen", "arelease", "asweep", "borrow", "clone_ref", "close",
    "drain", "enter_async_context", "enter_context", "get", "get_any", "insert", "keys", "lifetime_of", "open",
    "release", "remove", "renew", "stats", "sturdy_marker", "sweep", "sweeping", "transfer_ref", "typed", "verify",
})  # fmt: skip
METHODS_OF_KEYS: Final = frozenset({
    "arelease", "borrow", "clone_ref", "get_any", "lifetime_of", "release", "remove", "renew", "sturdy_marker",
    "transfer_ref", "verify",
})  # fmt: skip
"""Those that take a key, besides the lookups."""
TYPED_METHODS: Final = frozenset({"get", "insert"})
KEY_METHODS: Final = frozenset({"from_marker", "new", "parse", "read"})
LIFETIMES_THAT_OUTLIVE: Final = frozenset({"UNTIL_EXPLICIT_DROP", "UNTIL_PARENT_FINISH"})

# What liveref's own run-time table knows of other packages.
STR: Final = "builtins.str"
TYPE: Final = "builtins.type"
INT: Final = "builtins.int"
PROMOTED_TO: Final = frozenset({"builtins.complex", "builtins.float"})
UUID: Final = "uuid.UUID"
OBJECT: Final = "builtins.object"
TUPLE: Final = "builtins.tuple"
CALLABLE: Final = frozenset({"typing.Callable", "collections.abc.Callable"})
BUILTINS: Final = "builtins"
ABC: Final = "abc.ABC"
ABC_META: Final = "abc.ABCMeta"
LOOKUP_ERROR: Final = "builtins.LookupError"
NDARRAY: Final = "numpy.ndarray"
MODULES_OF_FORMS: Final = frozenset({"_typeshed", "types", "typing", "typing_extensions"})
"""Where a name of a class may mean more than that to mypy."""
ANNOTATED: Final = frozenset({"typing.Annotated", "typing_extensions.Annotated"})
LITERAL: Final = frozenset({"typing.Literal", "typing_extensions.Literal"})
IO: Final = "typing.IO"
MAPPING: Final = "typing.Mapping"
FILES: Final = frozenset({IO, "typing.TextIO", "typing.BinaryIO"})
NUMBERS: Final = frozenset({
    "numbers.Number", "numbers.Complex", "numbers.Real", "numbers.Rational", "numbers.Integral",
})  # fmt: skip
REGISTERED: Final = {
    "builtins.int": NUMBERS,
    "builtins.float": NUMBERS - {"numbers.Rational", "numbers.Integral"},
    "builtins.complex": frozenset({"numbers.Number", "numbers.Complex"}),
    "decimal.Decimal": frozenset({"numbers.Number"}),
}
"""Which of them a class is registered with, not by inheriting."""
FUNCTIONS: Final = frozenset({
    "types.FunctionType", "types.BuiltinFunctionType", "types.BuiltinMethodType", "types.MethodType",
})  # fmt: skip
MADE_BY_CALLS: Final = {
    "types.GeneratorType": "typing.Generator",
    "types.CoroutineType": "typing.Coroutine",
    "types.AsyncGeneratorType": "typing.AsyncGenerator",
}
"""What a call of a generator function or coroutine function gives, and what mypy says that it gives."""
ITEMS: Final = frozenset({
    "builtins.list", "builtins.set", "builtins.frozenset", "collections.deque", "typing.Collection",
    "typing.Container", "typing.Iterable", "typing.Reversible", "typing.Sequence", "typing.MutableSequence",
    "typing.AbstractSet", "typing.MutableSet", "typing.KeysView", "typing.ValuesView", "typing.MappingView",
})  # fmt: skip
ONE_SHOT: Final = frozenset({"typing.Iterable", "typing.Container", "typing.Reversible"})
PAIRS: Final = frozenset({
    "builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.ChainMap",
    "typing.Mapping", "typing.MutableMapping",
})  # fmt: skip
COUNTER: Final = "collections.Counter"
ITEMS_VIEW: Final = "typing.ItemsView"
OTHERS_OF_ITEMS: Final = frozenset({TUPLE, COUNTER, ITEMS_VIEW, PINNED})
"""Further classes whose items or object are checked."""
TEXTS: Final = frozenset({"re.Pattern", "re.Match"})
MIXINS: Final = frozenset({"enum.Enum", "enum.Flag", "enum.ReprEnum"})
"""Classes that are there to be mixed with others: an IntEnum is an int and an Enum."""
CLASSES_TO_THE_RUN_TIME: Final = frozenset({
    "typing.AsyncContextManager", "typing.AsyncGenerator", "typing.AsyncIterable", "typing.AsyncIterator",
    "typing.Awaitable", "typing.Collection", "typing.Container", "typing.ContextManager", "typing.Coroutine",
    "typing.Generator", "typing.Hashable", "typing.Iterable", "typing.Iterator", "typing.Reversible", "typing.Sized",
    "contextlib.AbstractAsyncContextManager", "contextlib.AbstractContextManager", "io.Reader", "io.Writer",
    "os.PathLike", "typing_extensions.Buffer", "_collections_abc.Buffer",
})  # fmt: skip
"""Protocols of typeshed that are ABCs at run time."""

QUALIFIERS: Final = frozenset({
    "typing.ClassVar", "typing.Final", "typing.Required", "typing.NotRequired", "typing.TypeGuard",
    "typing.TypeIs", "typing.ReadOnly", "typing.Generic", "typing.Protocol", "typing.NamedTuple",
    "typing_extensions.TypeIs", "typing_extensions.ReadOnly", "typing_extensions.NamedTuple",
    "typing_extensions.Required", "typing_extensions.NotRequired", "typing_extensions.TypeGuard",
    "typing_extensions.Protocol", "typing_extensions.Final", "typing_extensions.ClassVar",
})  # fmt: skip
"""Forms that no value is of, though mypy takes some of them for the type inside."""
SELF: Final = frozenset({"typing.Self", "typing_extensions.Self"})
GUARDS: Final = frozenset({
    "typing.TypeGuard", "typing.TypeIs", "typing_extensions.TypeGuard", "typing_extensions.TypeIs",
})  # fmt: skip
"""Of those, what a Callable may give back."""
NEED_BRACKETS: Final = frozenset({"typing.Union", "typing.Optional"}) | LITERAL | ANNOTATED

# Where a wrong lookup is meant.
RAISES: Final = frozenset({"_pytest.raises.raises", "_pytest.python_api.raises", "pytest.raises"})
SUPPRESS: Final = "contextlib.suppress"
CLOSING: Final = frozenset({"contextlib.closing", "contextlib.aclosing"})
ASSERTIONS: Final = frozenset({"assertRaises", "assertRaisesRegex", "assertWarns", "assertWarnsRegex"})
"""Methods of a TestCase, whatever mixin it has them from."""
