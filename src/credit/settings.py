"""Settings: the one reader of the environment. Every variable is `CREDIT_` and the field's name."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """What a deployment may choose; frozen once read."""

    model_config = SettingsConfigDict(env_prefix="CREDIT_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the server listens on.")
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^https?://[0-9A-Za-z.:\[\]-]{1,200}$",
        description="Address under which people reach the pages, without a path: passkeys and QR "
        "codes name it, and with https cookies travel encrypted only.",
    )
    data_dir: Path = Field(
        default=Path("var"),
        description="Folder of everything kept outside the database: embedded server, keys, "
        "evidence files, the log's last signed notes.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL 15 or newer; the role must be able to create schemas and roles. "
        "Left out: an embedded PostgreSQL in the data folder.",
    )
    database_pool_max: int = Field(
        default=16, ge=2, le=200, description="Connections a server process opens at most."
    )
    log_domain: str = Field(
        default="credit.local",
        pattern=r"^[a-z0-9.-]{1,100}$",
        description="Domain in the log's origin, `<domain>/log/<city>`; it can never be changed "
        "for a log that has begun.",
    )
    sequencer_interval_ms: int = Field(
        default=50, ge=5, le=5000, description="Pause between two batches of the log's sequencer."
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Least level of messages written to standard error.",
    )
