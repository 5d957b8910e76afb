"""What `make translations` collects from Python: sentences, and what handlers say they do.

The trail of access keeps a handler's `summary`, and its page shows it.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

from babel.messages.extract import extract_python

__all__ = ["extract"]

Found = tuple[int, str | None, Any, list[str]]


def extract(
    file: IO[bytes],
    keywords: Mapping[str, Any],
    comment_tags: Collection[str],
    options: Mapping[str, Any],
) -> Iterator[Found]:
    """Yield what Babel's own extraction finds, then every `summary="…"` of the file."""
    yield from extract_python(file, keywords, comment_tags, dict(options))  # type: ignore[arg-type,misc]
    file.seek(0)
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.keyword) and node.arg == "summary":
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.lineno, None, value.value, []
