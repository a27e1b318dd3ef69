from liveref.exceptions import LiveRefError, RefLookupError

__all__ = ['EngineError', 'RefElsewhereError', 'RefLostError', 'RefUnavailableError', 'RemoteCallError', 'RemoteResultError']

class EngineError(LiveRefError): ...

class RefElsewhereError(EngineError, RefLookupError):
    public: str
    def __init__(self, key: str, type_tag: str, origin: str, advice: str) -> None: ...

class RefLostError(EngineError, RefLookupError):
    public: str
    def __init__(self, key: str, type_tag: str, origin: str, cause: str) -> None: ...

class RefUnavailableError(EngineError):
    public: str
    def __init__(self, key: str, type_tag: str, origin: str, cause: str, waited: float) -> None: ...

class RemoteCallError(EngineError):
    def __init__(self, key: str, origin: str, error: str) -> None: ...

class RemoteResultError(EngineError, TypeError):
    def __init__(self, key: str, origin: str, found: str) -> None: ...
