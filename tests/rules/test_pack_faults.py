"""Packs broken one thing at a time: each fault named with its file, its key and the cure."""

import copy
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit.rules.loading import PACKS_DIR, list_packs, load_pack
from credit.rules.pack import Pack, PackInvalid

X, M, B = "xinhua-2022", "mianyang-2021", "baotou-2021"
PACK, GRADING, SHEET = "pack.yaml", "grading.yaml", "sheets/红色物业评分表.yaml"
PROCEDURE, LISTS, POINTS = "procedure.yaml", "lists.yaml", "points.yaml"
CONTRACT, SERVICE = "contracts/chengnuo-qiyue.yaml", "contracts/fuwu-xieyi.yaml"


def _document():
    """The document of a small pack, with a contract whose clauses suggest facts it knows."""
    template = copy.deepcopy(
        next(one for one in load_pack(B).document["contracts"] if one["id"] == "fuwu-xieyi")
    )
    for clause in template["clauses"]:
        clause["outcome"] = {"breach_minor": "promise.broken"}
    return {**load_pack(X).document, "contracts": [template]}


DOCUMENT = _document()


@pytest.fixture
def broken(tmp_path):
    """Copy a pack and put `new` for the first `old` in one of its files."""

    def change(pack: str, file: str, old: str, new: str) -> Path:
        folder = tmp_path / pack
        shutil.copytree(PACKS_DIR / pack, folder, ignore=shutil.ignore_patterns("cases"))
        before = (folder / file).read_text(encoding="utf-8")
        assert old in before
        (folder / file).write_text(before.replace(old, new, 1), encoding="utf-8")
        return folder

    return change


def faults_of(folder):
    """Load a folder that must not load; every fault stands in the text with file and key."""
    with pytest.raises(PackInvalid) as caught:
        load_pack(folder)
    for fault in caught.value.faults:
        assert f"{fault.file} › {fault.path or '（整个文件）'}：{fault.message}" in str(
            caught.value
        )
    return caught.value.faults


@pytest.mark.parametrize("pack", list_packs())
def test_an_unbroken_copy_loads_with_the_same_digest(broken, pack):
    assert load_pack(broken(pack, PACK, "id: ", "id: ")).digest == load_pack(pack).digest


NEGATIVE = 'negative: [{{id: {}, text: 手写, at_least: "{}", at_most: "{}", role: 考评组, source: 手写}}]\n'

# (pack, file, old, new, key, what the cure says)
ONE_THING = {
    "unknown key in the head": (X, PACK, "notes:", "note: 一\nnotes:", "note", "是不是“notes”"),
    "unknown key far from any": (X, PACK, "notes:", "qqq: 一\nnotes:", "qqq", "可用的键：id、version"),
    "unknown key in a row": (X, SHEET, "role: 考评组", "role: 考评组, fulll: '1'", "rows[0].fulll", "是不是“full”"),
    "unknown key in an event": (X, GRADING, "validity_months: 12", "validity_months: 12, validity: 1", "events[0].validity", "validity_months"),
    "unknown key in a rung": (X, GRADING, "{grade: B}", "{grade: B, atleast: 1}", "ladder[3].atleast", "at_least"),
    "key of another row's method": (X, SHEET, "method: bonus", "method: bonus, per: '1'", "rows[16].per", "没有这个键"),
    "no source in the head": (X, PACK, "source: 平", "# 平", "source", "缺少这个键"),
    "no source of a row": (X, SHEET, "method: full-or-nothing, source: 平新住建〔2022〕10号 附件}", "method: full-or-nothing}", "rows[0].source", "缺少这个键"),
    "no source of an event": (X, GRADING, "validity_months: 12, source: 示例}", "validity_months: 12}", "events[0].source", "缺少这个键"),
    "no source of a cap": (X, GRADING, "at_most: A, source: 示例}", "at_most: A}", "caps[0].source", "缺少这个键"),
    "blank source": (X, PACK, "source: 平", "source: '  ' #", "source", "应为文字"),
    "source without a value": (X, PACK, "source: 平", "source: #", "source", "应为文字"),
    "no id of a row": (X, SHEET, "id: XH-03, ", "", "rows[2].id", "缺少这个键"),
    "no ladder": (X, GRADING, "ladder:", "notaladder:", "ladder", "缺少这个键"),
    "wrong status of a pack": (X, PACK, "status: sample", "status: offical", "status", "是不是“official”"),
    "wrong status of a sheet": (X, SHEET, "status: official", "status: draft", "status", "可用：official、sample"),
    "wrong status of a grading": (X, GRADING, "status: sample", "status: true", "status", "可用：official、sample"),
    "wrong subject": (X, SHEET, "subject: project", "subject: projects", "subject", "是不是“project”"),
    "wrong family": (X, GRADING, "family: rank", "family: ranks", "family", "是不是“rank”"),
    "wrong rounding": (X, GRADING, "mode: half-up", "mode: half_up", "rounding.mode", "是不是“half-up”"),
    "wrong roll-up": (X, GRADING, "rollup: weighted-by-area", "rollup: sum", "evaluations[0].rollup", "可用：weighted-by-area"),
    "wrong method": (X, SHEET, "method: bonus", "method: bonuses", "rows[16].method", "是不是“bonus”"),
    "no method": (X, SHEET, "method: bonus, ", "", "rows[16].method", "可用：full-or-nothing"),
    "wrong party": (X, GRADING, "subjects: [enterprise, project]", "subjects: [enterprise, projekt]", "events[0].subjects[1]", "是不是“project”"),
    "no jurisdiction": (X, PACK, '["410402"]', "[]", "jurisdictions", "至少写一个"),
    "jurisdiction as a number": (X, PACK, '"410402"', "410402", "jurisdictions[0]", "应为文字"),
    "text for a list": (X, PACK, '["410402"]', '"410402"', "jurisdictions", "应为列表"),
    "list for a map": (X, GRADING, "{places: 2, mode: half-up}", "[2, half-up]", "rounding", "应为键值表"),
    "text for a class": (X, SHEET, "{code: no_mechanism, points: '3', text: 未建立工作机制}", "no_mechanism", "rows[1].items[0]", "应为键值表"),
    "text for a row": (X, SHEET, "rows:\n", "rows:\n  - XH-00\n", "rows[0]", "应为键值表"),
    "text for points": (X, GRADING, 'points: {fixed: "2"}', 'points: "2"', "events[1].points", "应为键值表"),
    "null for a number": (X, GRADING, 'base: "60"', "base: null", "base", "应为小数"),
    "exponent for a number": (X, SHEET, "full: '5'", "full: 5e0", "rows[0].full", '例如 "2.5"'),
    "not a number": (X, SHEET, "full: '5'", "full: .nan", "rows[0].full", '例如 "2.5"'),
    "thousands": (X, SHEET, "full: '5'", "full: '5,0'", "rows[0].full", '例如 "2.5"'),
    "yes for a number": (X, SHEET, "full: '5'", "full: true", "rows[0].full", '例如 "2.5"'),
    "seven decimals": (X, SHEET, "per: '0.5'", "per: '0.1000000'", "rows[11].per", '例如 "2.5"'),
    "a decimal for an integer": (X, GRADING, "valid_months: 12", "valid_months: 12.0", "valid_months", "应为整数"),
    "text for an integer": (X, GRADING, "places: 2", "places: '2'", "rounding.places", "应为整数"),
    "yes for an integer": (X, GRADING, "validity_months: 12", "validity_months: true", "events[0].validity_months", "应为整数"),
    "yes in English for a truth": (X, SHEET, "requires_reason: true", "requires_reason: yes", "rows[5].requires_reason", "true 或 false"),
    "a date that is none": (X, GRADING, "family: rank", "family: rank\neffective_from: 2026-02-30", "effective_from", "2026-06-30"),
    "a variant the sheet does not have": (X, SHEET, "method: bonus", "method: bonus, variant: 老旧小区", "rows[16].variant", "不在 variants 里"),
    "a row twice": (X, SHEET, "id: XH-02", "id: XH-01", "rows", "“XH-01”出现了两次"),
    "a penalty twice": (X, SHEET, "rows:", NEGATIVE.format("XH-05", 5, 6) + "rows:", "rows", "“XH-05”出现了两次"),
    "an event twice": (X, GRADING, "code: promise.kept", "code: law.serious", "events", "“law.serious”出现了两次"),
    "a grade twice": (X, GRADING, "aliases: [AAA]", "aliases: [2A]", "ladder", "“2A”出现了两次"),
    "a cap twice": (X, GRADING, "id: VETO-LAW", "id: CAP-SERIOUS", "caps/vetoes", "“CAP-SERIOUS”出现了两次"),
    "a deduction twice": (X, SHEET, "code: no_activity", "code: no_mechanism", "rows[1].items", "“no_mechanism”出现了两次"),
    "a level twice": (X, GRADING, "level: 省", "level: 国家", "events[0].points.levels", "“国家”出现了两次"),
    "rows that do not add up": (X, SHEET, "full: '8'", "full: '7.5'", "full", "合计 94.5，而 full 是 95"),
    "a sheet's total below its full mark": (X, SHEET, 'total_max: "100"', 'total_max: "94"', "total_max", "不能小于 full"),
    "evaluators that do not add up": (B, "sheets/A.2.yaml", 'weight: "24"', 'weight: "25"', "role_weights[0]", "合计 24，应为 25"),
    "evaluators that no row has": (X, SHEET, "rows:", 'role_weights: [{roles: [业主], weight: "30"}]\nrows:', "role_weights[0]", "合计 0，应为 30"),
    "deductions above the full mark": (X, SHEET, "points: '2'", "points: '2.5'", "rows[1].items", "超过本行满分"),
    "stars from low to high": (X, SHEET, "rows:", 'stars: [{stars: 3, at_least: "70"}, {stars: 4, at_least: "80"}]\nrows:', "stars", "从高到低"),
    "points moved to no row": (X, SHEET, "method: bonus", "method: cancelled, moved_to: XH-18", "rows[16].moved_to", "没有“XH-18”这一行"),
    "a grade that a row asks for": (X, SHEET, "method: judgement", "method: grade-gate, at_least: C", "rows[5].at_least", "“C”不在 ladder 里"),
    "an event that a row asks about": (X, SHEET, "method: judgement", "method: event-derived, within: live, none_of: [law.severe]", "rows[5].none_of", "没有“law.severe”"),
    "a penalty's range reversed": (X, SHEET, "rows:", NEGATIVE.format("N1", 6, 5) + "rows:", "negative[0]", "at_least 不能大于 at_most"),
    "unknown grade in a cap": (X, GRADING, "at_most: A, source", "at_most: AAAA, source", "CAP-SERIOUS", "“AAAA”不在 ladder 里"),
    "unknown grade in a veto": (X, GRADING, "grade: B, source: 平新住建〔2022〕10号 第四", "grade: D, source: 第四", "VETO-LAW", "“D”不在 ladder 里"),
    "unknown event in a veto": (X, GRADING, "{live_event: law.serious}", "{live_event: law.severe}", "VETO-LAW", "没有“law.severe”"),
    "unknown severity in a cap": (X, GRADING, "{live_severity: serious}", "{live_severity: heavy}", "caps[0].when.live_severity", "可用：minor、general、serious"),
    "unknown condition": (X, GRADING, "{live_severity: serious}", "{severity: serious}", "caps[0].when", "live_severity、live_event"),
    "two conditions": (X, GRADING, "{live_severity: serious}", "{live_severity: serious, live_event: law.serious}", "caps[0].when", "有且只有其中一项"),
    "unknown sheet in an evaluation": (M, GRADING, "sheet: M1\n", "sheet: M5\n", "evaluations[0]", "没有评分表“M5”"),
    "unknown sheet in a veto": (X, GRADING, "sheet_veto: 红色物业评分表", "sheet_veto: 评分表", "VETO-SHEET", "没有评分表“评分表”"),
    "unknown sheet in a cap": (X, GRADING, "{live_severity: serious}", '{sheet_below: {sheet: A.5, points: "60"}}', "CAP-SERIOUS", "没有评分表“A.5”"),
    "unknown event group": (X, GRADING, "caps:", 'group_limits: [{group: 荣耀, at_most: "5"}]\ncaps:', "group_limits[0]", "没有“荣耀”这一类"),
    "severity of a good event": (X, GRADING, "polarity: good,", "polarity: good, severity: minor,", "events[0].severity", "不良事件要写 severity"),
    "bad event without severity": (X, GRADING, "severity: minor, ", "", "events[2].severity", "不良事件要写 severity"),
    "an event that is never valid": (X, GRADING, "validity_months: 12", "validity_months: 0", "events[0].validity_months", "1 到 1200 之间"),
    "a share above one": (X, GRADING, '{enterprise: "1"}', '{enterprise: "1.01"}', "events[0].shares.enterprise", "0 到 1 之间"),
    "a share below nothing": (X, GRADING, '{enterprise: "1"}', '{enterprise: "-0.1"}', "events[0].shares.enterprise", "0 到 1 之间"),
    "a range reversed": (X, GRADING, '{fixed: "2"}', '{range: ["2", "1"]}', "events[1].points.range", "[下限, 上限]"),
    "a range of three": (X, GRADING, '{fixed: "2"}', '{range: ["1", "2", "3"]}', "events[1].points.range", "[下限, 上限]"),
    "no levels": (X, GRADING, '{fixed: "2"}', "{levels: []}", "events[1].points", "至少写一个级别"),
    "points of two kinds": (X, GRADING, '{fixed: "2"}', '{fixed: "2", range: ["1", "2"]}', "events[1].points", "有且只有其中一项"),
    "points of no kind": (X, GRADING, '{fixed: "2"}', "{}", "events[1].points", "fixed、range、levels"),
    "grades out of order": (X, GRADING, 'top_percent: "35"', 'top_percent: "9"', "ladder", "从高到低"),
    "cut-offs out of order": (M, GRADING, 'at_least: "80"', 'at_least: "86"', "ladder", "从高到低"),
    "a grade without its share": (X, GRADING, 'top_percent: "35", ', "", "ladder", "都要写 top_percent"),
    "a grade without its cut-off": (M, GRADING, '{grade: A, at_least: "70"}', "{grade: A}", "ladder", "都要写 at_least"),
    "a last grade that turns away": (X, GRADING, "{grade: B}", '{grade: B, at_least: "1"}', "ladder", "收留其余的主体"),
    "a fact that counts longer than it shows": (X, GRADING, 'severity: minor, subjects: [project], shares: {enterprise: "1"}, points: {fixed: "2"}, validity_months: 3', 'severity: minor, subjects: [project], shares: {enterprise: "1"}, points: {fixed: "2"}, validity_months: 4', "events[2].validity_months", "最多公示 3 个月"),
    "unknown key of the procedure": (X, PROCEDURE, "escalation_days: 3", "escalation_days: 3\nescalate: 1", "escalate", "是不是“escalation_days”"),
    "no source of a severity": (X, PROCEDURE, "display_max_months: 3, source: 国办发〔2025〕22号（轻微失信最多公示 3 个月）；天数为示例", "display_max_months: 3", "severities[0].source", "缺少这个键"),
    "a severity twice": (X, PROCEDURE, "{severity: general", "{severity: minor", "severities", "应依次写出"),
    "unknown meaning of silence": (X, PROCEDURE, "silence: hear", "silence: guess", "severities[2].silence", "可用：decide、hear"),
    "a term below nothing": (X, PROCEDURE, "rectification_days: 7", "rectification_days: -1", "severities[0].rectification_days", "0 到 250 之间"),
    "a term of years": (X, PROCEDURE, "finish_days: 10", "finish_days: 251", "repair.finish_days", "0 到 250 之间"),
    "no day to object": (X, PROCEDURE, "objection_days: 10", "objection_days: 0", "severities[0].objection_days", "至少给一个工作日"),
    "a display whose least is its most": (X, PROCEDURE, "display_min_months: 0, display_max_months: 3", "display_min_months: 4, display_max_months: 3", "severities[0].display_max_months", "不小于 display_min_months"),
    "trust in yes": (X, PROCEDURE, "trusts_public_catalog: true", "trusts_public_catalog: yes", "trusts_public_catalog", "true 或 false"),
    "disputes from high to low": (X, PROCEDURE, "breach: minor", "breach: serious", "disputes", "从低到高"),
    "a dispute's level twice": (X, PROCEDURE, "level: 较大", "level: 一般", "disputes", "“一般”出现了两次"),
    "a list twice": (X, LISTS, "list: black", "list: red", "lists", "“red”出现了两次"),
    "a resident on a list": (X, LISTS, "[enterprise, manager, practitioner]", "[enterprise, resident]", "lists[0].subjects[1]", "可用"),
    "a list of an unknown event": (X, LISTS, "[exit.refused, law.serious]", "[exit.refused, law.severe]", "lists[1].criteria[1].when", "没有“law.severe”"),
    "a list of an unknown grade": (X, LISTS, "held_grade: 3A", "held_grade: 9A", "lists[0].criteria[0].when", "“9A”不在 ladder 里"),
    "a list of no facts": (X, LISTS, "count: 2", "count: 0", "lists[1].criteria[0].when", "至少为 1"),
    "a criterion of two kinds": (X, LISTS, "{live_facts: serious, count: 2}", "{live_facts: serious, live_codes: [law.serious]}", "lists[1].criteria[0].when", "有且只有其中一项"),
    "a criterion twice": (X, LISTS, "id: B-2", "id: B-1", "lists[1].criteria", "“B-1”出现了两次"),
    "a measure that bars tendering without a law": (X, LISTS, "kinds: [statutory], bars_tendering", "kinds: [self-discipline], bars_tendering", "lists[1].measures[5]", "只有法定名单"),
    "a measure without a basis": (X, LISTS, ", basis: 国发〔2016〕33号（守信激励）", "", "lists[0].measures[0].basis", "缺少这个键"),
    "a review after the end": (X, LISTS, "review_months: 6", "review_months: 24", "lists[0].review_months", "不能比 term_months"),
    "a board's sources above one": (X, LISTS, 'share: "0.4"', 'share: "0.5"', "boards[0].sources", "合计应为 1，现在是 1.1"),
    "a board of more than all": (X, LISTS, 'bottom_percent: "5"', 'bottom_percent: "95"', "boards[0].bottom_percent", "不能超过 100"),
    "a board black above red": (X, LISTS, 'black_below: "60"', 'black_below: "90"', "boards[0].black_below", "不能大于 red_at_least"),
    "unknown key of a contract": (B, CONTRACT, "offer_days: 30", "offer_days: 30\noffers: 1", "offers", "没有这个键"),
    "a promise of somebody unknown": (B, CONTRACT, "obligor: enterprise", "obligor: merchant", "clauses[0].obligor", "可用"),
    "a promise of nobody there": (B, CONTRACT, "obligor: enterprise", "obligor: association", "clauses[0].obligor", "没有“association”"),
    "a promise confirmed by who made it": (B, CONTRACT, "confirmed_by: owners", "confirmed_by: committee", "clauses[5].confirmed_by", "不能自己确认"),
    "a promise of two kinds": (B, CONTRACT, "{count: 1, unit: 次检查}", '{count: 1, ratio: "5"}', "clauses[3].promise", "有且只有其中一项"),
    "a promise of nothing": (B, CONTRACT, "{count: 1, unit: 次检查}", "{count: 0, unit: 次检查}", "clauses[3].promise.count", "1 到 1000 之间"),
    "a breach of an unknown event": (B, CONTRACT, "breach_minor: disclosure.missing", "breach_minor: disclosure.none", "clauses[0].outcome", "没有“disclosure.none”"),
    "a clause twice": (B, CONTRACT, "id: E-2", "id: E-1", "clauses", "“E-1”出现了两次"),
    "a role twice": (B, CONTRACT, "role: witness", "role: owners", "parties", "“owners”出现了两次"),
    "a seal of nobody": (B, CONTRACT, "countersigns: committee", "countersigns: member", "parties[3].countersigns", "没有“member”这一方"),
    "more parties than at most": (B, CONTRACT, "at_least: 0, at_most: 3", "at_least: 4, at_most: 3", "parties[4]", "不能大于 at_most"),
    "a contract of one": (B, SERVICE, "{role: committee, title: 业主委员会（或物业管理委员会）}", "{role: committee, title: 业主委员会, binds: false}", "parties", "两方受约束"),
    "a quorum above all": (B, CONTRACT, "quorum: [2, 3]", "quorum: [3, 2]", "votes[0].quorum", "[分子, 分母]"),
    "a quorum below two thirds": (B, CONTRACT, "quorum: [2, 3]", "quorum: [1, 2]", "votes[0].quorum", "不能低于 [2, 3]"),
    "a third that agrees": (B, CONTRACT, "in_favour: [1, 2]", "in_favour: [1, 3]", "votes[0].in_favour", "应过半数"),
    "a half that is no majority": (B, CONTRACT, "strictly: true", "strictly: false", "votes[0].in_favour", "应过半数"),
    "a quorum of three numbers": (B, CONTRACT, "quorum: [2, 3]", "quorum: [2, 3, 4]", "votes[0].quorum", "[分子, 分母]"),
    "a matter twice": (B, CONTRACT, "matter: common-income", "matter: hire", "votes", "“hire”出现了两次"),
    "a vote without rules": (B, SERVICE, "offer_days: 15", "offer_days: 15\nvote_required: true", "votes", "要写明表决规则"),
    "unknown key of the bank": (B, POINTS, "grace_days: 30", "grace_days: 30\ngrace: 1", "grace", "是不是“grace_days”"),
    "no source of a participant": (B, POINTS, ", source: DB1502/T XX-2021 §6.1.7}", "}", "participants[5].source", "缺少这个键"),
    "no source of an earning rule": (B, POINTS, "    source: 枝江", "    # 枝江", "earning[7].source", "缺少这个键"),
    "a code of less than a minute": (B, POINTS, "code_seconds: 90", "code_seconds: 59", "code_seconds", "60 到 120 之间"),
    "a code of more than two": (B, POINTS, "code_seconds: 90", "code_seconds: 121", "code_seconds", "60 到 120 之间"),
    "no guardian of a child": (B, POINTS, "minor_below: 18", "minor_below: 13", "minor_below", "14 到 18 之间"),
    "points that cost nothing": (B, POINTS, "fen_per_point: 100", "fen_per_point: 0", "fen_per_point", "1 到 100000 之间"),
    "more entries than participations": (B, POINTS, "entry_share_percent: 20", "entry_share_percent: 101", "fraud.entry_share_percent", "0 到 100 之间"),
    "unknown category of a rule": (B, POINTS, "category: service", "category: services", "earning[0].category", "是不是“service”"),
    "hours for a unit": (B, POINTS, "unit: minute", "unit: hour", "earning[0].unit", "可用：minute、time、yuan"),
    "a participant twice": (B, POINTS, "participants:\n", "participants:\n  - {code: resident, title: 居民, unit: false, source: 手写}\n", "participants", "“resident”出现了两次"),
    "a trade twice": (B, POINTS, "code: bank", "code: retail", "merchant_categories", "“retail”出现了两次"),
    "a trade with a code for no address": (B, POINTS, "code: sports", "code: 体育", "merchant_categories[6].code", "不能作代码"),
    "an earning rule twice": (B, POINTS, "code: service.post", "code: service.volunteer", "earning", "“service.volunteer”出现了两次"),
    "a rule for somebody unknown": (B, POINTS, "[dual_unit]", "[dual_units]", "earning[3].participants", "没有“dual_units”"),
    "a rule for somebody twice": (B, POINTS, "[dual_unit]", "[dual_unit, dual_unit]", "earning[3].participants", "“dual_unit”出现了两次"),
    "a rule for nobody": (B, POINTS, "[dual_unit]", "[]", "earning[3].participants", "至少写一类参与者"),
    "no steps": (M, POINTS, "steps:\n      - {above: 0, points: 1, per: 240}\n", "steps: []\n", "earning[0].steps", "至少写一档"),
    "steps that begin late": (B, POINTS, "{above: 0, points: 1, per: 60}", "{above: 1, points: 1, per: 60}", "earning[0].steps[0].above", "应从 0 开始"),
    "two steps from one quantity": (B, POINTS, "above: 4800", "above: 1200", "earning[0].steps[2].above", "从低到高排列"),
    "a step that gives more than the one before": (B, POINTS, "points: 1, per: 180", "points: 2, per: 239", "earning[0].steps[2]", "不变或递减"),
    "points for nothing": (M, POINTS, "per: 240", "per: 0", "earning[0].steps[0].per", "1 到 1000000 之间"),
    "points taken away": (M, POINTS, "points: 1, per: 240", "points: -1, per: 240", "earning[0].steps[0].points", "1 到 1000000 之间"),
    "half a point": (M, POINTS, "points: 1, per: 240", 'points: "0.5", per: 240', "earning[0].steps[0].points", "应为整数"),
    "more in an activity than in a day": (B, POINTS, "per_activity: 2", "per_activity: 5", "earning[4].per_activity", "不能大于 per_day"),
    "more in a day than in a year": (B, POINTS, "per_day: 30", "per_day: 201", "earning[3].per_day", "不能大于 per_year"),
    "more in an activity than in a year": (B, POINTS, "per_activity: 2\n    per_day: 4", "per_activity: 41", "earning[4].per_activity", "不能大于 per_year"),
    "more than usual counts of a day": (B, POINTS, "usual: 60", "usual: 481", "earning[0].usual", "不能大于 quantity_per_day"),
    "a gift by the minute": (B, POINTS, "unit: yuan", "unit: minute", "earning[7].unit", "捐赠不按分钟计"),
    "a gift somebody signs in for": (B, POINTS, "activity: false\n    source: 枝江", "activity: true\n    source: 枝江", "earning[7].activity", "应为 false"),
    "hours by the yuan": (B, POINTS, "unit: minute", "unit: yuan", "earning[0].unit", "只有捐赠"),
    "points for sale": (B, POINTS, "points: 1, per: 10}", "points: 10, per: 10}", "earning[7].steps[0]", "积分不出售"),
    "points nobody looks at": (B, POINTS, "approval: true\n    activity: false", "approval: false\n    activity: false", "earning[1].approval", "一个人就能发积分"),
    "points that end before their notice": (X, POINTS, "valid_months: 12", "valid_months: 1", "notice_days", "应短于 valid_months"),
    "points of a rule that end before their notice": (B, POINTS, "valid_months: 36", "valid_months: 1", "earning[3].valid_months", "应长于 notice_days"),
}  # fmt: skip


@pytest.mark.parametrize(("pack", "file", "old", "new", "key", "cure"), ONE_THING.values(), ids=ONE_THING)  # fmt: skip
def test_one_broken_thing_is_named_with_its_file_its_key_and_a_cure(
    broken, pack, file, old, new, key, cure
):
    faults = faults_of(broken(pack, file, old, new))
    first = next(fault for fault in faults if fault.path == key)
    assert {fault.file for fault in faults} == {file}
    assert cure in first.message
    assert len(faults) <= 2  # what is wrong, and at most what is missing in its place


def test_a_misspelt_key_is_named_together_with_the_one_that_is_missing(broken):
    faults = faults_of(broken(X, PACK, "title:", "titel:"))
    assert [(one.path, one.message) for one in faults] == [
        ("titel", "没有这个键。是不是“title”？"),
        ("title", "缺少这个键。"),
    ]


def test_every_fault_of_every_file_is_named_at_once(broken):
    folder = broken(X, PACK, "status: sample", "status: x")
    for file, old, new in ((SHEET, "per: '0.5'", "per: x"), (GRADING, 'base: "60"', "base: x")):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = [(fault.file, fault.path) for fault in faults_of(folder)]
    assert found == [(PACK, "status"), (SHEET, "rows[11].per"), (GRADING, "base")]


def test_a_pack_of_nothing_but_faults_names_no_more_than_can_be_read(broken):
    rows = "\n".join(f"  - 第{n}行" for n in range(300))
    faults = faults_of(broken(X, SHEET, "rows:\n", f"rows:\n{rows}\n"))
    assert len(faults) == 200


# Dated values


def test_dated_values_count_from_their_day_in_whatever_order_they_stand(broken):
    dated = '[{from: 2026-01-01, value: "70", source: 后}, {from: 2024-01-01, value: "65"}]'
    pack = load_pack(broken(X, GRADING, 'base: "60"', f"base: {dated}"))
    days = [date(2020, 1, 1), date(2024, 1, 1), date(2025, 12, 31), date(2026, 1, 1)]
    assert [pack.on(day).grading.base for day in days] == [65, 65, 65, 70]


def test_a_value_that_is_only_wrong_on_a_later_day_is_found_and_named_once(broken):
    dated = '[{from: 2024-01-01, value: "60"}, {from: 2026-01-01, value: x}, {from: 2027-01-01, value: x}]'  # fmt: skip
    faults = faults_of(broken(X, GRADING, 'base: "60"', f"base: {dated}"))
    assert [(fault.file, fault.path) for fault in faults] == [(GRADING, "base")]


def test_a_sum_that_fails_from_a_later_day_on_is_found(broken):
    dated = "full: [{from: 2024-01-01, value: '5'}, {from: 2026-01-01, value: '6'}]"
    (fault,) = faults_of(broken(X, SHEET, "full: '5'", dated))
    assert (fault.file, fault.path) == (SHEET, "full")
    assert "96" in fault.message


@pytest.mark.parametrize("one", ["{from: 2026-01-01, vlaue: '5'}", "{value: '5'}", "{}", "'5'"])
def test_a_dated_value_with_another_key_is_named_at_its_place(broken, one):
    (fault,) = faults_of(broken(X, GRADING, 'base: "60"', f"base: [{one}]"))
    assert (fault.file, fault.path) == (GRADING, "base")


@pytest.mark.parametrize("day", ["2026-02-29", "2026/01/01", "null"])
def test_a_dated_value_from_a_day_that_is_none_is_named(broken, day):
    (fault,) = faults_of(broken(X, GRADING, 'base: "60"', f"base: [{{from: {day}, value: '5'}}]"))
    assert fault.file == GRADING
    assert "base" in fault.path


@pytest.mark.parametrize("day", ["20260105", "2026-W02-1"])
def test_a_day_written_another_way_is_refused_or_counts_from_that_day(broken, day):
    dated = f'[{{from: 2022-01-01, value: "60"}}, {{from: {day}, value: "70"}}]'
    try:
        pack = load_pack(broken(X, GRADING, 'base: "60"', f"base: {dated}"))
    except PackInvalid:
        return
    assert pack.on(date(2026, 6, 30)).grading.base == 70


# Files


@pytest.mark.parametrize(
    "missing",
    [
        (PACK,),
        (GRADING,),
        (PROCEDURE,),
        (LISTS,),
        (POINTS,),
        (PACK, GRADING, PROCEDURE, LISTS, POINTS),
    ],
)
def test_a_missing_file_is_named(broken, missing):
    folder = broken(X, PACK, "id", "id")
    for file in missing:
        (folder / file).unlink()
    assert [str(fault) for fault in faults_of(folder)] == [
        f"{file} › （整个文件）：缺少这个文件。" for file in missing
    ]


def test_a_missing_sheet_is_named_where_it_is_asked_for(broken):
    folder = broken(X, PACK, "id", "id")
    (folder / SHEET).unlink()
    found = [(fault.file, fault.path) for fault in faults_of(folder)]
    assert found == [(GRADING, "evaluations[0]"), (GRADING, "VETO-SHEET")]
    (folder / "sheets").rmdir()
    assert found == [(fault.file, fault.path) for fault in faults_of(folder)]


def test_a_sheet_under_another_name_is_refused_with_the_name_it_should_have(broken):
    folder = broken(M, PACK, "id", "id")
    (folder / "sheets/M4.yaml").rename(folder / "sheets/M5.yaml")
    (fault,) = faults_of(folder)
    assert (fault.file, fault.path) == ("sheets/M5.yaml", "id")
    assert "M5" in fault.message


def test_a_folder_or_a_name_that_is_no_pack_is_refused(tmp_path):
    missing = [fault.file for fault in faults_of(tmp_path / "nothing")]
    assert missing == [PACK, GRADING, PROCEDURE, LISTS, POINTS]
    for name in ("", "xinhua", "../packs/xinhua-2022", "."):
        (fault,) = faults_of(name)
        assert fault.file == name
        assert all(one in fault.message for one in list_packs())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id: \xff\xfe", "utf-8"),
        ("id: 新华".encode("gb18030"), "utf-8"),
        ("id: a".encode("utf-16"), "utf-8"),
        (b"#" * (10 * 1024 * 1024), "1024 KiB"),
        (b"id: a\x00b", "special characters"),
        (b"id: {a: 1", "YAML"),
        (b"id: 'a", "YAML"),
        (b"\tid: a", "YAML"),
        (b"id: a\n---\nid: b", "document"),
        (b"*a", "锚点"),
        (b"id: @a", "YAML"),
    ],
    ids=["ff", "gb18030", "utf16", "10 MB", "nul", "open", "quote", "tab", "two", "alias", "at"],
)
def test_a_file_that_is_not_readable_is_named(broken, content, says):
    folder = broken(B, PACK, "id", "id")
    # The last of them is read first.
    for file in (CONTRACT, "sheets/A.1.yaml", POINTS, LISTS, PROCEDURE, GRADING, PACK):
        (folder / file).write_bytes(content)
        (fault,) = faults_of(folder)
        assert fault.file == file
        assert says in fault.message


@pytest.mark.parametrize("content", ["", "[1, 2]", "text", "5"])
def test_a_file_that_holds_no_map_is_named(broken, content):
    single = [(file, "") for file in (PACK, GRADING, PROCEDURE, LISTS, POINTS)]
    for file, key in (*single, (SHEET, "id")):
        folder = broken(X, PACK, "id", "id")
        (folder / file).write_text(content, encoding="utf-8")
        assert (file, key) in [(fault.file, fault.path) for fault in faults_of(folder)]
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("title: ", "title: &name ", "锚点"),
        ("title: ", "&key title: ", "锚点"),
        ("notes:", "notes: &all", "锚点"),
        ("status: sample", "status: *name", "锚点"),
        ("status: sample", "status: sample\n<<: *base", "锚点"),
        ("status: sample", "status: sample\ntitle: 再来一次", "“title”出现了两次"),
        ("status: sample", "status: sample\n'title': 再来一次", "“title”出现了两次"),
        ("{id: X-03, text:", "{id: X-03, id: X-04, text:", "“id”出现了两次"),
        ("title: ", "title: !!python/name:os.system ", "python/name:os.system"),
        ("title: ", "title: !!python/object/apply:os.system ", "python/object/apply"),
        ("title: ", "title: !secret ", "!secret"),
        ("title: ", "title: !!nothing ", "nothing"),
    ],
)
def test_anchors_tags_and_twins_are_refused_with_their_line(broken, old, new, says):
    folder = broken(X, PACK, old, new)
    (fault,) = faults_of(folder)
    lines = (folder / PACK).read_text(encoding="utf-8").splitlines()
    assert fault.file == PACK
    assert says in fault.message
    number = int(fault.path.removeprefix("第 ").removesuffix(" 行"))
    assert new.splitlines()[-1].strip() in lines[number - 1]


def test_yaml_1_1_surprises_stay_the_text_they_are(broken):
    notes = ["no", "on", "2026-06-30", "1_000", "0x1F", "1:30", "1.5", ".inf", "<<"]
    pack = load_pack(broken(X, PACK, "notes:\n", "\n  - ".join(["notes:", *notes]) + "\n"))
    assert list(pack.head.notes[: len(notes)]) == notes


def test_nesting_within_the_limit_is_named_by_its_key(broken):
    new = "extra: " + "[" * 12 + "]" * 12 + "\nnotes:"
    (fault,) = faults_of(broken(X, PACK, "notes:", new))
    assert (fault.file, fault.path) == (PACK, "extra")


OTHER_ERRORS = {
    "1000 lists deep": (PACK, "notes:", "extra: " + "[" * 1000 + "]" * 1000 + "\nnotes:"),
    "17 levels deep": (PACK, "notes:", "extra: " + "[" * 17 + "]" * 17 + "\nnotes:"),
    "unknown key in Chinese": (PACK, "notes:", "说明: 一\nnotes:"),
    "integer for a key": (PACK, "notes:", "5: 一\nnotes:"),
    "list for a key": (PACK, "notes:", "? [a]\n: 一\nnotes:"),
    "tagged float": (SHEET, "full: '5'", "full: !!float 5.0"),
    "tagged float that is none": (SHEET, "full: '5'", "full: !!float abc"),
    "tagged integer that is none": (SHEET, "full: '5'", "full: !!int abc"),
    "tagged truth that is none": (SHEET, "full: '5'", "full: !!bool abc"),
    "tagged date that is none": (SHEET, "full: '5'", "full: !!timestamp abc"),
    "tagged set": (SHEET, "full: '5'", "full: !!set {a, b}"),
    "half a character": (PACK, "title: ", 'title: "\\ud800" #'),
    "no character": (PACK, "title: ", 'title: "\\U00110000" #'),
    "no number of a character": (PACK, "title: ", 'title: "\\UFFFFFFFF" #'),
    "null for a key": (PACK, "notes:", "~: 一\nnotes:"),
    "map for a key": (PACK, "notes:", "? {a: b}\n: 一\nnotes:"),
    "500000 lists deep": (PACK, "notes:", "extra: " + "[" * 500_000 + "\nnotes:"),
    "list for a method": (SHEET, "method: bonus", "method: [bonus]"),
}


@pytest.mark.parametrize(("file", "old", "new"), OTHER_ERRORS.values(), ids=OTHER_ERRORS)
def test_no_other_error_than_pack_invalid_comes_out(broken, file, old, new):
    folder = broken(X, file, old, new)
    try:
        faults = faults_of(folder)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        other = type(error).__name__
    else:
        assert [fault.file for fault in faults] == [file]
        return
    pytest.fail(f"{other} came out")


def test_a_folder_that_is_named_like_a_sheet_is_named(broken):
    folder = broken(X, PACK, "id", "id")
    (folder / "sheets/A.yaml").mkdir()
    assert [fault.file for fault in faults_of(folder)] == ["sheets/A.yaml"]


# What would only fail or mislead later

LATER = {
    "a step of nothing": (X, SHEET, "step: '5'", "step: '0'", "rows[10].step"),
    "a finding that adds": (X, SHEET, "per: '0.5'", "per: '-0.5'", "rows[11].per"),
    "a step that adds": (X, SHEET, "points: '1', rounding", "points: '-1', rounding", "rows[10].points"),
    "a row below nothing": (X, SHEET, "full: '5'", "full: '-5'", "rows[0].full"),
    "a rate above all": (X, SHEET, "threshold: '90'", "threshold: '900'", "rows[10].threshold"),
    "more without a grade than with one": (X, SHEET, "method: judgement", "method: grade-gate, at_least: A, without_grade: '6'", "rows[5].without_grade"),
    "two stars from one total": (X, SHEET, "rows:", 'stars: [{stars: 4, at_least: "80"}, {stars: 3, at_least: "80"}]\nrows:', "stars"),
    "a good event that takes away": (X, GRADING, '{fixed: "2"}', '{fixed: "-2"}', "events[1].points.fixed"),
    "a share for nobody": (X, GRADING, '{enterprise: "1"}', '{enterprize: "1"}', "events[0].shares.enterprize"),
    "99 decimal places": (X, GRADING, "places: 2", "places: 99", "rounding.places"),
    "validity past the year 9999": (X, GRADING, "validity_months: 12", "validity_months: 999999", "events[0].validity_months"),
    "a grade that is never valid": (X, GRADING, "valid_months: 12", "valid_months: 0", "valid_months"),
    "a number of ten digits": (X, GRADING, 'base: "60"', "base: 1000000000", "base"),
    "a limit below nothing": (X, GRADING, "caps:", "group_limits: [{group: 荣誉, at_most: '-5'}]\ncaps:", "group_limits[0].at_most"),
    "a group limited twice": (X, GRADING, "caps:", "group_limits: [{group: 荣誉, at_most: '5'}, {group: 荣誉, at_most: '6'}]\ncaps:", "group_limits"),
    "bounds reversed": (X, GRADING, 'at_least: "-30", at_most: "30"', 'at_least: "30", at_most: "-30"', "evaluations[0].adds"),
    "a sheet that counts twice": (M, GRADING, "evaluations:", "evaluations:\n  - {sheet: M1, rollup: mean, max_age_years: 1, adds: {from: 1, per_point: 1, at_least: 0, at_most: 1}, source: 手写}", "evaluations"),
    "two grades from one total": (M, GRADING, 'at_least: "80"', 'at_least: "85"', "ladder"),
    "two values from one day": (X, GRADING, 'base: "60"', "base: [{from: 2026-01-01, value: '60'}, {from: 2026-01-01, value: '70'}]", "base[1].from"),
    "a sample of 30 times all": (X, SHEET, "rows:", 'survey: {sample_at_least: "30", source: 手写}\nrows:', "survey.sample_at_least"),
    "a gate nobody knows": (M, GRADING, "{flag: party_organisation, is: false}", "{flagg: x}", "eligibility[0].when"),
    "a gate that nobody meets": (M, GRADING, "{flag: party_organisation, is: false}", "{flag: party_organisation}", "eligibility[0].when.is"),
    "a gate by an unknown grade": (M, GRADING, "grade_at_most: B", "grade_at_most: Z", "eligibility[3].when.any[1].grade_at_most"),
    "a gate by an unknown event": (M, GRADING, "events: [party.refused]", "events: [party.refuse]", "eligibility[1].when.events"),
    "a gate by an event of any day": (M, GRADING, "events: [party.refused], this_year: true", "events: [party.refused]", "eligibility[1].when"),
    "a gate by an event of two spans": (M, GRADING, "within_years: 2", "within_years: 2, this_year: true", "eligibility[2].when"),
    "a gate by an event of a far year": (M, GRADING, "within_years: 2", "within_years: 2000", "eligibility[2].when.within_years"),
    "a gate by an unknown award": (M, GRADING, "lacks_award: M2", "lacks_award: M9", "eligibility[4].when.lacks_award"),
    "a gate by an award of any year": (M, GRADING, "lacks_award: M2, this_year: true", "lacks_award: M2, this_year: false", "eligibility[4].when.this_year"),
    "a gate by an unknown blacklist": (M, GRADING, "on_blacklist: [enterprise", "on_blacklist: [enterprize", "eligibility[6].when.on_blacklist[0]"),
    "a gate of an unknown sheet": (M, GRADING, "sheets: [M1]", "sheets: [M9]", "eligibility[0].sheets"),
    "a gate twice": (M, GRADING, "id: MD-2", "id: MD-1", "eligibility"),
}  # fmt: skip


@pytest.mark.parametrize(("pack", "file", "old", "new", "key"), LATER.values(), ids=LATER)
def test_what_would_fail_at_grading_is_refused_at_loading(broken, pack, file, old, new, key):
    found = [(fault.file, fault.path) for fault in faults_of(broken(pack, file, old, new))]
    assert (file, key) in found
    assert {one for one, _ in found} == {file}


# Documents that do not come from YAML, as the verifier reads them


def nest(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


BIG = 10**5000  # more digits than Python prints
UNREAD = [1.5, float("nan"), b"x", ("x",), {"x"}, "\ud800", {"说明": "x"}, {5: "x"}, {"\ud800": "x"}, {"k" * 1000: "x"}, object]  # fmt: skip
UNPRINTED = [BIG, -BIG, {BIG: "x"}, nest(20_000)]


def refused(document):
    """Return the faults of a document that must be none, each short and printable."""
    with pytest.raises(PackInvalid) as caught:
        Pack(document)
    for fault in caught.value.faults:
        assert f"{fault.file}{fault.path}{fault.message}".isprintable()
        assert len(str(fault)) < 400
        assert fault.message.endswith(("。", "？"))
    return [(fault.file, fault.path) for fault in caught.value.faults]


@pytest.mark.parametrize("value", [*UNREAD, *UNPRINTED], ids=lambda value: type(value).__name__)
def test_a_value_without_a_canonical_form_is_named_at_its_place(value):
    document = copy.deepcopy(DOCUMENT)
    document["grading"]["ladder"][0]["aliases"] = value
    ((file, path),) = refused(document)
    assert file == GRADING
    assert path.startswith("ladder[0].aliases")


@pytest.mark.parametrize("document", [None, 5, BIG, "x", [], {}, [DOCUMENT], {**DOCUMENT, "x": 1}, {**DOCUMENT, "sheets": {}}, {**DOCUMENT, BIG: 1}], ids=range(10))  # fmt: skip
def test_a_document_of_other_parts_is_refused(document):
    assert [file for file, _ in refused(document)] == ["规则包"]


@pytest.mark.parametrize(
    "name", [None, 5, BIG, "", "\ud800", "a\nb", "x" * 61, [], {}], ids=range(9)
)
def test_a_sheet_without_a_name_is_refused_by_its_position(name):
    sheets = [*DOCUMENT["sheets"], {**DOCUMENT["sheets"][0], "id": name}]
    assert refused({**DOCUMENT, "sheets": sheets}) == [("规则包", "sheets[1].id")]
    del sheets[1]["id"]
    assert refused({**DOCUMENT, "sheets": sheets}) == [("规则包", "sheets[1].id")]


@pytest.mark.parametrize("part", ["sheets", "contracts"])
def test_two_files_of_one_name_are_refused(part):
    assert refused({**DOCUMENT, part: DOCUMENT[part] * 2}) == [("规则包", f"{part}[1].id")]


def test_a_contract_under_another_name_is_refused_with_the_name_it_should_have(broken):
    folder = broken(B, PACK, "id", "id")
    (folder / SERVICE).rename(folder / "contracts/fuwu.yaml")
    (fault,) = faults_of(folder)
    assert (fault.file, fault.path) == ("contracts/fuwu.yaml", "id")


def test_a_pack_without_contracts_is_one(broken):
    folder = broken(B, PACK, "id", "id")
    shutil.rmtree(folder / "contracts")
    assert load_pack(folder).on(date(2026, 6, 30)).contracts == {}


# Whatever else


def places(value, path=()):
    """Yield the path of every value in a document."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))


# Left out: a sheet or contract as a whole and its id, which names its file.
FOLDERS = ("sheets", "contracts")
PLACES = [
    path
    for path in places(DOCUMENT)
    if len(path) > 1 and not (path[0] in FOLDERS and (len(path) == 2 or path[1:] == (0, "id")))
]
# Where a fault of a part stands: in its own file, or in the one that refers to what it says.
NAMED_IN = {
    "pack": {PACK},
    "sheets": {SHEET},
    "grading": {GRADING, LISTS, SERVICE},
    "procedure": {PROCEDURE, GRADING},
    "lists": {LISTS},
    "points": {POINTS},
    "contracts": {SERVICE},
}
WRONG = [None, True, -1, 0, 10**15, "", " ", "x", "-1", "1e3", "NaN", [], ["x"], [[]], {}, {"x": "y"}, {"from": "x"}, [{"from": "x", "value": "1"}], [{"from": "2026-01-01", "value": "1"}], *UNREAD]  # fmt: skip


@given(st.sampled_from(PLACES), st.sampled_from(WRONG))
@settings(max_examples=200, deadline=None)
def test_any_value_put_anywhere_loads_or_is_named_in_its_file(path, wrong):
    document = copy.deepcopy(DOCUMENT)
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = wrong
    try:
        Pack(document)
    except PackInvalid:
        assert NAMED_IN[path[0]] & {one for one, _ in refused(document)}


def test_a_pack_that_changes_on_too_many_days_is_refused_at_once():
    document = copy.deepcopy(DOCUMENT)
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(201)]
    document["grading"]["base"] = [{"from": str(day), "value": "60"} for day in days]
    with pytest.raises(PackInvalid, match="201 个生效日期"):
        Pack(document)
