"""Forms laid over each other: what a form changes, what stays, and what clashes."""

from hypothesis import given
from hypothesis import strategies as st

from credit.evaluations.logic import changed_inputs, clashing_rows, merge_inputs

ROWS = st.sampled_from(["A", "B", "C"])
WAYS = ("marks", "findings", "rates")


@st.composite
def inputs(draw):
    """An input as a form gives it: each row in one way, no part empty."""
    found = {}
    for row in draw(st.sets(ROWS)):
        found.setdefault(draw(st.sampled_from(WAYS)), {})[row] = draw(st.sampled_from(["0", "1"]))
    parts = {
        "reasons": st.dictionaries(ROWS, st.sampled_from(["x", "y"]), min_size=1),
        "variant": st.sampled_from(["old", "new"]),
        "negative": st.lists(
            st.just({"row": "N", "points": "5", "reason": "z"}), min_size=1, max_size=2
        ),
        "survey": st.just({"owners_total": 9, "sampled": 3}),
    }
    found |= {name: draw(part) for name, part in parts.items() if draw(st.booleans())}
    return found


@given(inputs(), inputs())
def test_what_a_form_changes_turns_the_one_into_the_other(before, filled):
    assert merge_inputs(before, changed_inputs(before, filled)) == filled
    assert changed_inputs(before, before) == {}


@given(inputs(), inputs())
def test_a_form_clashes_with_nothing_where_nobody_else_was(before, filled):
    assert clashing_rows(before, before, changed_inputs(before, filled)) == []
    assert clashing_rows(before, filled, changed_inputs(before, filled)) == []


@given(inputs(), inputs(), inputs())
def test_what_does_not_clash_is_kept_of_both(before, mine, theirs):
    changed = changed_inputs(before, mine)
    clashes = clashing_rows(before, theirs, changed)
    merged = merge_inputs(theirs, changed)
    for part in WAYS:
        for row in "ABC":
            old, my, their, now = (
                one.get(part, {}).get(row) for one in (before, mine, theirs, merged)
            )
            if row in clashes:
                assert any(one.get(way, {}).get(row) != before.get(way, {}).get(row)
                           for way in (*WAYS, "reasons") for one in (theirs,))  # fmt: skip
            elif my != old:
                assert now == my
            elif row not in {r for way in WAYS for r in changed.get(way, {})}:
                assert now == their
