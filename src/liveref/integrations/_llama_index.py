"""What llama-index-workflows is given of a value: what its own serializer makes of it, with markers in it.

What is in a model pydantic writes: there a marker is wrapped into a dict with a random name, which stands beside the
model, for no input can make one up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from secrets import token_hex
from typing import Final, cast

from pydantic import BaseModel
from workflows.context.serializers import JsonSerializer
from workflows.context.utils import get_qualified_name
from workflows.events import DictLikeModel

from liveref._key import RegistryKey
from liveref._payloads.parts import COPIED_MODEL, Copier, Opener, opener_of
from liveref._payloads.swap import Writing
from liveref._text.blame import Parts, contents
from liveref._text.json import writable
from liveref._text.marker import RECIPE_FIELD, SESSION_REF_TAG, TYPE_FIELD
from liveref._text.schema import keys_unknown

__all__ = ["PYDANTIC", "WRAP", "parts", "text", "tree"]

WRAP: Final = "__liveref_wrap"
PYDANTIC: Final = "__is_pydantic"
_IN_BAND: Final = {SESSION_REF_TAG, PYDANTIC, "__is_component"}  # a user's own dict with one in it is escaped


class _Hidden:
    """What stands in a model for a live object, or for a key that takes its recipe along.

    Args:
        marker: its marker.
        hint: of a key, the type that its field reads it by.
    """

    def __init__(self, marker: dict[str, str], **hint: str) -> None:
        self.marker: Final = marker
        self.hint: Final = hint


def tree(writing: Writing, value: object) -> object:
    """What the engine makes of a value, with markers in it; TypeError for what JSON can't carry."""
    if marker := writing.marker_of(value):
        return marker
    if hasattr(type(value) if isinstance(value, DictLikeModel) else value, "class_name"):  # a component of the engine
        return json.loads(JsonSerializer().serialize(value))
    if isinstance(value, BaseModel):
        return _record(value, writing)
    if isinstance(value, list | tuple):
        return [tree(writing, item) for item in cast("Iterable[object]", value)]
    if isinstance(value, dict):
        items = {name: tree(writing, item) for name, item in cast("dict[str, object]", value).items()}
        if not all(isinstance(name, str | int | float | None) for name in items):  # what json.dumps takes for one
            raise TypeError
        return items if _IN_BAND.isdisjoint(items) else {SESSION_REF_TAG: items}
    if not isinstance(value, str | int | float | None) or (isinstance(value, int) and not writable(value)):
        raise TypeError
    return value


def text(writing: Writing, value: object) -> str:
    """The same as text."""
    return json.dumps(tree(writing, value))


def _record(model: BaseModel, writing: Writing) -> dict[str, object]:
    record: dict[str, object] = {PYDANTIC: True, "qualified_name": get_qualified_name(model)}
    wrap = token_hex(8)

    def fallback(part: object) -> dict[str, object]:
        record[WRAP] = wrap
        return {wrap: part.marker, **part.hint} if isinstance(part, _Hidden) else {wrap: tree(writing, part)}

    hides = writing._swap.classes or writing._swap.recipes
    hidden = cast("BaseModel", Copier(partial(_hide, writing), _opener).copy(model)) if hides else model
    with keys_unknown():
        record["value"] = hidden.model_dump(mode="json", fallback=fallback, warnings=hidden is model)
    return record


def _hide(writing: Writing, value: object) -> object:
    """What stands in a copy for what pydantic does not write as it should; all else itself."""
    marker = writing.marker_of(value) or {}
    if TYPE_FIELD in marker:  # a live object, of which it may write the fields
        return _Hidden(marker)
    if RECIPE_FIELD in marker:  # a key, of which it knows no recipe
        return _Hidden(marker, type=cast("RegistryKey[object]", value).to_marker(typed=True)[TYPE_FIELD])
    return value


def _opener(cls: type[object]) -> Opener | None:
    return COPIED_MODEL if issubclass(cls, BaseModel) else opener_of(cls)


def parts(value: object) -> Parts:
    """What a value consists of, to find what can't be carried."""
    if isinstance(value, DictLikeModel):
        yield from contents(value._data, names=False)
    yield from contents(value.__dict__ if isinstance(value, BaseModel) else value, names=False)
