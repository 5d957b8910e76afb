"""The cases beside each pack, run as tests, and what the standards' tables must hold."""

from datetime import date

import pytest

from credit.rules.cases import read_cases, run_case
from credit.rules.loading import list_packs, load_pack
from credit.rules.model import Bonus

CASES = [
    pytest.param(pack, case, id=f"{pack} {case['name']}")
    for pack in list_packs()
    for case in read_cases(pack)
]


@pytest.mark.parametrize(("pack", "case"), CASES)
def test_case(pack, case):
    assert run_case(load_pack(pack), case) is None


@pytest.mark.parametrize("pack", list_packs())
def test_a_case_with_another_output_fails(pack):
    case = next(one for one in read_cases(pack) if "sheet" in one and "output" in one)
    assert run_case(load_pack(pack), {**case, "output": {"total": "1.2345"}}) is not None


def test_a_case_of_other_points_fails():
    case = next(one for one in read_cases("baotou-2021") if "points" in one)
    assert "[1, 19]" in run_case(load_pack("baotou-2021"), {**case, "output": [1, 20]})


def test_the_rows_of_the_standards_are_all_there():
    sheets = load_pack("baotou-2021").on(date(2026, 1, 1)).sheets
    assert [len(sheets[name].rows) for name in ("A.1", "A.2", "A.3", "A.4")] == [50, 30, 34, 39]
    xinhua = load_pack("xinhua-2022").on(date(2026, 1, 1)).sheets["红色物业评分表"]
    assert len(xinhua.rows) == 17
    assert sum(row.full for row in xinhua.rows if not isinstance(row, Bonus)) == 95
