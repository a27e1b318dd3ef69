from liveref._engine.wire import Answer, Packet
from typing import NamedTuple

__all__ = ['Away', 'Found', 'packed', 'sent']

class Found(NamedTuple):
    kind: str
    value: object

class Away(NamedTuple):
    tag: str

def sent(value: object, key: str, name: str) -> object: ...
def packed(answer: Answer, key: str, name: str) -> Packet: ...
