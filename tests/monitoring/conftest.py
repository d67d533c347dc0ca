"""What tests of monitoring share: rows of one population, and the stages from gathered frames to the verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from monitoring.analyse import analyse, examine
from monitoring.findings import LIVE, NEW_DATA, REFERENCE, Findings
from monitoring.frames import HIGH, LATENCY_MS, LOW, normal_form, write_frame
from monitoring.gather import Gathered
from monitoring.verdict import Verdict, verdict
from pipeline.contract import PREDICTION, Contract
from pipeline.release_log import Release
from pipeline.settings import Settings
from pipeline.storage import storage

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
RUN = "scheduled__2026-03-01T00:00:00+00:00"
ERROR = 20.0  # held-out MAE of the made-up release


@dataclass(frozen=True)
class Look:
    """One run of monitoring, up to the verdict."""

    gathered: Gathered
    findings: Findings
    verdict: Verdict


def answered(contract: Contract, raw: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Return rows as gathering leaves them: with predictions whose mean absolute error is `ERROR`, and their truth."""
    truth = raw[contract.target.name].to_numpy()
    prediction = truth + np.random.default_rng(seed).choice([-ERROR, ERROR], len(raw))
    added = {PREDICTION: prediction, contract.target.name: truth}
    added |= {LOW: prediction - 2 * ERROR, HIGH: prediction + 2 * ERROR, LATENCY_MS: np.full(len(raw), 2.0)}
    return normal_form(contract, raw).assign(**added).reset_index(drop=True)


def released(contract: Contract) -> Release:
    return Release(
        model=contract.name,
        version=3,
        data_version="data-v1.0.0",
        run_id="0" * 32,
        bundle_digest="0" * 64,
        metrics={"mae": ERROR, "rmse": ERROR, "r2": 0.99},
        approved_by="a test",
        reason="a test",
    )


@pytest.fixture
def reference(small_contract: Contract, small_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """The served version's data."""
    return answered(small_contract, small_rows(900, 1))


@pytest.fixture
def live(small_contract: Contract, small_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Other rows of the same population."""
    return answered(small_contract, small_rows(300, 2))


@pytest.fixture
def look(settings: Settings, small_contract: Contract) -> Callable[..., Look]:
    """Carry the stages out on frames, as if they had been gathered; `pages` are Evidently's."""

    def run(
        reference: pd.DataFrame,
        live: pd.DataFrame | None,
        new_data: pd.DataFrame | None = None,
        refusals: dict[str, dict[str, int]] | None = None,
        name: str = RUN,
        pages: bool = False,
        **counted: Any,
    ) -> Look:
        stored: dict[str, str | int] = {}
        parts = {"reference": reference, "live": live, "new_data": new_data}
        for part, frame in parts.items():
            if frame is not None and len(frame):
                target = storage(settings, "monitoring", small_contract.name, name, f"{part}.parquet")
                stored |= {f"{part}_uri": write_frame(target, frame), f"{part}_rows": len(frame)}
        gathered = Gathered(
            since=UNTIL - timedelta(days=30),
            until=UNTIL,
            data_version="data-v1.1.0",
            served=released(small_contract),
            refusals=refusals or {},
            **stored,
            **counted,
        )
        named = {REFERENCE: reference, LIVE: live, NEW_DATA: new_data}
        frames = {what: frame for what, frame in named.items() if frame is not None and len(frame)}
        findings = (
            analyse(small_contract, settings, name, gathered) if pages else examine(small_contract, gathered, frames)
        )
        return Look(gathered, findings, verdict(small_contract, findings))

    return run
