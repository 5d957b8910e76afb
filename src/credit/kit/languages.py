"""Languages: which one a request is shown in, and the catalogues of translations.

Texts are written in Chinese where they are shown, and are their own keys: Chinese has no catalogue
that could be lost. `marked` marks a text in Python that a template will translate.
"""

from contextvars import ContextVar
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

__all__ = ["LANGUAGE", "LANGUAGES", "load_catalogues", "marked"]

LANGUAGES = {"zh": "中文", "en": "English"}
LANGUAGE: ContextVar[str] = ContextVar("language", default="zh")


def marked(text: str) -> str:
    """Mark a text for translation; a template translates it where it shows it."""
    return text


def load_catalogues(folder: Path) -> dict[str, NullTranslations]:
    """Read every language's catalogue, `<language>/LC_MESSAGES/credit.po`."""
    return {name: _load(folder / name / "LC_MESSAGES" / "credit.po") for name in LANGUAGES}


def _load(path: Path) -> NullTranslations:
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)
