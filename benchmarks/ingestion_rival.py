"""The rival of ingestion, as most scripts do it: the whole table in a data frame, and two CSV files at the end."""

from pathlib import Path

import pandas as pd

from benchmarks.child import main


def ingest(source: Path, folder: Path) -> int:
    """Read, normalise, drop duplicates, impute, split in two and write; return how many rows were written."""
    frame = pd.read_csv(source)
    words = frame.select_dtypes(exclude="number").columns
    for name in words:
        frame[name] = frame[name].astype("str").str.strip().str.lower()
    frame = frame.drop_duplicates()
    for name in frame.columns:
        usual = frame[name].mode().iloc[0] if name in words else frame[name].median()
        frame[name] = frame[name].fillna(usual)
    shuffled = frame.sample(frac=1, random_state=0)
    border = int(len(shuffled) * 0.8)
    shuffled.iloc[:border].to_csv(folder / "train.csv", index=False)
    shuffled.iloc[border:].to_csv(folder / "test.csv", index=False)
    return len(frame)


if __name__ == "__main__":
    main(ingest)
