"""Debian's container tools, on a storage of the tests' own, and a base image without a public registry."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chain import free_ports

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
BASE = "localhost/python:base"
TOOLS = ("buildah", "podman", "runc", "debootstrap", "docker-registry")
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=5000:5000"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""
_REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error, accesslog: {{disabled: true}}}}
"""


def require_tools() -> None:
    """Fail by the name of what is missing, and say how it is got."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    assert not missing, f"{', '.join(missing)} missing: apt-get install {' '.join(missing)}"
    assert os.geteuid() == 0, "images are built and run as root here: run the system tests as root"


@dataclass(frozen=True)
class Engine:
    """Where buildah and podman keep what they make. Both are configured by the environment alone."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command; `scripts/images.py` needs no more than that either."""
        own = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        given = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
        return given | {name: str(self.folder / file) for name, file in own.items()} | {"BUILDAH_ISOLATION": "chroot"}

    def configure(self, driver: str) -> None:
        """Write the configuration. Copies of whole images, which `vfs` makes, work everywhere."""
        (self.folder / "containers.conf").write_text(_CONTAINERS)
        places = f'graphroot = "{self.folder}/{driver}"\nrunroot = "{self.folder}/run-{driver}"\n'
        (self.folder / "storage.conf").write_text(f'[storage]\ndriver = "{driver}"\n{places}')

    def run(self, *command: str | Path, check: bool = True, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command and return what it said; a failure shows the end of it."""
        done = subprocess.run(
            list(map(str, command)),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done


@contextmanager
def engine_in(folder: Path) -> Iterator[Engine]:
    """Give an engine with the base image, and remove all that it made in the end."""
    require_tools()
    engine = Engine(folder)
    try:
        archive = base_archive()
        for driver in ("overlay", "vfs"):  # overlay is many times faster, where the folder's file system bears it
            engine.configure(driver)
            made = engine.run("podman", "import", archive, BASE, check=driver == "vfs")
            if made.returncode == 0:
                break
        yield engine
    finally:
        engine.run("podman", "rm", "--all", "--force", "--time=1", check=False)
        engine.run("buildah", "rm", "--all", check=False)
        engine.run("podman", "image", "rm", "--all", "--force", check=False)
        engine.run("umount", folder / "overlay" / "overlay", check=False)  # which the storage mounts on itself
        shutil.rmtree(folder, ignore_errors=True)


def base_archive() -> Path:
    """Return Debian with Python as an archive; made once for each user and suite, in about 40 s."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-pipeline-tests"
    archive = cache / f"base-{SUITE}.tar"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    root, part = cache / f"root.{os.getpid()}", cache / f"part.{os.getpid()}"
    packages = "python3,python3-venv,ca-certificates"
    try:
        run = ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(root)]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL, timeout=280)
        shutil.rmtree(root / "var/cache/apt/archives")
        subprocess.run(["tar", "-C", root, "-cf", part, "."], check=True)
        part.replace(archive)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        part.unlink(missing_ok=True)
    return archive


@contextmanager
def registry_in(folder: Path) -> Iterator[str]:
    """Run Debian's registry (the distribution project's) on this machine and give its host and port."""
    port = free_ports(1)[0]
    folder.mkdir()
    config = folder / "config.yml"
    config.write_text(_REGISTRY.format(folder=folder / "store", port=port))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)
