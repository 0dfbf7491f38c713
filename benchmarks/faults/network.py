"""A network of this process alone, and a machine beside it whose cable can be pulled out: what is sent is swallowed."""

import ctypes
import os
import subprocess

from benchmarks.faults.disks import Skipped

CLONE_NEWNET = 0x40000000
OURS, THEIRS = "10.77.0.1", "10.77.0.2"


class Machine:
    """What runs with `prefix` runs there, at the address THEIRS."""

    def __init__(self, processes):
        # From here on this process and all that it starts have a network of their own, which nobody else notices.
        if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise Skipped("only root can make a network, and here it can't")
        self._run("ip", "link", "set", "lo", "up")
        log = processes.directory / "machine"
        self.process = processes.start(["unshare", "--net", "sh", "-c", "echo up; exec sleep 100000"], log)
        while not log.read_text():
            self.process.poll()
        self.prefix = ["nsenter", f"--target={self.process.pid}", "--net"]
        try:
            self._run(
                "ip", "link", "add", "ours", "type", "veth", "peer", "name", "theirs", "netns", str(self.process.pid)
            )
        except subprocess.CalledProcessError as error:
            raise Skipped(f"the system has no virtual cables: {error.stderr.strip()}") from None
        for there, name, address in (([], "ours", OURS), (self.prefix, "theirs", THEIRS)):
            self._run(*there, "ip", "address", "add", f"{address}/24", "dev", name)
            self._run(*there, "ip", "link", "set", name, "up")

    def pull_out(self):
        """Neither end learns anything of it."""
        self._run(*self.prefix, "ip", "link", "set", "theirs", "down")

    def put_back(self):
        """As if nothing had been."""
        self._run(*self.prefix, "ip", "link", "set", "theirs", "up")

    def _run(self, *command):
        subprocess.run(command, check=True, capture_output=True, text=True)
