"""The vault: personal data sealed with a key of each person's own, which can be destroyed.

A value is AES-256-GCM under its person's key; that key is itself sealed under the deployment's
master key, which is a file and never in the database. Erasing somebody deletes the sealed key, so
that copies of the values, wherever they went, can be read by nobody.
"""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from credit.kit import store
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.secret_file import load_or_make
from credit.kit.texts import say

__all__ = ["VALUE_CHARS_MAX", "Vault", "load_or_make_master"]

NONCE_BYTES = 12
KEY_BYTES = 32
VALUE_CHARS_MAX = 400


def load_or_make_master(path: Path) -> bytes:
    """Read the deployment's master key from its file, or make it: 32 random bytes."""
    key = load_or_make(path, lambda: secrets.token_bytes(KEY_BYTES))
    if len(key) != KEY_BYTES:
        raise Conflict(
            say(
                "密钥文件 %(path)s 已损坏：应为 %(key_bytes)s 字节。请从备份恢复。",
                path=path.name,
                key_bytes=KEY_BYTES,
            )
        )
    return key


class Vault:
    """One city's sealed values. `subject` is a pseudonym, `field` says which value of it."""

    def __init__(self, master: bytes, city: str) -> None:
        self._master = AESGCM(master)
        self.city = city

    async def put(self, conn: Connection, field: str, values: Mapping[str, str]) -> None:
        """Seal a value for each subject, in the place of an earlier one."""
        if not values:
            return
        if any(len(value) > VALUE_CHARS_MAX for value in values.values()):
            raise Conflict(say("个人信息最多 %(most)s 个字。", most=VALUE_CHARS_MAX))
        subjects = sorted(values)
        made = [self._seal(self._master, AESGCM.generate_key(256), one) for one in subjects]
        keys = await store.vault_keys(conn, subjects, made)
        sealed = [
            self._seal(self._key(keys[one], one), values[one].encode(), one, field)
            for one in subjects
        ]
        await store.put_vault_values(conn, field, subjects, sealed)

    async def open(self, conn: Connection, field: str, subjects: Iterable[str]) -> dict[str, str]:
        """Return the values of those subjects that have one; erased ones are left out."""
        rows = await store.vault_values(conn, field, sorted(set(subjects)))
        return {subject: self.read(subject, field, key, value) for subject, key, value in rows}

    def read(self, subject: str, field: str, key: bytes, value: bytes) -> str:
        """Open one value with its sealed key, as a query that joins the vault returns them."""
        return self._open(self._key(key, subject), value, subject, field).decode()

    async def remove(self, conn: Connection, field: str, subjects: Iterable[str]) -> None:
        """Delete one value of each subject. Their keys stay, for the others: so could a copy be read."""
        await store.remove_vault_values(conn, field, sorted(set(subjects)))

    async def erase(self, conn: Connection, subjects: Iterable[str]) -> None:
        """Destroy the keys of subjects, and with them every value they ever sealed."""
        await store.erase_vault(conn, sorted(set(subjects)))

    def seal(self, value: str, *about: str) -> bytes:
        """Seal a secret that is nobody's personal data and is kept in its own place: `about` says
        in which, and is asked for again to open it.
        """
        return self._seal(self._master, value.encode(), *about)

    def unseal(self, sealed: bytes, *about: str) -> str:
        """Open a secret that `seal` closed for the same place."""
        return self._open(self._master, sealed, *about).decode()

    def _key(self, sealed: bytes, subject: str) -> AESGCM:
        return AESGCM(self._open(self._master, sealed, subject))

    def _seal(self, key: AESGCM, plain: bytes, *about: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + key.encrypt(nonce, plain, self._label(*about))

    def _open(self, key: AESGCM, sealed: bytes, *about: str) -> bytes:
        try:
            return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._label(*about))
        except InvalidTag:
            raise Conflict(
                say("个人信息无法解密：保管库的主密钥与数据库不是一套。请恢复配套的密钥文件。"),
                slug="vault-key-mismatch",
            ) from None

    def _label(self, *about: str) -> bytes:
        """Bind a sealed text to its place, so that it cannot be moved to another one."""
        return "\n".join((self.city, *about)).encode()
