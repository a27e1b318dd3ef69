"""Every dotted name that the plugin knows; a test imports each, so that a renamed class can't switch a rule off."""

from __future__ import annotations

from typing import Final

# liveref, by the modules that define the classes: that is what mypy goes by.
PACKAGE: Final = "liveref."
REGISTRY: Final = "liveref._registry.registry.SessionRefRegistry"
TYPED_REFS: Final = "liveref._registry.typed.TypedRefs"
SESSION: Final = "liveref._session.Session"
CURRENT: Final = "liveref._registry.current.current_session_registry"
KEY: Final = "liveref._key.RegistryKey"
RECIPE: Final = "liveref._recipe.Recipe"
MISSING: Final = "liveref._typing.Missing"
LIFETIME: Final = "liveref._policy.RefLifetime"
LIVE_REF_ERROR: Final = "liveref.exceptions.LiveRefError"
REF_TYPE_ERROR: Final = "liveref.exceptions.RefTypeError"

REGISTRY_METHODS: Final = frozenset({
    "__getitem__", "adrain", "aclose", "clone_ref", "close", "drain", "enter_context", "enter_async_context",
    "get", "get_any", "insert", "keys", "lifetime_of", "open", "release", "remove", "transfer_ref", "typed", "verify",
})  # fmt: skip
TYPED_METHODS: Final = frozenset({"get", "insert"})
KEY_METHODS: Final = frozenset({"from_marker", "new", "parse"})
LIFETIMES_THAT_OUTLIVE: Final = frozenset({"UNTIL_EXPLICIT_DROP", "UNTIL_PARENT_FINISH"})

# What liveref's own run-time table knows of other packages.
ANY: Final = "typing.Any"
STR: Final = "builtins.str"
TYPE: Final = "builtins.type"
OBJECT: Final = "builtins.object"
TUPLE: Final = "builtins.tuple"
LOOKUP_ERROR: Final = "builtins.LookupError"
NDARRAY: Final = "numpy.ndarray"
MODULES_OF_FORMS: Final = frozenset({"_typeshed", "types", "typing", "typing_extensions"})
"""Where a name of a class may mean more than that to mypy."""
ANNOTATED: Final = frozenset({"typing.Annotated", "typing_extensions.Annotated"})
LITERAL: Final = frozenset({"typing.Literal", "typing_extensions.Literal"})
CALLABLE: Final = frozenset({"typing.Callable", "collections.abc.Callable"})
IO: Final = "typing.IO"
MAPPING: Final = "typing.Mapping"
FILES: Final = frozenset({IO, "typing.TextIO", "typing.BinaryIO"})
NUMBERS: Final = frozenset({
    "numbers.Number", "numbers.Complex", "numbers.Real", "numbers.Rational", "numbers.Integral",
})  # fmt: skip
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
TEXTS: Final = frozenset({"re.Pattern", "re.Match"})
MIXINS: Final = frozenset({"enum.Enum", "enum.Flag", "enum.ReprEnum"})
"""Classes that are there to be mixed with others: an IntEnum is an int and an Enum."""
CLASSES_TO_THE_RUN_TIME: Final = frozenset({
    "typing.AsyncGenerator", "typing.AsyncIterable", "typing.AsyncIterator", "typing.Awaitable", "typing.Collection",
    "typing.Container", "typing.Generator", "typing.Hashable", "typing.Iterable", "typing.Iterator",
    "typing.Reversible", "typing.Sized", "contextlib.AbstractAsyncContextManager",
    "contextlib.AbstractContextManager", "os.PathLike",
})  # fmt: skip
"""Protocols of typeshed that are ABCs at run time."""
SUPPORTS: Final = frozenset({
    "typing.SupportsAbs", "typing.SupportsBytes", "typing.SupportsComplex", "typing.SupportsFloat",
    "typing.SupportsIndex", "typing.SupportsInt", "typing.SupportsRound",
})  # fmt: skip

QUALIFIERS: Final = frozenset({
    "typing.ClassVar", "typing.Final", "typing.Required", "typing.NotRequired", "typing.TypeGuard",
    "typing.Generic", "typing.Protocol", "typing_extensions.TypeIs", "typing_extensions.ReadOnly",
    "typing_extensions.Required", "typing_extensions.NotRequired", "typing_extensions.TypeGuard",
    "typing_extensions.Protocol", "typing_extensions.Final", "typing_extensions.ClassVar",
})  # fmt: skip
"""Forms that no value is of, though mypy takes some of them for the type inside."""
GUARDS: Final = frozenset({"typing.TypeGuard", "typing_extensions.TypeGuard", "typing_extensions.TypeIs"})
"""Of those, what a Callable may give back."""
NEED_BRACKETS: Final = frozenset({"typing.Union", "typing.Optional"}) | LITERAL | ANNOTATED

# Where a wrong lookup is meant.
RAISES: Final = frozenset({"_pytest.raises.raises", "_pytest.python_api.raises", "pytest.raises"})
SUPPRESS: Final = "contextlib.suppress"
