"""A checkout and its Python for users that may not enter the folder in which they lie, such as /root."""

import shlex
import sys
from pathlib import Path

from tests.conftest import ROOT


def reachable(scratch: Path) -> list[str]:
    """Return a command that shows the checkout and its Python to everybody, and then runs another; often none."""
    needed = sorted({ROOT, Path(sys.prefix), Path(sys.base_prefix)}, key=lambda path: len(path.parts))
    closed = {path: top for path in needed if (top := _closed(path))}
    if not closed:
        return []
    lines = []
    for number, path in enumerate(closed):
        (scratch / str(number)).mkdir(exist_ok=True)
        lines.append(f"mount --bind {shlex.quote(str(path))} {scratch}/{number}")
    lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(top))}" for top in sorted(set(closed.values()))]
    for number, path in enumerate(closed):
        place = shlex.quote(str(path))
        lines.append(f"mkdir -p {place}; mount --bind {scratch}/{number} {place}")
    script = "; ".join([*lines, 'exec "$@"'])
    return ["unshare", "--mount", "--", "sh", "-ec", script, "sh"]


def _closed(path: Path) -> Path | None:
    """Return the uppermost folder on the way that others may not enter."""
    way = [path, *path.parents][::-1]
    return next((folder for folder in way if not folder.stat().st_mode & 0o001), None)
