"""Build the base images with the engine that is there, and leave their bills of materials in `build/`.

buildah, podman or docker, the first that is found; how each stores and isolates is its own configuration's business.
Where this machine fetches packages through its own index, proxy or certificate authority, so does the build; none of it
ends in an image.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINES = {  # Docker's format is the one that keeps the health check
    "buildah": ("buildah", "bud", "--format=docker"),
    "podman": ("podman", "build", "--format=docker"),
    "docker": ("docker", "build"),
}
IMAGES = ("serving", "pipeline")
BILL = "/opt/sbom.cdx.json"
INDEXES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")
AUTHORITIES = ("SSL_CERT_FILE", "PIP_CERT")


def main() -> None:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", choices=IMAGES, default=IMAGES, help="which; all without it")
    parser.add_argument("--base", help="the Python image to build on, best by its digest; without it, the Dockerfile's")
    parser.add_argument("--name", default="localhost/mlops-{image}", help="of the images; {image} stands for which")
    parser.add_argument("--engine", choices=ENGINES, help="without it, the first that is found")
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="for the bills of materials")
    given = parser.parse_args()
    engine = given.engine or next((name for name in ENGINES if shutil.which(name)), None)
    if engine is None:
        parser.error("none of buildah, podman and docker is there; install one, such as by: apt-get install buildah")
    given.folder.mkdir(parents=True, exist_ok=True)
    for image in given.images:
        name = f"{given.name.replace('{image}', image)}:{version()}"
        bill = given.folder / f"{image}.cdx.json"
        try:
            build(engine, image, name, given.base)
            bill.write_bytes(read_bill(engine, name))
        except subprocess.CalledProcessError as error:  # the engine has said why
            sys.exit(f"{name}: {' '.join(error.cmd[:2])} failed (status {error.returncode}); see above")
        print(f"{name}: built with {engine}; bill of materials: {bill}")


def build(engine: str, image: str, name: str, base: str | None) -> None:
    """Build one image from its Dockerfile."""
    arguments = {"REVISION": revision(), "VERSION": version(), **({"BASE_IMAGE": base} if base else {})}
    arguments |= {name: os.environ[name] for name in INDEXES if name in os.environ}
    options = [f"--file=docker/{image}.Dockerfile", f"--tag={name}"]
    bundle = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)
    if bundle:  # as a secret: it is there while packages are fetched, and in no layer
        options.append(f"--secret=id=certificates,src={bundle}")
        arguments |= dict.fromkeys(AUTHORITIES, "/run/secrets/certificates")
    options += [f"--build-arg={key}={value}" for key, value in arguments.items()]
    subprocess.run([*ENGINES[engine], *options, "."], cwd=ROOT, check=True)


def read_bill(engine: str, name: str) -> bytes:
    """Return the bill of materials that the build left in the image; the image need not run for it."""
    if engine == "buildah":
        container = _output("buildah", "from", name).decode().strip()
        try:
            return _output("buildah", "run", "--isolation=chroot", container, "--", "cat", BILL)
        finally:
            _output("buildah", "rm", container)
    container = _output(engine, "create", name).decode().strip()
    try:
        archive = _output(engine, "cp", f"{container}:{BILL}", "-")
        return subprocess.run(["tar", "-xO"], input=archive, stdout=subprocess.PIPE, check=True).stdout
    finally:
        _output(engine, "rm", container)


def revision() -> str:
    """Return the commit; `-dirty` behind it where files were changed since; `unknown` where this is no checkout."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return "unknown"
    commit = _output("git", "rev-parse", "HEAD").decode().strip()
    return f"{commit}-dirty" if _output("git", "status", "--porcelain") else commit


def version() -> str:
    """Return the project's version."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _output(*command: str) -> bytes:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    main()
