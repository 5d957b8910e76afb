"""A print that comes back is ours with one more signature, or it is refused."""

import asyncio
from datetime import timedelta
from io import BytesIO

import msgspec
import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from credit.access import service as access
from credit.contracts import service
from credit.contracts.papers.logic import check_signed, read_roots, signable
from credit.contracts.views import PartyChoice
from credit.kit.clock import SystemClock
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound

DAY = timedelta(days=1)


def certificate(name, issuer=None):
    """Return (key, certificate) of a name, issued by another pair or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
        ]
    )
    above = issuer or (key, None)
    now = SystemClock().now()
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=issuer is None,
                crl_sign=issuer is None,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(above[0], hashes.SHA256())
    )
    return key, built


def der(built):
    return asn1_x509.Certificate.load(built.public_bytes(serialization.Encoding.DER))


AUTHORITY = certificate("测试电子认证机构")
ENTERPRISE = certificate("甲物业有限公司", AUTHORITY)
COMMITTEE = certificate("第一小区业主委员会")
ROOTS = [der(AUTHORITY[1])]


def page(text=b"0 0 m 100 100 l S"):
    """A print of one page."""
    writer = PdfFileWriter()
    stream = generic.StreamObject(stream_data=text)
    writer.insert_page(PageObject(contents=writer.add_object(stream), media_box=[0, 0, 595, 842]))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def signed(content, pair, name="Sig1"):
    key, built = pair
    store = SimpleCertificateStore()
    store.register(der(built))
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = signers.SimpleSigner(der(built), asn1_keys.PrivateKeyInfo.load(private), store)
    meta = signers.PdfSignatureMetadata(
        field_name=name, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    writer = IncrementalPdfFileWriter(BytesIO(content))
    return signers.PdfSigner(meta, signer).sign_pdf(writer).getvalue()


PRINT = signable(page())


def test_a_signature_added_to_the_print_names_its_certificate_and_who_stands_behind_it():
    once = signed(PRINT, ENTERPRISE)
    found = check_signed(PRINT, once, ROOTS)
    assert found.name == "甲物业有限公司"
    assert (found.issuer, found.trusted) == ("测试电子认证机构", True)
    assert int(found.serial, 16) == ENTERPRISE[1].serial_number
    assert abs(found.signed_at - SystemClock().now()) < timedelta(minutes=5)
    second = check_signed(once, signed(once, COMMITTEE, "Sig2"), ROOTS)
    assert (second.name, second.trusted) == ("第一小区业主委员会", False)


def test_without_known_authorities_a_signature_holds_and_is_trusted_by_nobody():
    found = check_signed(PRINT, signed(PRINT, ENTERPRISE), [])
    assert not found.trusted


@pytest.mark.parametrize(
    "content",
    [
        PRINT,
        page(b"0 0 m 99 99 l S"),
        signed(signable(page(b"0 0 m 99 99 l S")), ENTERPRISE),
        PRINT[:-1],
        b"",
    ],
    ids=["unsigned", "another", "another, signed", "cut", "empty"],
)
def test_another_file_than_the_print_is_refused(content):
    with pytest.raises(Invalid) as refused:
        check_signed(PRINT, content, ROOTS)
    assert refused.value.slug == "paper-differs"


def appended(content, change):
    writer = IncrementalPdfFileWriter(BytesIO(content))
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def overlay(writer):
    """Lay other text over the first page."""
    stream = generic.StreamObject(stream_data=b"0 0 m 500 500 l S")
    writer.add_stream_to_page(0, writer.add_object(stream))


def test_what_was_laid_over_the_print_before_signing_is_refused():
    changed = appended(PRINT, overlay)
    with pytest.raises(Invalid) as refused:
        check_signed(PRINT, signed(changed, ENTERPRISE), ROOTS)
    assert refused.value.slug == "paper-changed"


def test_what_was_changed_after_signing_is_refused():
    with pytest.raises(Invalid):
        check_signed(PRINT, appended(signed(PRINT, ENTERPRISE), overlay), ROOTS)


def test_no_signature_two_at_once_and_a_broken_one_are_refused():
    twice = signed(signed(PRINT, ENTERPRISE), COMMITTEE, "Sig2")
    once = signed(PRINT, ENTERPRISE)
    broken = once[: len(PRINT)] + once[len(PRINT) :].replace(b"/ESIC", b"/ESID", 1)
    assert broken != once
    for content in (appended(PRINT, lambda writer: None) + b"\n", twice, broken, PRINT + b"%%EOF"):
        with pytest.raises(Invalid) as refused:
            check_signed(PRINT, content, ROOTS)
        assert refused.value.slug in ("paper-unsigned", "paper-changed")


CITY = "150200"


async def offered(city):
    contract = await city.draft(await city.tri_party())
    await city.freeze(contract)
    return contract


async def brought(city, contract, content, by="enterprise"):
    async with city.db.transaction(CITY) as conn:
        return await service.add_signed_print(
            conn, city.clock, city.world.actors[by], city.blobs, ROOTS, contract, 1, content
        )


async def kept(city, contract, content=None, by="enterprise"):
    async with city.db.transaction(CITY) as conn:
        return await service.keep_print(
            conn, city.clock, city.world.actors[by], city.blobs, contract, 1, content or page()
        )


async def test_parties_sign_a_print_one_after_the_other(city):
    contract = await offered(city)
    first = await kept(city, contract)
    assert (await kept(city, contract, page(b"0 0 m 1 1 l S"))).digest == first.digest
    content = await city.blobs.read(first.digest)
    once = await asyncio.to_thread(signed, content, ENTERPRISE)
    paper = await brought(city, contract, once)
    assert (paper.number, paper.signature.name, paper.signature.trusted) == (
        1, "甲物业有限公司", True,
    )  # fmt: skip
    with pytest.raises(Invalid):  # beside the signature that came first
        await brought(
            city, contract, await asyncio.to_thread(signed, content, COMMITTEE), "committee"
        )
    again = await asyncio.to_thread(signed, once, ENTERPRISE, "Sig2")
    for name in ("enterprise", "colleague"):  # one signature a party: the others would be kept out
        with pytest.raises(Conflict) as refused:
            await brought(city, contract, again, name)
        assert refused.value.slug == "paper-brought"
    twice = await asyncio.to_thread(signed, once, COMMITTEE, "Sig2")
    await brought(city, contract, twice, "committee")
    async with city.db.city(CITY) as conn:
        papers = await service.papers_of(conn, contract, 1)
    assert [(one.number, one.signature and one.signature.trusted) for one in papers] == [
        (0, None), (1, True), (2, False),
    ]  # fmt: skip
    assert papers[0].digest == first.digest


async def test_who_is_no_party_brings_no_print(city):
    contract = await offered(city)
    await kept(city, contract)
    for stranger, refusal in (("competitor", NotFound), ("officer", Forbidden)):
        with pytest.raises(refusal):
            await brought(city, contract, b"%PDF-1.7", stranger)
    with pytest.raises(NotFound):
        async with city.db.transaction(CITY) as conn:
            await service.keep_print(
                conn, city.clock, city.world.actors["enterprise"], city.blobs, contract, 2, page()
            )


async def test_a_party_takes_the_print_away_signs_it_and_brings_it_back(city, browse, app):
    app.state.esign_roots = ROOTS
    contract = await offered(city)
    own = await browse("enterprise")
    at = f"/{CITY}/portal/contracts/{contract}/papers"
    empty = await own.get(at)
    assert "还没有生成用于签章的文本" in empty.text
    made = await own.post(f"{at}/print", data={})
    assert "未签章的文本" in made.text
    content = (await own.get(f"{at}/0")).content
    assert content.startswith(b"%PDF-")
    refused = await own.post(at, files={"file": ("a.pdf", content, "application/pdf")})
    assert refused.status_code == 400
    assert "不是在所下载的文件上签的名" in refused.text
    once = await asyncio.to_thread(signed, content, ENTERPRISE)
    brought_back = await own.post(at, files={"file": ("a.pdf", once, "application/pdf")})
    assert "已保存 甲物业有限公司 的电子签章" in brought_back.text
    assert "证书由认可的机构签发" in brought_back.text
    officer = await browse("officer")
    seen = await officer.get(f"/{CITY}/console/contracts/{contract}/papers")
    assert "甲物业有限公司" in seen.text
    assert (await officer.get(f"/{CITY}/console/contracts/{contract}/papers/1")).content == once
    assert (await (await browse("competitor")).get(at)).status_code == 404


async def test_an_office_that_is_a_party_brings_its_print_in_the_console(
    city, browse, app, password
):
    app.state.esign_roots = ROOTS
    async with city.db.transaction(CITY) as conn:
        person = city.world.actors["custodian"].person_id
        await access.set_password(conn, city.clock, app.state.passwords, person, password)
    content = await city.tri_party()
    parties = [*content.parties, PartyChoice("seal_custodian", city.offices["custodian"])]
    contract = await city.draft(msgspec.structs.replace(content, parties=parties))
    await city.freeze(contract)
    own = await browse("custodian")
    at = f"/{CITY}/console/contracts/{contract}/papers"
    assert f'action="{at}/print' in (await own.get(at)).text
    await own.post(f"{at}/print", data={})
    found = (await own.get(f"{at}/0")).content
    once = await asyncio.to_thread(signed, found, COMMITTEE)
    answer = await own.post(at, files={"file": ("a.pdf", once, "application/pdf")})
    assert "已保存 第一小区业主委员会 的电子签章" in answer.text
    assert "每一方只签一次" in answer.text
    other = await browse("officer")  # of an office that is no party
    assert "怎样签章" not in (await other.get(at)).text
    assert (await other.post(f"{at}/print", data={})).status_code == 403


def test_recognised_authorities_are_read_from_a_file(tmp_path):
    assert read_roots(None) == ()
    file = tmp_path / "roots.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(b"".join(one[1].public_bytes(pem) for one in (AUTHORITY, COMMITTEE)))
    assert [one.dump() for one in read_roots(file)] == [ROOTS[0].dump(), der(COMMITTEE[1]).dump()]
