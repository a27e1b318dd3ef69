"""Classes that inherit from two others, as far as the place of a lookup can know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mypy.checker import TypeChecker
from mypy.nodes import Import, ImportAll, ImportBase, ImportFrom, MypyFile, SymbolTable, TypeInfo

__all__ = ["Heirs"]


class Heirs:
    """The classes with several bases that the modules checked last know of."""

    def __init__(self) -> None:
        self._module: MypyFile | None = None
        self._heirs: list[TypeInfo] = []

    def are_common(self, left: TypeInfo, right: TypeInfo, checker: TypeChecker) -> bool:
        """Whether a class of the module, or of one that it imports, directly or not, inherits from both.

        Who imports the module does not count: mypy may not have come to that yet, or look at the module alone.
        """
        if checker.tree is not self._module:
            self._module = checker.tree
            self._heirs = list(_heirs(checker.tree, checker.modules))
        names = {left.fullname, right.fullname}
        return any(names <= {base.fullname for base in heir.mro} for heir in self._heirs)


def _heirs(module: MypyFile, modules: Mapping[str, MypyFile]) -> Iterator[TypeInfo]:
    for each in _reachable(module, modules):
        yield from (info for info in _classes(each.names, each.fullname) if len(info.bases) > 1)


def _reachable(module: MypyFile, modules: Mapping[str, MypyFile]) -> Iterator[MypyFile]:
    """A module and what it imports; of the others by their names alone, for a cached one has nothing else."""
    seen = {module.fullname}
    pending = [module]
    for statement in module.imports:
        pending.extend(modules[name] for name in _names_of(statement, module) if name in modules)
    while pending:
        current = pending.pop()
        yield current
        for name in _origins(current.names, modules):
            if name not in seen:
                seen.add(name)
                pending.append(modules[name])


def _names_of(statement: ImportBase, module: MypyFile) -> Iterator[str]:
    """The full names that an import may mean."""
    if isinstance(statement, Import):
        yield from (name for name, _ in statement.ids)
    elif isinstance(statement, ImportFrom | ImportAll):
        package = module.fullname.split(".")
        above = statement.relative - module.is_package_init_file()
        start = ".".join(package[: len(package) - above]) if statement.relative else ""
        base = ".".join(filter(None, (start, statement.id)))
        yield base
        yield from (f"{base}.{name}" for name, _ in statement.names) if isinstance(statement, ImportFrom) else ()


def _origins(names: SymbolTable, modules: Mapping[str, MypyFile]) -> Iterator[str]:
    """The modules that the names of a module come from."""
    for symbol in names.values():
        name = symbol.fullname or ""
        while name and name not in modules:
            name = name.rpartition(".")[0]
        if name:
            yield name


def _classes(names: SymbolTable, owner: str) -> Iterator[TypeInfo]:
    """The classes that are defined under a name, and inside of one another."""
    for symbol in names.values():
        info = symbol.node
        if isinstance(info, TypeInfo) and info.fullname.startswith(f"{owner}."):
            yield info
            yield from _classes(info.names, info.fullname)
