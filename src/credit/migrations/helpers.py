"""What revisions share: running a file of SQL, and refusing to go back."""

from pathlib import Path

from alembic import op

__all__ = ["forward_only", "run_sql"]

SQL_DIR = Path(__file__).parent / "sql"


def run_sql(name: str) -> None:
    """Run a whole file of `migrations/sql`: functions, triggers and grants of a revision."""
    op.execute((SQL_DIR / name).read_text(encoding="utf-8"))


def forward_only() -> None:
    """Refuse: append-only tables cannot be rebuilt, so the way back is a restored backup."""
    raise RuntimeError("migrations only go forward; restore a backup to go back")
