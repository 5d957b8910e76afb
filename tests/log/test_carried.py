"""What an act signs has one digest, and its records ids that count up."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.kit.canonical import canonical
from credit.kit.errors import Invalid
from credit.kit.signing import pae
from credit.log.carried import batch_digest, counted_ids
from credit.log.records import RECORD_TYPE, RECORDS_MAX, Record

FIRST = "01900000-0000-7000-8000-000000000000"
NAMES = st.text(st.characters(max_codepoint=126, min_codepoint=1), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=3))
def test_the_digest_is_over_the_type_and_the_very_payloads_that_are_signed(bodies):
    records = [Record(f"{place}", "grade", body) for place, body in enumerate(bodies)]
    listed = b"[" + b",".join(one.payload for one in records) + b"]"
    assert batch_digest(records) == hashlib.sha256(pae(RECORD_TYPE, listed)).hexdigest()
    assert listed == canonical([{"body": r.body, "id": r.id, "kind": r.kind} for r in records])


def test_any_change_of_content_order_or_number_changes_the_digest():
    one, two = (Record(str(n), "grade", {"n": n}) for n in (1, 2))
    acts = [[one, two], [two, one], [one], [one, one], [Record("1", "key", {"n": 1})], []]
    assert len({batch_digest(act) for act in acts}) == len(acts)


def test_ids_count_up_from_the_first_and_what_is_no_id_is_refused():
    ids = counted_ids(FIRST[:-4] + "abcd", 3)
    assert ids == [FIRST[:-1] + digit for digit in "012"]
    assert len(set(counted_ids(FIRST, RECORDS_MAX))) == RECORDS_MAX
    for first in ("", "x", None, ["a"], FIRST + " ", FIRST.upper().replace("7", "F")):
        with pytest.raises(Invalid):
            counted_ids(first, 1)
    with pytest.raises(Invalid):
        counted_ids(FIRST, RECORDS_MAX + 1)
