"""The stack's supervisor: supervisord runs the services, restarts what dies, and stops them all."""

import hashlib
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from cli.errors import StackError
from cli.stack import airflow
from cli.stack.services import Service, program, services
from pipeline.settings import Settings

_INTERFACE = "supervisor.rpcinterface:make_main_rpcinterface"


def logs(settings: Settings) -> Path:
    """Return the folder of the services' logs."""
    return settings.state / "logs"


def start(settings: Settings) -> None:
    """Start supervisord with every service; returns at once."""
    config = _write_config(settings)
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
        return False
    pid = int(str(rpc.supervisor.getPID()))
    rpc.supervisor.shutdown()
    deadline = time.monotonic() + seconds
    while _alive(pid):
        if time.monotonic() > deadline:
            raise StackError(f"supervisord (process {pid}) still runs after {seconds:g} s; see {logs(settings)}")
        time.sleep(0.2)
    return True


def states(settings: Settings) -> dict[str, str]:
    """Return each service's state as supervisord names it (RUNNING, BACKOFF, FATAL, ...); empty when nothing runs."""
    rpc = _rpc(settings)
    if rpc is None:
        return {}
    info: Any = rpc.supervisor.getAllProcessInfo()
    return {one["name"]: one["statename"] for one in info}


def _rpc(settings: Settings) -> ServerProxy | None:
    socket = _socket(settings)
    proxy = ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{socket}"))
    try:
        proxy.supervisor.getState()
    except (OSError, Fault):
        return None
    return proxy


def _socket(settings: Settings) -> Path:
    """A short path: the name of a Unix socket may have about 100 characters, the state folder's may be longer."""
    name = hashlib.sha256(str(settings.state).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"mlops-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StackError(f"{folder} belongs to somebody else; remove it, or set TMPDIR")
    return folder / "supervisor.sock"


def _write_config(settings: Settings) -> Path:
    for folder in (logs(settings), settings.state / "mlflow", settings.state / "evidently"):
        folder.mkdir(parents=True, exist_ok=True)
    path = settings.state / "supervisord.conf"
    path.write_text("\n".join(_config(settings)) + "\n", encoding="utf-8")
    return path


def _config(settings: Settings) -> Iterator[str]:
    socket, state = _quote(str(_socket(settings))), _quote(str(settings.state))
    yield f"[unix_http_server]\nfile={socket}\nchmod=0700\n"
    yield f"[supervisord]\nlogfile={state}/logs/supervisord.log\npidfile={state}/supervisord.pid\n"
    yield f"[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = {_INTERFACE}\n"
    for service in services(settings):
        yield _program(service, state)


def _program(service: Service, state: str) -> str:
    lines = [
        f"[program:{service.name}]",
        f"command={_quote(shlex.join(service.command))}",
        f"directory={state}",
        "autorestart=true",
        "startsecs=3",
        "startretries=5",
        "stopwaitsecs=20",
        "stopasgroup=false",  # the scheduler must stop its own workers: a signal to the group orphans them
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={state}/logs/{service.name}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=2",
    ]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    """Supervisord expands %(...)s in its configuration."""
    return text.replace("%", "%%")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
