"""What anybody can check from the log alone: records out of its leaves, keys out of its leaves."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from credit.contracts.logic.verify import Logged, verify_contract
from credit.kit.signing import SigningKey
from credit.log.records import Record
from credit.log.service import sign_record


async def test_the_log_alone_proves_a_contract_and_what_became_of_it(city):
    contract = await city.draft(await city.tri_party())
    await city.freeze(contract)
    await city.sign(contract, "owners", "committee")
    today = city.clock.today()
    frozen, records, keys = await city.proof()
    verdict = verify_contract(frozen, records, keys, today)
    assert (verdict.state, verdict.missing, verdict.faults) == ("offered", ("enterprise",), ())
    await city.sign(contract, "enterprise")
    frozen, records, keys = await city.proof()
    verdict = verify_contract(frozen, records, keys, today)
    assert verdict.in_force
    assert verdict.since == max(one.index for one in records)
    assert verdict.faults == ()
    assert verify_contract(frozen, records, keys, date(2027, 6, 30)).state == "expired"
    for act in ("suspend", "resume", "end"):
        await city.do("committee", act, contract)
        await city.do("enterprise", act, contract)
        frozen, records, keys = await city.proof()
        verdict = verify_contract(frozen, records, keys, today)
        assert (verdict.state, verdict.faults) == (await city.state(contract), ())


async def test_whatever_is_missing_or_forged_is_not_in_force_and_says_why(city):
    contract = await city.in_force()
    frozen, records, keys = await city.proof()
    today = city.clock.today()
    assert UUID(frozen.record.body["contract"]) == contract
    for gone in records:  # every single signature is needed
        rest = [one for one in records if one is not gone]
        verdict = verify_contract(frozen, rest, keys, today)
        assert not verdict.in_force
        assert verdict.missing == (gone.record.body["role"],)
    first, *others = records

    def verdict_of(forged, keys=keys):
        return verify_contract(frozen, [forged, *others], keys, today)

    body = first.record.body
    owner = next(key for name, key in city.world.keys.items()
                 if key.kid == first.record.sigs[0].kid)  # fmt: skip

    def signed(changed, key=owner, kind="contract-signed"):
        return replace(first, record=sign_record(key, kind, UUID(first.record.id), changed))

    assert verdict_of(signed(body)).in_force  # what is signed again rightly counts
    host = SigningKey.make()
    for forged, why in (
        (signed(body, host), "not announced"),
        (signed({**body, "role": "witness"}), "a role the party does not have"),
        (signed({**body, "intent": "disagree"}), "no act known"),
        (signed({**body, "on": "2026-07-01"}), "dated later"),
        (signed({**body, "party": {"scheme": "USCC", "id": "X"}}), "当事方"),
        (replace(first, record=replace(first.record, body={**body, "on": "2026-06-29"})),
         "does not cover"),
        (replace(first, record=replace(first.record, sigs=())), "exactly one signature"),
    ):  # fmt: skip
        verdict = verdict_of(forged)
        assert not verdict.in_force
        assert why in verdict.faults[0][1]
    assert not verdict_of(signed({**body, "digest": "sha256:" + "0" * 64})).in_force
    # The same key for two parties, and a key revoked before.
    other = others[0].record.body
    stolen = replace(others[0], record=sign_record(owner, "contract-signed",
                     UUID(others[0].record.id), other))  # fmt: skip
    verdict = verify_contract(frozen, [first, stolen, others[1]], keys, today)
    assert not verdict.in_force
    assert "for another party" in verdict.faults[0][1]
    revoked = {**keys, owner.kid: replace(keys[owner.kid], revoked=first.index - 1)}
    assert "revoked before" in verdict_of(first, revoked).faults[0][1]
    # A host that freezes in a drafter's name, or says something else was frozen.
    forged = replace(frozen, record=sign_record(host, "contract-frozen",
                     UUID(frozen.record.id), frozen.record.body))  # fmt: skip
    assert verify_contract(forged, records, keys, today).state is None
    fewer = {**frozen.record.body, "parties": frozen.record.body["parties"][:1]}
    forged = replace(frozen, record=replace(frozen.record, body=fewer))
    assert verify_contract(forged, records, keys, today).state is None


async def test_a_refused_offer_and_a_late_signature_prove_nothing(city):
    contract = await city.draft(await city.tri_party())
    await city.freeze(contract)
    await city.sign(contract, "enterprise", "committee")
    await city.do("owners", "refuse", contract)
    frozen, records, keys = await city.proof()
    today = city.clock.today()
    assert verify_contract(frozen, records, keys, today).state == "refused"
    late = {**records[0].record.body, "on": "2026-12-31"}
    forged = replace(
        records[0],
        day=date(2026, 12, 31),
        record=sign_record(city.world.keys["enterprise"], "contract-signed",
                           UUID(records[0].record.id), late),
    )  # fmt: skip
    verdict = verify_contract(frozen, [forged, *records[1:2]], keys, date(2026, 12, 31))
    assert verdict.state == "lapsed"
    assert "签署期限已过" in verdict.faults[0][1]


@pytest.mark.parametrize("body", [{}, {"kind": "pact", "version": 1}])
def test_what_is_no_frozen_contract_is_said_to_be_none(body):
    record = Logged(1, date(2026, 6, 30), Record("x", "contract-frozen", body, ()))
    assert verify_contract(record, [], {}, date(2026, 6, 30)).state is None
