"""A figure with its reference, and the table of them all."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Line:
    """One measured figure: what, how much, against what, the ratio, the bar."""

    what: str
    measured: str
    reference: str
    ratio: float | None
    bar: str
    ok: bool
    note: str = ""


def show(lines: list[Line]) -> None:
    """Print the figures as a table that also reads well in a file."""
    table = Table(show_lines=False, expand=False)
    for title in ("what", "measured", "against", "ratio", "bar", "", "note"):
        table.add_column(title, overflow="fold")
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
        mark = "[green]met[/]" if line.ok else "[red]NOT MET[/]"
        table.add_row(line.what, line.measured, line.reference, ratio, line.bar, mark, line.note)
    Console(width=160).print(table)
