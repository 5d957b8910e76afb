"""`credit-verify`: checks the receipt of a transfer of points, offline, for whoever holds it.

Needs nothing but Python and `cryptography`: no database, no network, none of the service's settings.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from credit.kit.signing import unb64
from credit.log.note import NoteError, Verifier
from credit.points.logic.bundles import (
    BUNDLE_BYTES_MAX,
    BundleError,
    KeyListing,
    Verdict,
    read_json,
    verify_bundle,
)

__all__ = ["INVALID", "REVOKED", "UNKNOWN", "VALID", "main"]

VALID, INVALID, UNKNOWN, REVOKED = 0, 1, 2, 3
KEYS_BYTES_MAX = 20_000_000
CODES = {"valid": VALID, "revoked": REVOKED, "unknown": UNKNOWN}
HELP = """\
离线核对积分凭证。退出码：0 有效；1 无效；2 按给出的公钥无法核对；3 封存所用的密钥在封存之前已被吊销。
先于吊销的封存仍然有效：以日志里的先后为准。凭证本身不能证明“没有吊销”，要确认时用 --keys。"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a receipt and say what it proves; returns the exit code."""
    parser = argparse.ArgumentParser(
        "credit-verify", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("receipt", type=Path, help="凭证文件（JSON）")
    parser.add_argument(
        "--vkey",
        type=Path,
        help="文件，内有日志的验证公钥（公开日志页上的一行）；不给就没有可信的依据",
    )
    parser.add_argument("--keys", type=Path, help="文件，日志 /log/…/keys 的回答：核对有没有吊销")
    parser.add_argument("--json", action="store_true", help="结果写成 JSON")
    given = parser.parse_args(arguments)
    try:
        trusted = given.vkey and Verifier.from_vkey(_read(given.vkey, 1_000).decode())
        keys = given.keys and _listing(json.loads(_read(given.keys, KEYS_BYTES_MAX)))
        content = _read(given.receipt, BUNDLE_BYTES_MAX + 1)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"公钥不合格式：{error}" if isinstance(error, NoteError) else f"读不出来：{error}"
        return _say(given.json, UNKNOWN, {"state": "unknown", "reason": reason}, [reason])
    try:
        found = verify_bundle(read_json(content), trusted, keys)
    except BundleError as error:
        lines = [f"无效：{error}"]
        return _say(given.json, INVALID, {"state": "invalid", "reason": str(error)}, lines)
    return _say(given.json, CODES[found.state], asdict(found), _lines(found))


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _listing(listed: Sequence[Mapping[str, Any]]) -> dict[str, KeyListing]:
    return {
        one["kid"]: KeyListing(unb64(one["public_key"]), one["announced"], one["revoked"])
        for one in listed
        if one["announced"] is not None
    }


def _lines(found: Verdict) -> list[str]:
    head = {
        "valid": "有效。",
        "revoked": "无效：封存所用的密钥在封存之前已被吊销，这样的封存不算数。",
        "unknown": "内容前后一致，但没有可信的公钥给它作证：请用 --vkey 给出日志的验证公钥。",
    }
    moved = found.transfer
    lines = [
        head[found.state],
        f"第 {moved['id']} 笔划转，{moved['kind']}，{moved['amount']} 积分，{moved['at']}",
        *(f"{side}：{account}" for side, account in found.known.items()),
        f"封存：第 {found.epoch} 期，日志 {found.origin} 第 {found.index} 条，{found.sealed_at}",
    ]
    if found.later is not None:
        lines.append(f"封存以后密钥已被吊销（日志第 {found.later} 条），不影响这份凭证。")
    return lines


def _say(as_json: bool, code: int, found: Mapping[str, Any], lines: Sequence[str]) -> int:
    text = json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines)
    sys.stdout.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
