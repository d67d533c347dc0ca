"""Write an image's bill of materials (CycloneDX 1.6, JSON) while it is built: its Python and its Debian packages.

    python inventory.py VENV FILE

The Python packages are those that are installed in the environment, whatever a lock says; the Debian ones are those of
the stage that this runs in. Run by the Dockerfiles, with the packages of `requirements/sbom.txt`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from packageurl import PackageURL

FIELDS = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"


def python_packages(environment: str) -> dict[str, Any]:
    """Return the bill of materials that cyclonedx-py writes of an environment, checked against CycloneDX' schema."""
    tool = Path(sys.executable).with_name("cyclonedx-py")
    command = [tool, "environment", f"{environment}/bin/python", "--pyproject", "pyproject.toml"]
    done = subprocess.run([*command, "--output-reproducible"], stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def debian_packages() -> list[dict[str, str]]:
    """Return a component for each installed package; a base image that is not Debian's has none."""
    try:
        done = subprocess.run(["dpkg-query", "--show", "--showformat", FIELDS], stdout=subprocess.PIPE, check=True)
    except FileNotFoundError:
        return []
    lines = done.stdout.decode().splitlines()
    return [_component(*line.split()[1:]) for line in lines if line.startswith("installed ")]


def _component(name: str, version: str, architecture: str) -> dict[str, str]:
    purl = PackageURL("deb", "debian", name, version, {"arch": architecture}).to_string()
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main() -> None:
    """Write the file."""
    environment, target = sys.argv[1:]
    bill = python_packages(environment)
    bill["components"] = [*bill.get("components", []), *debian_packages()]
    Path(target).write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
