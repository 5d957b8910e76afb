"""Every table of a city's schema, gathered for migrations and for the test against drift."""

from sqlmodel import SQLModel

import credit.access.tables
import credit.blacklist.tables
import credit.contracts.tables
import credit.earning.tables
import credit.evaluations.tables
import credit.events.tables
import credit.grades.tables
import credit.kit.tables
import credit.log.tables
import credit.market.tables
import credit.parties.tables
import credit.points.tables
import credit.terms.tables  # noqa: F401 - importing a tables module registers its tables

__all__ = ["metadata"]

metadata = SQLModel.metadata
