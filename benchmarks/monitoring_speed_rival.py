"""Evidently's drift preset on all rows in a folder, with its own choice of methods."""

import os
from pathlib import Path

from benchmarks import child


def work(source: Path, folder: Path) -> int:  # noqa: ARG001
    """Run the preset and let it compute."""
    os.environ["DO_NOT_TRACK"] = "1"

    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    from benchmarks.monitoring_speed import LIVE, REFERENCE, contract

    features = contract().features
    definition = DataDefinition(
        numerical_columns=[name for name, column in features.items() if column.type == "number"],
        categorical_columns=[name for name, column in features.items() if column.type != "number"],
    )
    frames = [pd.read_parquet(source / name, columns=list(features)) for name in (LIVE, REFERENCE)]
    sides = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    Report([DataDriftPreset()]).run(*sides).dict()
    return len(frames[0])


if __name__ == "__main__":
    child.main(work)
