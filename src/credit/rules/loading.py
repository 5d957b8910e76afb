"""Loading packs from YAML folders; numbers stay text, so that nothing is ever a float."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from credit.kit.canonical import DEPTH_MAX
from credit.rules.document import MANY, SINGLE
from credit.rules.pack import Pack, PackInvalid
from credit.rules.reading import Fault, shown

__all__ = ["PACKS_DIR", "list_packs", "load_pack", "pack_of_city", "read_yaml"]

PACKS_DIR = Path(__file__).parent / "packs"
FILE_BYTES_MAX = 1024 * 1024
TEXT_TAG = "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """YAML without surprises: no floats or dates, no tags, no anchors, no key but text, or twice."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.events.AliasEvent) or event.anchor is not None:
            raise _refusal("不能用锚点和引用（& 和 *），请写全", event)
        if event.tag is not None:
            raise _refusal(f"不能用“{shown(event.tag)}”这样的类型标签，请去掉，小数加引号", event)
        if self.depth == DEPTH_MAX:
            raise _refusal(f"嵌套不能超过 {DEPTH_MAX} 层，请少分几层", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != TEXT_TAG:
                raise _refusal("键应为文字，不能是数字、true、null 或列表，请改写或加引号", key)
            if key.value in seen:
                raise _refusal(f"键“{shown(key.value)}”出现了两次，请只留一个", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refusal(message: str, at: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, message, at.start_mark)


# Only what YAML 1.2 calls true, false, null and integers; YAML 1.1 would turn `on`, `no` and dates
# into other things than their text.
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"0|-?[1-9][0-9]{0,14}", "-0123456789"),
    ("null", r"~|null|", ["~", "n", ""]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )


def read_yaml(path: Path, name: str) -> Any:
    """Read a YAML file; PackInvalid names the line and the cure."""
    content = _read_bytes(path, name)
    try:
        return yaml.load(content.decode("utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    # A ValueError is another encoding, or with OverflowError an escape for no character there is.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"第 {mark.line + 1} 行" if mark else ""
        message = getattr(error, "problem", None) or str(error)
        raise PackInvalid([Fault(name, where, f"不是可读的 YAML：{message}。")]) from error


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"读不出这个文件（{error.strerror}），请核对它是不是文件、能不能读。"
        raise PackInvalid([Fault(name, "", message)]) from error
    if len(content) > FILE_BYTES_MAX:
        message = f"文件超过 {FILE_BYTES_MAX // 1024} KiB，请删去不用的内容。"
        raise PackInvalid([Fault(name, "", message)])
    return content


def list_packs() -> list[str]:
    """Name the packs that come with the service."""
    return sorted(path.parent.name for path in PACKS_DIR.glob("*/pack.yaml"))


@lru_cache(maxsize=32)
def load_pack(name: str | Path) -> Pack:
    """Load a pack by its id, or from a folder; PackInvalid lists everything wrong with it."""
    folder = name if isinstance(name, Path) else PACKS_DIR / name
    if not isinstance(name, Path) and name not in list_packs():
        raise PackInvalid([Fault(name, "", f"没有这个规则包。可用：{'、'.join(list_packs())}。")])
    missing = [f"{part}.yaml" for part in SINGLE if not (folder / f"{part}.yaml").is_file()]
    if missing:
        raise PackInvalid([Fault(one, "", "缺少这个文件。") for one in missing])
    return Pack(
        {part: read_yaml(folder / f"{part}.yaml", f"{part}.yaml") for part in SINGLE}
        | {part: _read_folder(folder, part) for part in MANY}
    )


def _read_folder(folder: Path, part: str) -> list[Any]:
    """Read the files of a folder in the order of their names, which are their ids."""
    files = []
    for path in sorted((folder / part).glob("*.yaml")):
        name = f"{part}/{path.name}"
        content = read_yaml(path, name)
        if not isinstance(content, dict) or content.get("id") != path.stem:
            raise PackInvalid([Fault(name, "id", f"应与文件名一致：{path.stem}。")])
        files.append(content)
    return files


@lru_cache(maxsize=1024)
def pack_of_city(city: str) -> Pack:
    """Return the pack whose jurisdictions name the city."""
    for name in list_packs():
        pack = load_pack(name)
        if city in pack.head.jurisdictions:
            return pack
    raise PackInvalid([Fault("pack.yaml", "jurisdictions", f"没有适用于 {city} 的规则包。")])
