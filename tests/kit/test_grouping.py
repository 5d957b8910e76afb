"""Group commit: who shares a group with whom, and who gets which answer."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from credit.kit.errors import Overloaded
from credit.kit.grouping import GROUP_ITEMS_MAX, LANES, QUEUE_ITEMS_MAX, GroupCommit


async def settle():
    """Let everything run that can run without the world outside."""
    for _ in range(20):
        await asyncio.sleep(0)


async def outcomes(*callers):
    """What each caller got, a result or an error; a caller still waiting fails the test."""
    await settle()
    waiting = [caller for caller in callers if not caller.done()]
    for caller in waiting:
        caller.cancel()
    assert waiting == []
    return await asyncio.gather(*callers, return_exceptions=True)


class Transactions:
    """Groups as they were run; each stays open until it is let go, unless `open` is set."""

    def __init__(self, refused=(), overloaded=()):
        self.groups = []
        self.open = asyncio.Event()
        self.refused, self.overloaded = set(refused), set(overloaded)
        self.commit = GroupCommit(self.run)

    async def run(self, items):
        self.groups.append(list(items))
        await self.open.wait()
        if bad := self.refused.intersection(items):
            raise LookupError(min(bad))
        if bad := self.overloaded.intersection(items):
            raise Overloaded(min(bad))
        return [f"{item}!" for item in items]

    def submit(self, *items):
        return [asyncio.ensure_future(self.commit.submit(item)) for item in items]

    async def fill_lanes(self):
        """Have every lane run an item of its own; returns the callers."""
        callers = []
        for lane in range(LANES):
            callers += self.submit(f"lane{lane}")
            await settle()
        assert self.groups == [[f"lane{lane}"] for lane in range(LANES)]
        self.groups.clear()
        return callers


async def test_an_item_alone_runs_at_once_and_gets_its_answer():
    some = Transactions()
    callers = some.submit("a")
    await settle()
    assert some.groups == [["a"]]
    assert not callers[0].done()
    some.open.set()
    assert await outcomes(*callers) == ["a!"]


async def test_items_that_come_together_share_one_group_in_their_order():
    some = Transactions()
    some.open.set()
    assert await outcomes(*some.submit(*"cab")) == ["c!", "a!", "b!"]
    assert some.groups == [["c", "a", "b"]]


async def test_an_item_that_comes_while_a_group_runs_takes_a_free_lane():
    some = Transactions()
    first = some.submit("a", "b")
    await settle()
    second = some.submit("c")
    await settle()
    assert some.groups == [["a", "b"], ["c"]]
    some.open.set()
    assert await outcomes(*first, *second) == ["a!", "b!", "c!"]


async def test_items_that_come_while_every_lane_runs_share_the_next_group():
    some = Transactions()
    lanes = await some.fill_lanes()
    late = []
    for item in "abcde":
        late += some.submit(item)
        await settle()
    assert some.groups == []
    some.open.set()
    assert await outcomes(*late) == ["a!", "b!", "c!", "d!", "e!"]
    assert some.groups == [list("abcde")]
    assert await outcomes(*lanes) == [f"lane{n}!" for n in range(LANES)]


async def test_no_group_is_larger_than_the_limit():
    some = Transactions()
    await some.fill_lanes()
    count = 2 * GROUP_ITEMS_MAX + 1
    callers = some.submit(*range(count))
    await settle()
    some.open.set()
    assert await outcomes(*callers) == [f"{n}!" for n in range(count)]
    assert [len(group) for group in some.groups] == [GROUP_ITEMS_MAX, GROUP_ITEMS_MAX, 1]


async def test_of_a_refused_group_each_item_gets_its_own_answer():
    some = Transactions(refused="bd")
    some.open.set()
    answers = await outcomes(*some.submit(*"abcd"))
    assert answers[0::2] == ["a!", "c!"]
    assert [(type(one), one.args) for one in answers[1::2]] == [
        (LookupError, ("b",)),
        (LookupError, ("d",)),
    ]
    assert some.groups == [list("abcd"), ["a"], ["b"], ["c"], ["d"]]


async def test_of_a_group_that_met_an_overload_nothing_is_run_again():
    some = Transactions(overloaded="b")
    some.open.set()
    answers = await outcomes(*some.submit(*"abcd"))
    assert [type(one) for one in answers] == [Overloaded] * 4
    assert some.groups == [list("abcd")]
    assert await outcomes(*some.submit(*"cd")) == ["c!", "d!"]


async def test_an_overload_amid_the_items_of_a_refused_group_is_the_answer_to_those_left():
    some = Transactions(refused="b", overloaded="c")
    some.open.set()
    answers = await outcomes(*some.submit(*"abcde"))
    assert answers[0] == "a!"
    assert [type(one) for one in answers[1:]] == [LookupError, *[Overloaded] * 3]
    assert some.groups == [list("abcde"), ["a"], ["b"], ["c"]]


async def test_a_caller_that_went_away_is_not_told_of_an_overload():
    some = Transactions(overloaded="b")
    gone, stays = some.submit("a", "b")
    await settle()
    gone.cancel()
    await settle()
    some.open.set()
    (answer,) = await outcomes(stays)
    assert isinstance(answer, Overloaded)
    assert gone.cancelled()


async def test_an_item_refused_alone_is_not_run_again():
    some = Transactions(refused="a")
    some.open.set()
    (answer,) = await outcomes(*some.submit("a"))
    assert isinstance(answer, LookupError)
    assert some.groups == [["a"]]


async def test_after_a_refusal_the_next_items_are_taken_as_before():
    some = Transactions(refused="b")
    some.open.set()
    await outcomes(*some.submit(*"ab"))
    some.groups.clear()
    assert await outcomes(*some.submit(*"cd")) == ["c!", "d!"]
    assert some.groups == [["c", "d"]]


async def test_a_caller_that_goes_away_while_its_item_runs_does_not_stop_it_or_the_others():
    some = Transactions()
    gone, stays = some.submit("a", "b")
    await settle()
    gone.cancel()
    await settle()
    assert gone.cancelled()
    some.open.set()
    assert await outcomes(stays) == ["b!"]
    assert some.groups == [["a", "b"]]


async def test_a_caller_that_goes_away_while_its_item_waits_does_not_stop_it_or_the_others():
    some = Transactions()
    await some.fill_lanes()
    gone, stays = some.submit("a", "b")
    await settle()
    gone.cancel()
    await settle()
    some.open.set()
    assert await outcomes(stays) == ["b!"]
    assert some.groups == [["a", "b"]]


async def test_of_a_refused_group_the_items_of_callers_that_went_away_run_too():
    some = Transactions(refused="ac")
    gone, stays, refused = some.submit("a", "b", "c")
    await settle()
    gone.cancel()
    await settle()
    some.open.set()
    answer, refusal = await outcomes(stays, refused)
    assert answer == "b!"
    assert refusal.args == ("c",)
    assert some.groups == [list("abc"), ["a"], ["b"], ["c"]]


async def test_a_full_queue_is_refused_until_it_is_worked_off():
    some = Transactions()
    lanes = await some.fill_lanes()
    callers = some.submit(*range(QUEUE_ITEMS_MAX))
    await settle()
    (refusal,) = await outcomes(*some.submit("one more"))
    assert isinstance(refusal, Overloaded)
    assert refusal.slug == "queue-full"
    some.open.set()
    answers = await outcomes(*lanes, *callers)
    assert answers[LANES:] == [f"{n}!" for n in range(QUEUE_ITEMS_MAX)]
    assert await outcomes(*some.submit("one more")) == ["one more!"]
    ran = [item for group in some.groups for item in group]
    assert ran == [*range(QUEUE_ITEMS_MAX), "one more"]


class Day:
    """Callers who come and go, and groups that end in any order; every fourth item is refused."""

    def __init__(self, draw):
        self.draw = draw
        self.running, self.committed, self.callers, self.gone = [], [], [], set()
        self.commit = GroupCommit(self.run)

    async def run(self, items):
        self.running.append(asyncio.Event())
        await self.running[-1].wait()
        if any(item % 4 == 3 for item in items):
            raise LookupError(*items)
        self.committed += items
        return [f"{item}!" for item in items]

    def come(self):
        self.callers.append(asyncio.ensure_future(self.commit.submit(len(self.callers))))

    def go(self):
        if self.callers:
            caller = self.draw(st.integers(0, len(self.callers) - 1))
            if self.callers[caller].cancel():
                self.gone.add(caller)

    def end(self):
        if self.running:
            self.running.pop(self.draw(st.integers(0, len(self.running) - 1))).set()


@given(st.lists(st.sampled_from([Day.come] * 3 + [Day.go, Day.end]), max_size=30), st.data())
@settings(deadline=None)
async def test_every_item_is_committed_once_however_groups_end_and_callers_go(steps, data):
    day = Day(data.draw)
    try:
        for step in steps:
            step(day)
            await settle()
        while day.running:
            day.end()
            await settle()
    finally:  # an example that is given up leaves nobody waiting, and no answer unheard
        while day.running:
            day.running.pop().set()
            await settle()
        for caller in day.callers:
            if caller.done() and not caller.cancelled():
                caller.exception()
    for item, outcome in enumerate(await outcomes(*day.callers)):
        if item in day.gone:
            assert isinstance(outcome, asyncio.CancelledError)
        elif item % 4 == 3:
            assert outcome.args == (item,)
        else:
            assert outcome == f"{item}!"
    assert sorted(day.committed) == [n for n in range(len(day.callers)) if n % 4 != 3]


async def test_an_item_that_comes_in_the_moment_all_lanes_end_is_not_left_waiting():
    some = Transactions()
    await some.fill_lanes()

    async def come_when_they_end():
        await some.open.wait()
        return await some.commit.submit("late")

    late = asyncio.ensure_future(come_when_they_end())
    await settle()
    some.open.set()
    assert await outcomes(late) == ["late!"]
