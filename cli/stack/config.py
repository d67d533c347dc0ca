"""supervisord's configuration: one program for each service of the local stack."""

import hashlib
import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cli.errors import StackError
from cli.stack.services import Service, services
from pipeline.settings import Settings

_INTERFACE = "supervisor.rpcinterface:make_main_rpcinterface"


def logs(settings: Settings) -> Path:
    """Return the folder of the services' logs."""
    return settings.state / "logs"


def socket_of(settings: Settings) -> Path:
    """A short path: the name of a Unix socket may have about 100 characters, the state folder's may be longer."""
    name = hashlib.sha256(str(settings.state).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"mlops-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise StackError(f"{folder} belongs to somebody else; remove it, or set TMPDIR")
    return folder / "supervisor.sock"


def write_config(settings: Settings) -> Path:
    """Write supervisord's configuration, make the folders that it names, and return its path."""
    for folder in (logs(settings), settings.state / "mlflow", settings.state / "evidently"):
        folder.mkdir(parents=True, exist_ok=True)
    path = settings.state / "supervisord.conf"
    path.write_text("\n".join(_config(settings)) + "\n", encoding="utf-8")
    return path


def _config(settings: Settings) -> Iterator[str]:
    socket, state = _quote(str(socket_of(settings))), _quote(str(settings.state))
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
