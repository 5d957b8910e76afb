"""What a deployment keeps in files for each city: the log's keys and notes, the vault's key."""

from pathlib import Path

from credit.kit.clock import Clock
from credit.kit.db import Database
from credit.kit.signing import SigningKey, load_or_make_key
from credit.kit.vault import Vault, load_or_make_master
from credit.log.keeper import NoteKeeper
from credit.log.note import Verifier
from credit.log.sequencer import Sequencer
from credit.settings import Settings

__all__ = ["Logs"]


class Logs:
    """Finds a city's log: what it is called, what signs for it, where its notes are kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = Path(settings.data_dir).absolute()
        self._keys: dict[tuple[str, str], SigningKey] = {}
        self._vaults: dict[str, Vault] = {}

    def origin(self, city: str) -> str:
        """Name the log: `<domain>/log/<city>`."""
        return f"{self._settings.log_domain}/log/{city}"

    def verifier(self, city: str) -> Verifier:
        """Return what checks the city's checkpoints; its vkey is what outsiders are given."""
        return Verifier(self.origin(city), self._key(city, "log").public)

    def answer_key(self, city: str) -> SigningKey:
        """Return the key that signs the service's own answers; it signs nothing else."""
        return self._key(city, "answer")

    def person_key(self, city: str, username: str) -> SigningKey:
        """Return a person's key kept on this machine for the command line; made when missing."""
        return self._key(city, f"person-{username}")

    def book_key(self, city: str) -> SigningKey:
        """Return the key that signs the seals of the city's book of points."""
        return self._key(city, "points")

    def book_secret(self, city: str) -> bytes:
        """Return what hides accounts in seals that are proved to others."""
        return load_or_make_master(self._folder / "keys" / city / "points-secret.key")

    def vault(self, city: str) -> Vault:
        """Return the city's vault of personal data, under the deployment's master key."""
        if city not in self._vaults:
            master = load_or_make_master(self._folder / "keys" / "vault.key")
            self._vaults[city] = Vault(master, city)
        return self._vaults[city]

    def keeper(self, city: str) -> NoteKeeper:
        """Return the keeper of the city's last signed note."""
        return NoteKeeper(self._notes(city), self.verifier(city))

    def sequencer(self, db: Database, clock: Clock, city: str) -> Sequencer:
        """Return a sequencer for the city; any number may run, one of them works."""
        return Sequencer(
            db,
            clock,
            city,
            key=self._key(city, "log"),
            origin=self.origin(city),
            folder=self._notes(city),
            interval_seconds=self._settings.sequencer_interval_ms / 1000,
        )

    def _notes(self, city: str) -> Path:
        return self._folder / "log" / city

    def _key(self, city: str, name: str) -> SigningKey:
        if (city, name) not in self._keys:
            path = self._folder / "keys" / city / f"{name}.pem"
            self._keys[city, name] = load_or_make_key(path)
        return self._keys[city, name]
