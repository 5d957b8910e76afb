"""A sentence is Chinese to every machine, and on a page it is said in the page's language."""

import json
import pickle
from gettext import NullTranslations
from pathlib import Path

import msgspec
import pytest

import credit
from credit.kit.decoding import fault_of_form, in_words
from credit.kit.languages import LANGUAGE, shown
from credit.kit.pages import Pages
from credit.kit.texts import Text, listed, marked, marked_as, plain, recognised, said_by, say

HOSTILE = ["100%", "%(name)s", "%%s", "{0} {name}", "<script>alert(1)</script>", "a\nb\0", "、"]


class Bracketing(NullTranslations):
    """Puts what it knows in brackets; what begins with one it does not know."""

    def gettext(self, message):
        return message if message.startswith("（") else f"[{message}]"

    def pgettext(self, context, message):
        return f"{context}<{message}>"


@pytest.fixture
def english():
    token = LANGUAGE.set("en")
    yield
    LANGUAGE.reset(token)


def test_a_sentence_is_its_chinese_to_whoever_does_not_ask():
    text = say("文件超过 %(most)s MB，请压缩或分开上传。", most=20)
    chinese = "文件超过 20 MB，请压缩或分开上传。"
    assert text == chinese
    assert hash(text) == hash(chinese)
    assert f"{text}" == str(text) == chinese
    assert type(str(text)) is str
    assert json.loads(json.dumps({"detail": text})) == {"detail": chinese}
    assert msgspec.convert({"detail": text}, dict[str, str]) == {"detail": chinese}
    assert pickle.loads(pickle.dumps(text)).translated(Bracketing()) == f"[{chinese}]"


def test_a_page_says_it_in_its_language_and_what_no_catalogue_knows_in_chinese(english):
    assert shown(say("文件超过 %(most)s MB，请压缩或分开上传。", most=20)).startswith(
        "The file is larger than 20 MB."
    )
    assert shown(say("谁也没有翻译过的 %(count)s 句话", count=1)) == "谁也没有翻译过的 1 句话"
    assert shown("名称") == "名称"  # data is no sentence
    LANGUAGE.set("zh")
    assert shown(say("已退出。")) == "已退出。"


def test_values_that_are_sentences_are_translated_too():
    text = say("%(what)s（%(who)s）", what=say("退回"), who=listed([marked("甲"), "乙", 3]))
    assert text == "退回（甲、乙、3）"
    assert text.translated(Bracketing()) == "[[退回]（[甲][、]乙[、]3）]"
    assert listed([], marked("或")) == ""
    assert listed("ab", " ").translated(Bracketing()) == "a b"


def test_the_same_chinese_may_mean_two_things():
    assert marked_as("many", "企业") == marked("企业") == "企业"
    assert marked_as("many", "企业").translated(Bracketing()) == "many<企业>"
    assert marked("企业").translated(Bracketing()) == "[企业]"


@pytest.mark.parametrize("value", HOSTILE)
def test_what_people_wrote_stays_as_they_wrote_it(value):
    text = say("“%(name)s”已结束 %(share)s%%。", name=value, share=5)
    assert text == f"“{value}”已结束 5%。"
    assert text.translated(Bracketing()) == f"[“{value}”已结束 5%。]"
    assert say("到 100% 为止") == "到 100% 为止"
    assert Text("到 100% 为止").translated(Bracketing()) == "[到 100% 为止]"


def test_a_place_without_a_value_is_a_fault_of_ours_and_shows_at_once():
    with pytest.raises(KeyError):
        say("第 %(row)s 行", column=1)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_template_prints_every_sentence_in_the_page_s_language_and_escapes_it(english, value):
    pages = Pages(Path(credit.__file__).parent, {})
    template = pages.environment.from_string(
        "{{ text }}|{{ _('（%(text)s）', text=text|shown) }}|{{ [text]|listed }}"
    )
    page = template.render(text=say("用户名“%(username)s”已被使用，请换一个。", username=value))
    assert page.count("The username “") == 3
    assert "<script>" not in page
    assert "已被使用" not in page


def test_what_was_stored_in_chinese_is_a_sentence_again():
    messages = (marked("基础分"), marked("“%(group)s”类合计以 %(limit)s 分为限"))
    stored = str(messages[1] % {"group": "行政处罚（%）", "limit": "5"})
    again = recognised(stored, messages)
    assert again == stored
    assert again.values == {"group": "行政处罚（%）", "limit": "5"}
    assert recognised("基础分", messages).translated(Bracketing()) == "[基础分]"
    assert type(recognised("基础分以外", messages)) is str


class Form(msgspec.Struct):
    name: str
    day: str = ""
    roles: list[str] = []
    count: int = 0

    def __post_init__(self):
        if self.day == "x":
            raise ValueError(say("没有 %(text)s 这一天。请核对日期。", text=self.day))


@pytest.mark.parametrize(
    ("fields", "field", "fault"),
    [
        ({}, "name", "必填"),
        ({"name": "甲", "count": "三"}, "count", "应为整数"),
        ({"name": "甲", "roles": [1]}, "roles", "应为文字"),
        ({"name": "甲", "day": "x"}, "", "没有 x 这一天。请核对日期。"),
    ],
)
def test_what_the_decoder_says_of_a_form_is_put_into_words(fields, field, fault):
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(fields, Form, strict=False)
    assert fault_of_form(caught.value) == (field, fault)
    assert isinstance(fault_of_form(caught.value)[1], Text)


def test_what_the_decoder_says_of_a_request_keeps_its_place(english):
    told = in_words("Expected `int | null`, got `str` - at `$.items[0].year`")
    assert told == "应为整数或null（$.items[0].year）"
    assert shown(told) == "must be: a whole number or null ($.items[0].year)"
    assert in_words("Something else") == "Something else"


def test_an_exception_hands_its_sentence_on():
    text = say("已退出。")
    assert said_by(ValueError(text)) is text
    decoders = RuntimeError("decoder")
    decoders.__cause__ = ValueError(text)
    assert said_by(decoders) is text
    assert said_by(ValueError(3)) == "3"


def test_what_was_stored_is_said_where_it_is_a_text_of_ours(english):
    pages = Pages(Path(credit.__file__).parent, {})
    template = pages.environment.from_string("{{ text|known }}")
    assert template.render(text="登录") == "Sign in"
    assert template.render(text="别的 <b> 100%") == "别的 &lt;b&gt; 100%"
    assert template.render(text="") == ""  # under it a catalogue describes itself


def test_an_encoder_that_knows_no_kinds_of_str_gets_the_chinese():
    text = say("%(count)s 条", count=3)
    assert msgspec.json.encode([text, "3"], enc_hook=plain) == '["3 条","3"]'.encode()
    with pytest.raises(TypeError):
        msgspec.json.encode([object()], enc_hook=plain)
