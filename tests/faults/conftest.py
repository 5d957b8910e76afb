"""A PostgreSQL of the test's own, kept by a process of its own, so that `kill -9` hits nobody else."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

KEEPER = """
import sys
from pathlib import Path
from credit.kit.embedded import start_embedded
print(start_embedded(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


class Server:
    """A PostgreSQL that can be killed and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", KEEPER, str(self.folder)]
        self.keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.keeper.stdout.readline().strip()

    def kill(self) -> None:
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        self.keeper.kill()
        self.keeper.communicate()
        # A list of who uses the server, which ends with the last of them; who is killed stays in it.
        (self.folder / "postgres" / ".handle_pids.json").unlink(missing_ok=True)

    def stop(self) -> None:
        """End the server, unless it was killed."""
        if self.keeper.returncode is None:
            self.keeper.communicate(timeout=30)  # the end of its input ends it, and the server
            assert not (self.folder / "postgres" / "postmaster.pid").exists()


@pytest.fixture
def server():
    """A server over a folder that its own user may reach."""
    folder = Path(tempfile.mkdtemp(prefix="credit-kill-"))
    folder.chmod(0o755)
    found = Server(folder)
    yield found
    try:
        found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
