"""Resolve the dependencies anew: one lock for everything, and the parts of it that each image or machine needs.

`dev.txt` holds every package; the other files are parts of it at the same versions, so that what is
tested is what runs.
"""

import subprocess
import sys
from pathlib import Path

UV = str(Path(sys.executable).with_name("uv"))
FOLDER = Path("requirements")
COMMON = ("--universal", "--python-version=3.11", "--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet")
PARTS = {"core": "local", "serving": "serving", "cluster": "cluster"}  # file: extra of pyproject.toml
BOOTSTRAP = "uv>=0.9"
CHECKOV = "checkov>=3.3"  # a virtual environment of its own: it pins what others need newer
INVENTORY = "cyclonedx-bom>=7"  # what an image's build writes its bill of materials with, outside of the image


def compile_(source: str, target: str, *options: str, text: str | None = None) -> None:
    """Write one file of pinned and hashed requirements."""
    command = [UV, "pip", "compile", source, *COMMON, *options, "--output-file", str(FOLDER / f"{target}.txt")]
    subprocess.run(command, input=text, text=True, check=True)


def main() -> None:
    """Write all files; `--upgrade` takes the newest releases that fit."""
    newest = sys.argv[1:]
    compile_("pyproject.toml", "dev", "--extra=dev", *newest)
    for target, extra in PARTS.items():
        compile_("pyproject.toml", target, f"--extra={extra}", f"--constraints={FOLDER / 'dev.txt'}", *newest)
    compile_("-", "uv", *newest, text=BOOTSTRAP)
    compile_("-", "checkov", *newest, text=CHECKOV)
    compile_("-", "sbom", f"--constraints={FOLDER / 'dev.txt'}", *newest, text=INVENTORY)
    for path in sorted(FOLDER.glob("*.txt")):
        print(f"{path}: {sum('==' in line for line in path.read_text().splitlines())} packages")


if __name__ == "__main__":
    main()
