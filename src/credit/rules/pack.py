"""A pack: one document of plain values, resolved for a day and read into frozen rules.

The document `{"pack", "grading", "procedure", "lists", "points", "sheets": […], "contracts": […]}`
holds nothing but text, integers, booleans, lists and maps with ASCII names. Its canonical JSON names
the pack by its SHA-256, and is all that a verifier needs to read it.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from credit.kit.canonical import canonical
from credit.rules.bank import Bank
from credit.rules.bank_checks import check_bank
from credit.rules.checks import check_rules
from credit.rules.document import check_document, resolve
from credit.rules.grading import Grader
from credit.rules.listing import Lists
from credit.rules.model import Grading, Head, Sheet
from credit.rules.procedure import Procedure
from credit.rules.process_checks import check_contracts, check_process
from credit.rules.promises import ContractTemplate
from credit.rules.reading import Fault, Reader

__all__ = ["Pack", "PackInvalid", "Rules"]


class PackInvalid(ValueError):
    """A pack that cannot be used; `faults` names each with file, key and cure."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True)
class Rules:
    """A pack as it stands on a day."""

    head: Head
    sheets: dict[str, Sheet]
    grading: Grading
    procedure: Procedure
    lists: Lists
    points: Bank
    contracts: dict[str, ContractTemplate]
    effective_from: date

    @cached_property
    def grader(self) -> Grader:
        """The grading, ready for many subjects."""
        return Grader(self.grading)


class Pack:
    """A rule pack with all its dated values."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read and check the document at every day on which a value changes.

        Whatever it holds, only PackInvalid comes out.
        """
        faults: list[Fault] = []
        days = check_document(document, faults)
        if faults:
            raise PackInvalid(faults)
        self.document = document
        self.digest = "sha256:" + hashlib.sha256(canonical(document)).hexdigest()
        self.days = sorted({date.min, *days})
        self._rules: dict[date, Rules] = {}
        for day in self.days:
            found: list[Fault] = []
            rules = _read(document, day, found)
            if rules is not None and not found:
                check_rules(rules.head, rules.sheets, rules.grading, found)
                check_process(rules.grading, rules.procedure, rules.lists, found)
                check_bank(rules.points, found)
                check_contracts(rules.grading, rules.contracts, found)
            faults += [fault for fault in found if fault not in faults]
            if rules is not None:
                self._rules[day] = rules
        if faults:
            raise PackInvalid(faults)

    @property
    def head(self) -> Head:
        """What the pack is."""
        return self._rules[self.days[-1]].head

    def on(self, day: date) -> Rules:
        """Return the rules in force on a day."""
        return self._rules[max(start for start in self.days if start <= day)]


def _read(document: dict[str, Any], day: date, faults: list[Fault]) -> Rules | None:
    plain = resolve(document, day)
    head = Reader("pack.yaml", faults).read(Head, plain["pack"])
    sheets = {
        sheet["id"]: Reader(f"sheets/{sheet['id']}.yaml", faults).read(Sheet, sheet)
        for sheet in plain["sheets"]
    }
    contracts = {
        one["id"]: Reader(f"contracts/{one['id']}.yaml", faults).read(ContractTemplate, one)
        for one in plain["contracts"]
    }
    grading = Reader("grading.yaml", faults).read(Grading, plain["grading"])
    procedure = Reader("procedure.yaml", faults).read(Procedure, plain["procedure"])
    lists = Reader("lists.yaml", faults).read(Lists, plain["lists"])
    points = Reader("points.yaml", faults).read(Bank, plain["points"])
    if faults:
        return None
    return Rules(head, sheets, grading, procedure, lists, points, contracts, day)
