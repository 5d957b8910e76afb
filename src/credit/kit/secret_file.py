"""Secrets kept in files: whole or not there, readable by their owner alone, never replaced."""

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["load_or_make"]


def load_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """Read a secret from its file; make it when there is none.

    Of two processes that make it at once, both end up with the one that came first.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
