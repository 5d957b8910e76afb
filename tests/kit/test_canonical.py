"""Canonical JSON: the same bytes as an independent RFC 8785, and no other bytes are read."""

import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from credit.kit.canonical import DEPTH_MAX, NotCanonicalError, canonical, parse

INTEGER_MAX = 2**53 - 1
NAMES = st.text(st.characters(max_codepoint=0x7F), max_size=5)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXTS
EDGES = st.sampled_from(
    [INTEGER_MAX, -INTEGER_MAX, 0, -1, "", '\0\b\t\n\v\f\r\x1f\x7f"\\/\u2028😀']
)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)


def nested(levels, kind):
    """A value of so many levels, the last of them an empty list or object."""
    value = [] if kind is list else {}
    for _ in range(levels - 1):
        value = [value] if kind is list else {"a": value}
    return value


VALUES = st.recursive(
    SCALARS | EDGES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
).filter(lambda value: depth(value) <= DEPTH_MAX)
OBJECTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=5).filter(
    lambda value: depth(value) <= DEPTH_MAX
)


@given(VALUES)
def test_every_value_of_the_profile_has_the_bytes_of_rfc_8785_and_reads_back(value):
    data = canonical(value)
    assert data == rfc8785.dumps(value)
    assert parse(data) == value


@given(VALUES, st.sampled_from([{}, {"indent": 1}, {"separators": (",", ": ")}]), st.booleans())
def test_every_other_way_of_writing_a_value_is_refused(value, style, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only, **{"separators": (",", ":"), **style})
    if text.encode() == rfc8785.dumps(value):
        assert parse(text.encode()) == value
    else:
        with pytest.raises(NotCanonicalError):
            parse(text.encode())


@given(OBJECTS, st.randoms())
def test_the_order_in_which_names_were_given_does_not_show(value, random):
    names = list(value)
    random.shuffle(names)
    assert canonical({name: value[name] for name in names}) == canonical(value)


@given(
    st.binary(max_size=12) | st.text(st.sampled_from('[]{}:,"\\u0129-+.eE aA\ttrue'), max_size=12)
)
@example(b"\xef\xbb\xbf1")
@example(b"\xff\xfe1\0")
def test_whatever_is_not_refused_is_canonical_and_nothing_else_is_raised(data):
    data = data if isinstance(data, bytes) else data.encode()
    try:
        value = parse(data)
    except NotCanonicalError:
        return
    assert rfc8785.dumps(value) == data


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, b"null"),
        (True, b"true"),
        (False, b"false"),
        (0, b"0"),
        (-1, b"-1"),
        (INTEGER_MAX, b"9007199254740991"),
        (-INTEGER_MAX, b"-9007199254740991"),
        ([], b"[]"),
        ({}, b"{}"),
        ([1, [True, None]], b"[1,[true,null]]"),
        ({"b": 1, "a": 2, "B": 3, "": 4, "aa": 5, "10": 6, "9": 7},
         b'{"":4,"10":6,"9":7,"B":3,"a":2,"aa":5,"b":1}'),
        ("\0\x01\b\t\n\v\f\r\x1f", rb'"\u0000\u0001\b\t\n\u000b\f\r\u001f"'),
        ('"\\/\x7f<>&\'', b'"\\"\\\\/\x7f<>&\'"'),
        ("协会é\u2028\ufeff😀", '"协会é\u2028\ufeff😀"'.encode()),
        ("e\u0301", b'"e\xcc\x81"'),
    ],
)  # fmt: skip
def test_a_value_is_written_in_one_way(value, data):
    assert canonical(value) == data
    assert parse(data) == value


def test_a_tuple_is_written_as_a_list():
    assert canonical({"a": (1, ("b",))}) == b'{"a":[1,["b"]]}'


def test_text_is_signed_as_given_and_not_normalised():
    assert canonical("é") != canonical("e\u0301")


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"nul", b"True", b"undefined", b"'a'", b"{", b"[1", b"[1,]", b'{"a":1,}', b"1 2",
        b"[],", b"[1][2]", b"{a:1}", b"/**/1", b'"a', b'"a\nb"', b'"\\x41"', b'"\\u12"',
        b"\xef\xbb\xbf1", b'\xef\xbb\xbf"a"', b"\xff\xfe1\0", b'"\xff"', b'"\xc0\x80"', b'"\xe9"',
        b'"\xed\xa0\x80"',  # a surrogate, as UTF-8 would write it
    ],
)  # fmt: skip
def test_bytes_that_are_not_json_in_utf8_are_refused(data):
    with pytest.raises(NotCanonicalError, match="not JSON in UTF-8"):
        parse(data)


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b'{"a":1,"a":1}', 6),  # a name twice
        (b'{"a":1,"a":2}', 5),
        (b'{"a":{"b":1,"b":1}}', 11),
        (b'{"b":1,"a":2}', 2),  # names out of order
        (b'{"a":1,"B":2}', 2),
        (b'{"9":1,"10":2}', 2),
        (b" 1", 0),  # space
        (b"1 ", 1),
        (b"1\n", 1),
        (b"[]\n", 2),
        (b'{"a":1}\n', 7),
        (b"[1, 2]", 3),
        (b'{"a": 1}', 5),
        (b'{ "a":1}', 1),
        (b"[\t]", 1),
        (b"-0", 0),
        (b"[-0]", 1),
        (rb'"\u0041"', 1),  # escapes
        (rb'"\u00e9"', 1),
        (rb'"\/"', 1),
        (rb'"\u000A"', 2),
        (rb'"\u000B"', 6),
        (rb'"\u001F"', 6),
        (rb'"\u0022"', 2),
        (rb'"\u007f"', 1),
        (rb'"\ud83d\ude00"', 1),
        (rb'{"\u0061":1}', 2),
        (b'{"a":1,"\\u0061":1}', 6),  # a name twice, spelled in two ways
    ],
)
def test_json_in_another_form_is_refused_with_the_first_byte_that_differs(data, offset):
    with pytest.raises(NotCanonicalError, match=f"from byte {offset} on"):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [b"1.0", b"0.0", b"-0.0", b"1e3", b"1E3", b"1e-3", b"-1e0", b"1.5", b"1e400", b"[1.0]",
     b'{"a":0.1}', b"NaN", b"Infinity", b"-Infinity", b"[NaN]"],
)  # fmt: skip
def test_numbers_that_are_no_integers_are_refused(data):
    with pytest.raises(NotCanonicalError, match="is not an integer"):
        parse(data)


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**64, 10**400])
def test_integers_from_2_to_the_53rd_on_are_neither_written_nor_read(number):
    for value in (number, -number, [number], {"a": number}):
        with pytest.raises(NotCanonicalError, match="not below 2\\^53"):
            canonical(value)
        with pytest.raises(NotCanonicalError, match="not below 2\\^53"):
            parse(json.dumps(value, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("function", "value"),
    [
        pytest.param(parse, b"1" * 5_000, id="read"),
        pytest.param(canonical, 10**5_000, id="written"),
    ],
)
def test_integers_of_thousands_of_digits_are_refused_like_any_other(function, value):
    with pytest.raises(NotCanonicalError):
        function(value)


@pytest.mark.parametrize("value", [1.0, 0.1, float("nan"), float("inf"), b"a", {1}, object()])
def test_types_outside_the_profile_are_not_written(value):
    for inner in (value, [value], {"a": value}):
        with pytest.raises(NotCanonicalError, match="has no canonical form"):
            canonical(inner)


def test_subclasses_are_not_written_since_they_may_write_themselves_otherwise():
    class Text(str):
        __slots__ = ()

    class Number(int):
        def __repr__(self):
            return "7"

    for value in (Text("a"), Number(1)):
        with pytest.raises(NotCanonicalError, match="has no canonical form"):
            canonical([value])
    with pytest.raises(NotCanonicalError, match="property name"):
        canonical({Text("a"): 1})


@pytest.mark.parametrize("name", ["é", "协会", "a\u2028", "\x80", "\ud800", 1, None, True])
def test_names_that_are_not_ascii_text_are_not_written(name):
    with pytest.raises(NotCanonicalError, match="is not ASCII text"):
        canonical([{"a": 1, name: 2}])


@pytest.mark.parametrize("data", ['{"é":1}', '{"a":{"协会":1}}', '{"\\u00e9":1}', '{"\\ud800":1}'])
def test_names_that_are_not_ascii_text_are_not_read(data):
    with pytest.raises(NotCanonicalError, match="is not ASCII text"):
        parse(data.encode())


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800", "😀\ud83d\ude00"])
def test_a_lone_surrogate_is_neither_written_nor_read(text):
    for value in (text, [text], {"a": text}):
        with pytest.raises(NotCanonicalError, match="lone surrogate"):
            canonical(value)
    half = next(one for one in text if "\ud800" <= one <= "\udfff")
    with pytest.raises(NotCanonicalError, match="lone surrogate"):
        parse(json.dumps(half).encode())


@pytest.mark.parametrize("kind", [list, dict])
def test_sixteen_levels_are_written_and_read_and_seventeen_are_not(kind):
    deepest = nested(16, kind)
    assert parse(canonical(deepest)) == deepest
    deeper = nested(17, kind)
    with pytest.raises(NotCanonicalError, match="more than 16 levels"):
        canonical(deeper)
    with pytest.raises(NotCanonicalError, match="more than 16 levels"):
        parse(rfc8785.dumps(deeper))


def test_a_scalar_is_a_level_of_its_own():
    data = b"[" * 15 + b"1" + b"]" * 15
    assert canonical(parse(data)) == data
    with pytest.raises(NotCanonicalError, match="more than 16 levels"):
        parse(b"[" + data + b"]")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_bomb_of_a_hundred_thousand_levels_is_refused(opening):
    with pytest.raises(NotCanonicalError):
        parse(opening * 100_000)


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(NotCanonicalError, match="levels"):
        canonical(value)
