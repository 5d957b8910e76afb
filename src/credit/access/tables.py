"""Tables of access: people in their office and the keys of machines."""

from datetime import datetime

from sqlalchemy import Index

from credit.kit.tables import Field, Table, binary, limited, one_of, text

__all__ = ["ApiClient", "Person"]


class Person(Table, table=True):
    """Somebody who acts in an office. `id` is a pseudonym: it is what the log shows."""

    __tablename__ = "person"
    __table_args__ = (
        limited("id", 40),
        limited("username", 40),
        limited("display_name", 80),
        one_of(
            "role",
            "association_officer",
            "association_reviewer",
            "street_officer",
            "district_officer",
            "city_officer",
            "bidder",
            "auditor",
            "administrator",
        ),
    )

    id: str = text(primary_key=True)
    username: str = text(unique=True)
    display_name: str = text()
    role: str = text()
    organisation: str = text()
    division: str | None = text(default=None, nullable=True)
    active: bool = True
    created_at: datetime


class ApiClient(Table, table=True):
    """A machine's key: a prefix to find it, a SHA-256 to check it; the key itself is not kept."""

    __tablename__ = "api_client"
    __table_args__ = (
        limited("name", 80),
        limited("prefix", 20),
        Index("ix_api_client_person", "person_id"),
    )

    prefix: str = text(primary_key=True)
    digest: bytes = binary()
    name: str = text()
    person_id: str = text(foreign_key="person.id")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = Field(default=None)
