"""Monitoring at the end of a period, as the daily DAG would have run then, and what it decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cli.replay.periods import Period
from monitoring.analyse import examine
from monitoring.findings import LIVE, NEW_DATA, REFERENCE, Findings
from monitoring.frames import read_frame
from monitoring.gather import Gathered, gather
from monitoring.retraining.conditions import noticed
from monitoring.retraining.decide import Decision, decide
from monitoring.retraining.past import Attempt, Judged, Past
from monitoring.verdict import Verdict, verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_registry import DataRegistry
from pipeline.release_log import Release
from pipeline.settings import Settings


class Watched(Section):
    """What monitoring said of a period."""

    verdict: Verdict  # of the last run
    decision: Decision
    windows: tuple[Judged, ...]  # all runs
    labelled_rows: int


def watch(
    contract: Contract,
    settings: Settings,
    live: Release,
    data_version: str,
    span: Sequence[Period],
    windows: Sequence[Judged],
    attempts: Sequence[Attempt],
) -> Watched:
    """Run monitoring at the end of a period and decide on a retraining.

    The guard "m of n windows" is meant for daily runs. So there are n runs here, on the last n days of the period:
    those that the daily DAG would have made then, and whose outcome counts.

    Args:
        contract: whose limits hold; the length of the window of live traffic is the replay's own.
        settings: the replay's.
        live: the release that answered.
        data_version: the newest one.
        span: the periods that are looked back at, oldest first: this one last.
        windows: what earlier runs found.
        attempts: earlier retrainings.
    """
    looking = _looking_back(contract, span)
    rows = {name: DataRegistry(settings, contract).note(name).rows for name in {data_version, live.data_version}}
    past = Past(
        until=span[-1].until,
        windows=tuple(windows),
        retrainings=tuple(attempts),
        labelled_rows=rows[data_version],
        served_rows=rows[live.data_version],
        version=live.version,
        data_version=data_version,
    )
    for until in _moments(contract, span[-1]):
        run = f"period-{span[-1].number}-{until:%Y%m%d}"
        gathered = gather(looking, settings, run, until, data_version, ask=False)  # no service runs in a replay
        found = verdict(looking, _findings(looking, gathered))
        past = past.model_copy(update={"until": until})
        decision = decide(looking, found, past)
        judged = Judged(until=until, version=live.version, status=found.status, kinds=noticed(looking, found, past))
        past = past.model_copy(update={"windows": (*past.windows, judged)})
    made = past.windows[len(windows) :]
    return Watched(verdict=found, decision=decision, windows=made, labelled_rows=past.labelled_rows)


def _findings(contract: Contract, gathered: Gathered) -> Findings:
    """Return what `analyse` finds, without Evidently's pages: nobody would look at dozens of them."""
    uris = {REFERENCE: gathered.reference_uri, LIVE: gathered.live_uri, NEW_DATA: gathered.new_data_uri}
    return examine(contract, gathered, {what: read_frame(uri) for what, uri in uris.items() if uri})


def _looking_back(contract: Contract, span: Sequence[Period]) -> Contract:
    """Return the contract with a window over these periods; a replay is the place to try what a dry run only tells."""
    days = (span[-1].until - span[0].since) // timedelta(days=1)
    retraining = contract.monitoring.retraining.model_copy(update={"dry_run": False})
    monitoring = contract.monitoring.model_copy(update={"window_days": days, "retraining": retraining})
    return contract.model_copy(update={"monitoring": monitoring})


def _moments(contract: Contract, period: Period) -> list[datetime]:
    runs = contract.monitoring.retraining.windows
    days = [period.until - timedelta(days=before) for before in reversed(range(runs))]
    return [day for day in days if day > period.since]
