"""What every comparison needs: stopwatches, the emulator of AWS, and where the peers are."""

import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

PEERS = pathlib.Path(__file__).parent / "peers"


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def pair(ours, peer, runs, before=lambda: None):
    """Medians in seconds, taken in turn, so that a noisy moment hits both, and each first in every other turn, so
    that neither always finds the caches as the other left them; `before` each turn is not timed."""
    for action in [ours, peer]:
        action()
    turns = []
    for run in range(runs):
        before()
        if run % 2:
            turns.append([seconds(peer), seconds(ours)][::-1])
        else:
            turns.append([seconds(ours), seconds(peer)])
    return medians(turns)


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


class MiniStack:
    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint, self.log = f"http://127.0.0.1:{self.port}", folder / "ministack.log"

    def __enter__(self):
        environment = os.environ | {"GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1"}
        # These listen on fixed ports.
        environment |= {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
        program = pathlib.Path(sys.executable).parent / "ministack"
        self.process = subprocess.Popen(
            [program], env=environment, stdout=self.log.open("w"), stderr=subprocess.STDOUT, start_new_session=True
        )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"MiniStack did not start: {self.log.read_text()[-500:]}")

    def __exit__(self, *_):
        # The functions that it runs are in its group.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
