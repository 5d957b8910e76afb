"""The last signed checkpoint, kept outside the database.

A database restored from an old copy would let the sequencer sign a second, different tree of a
size it has signed before. What is kept here makes it notice: it refuses to sign unless the
database still contains everything the last note covers.
"""

import os
from pathlib import Path

from credit.log.note import Checkpoint, Verifier, open_note, parse_checkpoint

__all__ = ["NoteKeeper"]


class NoteKeeper:
    """Keeps one note in a file, replaced as a whole and forced to disk."""

    def __init__(self, folder: Path, verifier: Verifier) -> None:
        self._path = folder / "checkpoint"
        self._verifier = verifier
        folder.mkdir(parents=True, exist_ok=True)

    def last(self) -> Checkpoint | None:
        """Return the checkpoint last kept; NoteError when the file is not our note."""
        try:
            note = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return parse_checkpoint(open_note(note, self._verifier))

    def keep(self, note: str) -> None:
        """Replace the kept note; when this returns, it has reached the disk."""
        draft = self._path.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
