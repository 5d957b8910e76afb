"""The bank in pictures: what ends when, what came and went, for what and where. Never per person."""

from collections.abc import Mapping, Sequence

from credit.kit.charts import CATEGORIES_MAX, Picture, draw_bars
from credit.kit.texts import marked, say
from credit.market.figures.views import Flow, KpiRow, MonthOfPoints, Ranked

__all__ = ["ending_picture", "flow_pictures", "kpi_picture", "ranked_picture"]

MONTHS_SHOWN = CATEGORIES_MAX - 2
POINTS = marked("分")


def ending_picture(months: Sequence[MonthOfPoints]) -> Picture | None:
    """Draw how many points end in which month; the later ones together, those that never end last."""
    dated = [(f"{one.month:%Y-%m}", one.points) for one in months if one.month is not None]
    later = sum(points for _, points in dated[MONTHS_SHOWN:])
    forever = sum(one.points for one in months if one.month is None)
    bars = dated[:MONTHS_SHOWN]
    bars += [(marked("以后"), later)] if later else []
    bars += [(marked("长期有效"), forever)] if forever else []
    if not bars:
        return None
    return draw_bars(bars, id_="ending", title=say("未用积分的到期月份"), unit=POINTS)


def flow_pictures(flows: Sequence[Flow]) -> list[tuple[Picture, str]]:
    """Draw what was awarded and redeemed, and what expired, by month."""
    if not flows:
        return []
    names = [f"{one.month:%Y-%m}" for one in flows]
    expired = [(name, one.expired) for name, one in zip(names, flows, strict=True)]
    pictures = [
        (
            draw_bars(
                # More may have been refunded in a month than redeemed.
                [(name, max(one.redeemed, 0)) for name, one in zip(names, flows, strict=True)],
                id_="flows",
                title=say("每月发放和兑换的积分"),
                before=[one.awarded for one in flows],
                names=(marked("发放"), marked("兑换")),
                unit=POINTS,
            ),
            say("每月发放和兑换的积分（兑换已减去退还）"),
        ),
    ]
    if any(points for _, points in expired):
        title = say("每月过期的积分")
        pictures.append((draw_bars(expired, id_="expired", title=title, unit=POINTS), title))
    return pictures


def ranked_picture(
    ranked: Sequence[Ranked], titles: Mapping[str, str], id_: str, title: str
) -> Picture | None:
    """Draw points by rule or by category, most first."""
    if not ranked:
        return None
    bars = [(titles.get(one.code, one.code), one.points) for one in ranked[:CATEGORIES_MAX]]
    return draw_bars(bars, id_=id_, title=title, unit=POINTS)


def kpi_picture(rows: Sequence[KpiRow]) -> Picture | None:
    """Draw by division how many members there are, and how many of them took part."""
    shown = rows[:CATEGORIES_MAX]
    if not shown:
        return None
    return draw_bars(
        [(one.name or one.code or "", one.collected) for one in shown],
        id_="collected",
        title=say("积分采集情况"),
        wholes=[one.members for one in shown],
        names=(marked("登记的参与者"), marked("有核实记录的")),
    )
