"""The register as a workbook: which sheets, which columns."""

from collections.abc import Iterable
from typing import Any

from credit.kit.excel import Column, RowData, SheetSpec
from credit.parties.logic import CHARS_MAX

__all__ = ["SHEETS", "by_sheet", "title_of"]

_DIVISIONS = SheetSpec(
    "行政区划",
    (
        Column("code", "代码", "code", help="区 6 位、街道 9 位、社区 12 位统计用区划代码"),
        Column(
            "level",
            "级别",
            "choice",
            choices={"区": "district", "街道": "street", "社区": "community"},
        ),
        Column("name", "名称", "text", chars_max=CHARS_MAX["divisions"]["name"]),
        Column("parent", "上级代码", "code", required=False, help="区不填，街道填区，社区填街道"),
    ),
)
_ENTERPRISES = SheetSpec(
    "企业",
    (
        Column(
            "code",
            "统一社会信用代码",
            "code",
            required=False,
            help="18 位；没有代码的其他管理人留空，由系统编内部编号",
        ),
        Column("name", "名称", "text", chars_max=CHARS_MAX["enterprises"]["name"]),
        Column(
            "kind",
            "类型",
            "choice",
            choices={"物业服务企业": "company", "其他管理人": "other_manager"},
        ),
        Column("founded_on", "成立日期", "date"),
        Column("district", "所在区代码", "code", required=False),
        Column(
            "former_code",
            "旧代码",
            "code",
            required=False,
            chars_max=CHARS_MAX["enterprises"]["former_code"],
            help="15 位注册号等",
        ),
    ),
)
_KINDS = ("既有民用建筑", "老旧小区", "商圈楼宇", "产业功能区")
_PROJECTS = SheetSpec(
    "项目",
    (
        Column("code", "项目编号", "code", chars_max=CHARS_MAX["projects"]["code"]),
        Column("name", "名称", "text", chars_max=CHARS_MAX["projects"]["name"]),
        Column("kind", "类型", "choice", choices={kind: kind for kind in _KINDS}),
        Column("households", "户数", "integer"),
        Column("owners", "业主人数", "integer"),
        Column("area_m2", "管理面积", "integer", help="平方米，取整"),
        Column("street", "街道代码", "code"),
        Column("community", "社区代码", "code", required=False),
        Column("enterprise", "管理企业代码", "code", required=False),
        Column("enterprise_since", "管理起始日期", "date", required=False),
        Column("manager", "项目负责人编号", "code", required=False),
        Column("manager_since", "任职起始日期", "date", required=False),
    ),
)
_MANAGERS = SheetSpec(
    "项目负责人",
    (
        Column(
            "code",
            "编号",
            "code",
            chars_max=CHARS_MAX["managers"]["code"],
            help="内部编号，日志里只出现编号",
        ),
        Column("name", "姓名", "text", chars_max=CHARS_MAX["managers"]["name"]),
    ),
)
_COMMITTEES = SheetSpec(
    "业主委员会",
    (
        Column("code", "编号", "code", chars_max=CHARS_MAX["committees"]["code"]),
        Column("name", "名称", "text", chars_max=CHARS_MAX["committees"]["name"]),
        Column(
            "kind",
            "类型",
            "choice",
            choices={"业主委员会": "业主委员会", "物业管理委员会": "物业管理委员会"},
        ),
        Column("project", "项目编号", "code"),
        Column("formed_on", "成立日期", "date"),
        Column("ended_on", "届满日期", "date", required=False),
    ),
)
# The names the service knows the sheets by.
SHEETS: dict[str, SheetSpec] = {
    "divisions": _DIVISIONS,
    "enterprises": _ENTERPRISES,
    "projects": _PROJECTS,
    "managers": _MANAGERS,
    "committees": _COMMITTEES,
}


def by_sheet(rows: Iterable[RowData]) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Group a workbook's rows by the service's names, each with its row number."""
    names = {spec.name: key for key, spec in SHEETS.items()}
    grouped: dict[str, list[tuple[int, dict[str, Any]]]] = {key: [] for key in SHEETS}
    for row in rows:
        grouped[names[row.sheet]].append((row.row_number, dict(row.values)))
    return grouped


def title_of(sheet: str, column: str) -> str:
    """Return the title under which a clerk knows a column of a sheet."""
    return next(one.title for one in SHEETS[sheet].columns if one.key == column)
