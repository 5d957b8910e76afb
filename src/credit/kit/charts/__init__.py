"""Pictures as SVG made on the server, each with its text alternative and its table of data."""

from credit.kit.charts.bars import CATEGORIES_MAX, draw_bars
from credit.kit.charts.line import EVENTS_MAX, POINTS_MAX, draw_line
from credit.kit.charts.radar import AXES_MAX, GROUPS_MAX, draw_radar
from credit.kit.charts.scale import THRESHOLDS_MAX
from credit.kit.charts.spark import SPARK_POINTS_MAX, draw_spark
from credit.kit.charts.svg import Picture
from credit.kit.charts.text import LABEL_CHARS_MAX, VALUE_MAX
from credit.kit.charts.waterfall import STEPS_MAX, draw_waterfall

__all__ = [
    "AXES_MAX",
    "CATEGORIES_MAX",
    "EVENTS_MAX",
    "GROUPS_MAX",
    "LABEL_CHARS_MAX",
    "POINTS_MAX",
    "SPARK_POINTS_MAX",
    "STEPS_MAX",
    "THRESHOLDS_MAX",
    "VALUE_MAX",
    "Picture",
    "draw_bars",
    "draw_line",
    "draw_radar",
    "draw_spark",
    "draw_waterfall",
]
