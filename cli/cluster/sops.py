"""sops: what encrypts the secrets. It is a program of its own, from github.com/getsops/sops (3.9 or later)."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cli.errors import ClusterError

_YAML = ("--input-type", "yaml", "--output-type", "yaml")


def encrypt(project: Path, path: Path, plain: dict[str, Any]) -> None:
    """Write a secret, encrypted by the rule that `.sops.yaml` has for the path. The plain text never meets a disk.

    Raises:
        ClusterError: when sops is missing or fails, or leaves a value as it was.
    """
    name = str(path.relative_to(project))
    text = _run(project, "encrypt", "--filename-override", name, *_YAML, "/dev/stdin", given=yaml.safe_dump(plain))
    _check(name, text, plain)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def decrypt(project: Path, path: Path) -> dict[str, str]:
    """Return what a secret holds. The private key is where sops looks for it, such as SOPS_AGE_KEY_FILE.

    Raises:
        ClusterError: when sops is missing or has not the key.
    """
    found = yaml.safe_load(_run(project, "decrypt", *_YAML, str(path.relative_to(project))))
    return dict(found["stringData"])


def program() -> str:
    """Return where sops is. Raises ClusterError when it is missing."""
    found = shutil.which("sops")
    if found is None:
        raise ClusterError("sops is missing: install it (github.com/getsops/sops), together with age")
    return found


def _run(project: Path, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        [program(), *arguments], cwd=project, input=given, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise ClusterError(f"sops {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _check(name: str, text: str, plain: dict[str, Any]) -> None:
    """Refuse what sops left readable: no rule for the path, or a rule that does not reach the values."""
    written = yaml.safe_load(text)
    readable = isinstance(written, dict) and "sops" in written
    values = written.get("stringData", {}) if readable else {}
    if not readable or any(values.get(key) == value for key, value in plain["stringData"].items() if value):
        raise ClusterError(f"{name}: sops did not encrypt it, so it is not written; .sops.yaml must have a rule for it")
