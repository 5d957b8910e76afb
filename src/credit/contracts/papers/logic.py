"""Whether a print that came back is ours, and who signed it with what certificate.

A party signs with its own tool and its own certificate; nothing here can sign. What comes back must
be the bytes that were handed out with one signature added behind them (ETSI EN 319 142-1, PAdES):
a print that was changed, even where nobody looks, is refused.
"""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path

from asn1crypto.x509 import Certificate
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY, SuspiciousModification
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext

from credit.contracts.papers.views import PaperSignature
from credit.kit.errors import Invalid
from credit.kit.texts import say

__all__ = ["SIGNATURES_MAX", "check_signed", "read_roots", "signable"]

SIGNATURES_MAX = 20
# What a file that is no sound PDF, or no sound signature, can raise while it is read.
BROKEN = (PdfError, SignatureValidationError, SigningError, ValueError, KeyError, TypeError)


def read_roots(path: Path | None) -> tuple[Certificate, ...]:
    """Read the authorities whose certificates are recognised from a PEM file; none without one."""
    if path is None:
        return ()
    return tuple(load_certs_from_pemder([str(path)]))  # type: ignore[no-untyped-call]


def signable(content: bytes) -> bytes:
    """Make a print ready for signatures: with an empty form, against which later ones are compared.

    The form is written behind the print, whose bytes stay as they were made.
    """
    writer = IncrementalPdfFileWriter(BytesIO(content))
    form = generic.DictionaryObject(
        {
            generic.pdf_name("/Fields"): generic.ArrayObject(),
            generic.pdf_name("/SigFlags"): generic.NumberObject(3),  # type: ignore[no-untyped-call]  # append only
        }
    )
    writer.root[generic.pdf_name("/AcroForm")] = writer.add_object(form)
    writer.update_root()  # type: ignore[no-untyped-call]
    out = BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def check_signed(before: bytes, content: bytes, roots: Sequence[Certificate]) -> PaperSignature:
    """Return the one signature that `content` adds to `before`: a signable print, or the last
    signed one.

    Raises Invalid where the file is another one, was changed, has no new signature or more than
    one, or where the signature does not hold. A certificate of no authority among `roots` is no
    fault; the signature says so. It takes some 50 ms of CPU: call it off the event loop.
    """
    if not content.startswith(before) or len(content) == len(before):
        raise Invalid(
            say("这不是在所下载的文件上签的名。请重新下载，不要另存或转换格式，直接加盖电子签章。"),
            slug="paper-differs",
        )
    try:
        old, new = PdfFileReader(BytesIO(before)), PdfFileReader(BytesIO(content))
        signatures = new.embedded_regular_signatures
        if not len(old.embedded_regular_signatures) + 1 == len(signatures) <= SIGNATURES_MAX:
            raise _unsigned()
        _refuse_changes(new, old.total_revisions)
        status = validate_pdf_signature(
            signatures[-1], ValidationContext(trust_roots=list(roots), allow_fetching=False)
        )
    except BROKEN as error:
        raise _unsigned() from error
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    if not (status.intact and status.valid and whole):
        raise _unsigned()
    return _signature(status.signing_cert, status.signer_reported_dt, trusted=status.trusted)


def _refuse_changes(reader: PdfFileReader, revisions: int) -> None:
    """Refuse what was added besides a signature: text laid over the print is signed, too."""
    found = DEFAULT_DIFF_POLICY.review_file(
        reader, base_revision=revisions - 1, doc_mdp=MDPPerm.FILL_FORMS
    )
    if isinstance(found, SuspiciousModification):
        raise Invalid(
            say("除了签名，文件里还添加了别的内容。请重新下载，只加盖电子签章后上传。"),
            slug="paper-changed",
        ) from found


def _signature(
    certificate: Certificate, signed_at: datetime | None, *, trusted: bool
) -> PaperSignature:
    subject, issuer = certificate.subject.native, certificate.issuer.native
    return PaperSignature(
        name=_text(subject, "organization_name") or _text(subject, "common_name"),
        issuer=_text(issuer, "common_name") or _text(issuer, "organization_name"),
        serial=f"{certificate.serial_number:x}",
        signed_at=signed_at,
        trusted=trusted,
    )


def _text(name: dict[str, object], part: str) -> str:
    found = name.get(part, "")
    whole = "、".join(map(str, found)) if isinstance(found, list) else str(found)
    return "".join(one for one in whole if one.isprintable())[:200]


def _unsigned() -> Invalid:
    return Invalid(
        say(
            "没有找到新的有效电子签名，或者一次加了不止一个。请只签一次后上传；由几方签的，依次下载、签名、上传。"
        ),
        slug="paper-unsigned",
    )
