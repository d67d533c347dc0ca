"""What a bundle is: a folder with the model as ONNX, the contract and metadata; no pickle, no second runtime."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from pipeline.contract import Contract, ContractError, parse_contract
from pipeline.contract.base import Section
from pipeline.errors import PipelineError

MODEL = "model.onnx"
CONTRACT = "contract.json"
METADATA = "metadata.json"
FILES = (CONTRACT, METADATA, MODEL)

Scale = Literal["log", "identity"]


class BundleError(PipelineError):
    """A bundle that is not whole, or that does not do what it says."""


class Interval(Section):
    """A split-conformal interval: one half width for all predictions, on the scale that the model was fitted on."""

    level: float = Field(gt=0, lt=1)  # nominal coverage
    scale: Scale  # log: the interval is prediction * exp(+-half_width); identity: prediction +- half_width
    half_width: float = Field(ge=0)  # in the target's unit, or in units of its logarithm


class SmokeRow(Section):
    """A record as the service accepts it, and what the trained scikit-learn model says of it, in the target's unit."""

    record: dict[str, Any]
    prediction: float


class BundleMetadata(Section):
    """Where the model comes from and what is promised of it."""

    model: str
    run_id: str  # of the MLflow run that holds the model
    data_version: str
    candidate: str
    metrics: dict[str, float]  # on the held-out test rows: mae and rmse in the target's unit, r2
    target_transform: Literal["none", "log"]
    interval: Interval
    training_ranges: dict[str, tuple[float, float]]  # seen in training, per numeric feature; outside of it only warns
    smoke: tuple[SmokeRow, ...] = Field(min_length=1)
    # Encoded training rows that explanations compare a row with, null for a missing value; older bundles have none.
    background: tuple[tuple[float | None, ...], ...] = ()


def write_bundle(folder: Path, model: bytes, contract: Contract, metadata: BundleMetadata) -> str:
    """Write the files of a bundle and return its digest. The same arguments give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(model)
    (folder / CONTRACT).write_text(_text(contract), encoding="utf-8")
    (folder / METADATA).write_text(_text(metadata), encoding="utf-8")
    return digest(folder)


def digest(folder: Path) -> str:
    """Return the sha256 over the names and contents of the bundle's files; other files of the folder do not count.

    Raises:
        BundleError: when one of the files is missing.
    """
    total = hashlib.sha256()
    for name in FILES:
        total.update(f"{name}\n{hashlib.sha256(_read(folder, name)).hexdigest()}\n".encode())
    return total.hexdigest()


def check_digest(folder: Path, expected: str) -> None:
    """Raise BundleError unless the folder holds exactly the bundle that was approved."""
    found = digest(folder)
    if found != expected:
        raise BundleError(
            f"{folder}: its digest is {found[:12]}, but {expected[:12]} was registered: a file was changed or damaged; "
            "train again, or release another version"
        )


def read_metadata(folder: Path) -> BundleMetadata:
    """Read what the bundle says of itself.

    Raises:
        BundleError: when it is missing or cannot be read.
    """
    try:
        return BundleMetadata.model_validate_json(_read(folder, METADATA))
    except ValidationError as error:
        raise BundleError(f"{folder / METADATA}: cannot be read: {error}") from error


def read_contract(folder: Path) -> Contract:
    """Read the contract that the model was trained under.

    Raises:
        BundleError: when it is missing or cannot be read.
    """
    try:
        return parse_contract(json.loads(_read(folder, CONTRACT)), str(folder / CONTRACT))
    except (ContractError, ValueError) as error:
        raise BundleError(f"{folder / CONTRACT}: cannot be read: {error}") from error


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(f"{folder}: is no bundle: {name} cannot be read ({error.strerror})") from error


def _text(section: Section) -> str:
    return json.dumps(section.model_dump(mode="json"), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
