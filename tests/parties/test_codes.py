"""Codes of enterprises: which are taken, how they are written, and what is said of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.parties.codes import CodeRefused, check_code, internal_code, scheme_of

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: neither I, O, S, V nor Z
ENTERPRISE = "91150200MA0000000C"
heads = st.from_regex(f"[0-9]{{8}}[{ALPHABET}]{{9}}", fullmatch=True)
places = st.integers(0, 17)
digits = st.sampled_from(ALPHABET)


def with_check_digit(head: str) -> str:
    total = sum(ALPHABET.index(char) * pow(3, i, 31) for i, char in enumerate(head))
    return head + ALPHABET[-total % 31]


def refusal(code: str) -> str:
    with pytest.raises(CodeRefused) as caught:
        check_code(code)
    return str(caught.value)


@pytest.mark.parametrize("code", ["91110000600037341L", "91350100M000100Y43", ENTERPRISE])
def test_codes_in_use_are_taken_as_they_stand(code):
    assert check_code(code) == code


@given(heads)
def test_every_code_with_its_own_check_digit_is_taken(head):
    code = with_check_digit(head)
    assert check_code(code) == code
    assert check_code(f" {code.lower()}\n") == code
    assert scheme_of(code) == "USCC"


@given(heads, places, digits)
def test_one_wrong_digit_anywhere_is_noticed(head, place, digit):
    code = with_check_digit(head)
    wrong = code[:place] + digit + code[place + 1 :]
    if wrong != code:
        assert refusal(wrong)


@given(heads, st.integers(0, 16))
def test_two_neighbours_that_changed_places_are_noticed(head, place):
    code = with_check_digit(head)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped != code:
        assert refusal(swapped)


def test_a_wrong_check_digit_is_said_to_be_one():
    others = [ENTERPRISE[:-1] + digit for digit in ALPHABET if digit != ENTERPRISE[-1]]
    for code in others:
        message = refusal(code)
        assert code in message
        assert "校验位" in message
        assert "营业执照" in message


@pytest.mark.parametrize(
    "code",
    ["150200000012345", "MA0N0X1X0", "MA0N0X1X-0", "150203600123456", "", ENTERPRISE + "1"],
    ids=["registration", "organisation", "with its dash", "household", "nothing", "too long"],
)
def test_codes_of_another_length_are_counted_and_a_way_without_code_is_named(code):
    message = refusal(code)
    assert f"有 {len(code)} 位" in message
    assert "应为 18 位" in message
    assert "留空" in message


@pytest.mark.parametrize("letter", "IOSVZ-_ 零²٠")
def test_characters_no_code_has_are_refused(letter):
    assert "不允许的字符" in refusal(ENTERPRISE[:10] + letter + ENTERPRISE[11:])


def test_letters_have_no_place_in_the_first_eight():
    assert "不允许的字符" in refusal("A" + ENTERPRISE[1:])


@given(st.text(st.sampled_from(ALPHABET + "IOSVZabn０Ａ٠²ıß -\n\0"), min_size=18, max_size=18))
def test_whatever_is_typed_comes_out_as_a_code_or_is_refused(text):
    try:
        code = check_code(text)
    except CodeRefused:
        return
    assert with_check_digit(code[:17]) == code


@given(st.integers(1, 999_999))
def test_who_has_no_code_gets_an_internal_number(number):
    code = internal_code("150200", number)
    assert check_code(code.lower()) == code
    assert scheme_of(code) == "INT"
    assert int(code.removeprefix("N150200-")) == number


@pytest.mark.parametrize("number", [-1, 0, 1_000_000])
def test_internal_numbers_have_an_end(number):
    with pytest.raises(CodeRefused, match="内部编号已用完"):
        internal_code("150200", number)
