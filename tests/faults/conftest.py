"""A PostgreSQL of the test's own, kept by a process of its own, so that `kill -9` hits nobody else."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

# Starts the server at each line it reads; the end of its input, be it by our death, ends both. It
# inherits what is killed, and collects it at once: until then the library takes it for running.
KEEPER = """
import ctypes, os, sys
from contextlib import suppress
from pathlib import Path
from credit.kit.embedded import start_embedded
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
for _ in sys.stdin:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    print(start_embedded(Path(sys.argv[1])), flush=True)
"""
GONE_SECONDS = 10


def is_alive(pid):
    """Say whether a process is there, and is not one that ended and was not collected yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not state.startswith("Z")


def wait_gone(pids):
    """Wait until nothing is left of processes that were killed."""
    deadline = time.monotonic() + GONE_SECONDS
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Server:
    """A PostgreSQL that can be killed and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-c", KEEPER, str(folder)]
        self.keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.start()

    def start(self) -> None:
        self.keeper.stdin.write("start\n")
        self.keeper.stdin.flush()
        self.url = self.keeper.stdout.readline().strip()
        assert self.url, "the server did not start"
        self.running = True

    def kill(self) -> None:
        """Kill the server with its backends, one of which might finish a transaction without it."""
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.running = False
        for one in (pid, *map(int, found)):
            with suppress(ProcessLookupError):  # it ended by itself when the server was no more
                os.kill(one, signal.SIGKILL)
        wait_gone([pid, *found])

    def stop(self) -> None:
        """End the server, unless it was killed."""
        self.keeper.communicate(timeout=30)  # the end of its input ends it, and the server
        if self.running:
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
    except subprocess.TimeoutExpired:
        found.kill()
        found.keeper.kill()
        found.keeper.communicate()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
