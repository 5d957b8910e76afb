"""Tiles, entry bundles, signed notes and checkpoints: C2SP's own examples, and hostile input."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from credit.kit.signing import SigningKey
from credit.log.note import (
    Checkpoint,
    NoteError,
    Verifier,
    checkpoint_text,
    open_note,
    parse_checkpoint,
    sign_note,
)
from credit.log.tiles import (
    ENTRIES,
    TilePath,
    bundle,
    fold_tile,
    parse_bundle,
    parse_tile_path,
    tile_path,
    tile_width,
)
from credit.log.tree import node_hash

# The note, keys and signatures golang.org/x/mod/sumdb/note is tested with.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)
OTHER_VKEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
OTHER_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox"
    "33WWd1RvMc+QQ=\n"
)
NOTE = f"{TEXT}\n{LINE}"
PETER = Verifier.from_vkey(VKEY)
ENOCH = Verifier.from_vkey(OTHER_VKEY)
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEED)))
# The note C2SP's signed-note begins with; its text has an empty line.
POEM = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
POEM_LINE = (
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouF"
    "SQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
CHECKPOINT = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"


def under(text, *lines):
    return f"{text}\n{''.join(lines)}"


def line(name, raw):
    return f"— {name} {base64.b64encode(raw).decode()}\n"


def signed(text):
    """A line of Peter's under any text, also one `sign_note` would not sign."""
    return line(PETER.name, PETER.key_hash + KEY.sign_bytes(text.encode()))


FORGED = line(PETER.name, PETER.key_hash + bytes(64))


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("0/000", TilePath(0, 0, 256)),
        ("0/000.p/1", TilePath(0, 0, 1)),
        ("0/255.p/255", TilePath(0, 255, 255)),
        ("1/999", TilePath(1, 999, 256)),
        ("1/x001/000", TilePath(1, 1000, 256)),
        ("0/x001/x234/067", TilePath(0, 1234067, 256)),
        ("0/x001/x234/067.p/8", TilePath(0, 1234067, 8)),
        ("63/x999/x999/x999/x999/x999/999.p/255", TilePath(63, 10**18 - 1, 255)),
        ("entries/x001/x234/067", TilePath(ENTRIES, 1234067, 256)),
        ("entries/000.p/5", TilePath(ENTRIES, 0, 5)),
    ],
)
def test_a_tile_is_named_as_tlog_tiles_names_it(path, tile):
    assert tile_path(tile.level, tile.number, tile.width) == path
    assert parse_tile_path(path) == tile


@given(st.integers(-1, 63), st.integers(0, 2**63), st.integers(1, 256))
def test_every_tile_is_found_under_its_name(level, number, width):
    assert parse_tile_path(tile_path(level, number, width)) == TilePath(level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "0/", "000", "/0/000", "0/000/", "0/0", "0/00", "0/0000", "0/1234", "0/001/002",
        "0/x001", "0/x001/", "0/x001/x002", "0/x000/001", "0/x000/x001/002", "0/X001/002",
        "0/001/x002", "0/xx01/002", "0/x01/002", "0/x0001/002", "0/-01", "0/+01", "0/ 01", "0/1e1",
        "00/000", "01/000", "-1/000", "+1/000", "64/000", "99/000", "100/000", "x/000",
        "0/000.p", "0/000.p/", "0/000.p/0", "0/000.p/00", "0/000.p/01", "0/000.p/256",
        "0/000.p/257", "0/000.p/999", "0/000.p/1000", "0/000.p/-1", "0/000.p/a", "0/000.p/1/",
        "0/000.P/1", "0/000p/1", "0/000/p/1", "0/x001.p/1/000", "0/000.p/1.p/1",
        "Entries/000", "entry/000", "entries", "entries/", "-1/000.p/1", "data/000",
        "0/000\n", "\n0/000", "0/000.p/1\n", "0/000 ", "0//000", "0/../000", "0/000?", "tile/0/000",
        "0/٠٠٠", "0/０００", "٠/000", "0/000.p/١", "0/x٠٠١/000",
    ],
)  # fmt: skip
def test_every_other_spelling_of_a_tile_is_refused(path):
    assert parse_tile_path(path) is None


def test_a_tile_number_of_thousands_of_digits_is_no_tile_or_a_far_one():
    path = "0/" + "x999/" * 1500 + "999"
    assert parse_tile_path(path) in (None, TilePath(0, 10**4503 - 1, 256))


def test_a_tree_of_70000_leaves_has_the_tiles_of_the_specification():
    size = 70_000
    assert [tile_width(0, n, size) for n in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(1, n, size) for n in (0, 1, 2)] == [256, 17, 0]
    assert [tile_width(level, 0, size) for level in (2, 3)] == [1, 0]
    assert [tile_width(ENTRIES, n, size) for n in (272, 273, 274)] == [256, 112, 0]
    assert [tile_width(level, 0, 256) for level in (0, 1, 2)] == [256, 1, 0]


@pytest.mark.parametrize("count", [1, 2, 4, 256])
def test_a_tile_folds_to_the_root_over_its_hashes(count):
    hashes = row = [bytes([n]) * 32 for n in range(count)]
    while len(row) > 1:
        row = [node_hash(row[n], row[n + 1]) for n in range(0, len(row), 2)]
    assert fold_tile(hashes) == row[0]


@pytest.mark.parametrize("count", [3, 5, 6, 255])
def test_hashes_that_are_no_complete_tree_are_not_folded(count):
    with pytest.raises(ValueError, match="argument"):
        fold_tile([bytes(32)] * count)


def test_an_entry_stands_in_a_bundle_after_its_length_in_big_endian():
    assert bundle([b"", b"ab", b"c" * 258]) == b"\0\0" + b"\0\2ab" + b"\1\2" + b"c" * 258
    assert bundle([]) == b""
    assert parse_bundle(b"") == []


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_back_its_entries(entries):
    assert parse_bundle(bundle(entries)) == entries


def test_the_longest_entry_fits_a_bundle_and_a_longer_one_does_not():
    assert parse_bundle(bundle([b"a" * 65_535, b"b"])) == [b"a" * 65_535, b"b"]
    with pytest.raises(OverflowError):
        bundle([b"a" * 65_536])


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.data())
def test_a_bundle_that_was_cut_off_is_refused_unless_it_ends_with_an_entry(entries, data):
    whole = bundle(entries)
    end = data.draw(st.integers(0, len(whole) - 1))
    ends = {len(bundle(entries[:n])): n for n in range(len(entries))}
    if end in ends:
        assert parse_bundle(whole[:end]) == entries[: ends[end]]
    else:
        with pytest.raises(ValueError, match="cut off"):
            parse_bundle(whole[:end])


def test_the_published_note_opens_and_is_made_again_byte_for_byte():
    assert KEY.public == PETER.public
    assert PETER.vkey == VKEY
    assert open_note(NOTE, PETER) == TEXT
    assert sign_note(TEXT, PETER, KEY.sign_bytes) == NOTE


def test_each_of_two_signers_is_enough():
    for lines in (LINE + OTHER_LINE, OTHER_LINE + LINE):
        for verifier in (PETER, ENOCH):
            assert open_note(under(TEXT, lines), verifier) == TEXT


def test_a_text_may_hold_empty_lines_and_ends_at_the_last():
    assert open_note(under(POEM, POEM_LINE, signed(POEM)), PETER) == POEM
    quoting = f"{NOTE}and so on\n"
    assert open_note(under(quoting, signed(quoting)), PETER) == quoting


@pytest.mark.parametrize(
    "unknown",
    [
        OTHER_LINE,
        POEM_LINE,
        line("PeterNeumann", bytes(68)),  # the name of a known key, another hash
        line("Peter", PETER.key_hash + bytes(64)),  # the hash of a known key, another name
        line("witness.example/w", b"\1\2\3\4" + bytes(5_000)),  # as long as they come
        "— w.example/é AAAAAAA=\n",
    ],
)
def test_lines_of_unknown_keys_are_skipped_and_prove_nothing(unknown):
    assert open_note(under(TEXT, unknown, LINE), PETER) == TEXT
    assert open_note(under(TEXT, LINE, unknown), PETER) == TEXT
    with pytest.raises(NoteError, match="no known key"):
        open_note(under(TEXT, unknown), PETER)


def test_as_many_signatures_as_every_verifier_must_read_are_read_and_too_many_are_not():
    assert open_note(under(TEXT, OTHER_LINE * 99, LINE), PETER) == TEXT
    with pytest.raises(NoteError, match="too many"):
        open_note(under(TEXT, OTHER_LINE * 100, LINE), PETER)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT, id="no signatures"),
        pytest.param(under(TEXT), id="no signature line"),
        pytest.param(TEXT + LINE, id="no empty line"),
        pytest.param(signed("\n"), id="a signature of an empty line and nothing before it"),
        pytest.param(NOTE[:-1], id="no newline at the end"),
        pytest.param(f"{NOTE}\n", id="an empty line at the end"),
        pytest.param(f"{NOTE}x\n", id="a line that is no signature"),
        pytest.param(under(TEXT, "x\n", LINE), id="a line that is no signature first"),
        pytest.param(under(TEXT, LINE, "\n", LINE), id="signatures in two parts"),
        pytest.param(NOTE.replace("—", "-"), id="a hyphen"),
        pytest.param(NOTE.replace("—", "\u2013"), id="an en dash"),
        pytest.param(NOTE.replace("—", " —"), id="a space before the dash"),
        pytest.param(NOTE.replace("— ", "—"), id="no space after the dash"),
        pytest.param(NOTE.replace("— ", "—  "), id="two spaces after the dash"),
        pytest.param(NOTE.replace("— ", "—\u00a0"), id="a no-break space"),
        pytest.param(NOTE.replace("n x08", "n  x08"), id="two spaces after the name"),
        pytest.param(f"{NOTE[:-1]} \n", id="a space after the signature"),
        pytest.param(NOTE.replace("PeterN", "Peter N"), id="a space in the name"),
        pytest.param(f"{NOTE}— \u2003 AAAAAAA=\n", id="a name that is a space"),
        pytest.param(f"{NOTE}— name\n", id="no signature after the name"),
        pytest.param(f"{NOTE}— name \n", id="an empty signature"),
        pytest.param(f"{NOTE}— name AA-_\n", id="base64 of the other alphabet"),
        pytest.param(f"{NOTE}— name A===\n", id="three signs of padding"),
        pytest.param(f"{NOTE}— name AA=A\n", id="padding inside"),
        pytest.param(f"{NOTE}— na\0me AAAAAAA=\n", id="a control character in a line"),
        pytest.param(NOTE.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(f"x{NOTE}", id="another text"),
        pytest.param(NOTE.replace("you ", "you\u00a0", 1), id="another space in the text"),
        pytest.param(NOTE.replace("PeterNeumann", "EnochRoot"), id="another's name"),
        pytest.param(NOTE.replace("Peter", "peter"), id="the name in small letters"),
        pytest.param(NOTE.replace("Zb6K", "Zb6L"), id="another signature"),
        pytest.param(NOTE.replace("x08go/", "x08goABCD/"), id="a longer signature"),
        pytest.param(under(TEXT, "— PeterNeumann x08gow==\n"), id="a signature of no bytes"),
        pytest.param(NOTE + FORGED, id="a forged signature after a good one"),
        pytest.param(under(TEXT, FORGED, LINE), id="a forged signature before a good one"),
    ],
)
def test_a_note_that_is_not_one_is_refused(note):
    with pytest.raises(NoteError):
        open_note(note, PETER)


@pytest.mark.parametrize("text", ["\1x\n", "a\tb\n", "a\rb\n", "\0\n", "\x1f\n", "\x1b[2J\n"])
def test_control_characters_are_refused_though_the_signature_fits(text):
    with pytest.raises(NoteError, match="control characters"):
        open_note(under(text, signed(text)), PETER)


@pytest.mark.parametrize(("character", "count"), [("x", 1_000_000), ("é", 500_000)])
def test_a_note_of_more_than_a_megabyte_is_refused_though_the_signature_fits(character, count):
    text = f"{character * count}\n"
    with pytest.raises(NoteError, match="too large"):
        open_note(under(text, signed(text)), PETER)


@pytest.mark.parametrize("text", ["A", "AAA", "AAAAA", "AA=", "x08goA="])
def test_a_line_whose_base64_is_cut_off_is_refused_as_malformed(text):
    with pytest.raises(NoteError):
        open_note(f"{NOTE}— name {text}\n", PETER)


def test_a_signature_line_with_any_bit_flipped_is_refused():
    raw = base64.b64decode(LINE.split(" ")[2])
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(NoteError):
            open_note(under(TEXT, line(PETER.name, bytes(flipped))), PETER)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 6))
def test_a_text_with_a_flipped_bit_is_refused(position, bit):
    text = f"{TEXT[:position]}{chr(ord(TEXT[position]) ^ 1 << bit)}{TEXT[position + 1 :]}"
    with pytest.raises(NoteError):
        open_note(under(text, LINE), PETER)


@pytest.mark.parametrize("text", ["", "no newline", "two parts\n\nof a text\n", "a line\n\n"])
def test_a_text_that_would_not_open_again_is_not_signed(text):
    with pytest.raises(NoteError, match="newline"):
        sign_note(text, PETER, KEY.sign_bytes)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_a_signed_text_opens_for_its_signer_and_for_no_other(text):
    note = sign_note(f"{text}\n", PETER, KEY.sign_bytes)
    assert open_note(note, PETER) == f"{text}\n"
    with pytest.raises(NoteError, match="no known key"):
        open_note(note, ENOCH)


def test_a_vkey_cut_anywhere_or_with_any_other_character_is_refused():
    parts = [VKEY[i:j] for i in range(len(VKEY)) for j in range(i, len(VKEY) + 1)]
    parts.remove(VKEY)
    others = [f"{VKEY[:i]}{chr(ord(VKEY[i]) + 1)}{VKEY[i + 1 :]}" for i in range(len(VKEY))]
    for vkey in parts + others:
        with pytest.raises(NoteError, match="vkey"):
            Verifier.from_vkey(vkey)


@pytest.mark.parametrize(
    "vkey",
    [
        # The first two are of the Go tests: their hashes fit.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("c74f20a3", "c74f20a3c74f20a3"),
        VKEY.replace("c74f20a3", ""),
        VKEY.replace("c74f20a3", "c7_4f20a3"),
        VKEY.replace("PeterNeumann", "EnochRoot"),
        VKEY.replace("PeterN", "Peter N"),
        VKEY.replace("+ARpc", "+AR pc"),
        VKEY.replace("/LDE4", "_LDE4"),
        VKEY.replace("+ARpc", "++ARpc"),
        f"+{VKEY}",
        f"{VKEY}é",
        f"{VKEY}+",
    ],
)
def test_a_vkey_that_does_not_fit_its_key_is_refused(vkey):
    with pytest.raises(NoteError, match="vkey"):
        Verifier.from_vkey(vkey)


@pytest.mark.parametrize("name", ["", " ", "Peter Neumann", "Peter\u2003Neumann", "Peter\nNeumann"])
def test_a_vkey_whose_name_no_signature_line_can_hold_is_refused_though_its_hash_fits(name):
    with pytest.raises(NoteError, match="vkey"):
        Verifier.from_vkey(Verifier(name, PETER.public).vkey)


def test_a_vkey_is_taken_with_the_newline_of_the_file_it_stood_in():
    assert Verifier.from_vkey(f"{VKEY}\n") == PETER


@pytest.mark.parametrize("vkey", [VKEY.replace("c74f20a3", "c7 4f 20 a3"), f"{VKEY}="])
def test_a_vkey_in_another_spelling_is_refused(vkey):
    with pytest.raises(NoteError, match="vkey"):
        Verifier.from_vkey(vkey)


def test_the_published_checkpoint_reads_as_what_it_says():
    checkpoint = parse_checkpoint(CHECKPOINT)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == 20_852_163
    assert base64.b64encode(checkpoint.root).decode() == ROOT
    assert checkpoint_text(checkpoint) == CHECKPOINT


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1),
    st.integers(0, 10**19 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_a_checkpoint_gives_back_what_it_was_made_of(origin, size, root):
    checkpoint = Checkpoint(origin, size, root)
    text = checkpoint_text(checkpoint)
    assert parse_checkpoint(text) == checkpoint
    assert open_note(sign_note(text, PETER, KEY.sign_bytes), PETER) == text


def test_extension_lines_are_allowed_and_ignored():
    assert parse_checkpoint(f"{CHECKPOINT}one\ntwo\n") == parse_checkpoint(CHECKPOINT)


@pytest.mark.parametrize(
    "size",
    [
        "", "-1", "+1", "01", "00", "-0", "1.0", "1e3", " 1", "1 ", "1_000", "0x10", "x", "١", "１",
        "1" * 20, pytest.param("9" * 5_000, id="5000 digits"),
    ],
)  # fmt: skip
def test_a_size_that_is_not_plainly_a_number_is_refused(size):
    with pytest.raises(NoteError, match="checkpoint"):
        parse_checkpoint(f"origin\n{size}\n{ROOT}\n")


@pytest.mark.parametrize(
    "root",
    [
        ROOT[:-1],  # no padding
        f"{ROOT}=",
        ROOT.replace("I=", "J="),  # bits that say nothing are not zero
        ROOT.replace("/", "_"),
        f" {ROOT}",
        f"{ROOT} ",
        f"{ROOT[:20]} {ROOT[20:]}",
        f"{ROOT[:-4]}é===",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
        bytes(32).hex(),
        "=",
    ],
)
def test_a_root_that_is_not_32_bytes_in_canonical_base64_is_refused(root):
    with pytest.raises(NoteError, match="root is malformed"):
        parse_checkpoint(f"origin\n1\n{root}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "origin\n",
        "origin\n1\n",
        f"origin\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"origin\n1\n{ROOT}\n\n",
        f"origin\n1\n{ROOT}\nextension",
        f"origin\n1\n{ROOT}\n\nextension\n",
        f"origin\n1\n\n{ROOT}\n",
        f"origin\r\n1\r\n{ROOT}\r\n",
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(NoteError, match="checkpoint"):
        parse_checkpoint(text)
