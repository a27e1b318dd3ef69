"""What `SessionRefRegistry.describe` gives: a list that shows as a table where tables can be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, SupportsIndex

from liveref._registry.entry import Holder, RefInfo, describe
from liveref._registry.leases import Book
from liveref._snapshot.guarded import owner_text
from liveref._text.tag import printable

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["RefTable", "describe_all"]

_HEADINGS: Final = ("key", "type", "lifetime", "age", "owner", "expires in", "inserted at")


class RefTable(list[RefInfo]):
    """Rows of refs."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """For IPython and notebooks."""
        return f"<table>{_row('th', _HEADINGS)}{''.join(_row('td', _cells(ref)) for ref in self)}</table>"

    def __rich__(self) -> Table:
        """For a console of rich, which is there if it asks."""
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(*_HEADINGS)
        for ref in self:
            table.add_row(*map(Text, _cells(ref)))  # no markup: list[int] is a type
        return table

    def __rich_repr__(self) -> Iterator[RefInfo]:
        """For rich where it stands inside of something else."""
        yield from self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[list[RefInfo]], tuple[list[RefInfo]]]:
        return list, (list(self),)  # as a plain list: no name of this room goes into a pickle


def describe_all(holders: Iterable[Holder[Any]], book: Book | None) -> RefTable:  # Any: of whatever type
    """What may be told of refs."""
    now, lent = monotonic(), {} if book is None else book.loans
    return RefTable(describe(holder, now, len(lent.get(holder._id, ()))) for holder in holders)


def _cells(ref: RefInfo) -> tuple[str, ...]:
    left = "-" if ref.expires_in is None else f"{ref.expires_in:.1f} s"
    kind = printable(ref.type_tag)
    return (
        ref.key,
        kind,
        ref.lifetime.value,
        f"{ref.age:.1f} s",
        printable(owner_text(ref.owner)) or "-",
        left,
        ref.where or "-",
    )


def _row(kind: str, cells: tuple[str, ...]) -> str:
    from html import escape  # noqa: PLC0415  it takes a tenth of the import of liveref

    return f"<tr>{''.join(f'<{kind}>{escape(cell)}</{kind}>' for cell in cells)}</tr>"
