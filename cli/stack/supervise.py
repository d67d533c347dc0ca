"""The stack's supervisor: supervisord runs the services, restarts what dies, and stops them all."""

import os
import subprocess
import time
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil

from cli.errors import StackError
from cli.stack import airflow
from cli.stack.config import logs, socket_of, write_config
from cli.stack.services import program
from pipeline.settings import Settings


def start(settings: Settings) -> None:
    """Start supervisord with every service; returns at once."""
    config = write_config(settings)
    environment = airflow.environment(settings)
    ran = subprocess.run(
        [program("supervisord"), "--configuration", str(config)],
        env=environment,
        cwd=settings.state,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise StackError(f"supervisord did not start: {ran.stderr or ran.stdout}")


def stop(settings: Settings, seconds: float = 60) -> bool:
    """Stop every service and supervisord; returns whether there was anything to stop.

    Raises:
        StackError: when something is still running after the time.
    """
    rpc = _rpc(settings)
    if rpc is None:
        return bool(_sweep(settings))
    pid = int(str(rpc.supervisor.getPID()))
    rpc.supervisor.shutdown()
    deadline = time.monotonic() + seconds
    while _alive(pid):
        if time.monotonic() > deadline:
            raise StackError(f"supervisord (process {pid}) still runs after {seconds:g} s; see {logs(settings)}")
        time.sleep(0.2)
    _sweep(settings)
    return True


def _sweep(settings: Settings) -> list[psutil.Process]:
    """End what a scheduler that was killed hard has left: its workers are nobody's children any more."""
    left = [process for process in psutil.process_iter() if _is_worker_of(process, settings)]
    for process in left:
        process.terminate()
    for process in psutil.wait_procs(left, timeout=5)[1]:
        process.kill()
    return left


def _is_worker_of(process: psutil.Process, settings: Settings) -> bool:
    """By its title and its folder: a process that sets its title overwrites its environment as others see it."""
    try:
        title = " ".join(process.cmdline())
        return title.startswith(("airflow worker", "airflow serve-logs")) and process.cwd() == str(settings.state)
    except psutil.Error:  # it has ended, or is not ours to look at
        return False


def states(settings: Settings) -> dict[str, str]:
    """Return each service's state as supervisord names it (RUNNING, BACKOFF, FATAL, ...); empty when nothing runs."""
    rpc = _rpc(settings)
    if rpc is None:
        return {}
    info: Any = rpc.supervisor.getAllProcessInfo()
    return {one["name"]: one["statename"] for one in info}


def _rpc(settings: Settings) -> ServerProxy | None:
    from supervisor.xmlrpc import SupervisorTransport  # not in the pipeline image, which has the other commands

    socket = socket_of(settings)
    proxy = ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{socket}"))
    try:
        proxy.supervisor.getState()
    except (OSError, Fault):
        proxy("close")()
        return None
    return proxy


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
