"""The console's forms of a merchant: proposing one, and proposing it anew with another contract."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access.views import Actor
from credit.kit.blobs import Blob
from credit.kit.errors import CreditError
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import say
from credit.kit.uploads import form_bytes_max, uploaded_files
from credit.market.pages.forms import (
    DAYS,
    EVERY_DAY,
    MERCHANT_LABELS,
    MerchantCode,
    MerchantForm,
    TermsForm,
    day_of,
    fen_of,
    hours_of,
    labelled,
    texts_of,
    week_of,
)
from credit.market.pages.words import WORDS, yuan
from credit.market.service import merchants as service
from credit.market.service.merchants import NewMerchant
from credit.market.views import MerchantRecord
from credit.parties import service as parties
from credit.rules.bank import Bank
from credit.rules.loading import pack_of_city

__all__ = ["MerchantFormPages"]

FORM_BYTES_MAX = form_bytes_max(1)
DIGEST_DIGITS = 64


class MerchantFormPages(Controller):
    """`/{city}/console/merchants/new` and `…/{code}/renewal`."""

    path = "/console/merchants"

    @get("/new", summary="提出商户页", opt={"scope": "points:record"})
    async def begin(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer the form, for the visitor's own division."""
        actor: Actor = request.state.visitor.actor
        bank = _bank(state, city)
        fields = {"division": actor.division or "", "fen_per_point": yuan(bank.fen_per_point)}
        return await _page(request, state, city, fields)

    @post("/new", summary="提出商户", opt={"scope": "points:record"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def propose(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Propose a merchant; refused, show the form as it was filled in, its letter kept."""
        fields = await form_of(request)
        given = texts_of(fields)
        try:
            given["letter_kept"] = letter = await _letter(request, state, city, fields)
            new = _new(read_form(MerchantForm, _plain(given)), given, letter)
            async with state.db.transaction(city) as conn:
                code = await service.propose(
                    conn, state.clock, request.state.visitor.actor, _bank(state, city), new
                )
        except CreditError as refused:
            return await _page(request, state, city, given, refused=refused)
        return redirect(
            f"/{city}/console/merchants/{code}",
            notice=say("已提出，编号 %(code)s。下一步：由另一位同事审核。", code=code),
        )

    @get("/{code:str}/renewal", summary="重新提出商户页", opt={"scope": "points:record"})
    async def begin_again(
        self, request: Request[Any, Any, Any], state: State, city: City, code: MerchantCode
    ) -> Response[str]:
        """Offer the form with what the merchant has now."""
        async with state.db.city(city) as conn:
            found = await service.merchant_seen_by(conn, request.state.visitor.actor, code)
        return await _page(request, state, city, _fields_of(found), found)

    @post("/{code:str}/renewal", summary="重新提出商户", opt={"scope": "points:record"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def propose_again(
        self, request: Request[Any, Any, Any], state: State, city: City, code: MerchantCode
    ) -> Response[Any]:
        """Propose the merchant with its new contract."""
        fields = await form_of(request)
        given = texts_of(fields)
        async with state.db.city(city) as conn:
            found = await service.merchant_seen_by(conn, request.state.visitor.actor, code)
        try:
            given["letter_kept"] = letter = await _letter(request, state, city, fields)
            form = read_form(TermsForm, _plain(given))
            new = _new(form, given, letter)
            async with state.db.transaction(city) as conn:
                await service.propose_again(
                    conn, state.clock, request.state.visitor.actor, _bank(state, city), code, new
                )
        except CreditError as refused:
            return await _page(request, state, city, given, found, refused)
        return redirect(
            f"/{city}/console/merchants/{code}",
            notice=say("已重新提出。下一步：由另一位同事审核。"),
        )


def _bank(state: State, city: str) -> Bank:
    return pack_of_city(city).on(state.clock.today()).points


def _plain(given: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that a struct reads: neither the week nor the letter."""
    apart = (*DAYS, EVERY_DAY, "letter", "letter_kept")
    return {name: value for name, value in given.items() if name not in apart}


async def _letter(
    request: Request[Any, Any, Any], state: State, city: str, fields: Mapping[str, Any]
) -> str:
    """Keep the letter that came with a form; returns its digest, else that of the one before.

    It is kept even where the rest is refused, so that nobody has to choose it again.
    """
    blobs: list[Blob] = await uploaded_files(state.blobs, fields.get("letter"), 1)
    for blob in blobs:
        async with state.db.transaction(city) as conn:
            digest = await service.keep_letter(conn, state.clock, request.state.visitor.actor, blob)
            return digest.hex()
    kept = fields.get("letter_kept", "")
    known = (
        isinstance(kept, str)
        and len(kept) == DIGEST_DIGITS
        and set(kept) <= set("0123456789abcdef")
    )
    return str(kept) if known else ""


def _new(form: TermsForm, given: Mapping[str, str], letter: str) -> NewMerchant:
    named = form if isinstance(form, MerchantForm) else None
    return NewMerchant(
        named.name.strip() if named else "",
        named.category if named else "",
        named.division if named else "",
        form.address.strip(),
        named.uscc if named else None,
        tuple(tuple((begin, end) for begin, end in day) for day in hours_of(given)),
        fen_of(form.fen_per_point),
        day_of(form.contract_from, "contract_from"),
        day_of(form.contract_until, "contract_until"),
        bytes.fromhex(letter),
        day_of(form.commitment_on, "commitment_on"),
        form.offline == "yes",
    )


def _fields_of(found: MerchantRecord) -> dict[str, str]:
    return {
        "address": found.address,
        "fen_per_point": yuan(found.fen_per_point),
        "offline": "yes" if found.offline else "",
        **week_of(found.hours),
    }


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, str],
    merchant: MerchantRecord | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    async with state.db.city(city) as conn:
        divisions = [
            one
            for one in await parties.divisions(conn)
            if not actor.bound or one[0].startswith(actor.division or "-")
        ]
    return render(
        request,
        "market/merchant_form.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        merchant=merchant,
        fields=defaultdict(str, fields),
        day_names=list(zip(DAYS, WORDS["days"], strict=True)),
        categories=[(one.code, one.title) for one in _bank(state, city).merchant_categories],
        divisions=divisions,
        own_division=actor.division,
        problem=refused and labelled(refused, MERCHANT_LABELS),
    )
