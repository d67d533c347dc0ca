"""One report on the rows in a folder, as the DAG's tasks make it: analysis of all rows, verdict, page."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import child


def work(source: Path, folder: Path) -> int:
    """Report on the rows; everything is imported here, since start-up counts."""
    from benchmarks.monitoring_speed import LIVE, REFERENCE, ROWS, contract
    from monitoring.analyse import analyse
    from monitoring.gather import Gathered
    from monitoring.report import report
    from monitoring.verdict import verdict
    from pipeline.release_log import Release
    from pipeline.settings import Settings

    settings = Settings(project_dir=folder, state_dir=folder / "state", reports_uri="")
    until, of = datetime(2026, 1, 1, tzinfo=UTC), contract()
    served = Release(
        model=of.name,
        version=1,
        data_version="data-v1.0.0",
        run_id="0" * 32,
        bundle_digest="0" * 64,
        metrics={"mae": 13.5, "rmse": 20.0, "r2": 0.9},
        approved_by="a benchmark",
        reason="a benchmark",
    )
    gathered = Gathered(
        since=until - timedelta(days=30),
        until=until,
        data_version="data-v1.0.0",
        served=served,
        live_uri=(source / LIVE).as_uri(),
        live_rows=ROWS,
        reference_uri=(source / REFERENCE).as_uri(),
        reference_rows=ROWS,
    )
    findings = analyse(of, settings, "benchmark", gathered)
    judged = verdict(of, findings)
    if judged.status != "healthy" or findings.answers != ROWS:
        raise RuntimeError(f"{judged.status} on {findings.answers} unchanged rows: {judged.sentences}")
    report(of, settings, "benchmark", gathered, findings, judged)
    return findings.answers


if __name__ == "__main__":
    child.main(work)
