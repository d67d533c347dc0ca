"""Processes of several Unix users on one machine, each with folders of its own that no other may enter.

The users have no names: numbers are enough for the kernel, and nothing is left in /etc/passwd. Where this checkout or
its Python lies in a folder that others may not enter (such as /root), each process sees it in a mount namespace of its
own, with that folder empty but for the checkout and Python.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.system.reachable import reachable

# In none of the ranges that Debian gives to anybody; others for each run, so that two beside each other do not meet.
FIRST_USER = 61_800 + os.getpid() % 300 * 10
PYTHON = Path(sys.executable)


@dataclass
class Process:
    """A process of a user, and where it writes what it says."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path

    def says(self) -> str:
        """Return the end of what it said."""
        return f"--- {self.name}\n{self.log.read_text(errors='replace')[-3000:]}"


@dataclass
class Machine:
    """The folder of all, and what runs."""

    folder: Path
    users: dict[str, int] = field(default_factory=dict)
    running: list[Process] = field(default_factory=list)

    def home(self, user: str) -> Path:
        """Return a user's own folder, which only that user may enter; made at the first call."""
        path = self.folder / user
        if user not in self.users:
            number = FIRST_USER + len(self.users)
            check_unused(number)  # before it is ours: whatever runs under our numbers is ended with us
            self.users[user] = number
            for made in (path, path / "tmp"):
                made.mkdir(mode=0o700)
            self.own(user)
        return path

    def own(self, user: str) -> None:
        """Give a user everything in its folder."""
        number = self.users[user]
        for path in [self.folder / user, *(self.folder / user).rglob("*")]:
            os.chown(path, number, number, follow_symlinks=False)

    def command(self, user: str, *command: str) -> list[str]:
        """Return a command as that user's."""
        number = str(self.users[user])
        who = ("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "--inh-caps=-all", "--")
        return [*reachable(self.folder / "mounts"), *who, *command]

    def environment(self, user: str, given: Mapping[str, str]) -> dict[str, str]:
        """Return what a process of the user is told: nothing of ours but where programs are."""
        home = str(self.home(user))
        own = {"HOME": home, "TMPDIR": str(self.home(user) / "tmp"), "USER": user, "LOGNAME": user}
        path = os.pathsep.join([str(PYTHON.parent), "/usr/local/bin", "/usr/bin", "/bin"])
        return {"PATH": path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **own, **given}

    def start(self, user: str, name: str, command: Sequence[str], given: Mapping[str, str]) -> Process:
        """Start a process as a user, in that user's folder."""
        environment, log = self.environment(user, given), self.folder / "logs" / f"{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                self.command(user, *command),
                cwd=self.home(user),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.running.append(Process(name, popen, log))
        return self.running[-1]

    def run(self, user: str, name: str, command: Sequence[str], given: Mapping[str, str]) -> str:
        """Run a command as a user to its end, and return what it said."""
        process = self.start(user, name, command, given)
        code = process.popen.wait(180)
        self.running.remove(process)
        assert code == 0, process.says()
        return process.log.read_text()

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until something is so; what has ended meanwhile is told."""
        deadline = time.monotonic() + seconds
        while not ready():
            ended = [process.says() for process in self.running if process.popen.poll() is not None]
            assert not ended, f"waiting for {what}: " + "\n".join(ended)
            assert time.monotonic() < deadline, f"{what} is not there after {seconds:g} s\n{self.says()}"
            time.sleep(0.2)

    def says(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(process.says() for process in self.running)

    def processes(self) -> list[psutil.Process]:
        """Return every process of the users, whoever started it."""
        return [one for one in psutil.process_iter(["uids"]) if one.info["uids"].real in self.users.values()]


@contextmanager
def machine() -> Iterator[Machine]:
    """Give an empty machine; afterwards nothing of it runs or is left on the disk, however the block ends."""
    assert os.getuid() == 0, "only root may start processes of other users: run this as root"
    for program in ("setpriv", "unshare"):
        assert shutil.which(program), f"{program} is missing: apt-get install util-linux"
    folder = Path(tempfile.mkdtemp(prefix="mlops-unshared-", dir="/tmp"))  # others must get in
    folder.chmod(0o711)
    for name in ("logs", "mounts"):
        (folder / name).mkdir(mode=0o700)
    made = Machine(folder)
    try:
        yield made
    finally:
        end(made)
        shutil.rmtree(folder)


def end(machine: Machine) -> None:
    """End what runs, the last started first: in good order, and then whatever is left of the users."""
    for process in reversed(machine.running):
        if process.popen.poll() is None:
            process.popen.terminate()
    deadline = time.monotonic() + 6
    for process in machine.running:
        try:
            process.popen.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.popen.pid, signal.SIGKILL)
            process.popen.wait()
    for _ in range(50):
        left = machine.processes()
        if not left:
            machine.running.clear()
            return
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=1)
    raise AssertionError(f"still running: {left}")


def check_unused(number: int) -> None:
    """Raise where the number is somebody's already."""
    used = [one for one in psutil.process_iter(["uids"]) if one.info["uids"].real == number]
    assert not used, f"user {number} has processes already: {used}"
