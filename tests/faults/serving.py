"""The service as a process of its own, which is killed and started again within a second."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

from tests.bank import API
from tests.faults.conftest import wait_gone
from tests.faults.test_kill import environment

__all__ = ["Service", "serving"]

STOP_SECONDS = 60
# Has imported the service, and starts one at each line it reads; the last one ends with it.
NURSERY = """
import os, signal, sys
import credit.app, credit.cli, uvicorn
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child = 0
while sys.stdin.readline():
    child = os.fork()
    if not child:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        credit.cli.main(["serve"])
    print(child, flush=True)
if child:
    os.kill(child, signal.SIGKILL)
"""


class Service:
    """`credit serve` as a process that can be killed and started again at the same address."""

    def __init__(self, nursery, url):
        self.nursery, self.url = nursery, url
        self.start()

    def start(self):
        self.nursery.stdin.write("serve\n")
        self.nursery.stdin.flush()
        self.pid = int(self.nursery.stdout.readline())

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        wait_gone([self.pid])


@contextmanager
def serving(server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        env={**environment(server), "CREDIT_PORT": str(port)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Service(nursery, f"http://127.0.0.1:{port}{API}")
    finally:
        nursery.communicate(timeout=STOP_SECONDS)  # the end of its input ends it
