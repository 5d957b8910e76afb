"""What pages of earning call things."""

from credit.earning.logic.flags import FLAG_TITLES
from credit.kit.texts import marked

__all__ = ["WORDS"]

WORDS = {
    "states": {
        "entered": marked("待审核"),
        "approved": marked("已通过，正在入账"),
        "refused": marked("不予记分"),
        "unfunded": marked("已通过，预算不足"),
        "pending": marked("待生效"),
        "granted": marked("已到账"),
        "reversed": marked("已撤销"),
    },
    "sources": {
        "sign-in": marked("活动签到"),
        "entry": marked("手工登记"),
        "import": marked("Excel 导入"),
        "interface": marked("接口"),
    },
    "units": {"minute": marked("分钟"), "time": marked("次"), "yuan": marked("元")},
    "flags": FLAG_TITLES,
}
