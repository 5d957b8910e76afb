"""The workbook as a file: refuses what is no harmless .xlsx, and reads its structure."""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

from credit.kit.errors import Invalid, TooLarge
from credit.kit.excel.spec import TEXT_CHARS_MAX
from credit.kit.texts import say

__all__ = ["Package", "SheetPart", "damaged", "local_name", "open_package", "parse_part"]

FILE_BYTES_MAX = 20 * 1024 * 1024
INFLATED_BYTES_MAX = 200 * 1024 * 1024  # all members together
RATIO_MAX = 250  # inflated to packed bytes of one member; row upon row of XML reaches about 50
RATIO_FREE_BYTES = 1024 * 1024  # below this size a high ratio does no harm
MEMBERS_MAX = 1_000
STRUCTURE_BYTES_MAX = 8 * 1024 * 1024  # a part other than sheets and strings
ELEMENTS_MAX = 16_000_000  # XML elements of one part
STRINGS_MAX = 2_000_000
CHUNK_BYTES = 64 * 1024

# Date formats of the Chinese Excel without a format text in the file (ECMA-376-1, 18.8.30).
_CHINESE_DATE_FORMATS = frozenset([*range(27, 37), *range(50, 59)])
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def damaged(why: str) -> Invalid:
    """Word the refusal of a file whose inside contradicts itself."""
    return Invalid(
        say(
            "这个 Excel 文件已损坏，无法读取（%(why)s）。请用 Excel 或 WPS 打开并另存为 .xlsx 后再上传。",
            why=why,
        )
    )


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet's name as on its tab, whether the clerk sees it, and its part in the package."""

    name: str
    visible: bool
    member: str


@dataclass(slots=True)
class Package:
    """An opened workbook. `strings` holds `None` for a text beyond Excel's own limit."""

    archive: zipfile.ZipFile
    sheets: list[SheetPart] = field(default_factory=list)
    strings: list[str | None] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    date_styles: frozenset[int] = frozenset()
    epoch_1904: bool = False

    def format_of(self, style: int) -> str:
        """Return the number format of a cell style, `General` when there is none."""
        return self.formats[style] if 0 <= style < len(self.formats) else "General"


def open_package(source: Path | str | bytes) -> Package:
    """Read a workbook of at most 20 MiB, refusing what is no plain .xlsx.

    Raises TooLarge for a file beyond a limit and Invalid for every other refusal.
    """
    data = _bytes_of(source)
    try:
        archive = _open_archive(data)
        _refuse_active_content(archive)
        _measure(archive)
        package = Package(archive)
        _read_structure(package)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise damaged(say("压缩包不完整")) from error
    return package


def _bytes_of(source: Path | str | bytes) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        with Path(source).open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise TooLarge(say("Excel 文件超过 20 MB。请拆成几个文件分别上传。"))
    return data


def _open_archive(data: bytes) -> zipfile.ZipFile:
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise Invalid(
            say(
                "这是旧版 .xls 文件，或者设了打开密码。请用 Excel 或 WPS 去掉密码，另存为“Excel 工作簿（.xlsx）”后再上传。"
            )
        )
    if not data.startswith(b"PK\x03\x04"):
        kind = (
            say("看起来是 CSV 文本")
            if data and b"\x00" not in data[:4096]
            else say("内容不是工作簿")
        )
        raise Invalid(
            say(
                "这不是 .xlsx 文件（%(kind)s）。请用 Excel 或 WPS 打开，另存为“Excel 工作簿（.xlsx）”后再上传。",
                kind=kind,
            )
        )
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    if len(names) > MEMBERS_MAX:
        raise TooLarge(
            say(
                "Excel 文件内部有 %(count)s 个部件，超过 %(most)s 个，不予读取。",
                count=len(names),
                most=MEMBERS_MAX,
            )
        )
    if len(set(names)) != len(names):
        raise damaged(say("内部部件重名"))
    if "[Content_Types].xml" not in names:
        raise Invalid(say("这是一个压缩包，不是 Excel 工作簿。请上传 .xlsx 文件。"))
    if any(info.flag_bits & 0x1 for info in archive.infolist()):
        raise Invalid(say("Excel 文件已加密。请去掉密码后再上传。"))
    return archive


def _refuse_active_content(archive: zipfile.ZipFile) -> None:
    refused = {
        "vbaproject.bin": say("宏"),
        "xl/macrosheets/": say("宏"),
        "xl/externallinks/": say("指向其他文件的链接"),
        "xl/activex/": say("控件"),
        "xl/embeddings/": say("嵌入的其他文件"),
        "xl/connections.xml": say("数据连接"),
    }
    for name in archive.namelist():
        for part, what in refused.items():
            if part in name.lower():
                raise Invalid(
                    say(
                        "Excel 文件里有%(what)s，不予读取。请把内容复制（只粘贴数值）到空白模板中，再上传该模板。",
                        what=what,
                    )
                )


def _measure(archive: zipfile.ZipFile) -> None:
    """Inflate every member once and count: a header may state any size it likes."""
    total = 0
    for info in archive.infolist():
        size = 0
        with archive.open(info) as member:
            while chunk := member.read(CHUNK_BYTES):
                size += len(chunk)
                if total + size > INFLATED_BYTES_MAX:
                    raise TooLarge(say("Excel 文件展开后超过 200 MB，不予读取。请拆成几个文件。"))
                if size > RATIO_FREE_BYTES and size > RATIO_MAX * info.compress_size:
                    raise TooLarge(say("Excel 文件的压缩率异常，可能是恶意文件，不予读取。"))
        total += size


def local_name(name: str) -> str:
    """Strip the namespace prefix: `x:row` → `row`."""
    return name.rpartition(":")[2]


def parse_part(
    archive: zipfile.ZipFile,
    member: str,
    handler: object,
    *,
    bytes_max: int = INFLATED_BYTES_MAX,
) -> Iterator[None]:
    """Stream a part through `handler.start(name, attrs)`, `.end(name)`, `.text(data)`.

    Yields after each chunk so that the caller can take what has been collected. A document type,
    and with it any entity, is refused. Raises Invalid and TooLarge.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    start: Callable[[str, dict[str, str]], None] = handler.start  # type: ignore[attr-defined]
    end: Callable[[str], None] = handler.end  # type: ignore[attr-defined]
    elements = 0

    def on_start(name: str, attrs: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > ELEMENTS_MAX:
            raise TooLarge(say("Excel 文件的单元格太多，不予读取。请拆成几个文件。"))
        start(local_name(name), attrs)

    def on_doctype(*_: object) -> None:
        raise Invalid(say("Excel 文件里有文档类型声明（DTD），可能是恶意文件，不予读取。"))

    parser.StartDoctypeDeclHandler = on_doctype
    parser.StartElementHandler = on_start
    parser.EndElementHandler = lambda name: end(local_name(name))
    parser.CharacterDataHandler = handler.text  # type: ignore[attr-defined]
    try:
        info = archive.getinfo(member)
    except KeyError as error:
        raise damaged(say("缺少部件")) from error
    if info.file_size > bytes_max:
        raise TooLarge(say("Excel 文件的样式或结构部分过大，不予读取。请把内容复制到空白模板中。"))
    try:
        with archive.open(info) as file:
            while chunk := file.read(CHUNK_BYTES):
                parser.Parse(chunk, False)
                yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise damaged(say("XML 有误")) from error
    yield


class _Elements:
    """Collects every element's name and attributes; for the small structural parts."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self._path: list[str] = []

    def start(self, name: str, attrs: dict[str, str]) -> None:
        parent = self._path[-1] if self._path else ""
        self.found.append((parent, name, {local_name(key): attrs[key] for key in attrs}))
        self._path.append(name)

    def end(self, _name: str) -> None:
        self._path.pop()

    def text(self, data: str) -> None:
        """Structural parts carry everything in attributes."""


class _Strings:
    """Collects the shared texts; phonetic hints (`rPh`) are no part of a text."""

    def __init__(self) -> None:
        self.strings: list[str | None] = []
        self._pieces: list[str] = []
        self._chars = 0
        self._open = False
        self._phonetic = False

    def start(self, name: str, _attrs: dict[str, str]) -> None:
        if name == "si":
            self._pieces, self._chars = [], 0
        elif name == "rPh":
            self._phonetic = True
        elif name == "t":
            self._open = not self._phonetic

    def end(self, name: str) -> None:
        if name == "si":
            if len(self.strings) >= STRINGS_MAX:
                raise TooLarge(say("Excel 文件里的文字太多，不予读取。请拆成几个文件。"))
            whole = self._chars <= TEXT_CHARS_MAX
            self.strings.append(unescape("".join(self._pieces)) if whole else None)
        elif name == "rPh":
            self._phonetic = False
        elif name == "t":
            self._open = False

    def text(self, data: str) -> None:
        if self._open:
            self._chars += len(data)
            if self._chars <= TEXT_CHARS_MAX:
                self._pieces.append(data)


def unescape(text: str) -> str:
    """Undo `_xHHHH_`, by which SpreadsheetML writes what XML cannot (ECMA-376-1, 22.9.2.19)."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _elements(package: Package, member: str) -> list[tuple[str, str, dict[str, str]]]:
    handler = _Elements()
    for _ in parse_part(package.archive, member, handler, bytes_max=STRUCTURE_BYTES_MAX):
        pass
    return handler.found


def _related(package: Package, member: str) -> dict[str, tuple[str, str]]:
    """Return the parts a part refers to: id → (the last word of its type, member name)."""
    folder, _, name_of_part = member.rpartition("/")
    rels = posixpath.join(folder, "_rels", f"{name_of_part}.rels")
    related = {}
    for _, name, attrs in _elements(package, rels):
        if name == "Relationship" and attrs.get("TargetMode") != "External":
            target = attrs.get("Target", "")
            path = posixpath.normpath(posixpath.join("/", folder, target))[1:]
            related[attrs.get("Id", "")] = (attrs.get("Type", "").rpartition("/")[2], path)
    return related


def _read_structure(package: Package) -> None:
    roots = [part for kind, part in _related(package, "").values() if kind == "officeDocument"]
    if len(roots) != 1:
        raise damaged(say("找不到工作簿"))
    parts = _related(package, roots[0])
    for parent, name, attrs in _elements(package, roots[0]):
        if name == "workbookPr":
            package.epoch_1904 = attrs.get("date1904", "0") in {"1", "true"}
        elif (parent, name) == ("sheets", "sheet"):
            kind, member = parts.get(attrs.get("id", ""), ("", ""))
            if kind == "worksheet":
                visible = attrs.get("state", "visible") == "visible"
                package.sheets.append(SheetPart(attrs.get("name", ""), visible, member))
    for kind, member in parts.values():
        if kind == "styles":
            _read_styles(package, member)
        elif kind == "sharedStrings":
            handler = _Strings()
            for _ in parse_part(package.archive, member, handler):
                pass
            package.strings = handler.strings


def _read_styles(package: Package, member: str) -> None:
    own: dict[str, str] = {}
    ids: list[str] = []
    for parent, name, attrs in _elements(package, member):
        if (parent, name) == ("numFmts", "numFmt"):
            own[attrs.get("numFmtId", "")] = attrs.get("formatCode", "General")
        elif (parent, name) == ("cellXfs", "xf"):
            ids.append(attrs.get("numFmtId", "0"))
    builtin = {str(number): code for number, code in BUILTIN_FORMATS.items()}
    package.formats = [own.get(number) or builtin.get(number) or "General" for number in ids]
    chinese = {str(number) for number in _CHINESE_DATE_FORMATS} - own.keys()
    package.date_styles = frozenset(
        style
        for style, number in enumerate(ids)
        if number in chinese or is_date_format(package.formats[style])
    )
