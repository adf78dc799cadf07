"""Stands in for the DRM bindings, which picamera2 imports and a preview on a screen would use; nothing else does."""


class _Names(type):
    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class PixelFormat(metaclass=_Names):
    """Every format is its own name."""


class Card:
    """There is no screen."""

    def __init__(self, *_: object, **__: object) -> None:
        raise RuntimeError("no DRM device here")
