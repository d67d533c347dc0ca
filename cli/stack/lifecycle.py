"""Bringing the stack up, down, and saying how it is."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from cli.errors import StackError
from cli.stack import airflow, config, mlflow, supervise
from cli.stack.services import HOST, Service, services
from pipeline.settings import Settings


@dataclass(frozen=True)
class Status:
    """One service as it is now: supervisord's state, and whether it answers (None when it listens on nothing)."""

    service: Service
    state: str
    well: bool | None


def up(settings: Settings, progress: Callable[[str], None], seconds: float = 180) -> bool:
    """Start the stack and wait until every service is well; returns False when it ran already.

    Raises:
        StackError: naming the taken port, or the service that did not come up and its log.
    """
    running = bool(supervise.states(settings))
    if not running:
        check_ports(settings)
        airflow.password(settings)
        progress("preparing the databases of Airflow and MLflow")
        airflow.migrate(settings)
        mlflow.migrate(settings)
        supervise.start(settings)
    wait_until_well(settings, progress, seconds)
    return not running


def check_ports(settings: Settings) -> None:
    """Raise StackError, naming each port that is taken and the setting that changes it."""
    listening = [service for service in services(settings) if service.port]
    doubles = {one.port for one in listening if [other.port for other in listening].count(one.port) > 1}
    taken = [service for service in listening if service.port in doubles or _is_taken(service.port or 0)]
    if taken:
        lines = [f"port {one.port} ({one.name}) is taken; set {one.setting} to another one" for one in taken]
        raise StackError("\n".join(lines))


def status(settings: Settings) -> list[Status]:
    """Return every service as it is now."""
    states = supervise.states(settings)
    return [Status(one, states.get(one.name, "STOPPED"), _is_well(one)) for one in services(settings)]


def wait_until_well(settings: Settings, progress: Callable[[str], None], seconds: float) -> None:
    """Wait until every service answers; raises StackError for one that gave up or is late."""
    deadline = time.monotonic() + seconds
    while waiting := [one for one in status(settings) if one.state != "RUNNING" or one.well is False]:
        progress("waiting for " + ", ".join(one.service.name for one in waiting))
        failed = [one for one in waiting if one.state == "FATAL"]
        if failed or time.monotonic() > deadline:
            name = (failed or waiting)[0].service.name
            raise StackError(f"{name} did not come up; its log is {config.logs(settings) / f'{name}.log'}")
        time.sleep(0.3)


def _is_well(service: Service) -> bool | None:
    if service.health is None:
        return None
    try:
        return httpx.get(f"http://{HOST}:{service.port}{service.health}", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
