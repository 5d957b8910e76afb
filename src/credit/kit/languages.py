"""Languages: which one a request is shown in, and the catalogues of translations.

Texts are written in Chinese where they are said (`credit.kit.texts`), and are their own keys:
Chinese has no catalogue that could be lost.
"""

from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from credit.kit.texts import Text, marked

__all__ = ["LANGUAGE", "LANGUAGES", "catalogue", "marked", "shown"]

LANGUAGES = {"zh": "中文", "en": "English"}
LANGUAGE: ContextVar[str] = ContextVar("language", default="zh")
LOCALE = Path(__file__).parents[1] / "web" / "locale"


def shown(text: str) -> str:
    """Say a text in the language of this request; anything else, such as data, stays as it is."""
    return text.translated(catalogue(LANGUAGE.get())) if isinstance(text, Text) else text


@cache
def catalogue(language: str) -> NullTranslations:
    """Return a language's translations, `<language>/LC_MESSAGES/credit.po`."""
    path = LOCALE / language / "LC_MESSAGES" / "credit.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)
