"""The demo's cities: invented companies and estates in real divisions, from a fixed seed."""

import random  # noqa: TID251 - seeded: the same city every time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from stdnum.cn import uscc

from credit.rules.model import (
    Cancelled,
    CountedDeduction,
    EventType,
    FullOrNothing,
    ItemisedDeduction,
    LevelPoints,
    RangePoints,
    Sheet,
    StepwiseRate,
)
from credit.rules.trace import text

__all__ = ["CITIES", "City", "Maker"]

SEED = 20211
# Two characters a name, sixteen names each.
FIRST = "鹿鸣长河青禾明德广源祥云富强友谊文华同心建新滨河建华银河华鼎万青"
SECOND = "安居和润阳光鑫泰恒达佳园盛世众诚永安宜家锦绣康乐德馨汇丰嘉和瑞景"
ESTATES = ["花园", "家园", "小区", "新村", "嘉苑", "公馆", "名邸", "里", "苑", "城"]
COMMUNITIES = ("幸福社区", "和平社区")
PROJECT_KINDS = ("既有民用建筑", "老旧小区", "商圈楼宇", "产业功能区")
MANAGER_NAMES = "王李张刘陈杨赵黄周吴"


@dataclass(frozen=True)
class City:
    """What a demo city is made of; `districts` maps codes to names."""

    code: str
    name: str
    districts: Mapping[str, str]
    enterprises: int
    projects: int
    yearly_events: int
    enterprise_sheet: str
    project_sheet: str | None


CITIES = (
    City(
        "150200",
        "包头市",
        {"150202": "东河区", "150203": "昆都仑区", "150204": "青山区", "150207": "九原区"},
        124,
        412,
        1200,
        "A.2",
        "A.1",
    ),
    City("410402", "新华区", {"410402": "新华区"}, 24, 60, 120, "", "红色物业评分表"),
    City("510700", "绵阳市", {"510703": "涪城区", "510704": "游仙区"}, 30, 72, 160, "M1", None),
)


class Maker:
    """Makes one city's data, always the same."""

    def __init__(self, city: City, begin: date) -> None:
        self.city = city
        self.begin = begin
        self.random = random.Random(f"{SEED} {city.code}")  # noqa: S311 - no secret
        self.enterprises = [self._code(number) for number in range(city.enterprises)]
        self.quality = {code: self.random.gauss(0, 0.6) for code in self.enterprises}
        self.projects: list[dict[str, Any]] = []
        self.number = 0

    def parties(self) -> dict[str, list[tuple[int, dict[str, Any]]]]:
        """Return the register in the form of an import: rows by sheet, numbered from 2."""
        divisions, streets = self._divisions()
        founded = self.begin - timedelta(days=900)
        enterprises = [
            {
                "code": code,
                "name": f"演示{_name(n)}物业服务有限公司",
                "kind": "company" if n % 15 else "other_manager",
                "founded_on": founded + timedelta(days=self.random.randrange(700)),
                "district": list(self.city.districts)[n % len(self.city.districts)],
                "former_code": None,
            }
            for n, code in enumerate(self.enterprises)
        ]
        managers = [
            {"code": f"FZR-{n:04d}", "name": f"{MANAGER_NAMES[n % 10]}演示{n}"}
            for n in range(self.city.projects)
        ]
        self.projects = [self._project(n, streets) for n in range(self.city.projects)]
        committees = [
            {
                "code": f"YWH-{n:04d}",
                "name": f"{project['name']}业主委员会",
                "kind": "业主委员会" if n % 5 else "物业管理委员会",
                "project": project["code"],
                "formed_on": self.begin - timedelta(days=200),
                "ended_on": None,
            }
            for n, project in enumerate(self.projects)
            if n % 4
        ]
        sheets = {
            "divisions": divisions,
            "enterprises": enterprises,
            "managers": managers,
            "projects": self.projects,
            "committees": committees,
        }
        return {name: list(enumerate(rows, 2)) for name, rows in sheets.items()}

    def events(
        self, catalogue: Mapping[str, EventType], first: date, last: date, count: int
    ) -> Iterator[dict[str, Any]]:
        """Yield facts in the order of their days, without their subjects' names.

        Good companies get more of the good ones; serious facts are rare.
        """
        good = [e for e in catalogue.values() if e.polarity == "good"]
        bad = [e for e in catalogue.values() if e.polarity == "bad"]
        ease = [1 / (1 + _most_points(event)) for event in good]
        rarity = {"minor": 20, "general": 5, "serious": 0.35}
        span = (last - first).days + 1
        for day in sorted(self.random.randrange(span) for _ in range(count)):
            project = self.random.choice(self.projects)
            better = self.random.gauss(0, 1) < self.quality[project["enterprise"]] - 0.1
            if better:
                (event,) = self.random.choices(good, ease)
            else:
                weights = [rarity[e.severity or "minor"] for e in bad]
                (event,) = self.random.choices(bad, weights)
            yield self._event(event, project, first + timedelta(days=day))

    def marks(self, sheet: Sheet, quality: float, variant: str | None) -> Any:
        """Return the input of a score sheet for a subject of some quality."""
        given: dict[str, Any] = {"marks": {}, "findings": {}, "rates": {}}
        if variant is not None:
            given["variant"] = variant
        for row in sheet.rows:
            if isinstance(row, Cancelled) or row.variant not in (None, variant):
                continue
            share = min(1.0, max(0.0, self.random.gauss(0.86 + 0.05 * quality, 0.10)))
            if isinstance(row, CountedDeduction):
                given["findings"][row.id] = round((1 - share) * 8)
            elif isinstance(row, ItemisedDeduction):
                given["findings"][row.id] = [] if share > 0.75 else [row.items[-1].code]
            elif isinstance(row, StepwiseRate):
                given["rates"][row.id] = str(min(100, round(70 + 30 * share)))
            else:
                halves = int(row.full * 2 * round(share * 100) / 100)
                whole = isinstance(row, FullOrNothing) or row.full <= 2
                mark = (row.full if share > 0.7 else 0) if whole else halves / 2
                given["marks"][row.id] = text(type(row.full)(str(mark)))
        if sheet.survey is not None:
            owners = 600 + self.random.randrange(2400)
            given["survey"] = {"owners_total": owners, "sampled": owners * 35 // 100}
        return {key: value for key, value in given.items() if value}

    def _event(self, event: EventType, project: dict[str, Any], day: date) -> dict[str, Any]:
        self.number += 1
        primary = "project" if "project" in event.subjects else "enterprise"
        if event.subjects == ("manager",):
            primary = "manager"
        subject = {
            "project": project["code"],
            "enterprise": project["enterprise"],
            "manager": project["manager"],
        }[primary]
        body: dict[str, Any] = {
            "type": event.code,
            "primary": primary,
            "subject": subject,
            "occurred_on": day.isoformat(),
            "reference": f"演示字〔{day.year}〕{self.number}号",
        }
        if isinstance(event.points, LevelPoints):
            levels = [one.level for one in event.points.levels]
            (body["level"],) = self.random.choices(levels, range(1, len(levels) + 1))
        elif isinstance(event.points, RangePoints):
            low, high = event.points.range
            steps = int((high - low) * 2)
            body["points"] = text(low + self.random.randrange(steps + 1) * (high - low) / steps)
        return body

    def _divisions(self) -> tuple[list[dict[str, Any]], list[str]]:
        rows: list[dict[str, Any]] = []
        streets: list[str] = []
        for code, name in self.city.districts.items():
            rows.append({"code": code, "level": "district", "name": name, "parent": None})
            for number, ordinal in enumerate("一二三四", 1):
                street = f"{code}{number:03d}"
                streets.append(street)
                rows.append(
                    {
                        "code": street,
                        "level": "street",
                        "name": f"演示第{ordinal}街道",
                        "parent": code,
                    }
                )
            rows += [
                {
                    "code": f"{code}001{n:03d}",
                    "level": "community",
                    "name": name,
                    "parent": f"{code}001",
                }
                for n, name in enumerate(COMMUNITIES, 1)
            ]
        return rows, streets

    def _project(self, number: int, streets: list[str]) -> dict[str, Any]:
        settled = len(self.enterprises) - len(self.enterprises) // 20  # the rest are newcomers
        enterprise = self.enterprises[number % settled]
        households = 120 + self.random.randrange(2200)
        (kind,) = self.random.choices(PROJECT_KINDS, (60, 30, 7, 3))
        return {
            "code": f"XQ-{self.city.code}-{number:04d}",
            "name": f"演示{_name(number)}{ESTATES[number // 256 % 10]}{number % 9 + 1}期",
            "kind": kind,
            "households": households,
            "owners": households + households // 10,
            "area_m2": households * 96,
            "street": streets[self.random.randrange(len(streets))],
            "community": None,
            "enterprise": enterprise,
            "enterprise_since": self.begin,
            "manager": f"FZR-{number:04d}",
            "manager_since": self.begin,
        }

    def _code(self, number: int) -> str:
        district = list(self.city.districts)[number % len(self.city.districts)]
        body = f"91{district}MA0{number:05d}X"
        return body + str(uscc.calc_check_digit(body))


def _name(number: int) -> str:
    """Return one of 256 names."""
    first, second = number % 16 * 2, number // 16 % 16 * 2
    return FIRST[first : first + 2] + SECOND[second : second + 2]


def _most_points(event: EventType) -> float:
    """Return the most points an event can bring."""
    if isinstance(event.points, LevelPoints):
        return float(max(one.points for one in event.points.levels))
    if isinstance(event.points, RangePoints):
        return float(event.points.range[1])
    return float(event.points.fixed)
