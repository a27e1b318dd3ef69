__all__ = ['Going']

class Going:
    def __del__(self) -> None: ...
