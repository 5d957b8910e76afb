"""Contracts over HTTP alone: from a draft to a settled dispute, every answer as documented."""

import httpx
import msgspec
import pytest
import schemathesis

from credit.kit.ids import new_id
from credit.log.service import sign_record

API = "/api/v1/150200"


@pytest.fixture
async def client(app):
    """A client that holds every answer against the document."""
    document = schemathesis.openapi.from_dict(app.openapi_schema.to_schema())

    async def as_the_document_says(response):
        await response.aread()
        request = response.request
        operation = document.find_operation_by_path(request.method, request.url.path)
        if operation is not None:
            operation.validate_response(response)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://credit.test",
        event_hooks={"response": [as_the_document_says]},
    ) as found:
        yield found


class Api:
    """People's machines at the interface."""

    def __init__(self, city, client):
        self.city, self.client, self.sent = city, client, 0

    def headers(self, name, key=None):
        self.sent += 1
        token = self.city.world.api_keys[name]
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": key or f"k-{self.sent}"}

    async def get(self, name, path, **params):
        return await self.client.get(f"{API}{path}", params=params, headers=self.headers(name))

    async def post(self, name, path, body=None, key=None):
        return await self.client.post(f"{API}{path}", json=body, headers=self.headers(name, key))

    async def signed(self, name, contract, step):
        """Fetch what a step would sign, and sign it."""
        answer = await self.get(name, f"/contracts/{contract}/record", step=step)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        record = sign_record(
            self.city.world.keys[name], found["kind"], new_id(self.city.clock.now()), found["body"]
        )
        (sig,) = record.sigs
        return {"id": record.id, "sig": {"kid": sig.kid, "alg": sig.alg, "sig": sig.sig}}


@pytest.fixture
async def api(city, client):
    return Api(city, client)


async def test_from_a_draft_to_a_settled_dispute(city, api):
    content = msgspec.to_builtins(await city.tri_party())
    drafted = await api.post("officer", "/contracts", {"items": [content]}, "d-1")
    assert drafted.status_code == 201, drafted.text
    again = await api.post("officer", "/contracts", {"items": [content]}, "d-1")
    assert again.json() == drafted.json()
    (contract,) = drafted.json()["items"]
    place = f"/contracts/{contract}"
    draft = (await api.get("officer", f"{place}/draft")).json()
    assert draft["draft"]["template"] == "chengnuo-qiyue"
    changed = {"revision": 1, "draft": {**draft["draft"], "months": 24}}
    assert (await api.post("officer", f"{place}/draft", changed)).status_code == 201
    frozen = await api.post(
        "officer", f"{place}/freezing", await api.signed("officer", contract, "freeze")
    )
    assert (frozen.status_code, frozen.json()["state"]) == (201, "offered"), frozen.text
    for name, state in (
        ("owners", "offered"),
        ("committee", "offered"),
        ("enterprise", "in-force"),
    ):
        signature = await api.signed(name, contract, "sign")
        answer = await api.post(name, f"{place}/signatures", signature)
        assert (answer.status_code, answer.json()["state"]) == (201, state), answer.text
    twice = await api.get("enterprise", f"{place}/record", step="sign")
    assert twice.status_code == 409
    whole = (await api.get("committee", place)).json()
    assert whole["text"]["until"] == "2028-06-29"
    text = (await api.get("owners", f"{place}/text", version=1)).json()
    assert text["digest"] == whole["digest"]
    duties = (await api.get("enterprise", f"{place}/duties", limit=4)).json()
    rest = await api.get("enterprise", f"{place}/duties", cursor=duties["next_cursor"])
    found = [*duties["items"], *rest.json()["items"]]
    assert len({one["id"] for one in found}) == 9
    duty = next(one["id"] for one in found if one["clause"] == "E-3")
    report = {"seen": 0, "value": {"kind": "measured", "part": 9, "whole": 10}}
    answer = await api.post("enterprise", f"/duties/{duty}/report", report)
    assert (answer.status_code, answer.json()["state"]) == (201, "reported"), answer.text
    why = {"seen": 1, "reason": "工单时间\n与实际不符"}
    assert (await api.post("committee", f"/duties/{duty}/dispute", why)).status_code == 201
    why = {"seen": 2, "reason": "双方各执一词"}
    assert (await api.post("street", f"/duties/{duty}/raising", why)).status_code == 201
    waiting = (await api.get("street", "/duties")).json()["items"]
    assert [one["id"] for one in waiting] == [duty]
    settled = {"seen": 3, "finding": "breached", "reason": "查实"}
    assert (await api.post("street", f"/duties/{duty}/settlement", settled)).status_code == 409
    answer = await api.post("officer", f"/duties/{duty}/settlement", settled)
    assert answer.json()["severity"] == "general"
    shown = (await api.get("committee", f"/duties/{duty}")).json()
    assert [one["step"] for one in shown["steps"]] == [
        "reported", "disputed", "raised", "settled"
    ]  # fmt: skip
    # Offices are told who acted; of each other, parties are told the organisation alone.
    committee = city.world.actors["committee"].person_id
    own = [None, committee, None, None]
    assert [one["person"] for one in shown["steps"]] == own
    told = (await api.get("officer", f"/duties/{duty}")).json()
    assert None not in [one["person"] for one in told["steps"]]
    whole = (await api.get("committee", place)).json()
    people = {one["signature"]["person"] for one in whole["parties"] if one["signature"]}
    assert people == {None, committee}
    assert {one["person"] for one in whole["steps"]} == {None, committee}
    told = (await api.get("street", place)).json()
    assert None not in {one["person"] for one in told["steps"]}
    board = (await api.get("enterprise", f"{place}/performance")).json()["items"]
    assert len(board) == 9
    kpis = (await api.get("officer", "/kpis", on="2026-06-30")).json()
    assert kpis["items"][0]["signed_percent"] == "50.00"


async def test_inspection_confirmation_and_later_steps(city, api):
    contract = await city.in_force()
    place = f"/contracts/{contract}"
    duty = (await city.duty(contract, "E-4")).id
    value = {"kind": "count", "count": 1}
    proof = await city.keep(b"%PDF-1.7 proof", by="enterprise")
    report = {"seen": 0, "value": value, "evidence": [msgspec.to_builtins(proof)]}
    assert (await api.post("enterprise", f"/duties/{duty}/report", report)).status_code == 201
    done = await api.post("committee", f"/duties/{duty}/confirmation", {"seen": 1})
    assert done.json()["state"] == "fulfilled"
    found = {"seen": 2, "finding": "breached", "severity": "general", "reason": "记录是补的"}
    done = await api.post("street", f"/duties/{duty}/inspection", found)
    assert (done.json()["state"], done.json()["severity"]) == ("breached", "general")
    for name in ("committee", "enterprise"):
        step = {
            "step": "suspend",
            "record": await api.signed(name, contract, "suspend"),
            "reason": "暂停服务",
        }
        answer = await api.post(name, f"{place}/steps", step)
        assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "suspended"
    no_reason = {"step": "end", "record": await api.signed("enterprise", contract, "end")}
    assert (await api.post("enterprise", f"{place}/steps", no_reason)).status_code == 400
    wrong = {"step": "resume", "record": no_reason["record"], "reason": "恢复"}
    refused = await api.post("enterprise", f"{place}/steps", wrong)
    assert refused.status_code == 403  # it signed something else


async def test_amending_discarding_and_listing(city, api):
    contract = await city.in_force()
    other = await city.in_force(await city.tri_party(3), ("competitor", "committee3", "owners3"))
    place = f"/contracts/{contract}"
    assert (await api.post("officer", f"{place}/amendment")).status_code == 201
    assert (await api.post("officer", f"{place}/amendment")).status_code == 409
    assert (await api.post("officer", f"{place}/discard")).status_code == 201
    page = (await api.get("officer", "/contracts", limit=1)).json()
    assert [one["id"] for one in page["items"]] == [max(str(contract), str(other))]
    rest = (await api.get("officer", "/contracts", cursor=page["next_cursor"])).json()
    assert [one["id"] for one in rest["items"]] == [min(str(contract), str(other))]
    own = (await api.get("competitor", "/contracts", status="in-force")).json()
    assert [one["id"] for one in own["items"]] == [str(other)]
    assert (await api.get("competitor", place)).status_code == 404
    assert (await api.get("officer", "/contracts", project="XQ-1")).json()["items"][0]["id"] == str(
        contract
    )
    assert (await api.get("bidder", "/contracts")).status_code == 403
    answer = await api.client.post(
        f"{API}/contracts/files",
        content=b"%PDF-1.7 file",
        headers={**api.headers("owners"), "Content-Type": "application/pdf"},
    )
    assert (answer.status_code, answer.json()["size"]) == (201, 13)
