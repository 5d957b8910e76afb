"""Tables of parties: who is scored, who signs, and who managed what when."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index

from credit.kit.tables import Field, Table, limited, one_of, text, whole

__all__ = ["Committee", "Division", "Enterprise", "Management", "Manager", "Post", "Project"]

PERIOD = "until IS NULL OR until > since"


class Division(Table, table=True):
    """A district (区), street or town (街道) or community (社区) by its statistical code."""

    __tablename__ = "division"
    __table_args__ = (
        one_of("level", "district", "street", "community"),
        limited("name", 80),
        CheckConstraint(
            "char_length(code) = CASE level WHEN 'district' THEN 6 WHEN 'street' THEN 9 ELSE 12 END",
            name="code_fits_level",
        ),
        CheckConstraint("(level = 'district') = (parent IS NULL)", name="parent_fits_level"),
    )

    code: str = text(primary_key=True)
    level: str = text()
    name: str = text()
    parent: str | None = text(default=None, nullable=True, foreign_key="division.code")


class Enterprise(Table, table=True):
    """A 物业服务企业 or another manager (其他管理人); `code` is its USCC or an internal number."""

    __tablename__ = "enterprise"
    __table_args__ = (
        one_of("kind", "company", "other_manager"),
        limited("code", 18),
        limited("name", 120),
        limited("former_code", 40),
        Index("ix_enterprise_name", "name"),
        Index("ix_enterprise_district", "district"),
    )

    code: str = text(primary_key=True)
    kind: str = text()
    name: str = text()
    former_code: str | None = text(default=None, nullable=True)
    founded_on: date
    ended_on: date | None = Field(default=None)
    district: str | None = text(default=None, nullable=True, foreign_key="division.code")
    created_at: datetime


class Project(Table, table=True):
    """A 小区 or another managed estate."""

    __tablename__ = "project"
    __table_args__ = (
        one_of("kind", "既有民用建筑", "老旧小区", "商圈楼宇", "产业功能区"),
        limited("code", 24),
        limited("name", 120),
        CheckConstraint("households >= 0 AND owners >= 0 AND area_m2 >= 0", name="sizes"),
        Index("ix_project_street", "street"),
    )

    code: str = text(primary_key=True)
    name: str = text()
    kind: str = text()
    households: int
    owners: int
    area_m2: int = whole()
    street: str = text(foreign_key="division.code")
    community: str | None = text(default=None, nullable=True, foreign_key="division.code")
    created_at: datetime


class Management(Table, table=True):
    """Which enterprise managed a project, from `since` up to but not including `until`."""

    __tablename__ = "management"
    __table_args__ = (
        CheckConstraint(PERIOD, name="period"),
        Index("ix_management_enterprise", "enterprise", "since"),
        Index(
            "uq_management_open",
            "project",
            unique=True,
            postgresql_where="until IS NULL",
        ),
    )

    project: str = text(primary_key=True, foreign_key="project.code")
    since: date = Field(primary_key=True)
    until: date | None = Field(default=None)
    enterprise: str = text(foreign_key="enterprise.code")


class Manager(Table, table=True):
    """A project manager (项目负责人) in the professional role.

    `code` is a pseudonym; the name is in the vault.
    """

    __tablename__ = "manager"
    __table_args__ = (limited("code", 24),)

    code: str = text(primary_key=True)
    created_at: datetime


class Post(Table, table=True):
    """Which manager headed a project, from `since` up to but not including `until`."""

    __tablename__ = "post"
    __table_args__ = (
        CheckConstraint(PERIOD, name="period"),
        Index("ix_post_manager", "manager", "since"),
        Index("uq_post_open", "project", unique=True, postgresql_where="until IS NULL"),
    )

    project: str = text(primary_key=True, foreign_key="project.code")
    since: date = Field(primary_key=True)
    until: date | None = Field(default=None)
    manager: str = text(foreign_key="manager.code")


class Committee(Table, table=True):
    """An owners' committee (业主委员会) or a 物业管理委员会 standing in for one."""

    __tablename__ = "committee"
    __table_args__ = (
        one_of("kind", "业主委员会", "物业管理委员会"),
        limited("code", 24),
        limited("name", 120),
        CheckConstraint("ended_on IS NULL OR ended_on > formed_on", name="period"),
        Index("ix_committee_project", "project"),
    )

    code: str = text(primary_key=True)
    kind: str = text()
    name: str = text()
    project: str = text(foreign_key="project.code")
    formed_on: date
    ended_on: date | None = Field(default=None)
