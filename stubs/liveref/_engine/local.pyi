from liveref._engine.base import RefEngine

__all__ = ['LocalEngine']

class LocalEngine(RefEngine):
    def __init__(self, *, strict: bool = False, timeout: float = 10.0, allow_functions: bool = True) -> None: ...
