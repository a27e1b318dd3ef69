"""Classes that inherit from two others, as far as the place of a lookup can know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mypy.nodes import Import, ImportAll, ImportBase, ImportFrom, MypyFile, SymbolTable, TypeInfo

__all__ = ["have_common_heir"]


def have_common_heir(left: TypeInfo, right: TypeInfo, module: MypyFile, modules: Mapping[str, MypyFile]) -> bool:
    """Whether a class of the module, or of one that it imports, directly or not, inherits from both.

    Who imports the module does not count: mypy may not have come to that yet, or look at the module alone.
    """
    heirs = (info for each in _reachable(module, modules) for info in _classes(each.names, each.fullname))
    return any(len(info.bases) > 1 and left in info.mro and right in info.mro for info in heirs)


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
