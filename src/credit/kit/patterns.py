"""LIKE patterns of texts that people look for, in which nothing stands for anything but itself."""

__all__ = ["containing"]

_ESCAPED = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


def containing(text: str) -> str:
    """Return the LIKE pattern of whatever holds a text."""
    return f"%{text.translate(_ESCAPED)}%"
