"""What a release says of records: numbers, warnings, and the text that is sent."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.bundle.load import Bundle
from pipeline.release_files import Release
from serving.service.problems import Problem
from serving.service.quick import Quick
from serving.service.unusual import Unusual

Numbers = tuple[float, float, float]  # prediction, low and high end, in the target's unit


class Answers:
    """Answers with one bundle. Safe to share between threads."""

    def __init__(self, release: Release, bundle: Bundle, quick: Quick, unusual: Unusual) -> None:
        self._release, self._bundle, self._quick, self._unusual = release, bundle, quick, unusual
        names = ("unit", "level", "model", "model_version", "data_version")
        level, unit = bundle.metadata.interval.level, bundle.contract.target.unit
        said = (unit, level, release.model, release.version, release.data_version)
        self._said = {name: json.dumps(value, ensure_ascii=False) for name, value in zip(names, said, strict=True)}

    def of(self, records: Sequence[dict[str, Any]]) -> list[tuple[Numbers, list[str]]]:
        """Predict records in their normal form, by one call of the model; each with its warnings.

        A number that is not finite means that there is no prediction: see `none`.
        """
        matrix = self._quick.encode(records)
        with np.errstate(over="ignore"):
            predicted = self._bundle.predict(matrix)
            low, high = self._bundle.interval(predicted)
        numbers = zip(predicted.tolist(), low.tolist(), high.tolist(), strict=True)
        return list(zip(numbers, self._unusual.warnings_of(records, matrix), strict=True))

    def text(self, numbers: Numbers, prediction_id: str, warnings: list[str]) -> str:
        """Return the answer as JSON, see `documents.Prediction`; by hand, since only its numbers differ."""
        prediction, low, high = numbers
        said, told = self._said, json.dumps(warnings, ensure_ascii=False) if warnings else "[]"
        return (
            f'{{"prediction": {prediction!r}, "unit": {said["unit"]}, '
            f'"interval": {{"low": {low!r}, "high": {high!r}, "level": {said["level"]}}}, '
            f'"model": {said["model"]}, "model_version": {said["model_version"]}, '
            f'"data_version": {said["data_version"]}, "id": "{prediction_id}", "warnings": {told}}}'
        )

    def none(self) -> Problem:
        """Return what is answered to a record without a finite number."""
        detail = f"Version {self._release.version} has no finite number for this record: its values are too extreme"
        return Problem(422, "No prediction", detail, kind="no-prediction")
