import dataclasses

__all__ = ['CapturedRef', 'DroppedRef', 'ExpectedRef']

@dataclasses.dataclass(frozen=True, slots=True)
class CapturedRef:
    key: str
    type_tag: str
    how: str
    size: int

@dataclasses.dataclass(frozen=True, slots=True)
class DroppedRef:
    key: str
    type_tag: str
    reason: str

@dataclasses.dataclass(frozen=True, slots=True)
class ExpectedRef:
    key: str
    type_tag: str
