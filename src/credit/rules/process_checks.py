"""What must be true of procedure, lists and contract templates beyond their shape."""

from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from credit.rules.checks import Note, repeated
from credit.rules.ladder import Ladder
from credit.rules.listing import Board, HeldGrade, ListRule, Lists, LiveCodes, LiveFacts, Test
from credit.rules.model import Grading
from credit.rules.procedure import Procedure
from credit.rules.promises import Clause, ContractTemplate, PartyRole, VoteRule
from credit.rules.reading import Fault, Reader
from credit.rules.trace import text

__all__ = ["check_contracts", "check_process"]

SEVERITIES = ("minor", "general", "serious")


def check_process(grading: Grading, procedure: Procedure, lists: Lists, out: list[Fault]) -> None:
    """Add every fault of meaning in the procedure and the lists."""
    _check_severities(procedure, Reader("procedure.yaml", out).fault)
    _check_display(grading, procedure, Reader("grading.yaml", out).fault)
    note = Reader("lists.yaml", out).fault
    repeated("lists", [rule.list for rule in lists.lists], note)
    repeated("boards", [board.id for board in lists.boards], note)
    ladder = Ladder(grading.ladder)
    codes = {event.code for event in grading.events}
    for position, rule in enumerate(lists.lists):
        _check_list(f"lists[{position}]", rule, ladder, codes, note)
    for position, board in enumerate(lists.boards):
        _check_board(f"boards[{position}]", board, note)


def _check_severities(procedure: Procedure, note: Note) -> None:
    if tuple(one.severity for one in procedure.severities) != SEVERITIES:
        note("severities", f"应依次写出 {'、'.join(SEVERITIES)} 三级，各一次。")
    for position, one in enumerate(procedure.severities):
        if one.display_min_months > one.display_max_months or not one.display_max_months:
            note(
                f"severities[{position}].display_max_months",
                "应大于 0，且不小于 display_min_months。",
            )
        if one.objection_days == 0:
            note(f"severities[{position}].objection_days", "至少给一个工作日提出异议。")
    for before, after in pairwise(procedure.disputes):
        if SEVERITIES.index(before.breach) > SEVERITIES.index(after.breach):
            note("disputes", "争议要从低到高排列，breach 不能变轻。")
    if not procedure.disputes:
        note("disputes", "至少写一级争议。")
    repeated("disputes", [one.level for one in procedure.disputes], note)


def _check_display(grading: Grading, procedure: Procedure, note: Note) -> None:
    """No fact counts longer than it may be shown (国办发〔2025〕22号)."""
    most = {one.severity: one.display_max_months for one in procedure.severities}
    for position, event in enumerate(grading.events):
        limit = most.get(event.severity) if event.severity else None
        if limit is not None and event.validity_months > limit:
            note(
                f"events[{position}].validity_months",
                f"{event.severity} 级不良信息最多公示 {limit} 个月，计分不能更久。",
            )


def _check_list(
    path: str, rule: ListRule, ladder: Ladder, codes: Collection[str], note: Note
) -> None:
    repeated(f"{path}.criteria", [one.id for one in rule.criteria], note)
    repeated(f"{path}.measures", [one.id for one in rule.measures], note)
    if rule.review_months > rule.term_months:
        note(f"{path}.review_months", "不能比 term_months 更长。")
    for position, criterion in enumerate(rule.criteria):
        _check_test(f"{path}.criteria[{position}].when", criterion.when, ladder, codes, note)
    for position, measure in enumerate(rule.measures):
        if measure.bars_tendering and measure.kinds != ("statutory",):
            note(
                f"{path}.measures[{position}]",
                "只有法定名单可以限制投标（国办发〔2020〕49号），kinds 只能写 statutory。",
            )


def _check_test(path: str, test: Test, ladder: Ladder, codes: Collection[str], note: Note) -> None:
    match test:
        case LiveCodes(names):
            for code in names:
                if code not in codes:
                    note(path, f"事件目录里没有“{code}”。")
        case HeldGrade(grade):
            if not ladder.knows(grade):
                note(path, f"等级“{grade}”不在 ladder 里。")
        case LiveFacts(_, count):
            if count < 1:
                note(path, "count 至少为 1。")


def _check_board(path: str, board: Board, note: Note) -> None:
    repeated(f"{path}.sources", [one.id for one in board.sources], note)
    total = sum((one.share for one in board.sources), Decimal(0))
    if total != 1:
        note(f"{path}.sources", f"各来源的权重合计应为 1，现在是 {text(total)}。")
    if board.top_percent + board.bottom_percent > 100:
        note(f"{path}.bottom_percent", "红榜和黑榜的比例合计不能超过 100。")
    if board.black_below > board.red_at_least:
        note(f"{path}.black_below", "不能大于 red_at_least。")


def check_contracts(
    grading: Grading, contracts: dict[str, ContractTemplate], out: list[Fault]
) -> None:
    """Add every fault of meaning in the contract templates."""
    codes = {event.code for event in grading.events}
    for name, template in contracts.items():
        note = Reader(f"contracts/{name}.yaml", out).fault
        roles = [one.role for one in template.parties]
        repeated("parties", roles, note)
        repeated("clauses", [one.id for one in template.clauses], note)
        repeated("votes", [one.matter for one in template.votes], note)
        if sum(one.at_least for one in template.parties if one.binds) < 2:
            note("parties", "至少要有两方受约束。")
        if template.vote_required and not template.votes:
            note("votes", "vote_required 为 true 时要写明表决规则。")
        for position, vote in enumerate(template.votes):
            _check_vote(f"votes[{position}]", vote, note)
        for position, party in enumerate(template.parties):
            _check_party(f"parties[{position}]", party, roles, note)
        for position, clause in enumerate(template.clauses):
            _check_clause(f"clauses[{position}]", clause, roles, codes, note)


def _check_vote(path: str, vote: VoteRule, note: Note) -> None:
    for key, fraction in (("quorum", vote.quorum), ("in_favour", vote.in_favour)):
        if len(fraction) != 2 or not 0 < fraction[0] <= fraction[1]:
            note(f"{path}.{key}", "应写成 [分子, 分母]，例如 [2, 3]。")
            return
    quorum, needed = Fraction(*vote.quorum), Fraction(*vote.in_favour)
    if quorum < Fraction(2, 3):
        note(f"{path}.quorum", "不能低于 [2, 3]（民法典第二百七十八条）。")
    if not (needed >= Fraction(3, 4) or (vote.strictly and needed >= Fraction(1, 2))):
        note(
            f"{path}.in_favour",
            "应过半数（[1, 2] 且 strictly 为 true）或者不低于 [3, 4]（民法典第二百七十八条）。",
        )


def _check_party(path: str, party: PartyRole, roles: Collection[str], note: Note) -> None:
    if not 0 <= party.at_least <= party.at_most:
        note(path, "at_least 不能大于 at_most。")
    if party.countersigns is not None and party.countersigns not in roles:
        note(f"{path}.countersigns", f"没有“{party.countersigns}”这一方。")


def _check_clause(
    path: str, clause: Clause, roles: Collection[str], codes: Collection[str], note: Note
) -> None:
    for key, role in (("obligor", clause.obligor), ("confirmed_by", clause.confirmed_by)):
        if role not in roles:
            note(f"{path}.{key}", f"parties 里没有“{role}”。")
    if clause.obligor == clause.confirmed_by:
        note(f"{path}.confirmed_by", "承诺方不能自己确认履约。")
    outcome = clause.outcome
    for code in (
        outcome.fulfilled,
        outcome.breach_minor,
        outcome.breach_general,
        outcome.breach_serious,
    ):
        if code is not None and code not in codes:
            note(f"{path}.outcome", f"事件目录里没有“{code}”。")
