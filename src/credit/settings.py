"""Settings: the one reader of the environment. Every variable is `CREDIT_` and the field's name."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """What a deployment may choose; frozen once read."""

    model_config = SettingsConfigDict(env_prefix="CREDIT_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the server listens on.")
    public_url: str = Field(
        default_factory=lambda given: f"http://localhost:{given['port']}",
        pattern=r"^https?://[0-9A-Za-z.:\[\]-]{1,200}$",
        description="Address under which people reach the pages, without a path: passkeys and QR "
        "codes name it, and with https cookies travel encrypted only. Left out: localhost and the "
        "port.",
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
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])[^\s?#]{1,180}$",
        description="Issuer of the identity provider (OpenID Connect) people may be linked to and "
        "sign in by. Its redirect address here is `<CREDIT_PUBLIC_URL>/login/oidc/callback`. Left "
        "out: passwords and passkeys alone.",
    )
    oidc_client_id: str | None = Field(
        default=None, max_length=200, description="Client id the provider gave this service."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Client secret the provider gave this service."
    )
    oidc_label: str = Field(
        default="统一身份认证",
        min_length=1,
        max_length=20,
        description="What the button to the provider is called.",
    )
    esign_roots: Path | None = Field(
        default=None,
        description="PEM file with the certificates of the electronic certification authorities "
        "(电子认证服务机构) whose signatures on prints of contracts are shown as recognised. Left "
        "out: none is.",
    )
    webhooks_private: bool = Field(
        default=False,
        description="Whether merchants may be told at addresses of internal networks, too: for "
        "closed networks and tests. Otherwise they could have the server reach machines that only "
        "it can.",
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="Least level of messages written to standard error.",
    )

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        """Refuse half a provider: it would silently be none."""
        whole = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)
        if any(whole) and not all(whole):
            raise ValueError("CREDIT_OIDC_ISSUER, _CLIENT_ID and _CLIENT_SECRET belong together")
        return self
