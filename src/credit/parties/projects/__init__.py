"""Projects as contracts see them: how large, who manages them, and which committees speak."""

from credit.parties.projects.store import (
    CommitteeOfProject,
    ProjectFacts,
    enterprise_names,
    facts_of,
    facts_records,
    project_facts,
    projects_of,
)

__all__ = [
    "CommitteeOfProject",
    "ProjectFacts",
    "enterprise_names",
    "facts_of",
    "facts_records",
    "project_facts",
    "projects_of",
]
