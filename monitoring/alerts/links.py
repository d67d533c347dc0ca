"""Where an alert leads: the report, the guide, and forms that are filled in."""

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from monitoring.alerts.conditions import SERVICE, UNJUDGED, VIEWS, Condition
from monitoring.alerts.conditions import run_key_of as _run_key_of
from monitoring.reasons import CHANGES_OF_THE_WORLD
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.release_history import release_history
from pipeline.settings import Settings

_FAILED = "failed-run"


class Link(Section):
    """An address and what is there."""

    title: str
    url: str


def runbook(settings: Settings, condition: Condition) -> str:
    """Return the address of the guide's page on a condition."""
    guide = settings.guide_uri or (settings.project_dir / "docs").resolve().as_uri()
    return f"{guide.rstrip('/')}/runbook.md#{anchor(condition.key)}"


def anchor(key: str) -> str:
    """Return the heading's anchor in the guide; every DAG that failed has the same one."""
    return _FAILED if key.startswith(_run_key_of("")) else key.replace(" ", "-")


def anchors() -> tuple[str, ...]:
    """Return all anchors that the guide must have."""
    return (*(anchor(key) for key in (*VIEWS, UNJUDGED, SERVICE)), _FAILED)


def report_page(settings: Settings, dag: str, run: str) -> str:
    """Return the page of a DAG run that shows its report."""
    return f"{_airflow(settings)}/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}/plugin/mlops_report"


def run_page(settings: Settings, dag: str, run: str) -> str:
    """Return the page of a DAG run."""
    return f"{_airflow(settings)}/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}"


def actions(contract: Contract, settings: Settings, condition: Condition, version: int | None) -> list[Link]:
    """Return what one can do, as forms that are filled in: nothing happens before somebody sends one.

    To roll back is offered where an earlier version than the one in service was live. A retraining is told of a changed
    world where monitoring would tell it so.
    """
    said = f"after the alert: {condition.sentence}"[:500]
    shift = condition.severity == "act" and condition.key in CHANGES_OF_THE_WORLD
    retrain = {"data_version": None, "reason": said, "shift": shift}
    dismiss = {"condition": condition.key, "reason": "", "until": None}
    links = [Link(title="Retrain", url=form(settings, f"{contract.name}.model_training", retrain))]
    earlier = _earlier(settings, contract.name, version)
    if earlier is not None:
        back = {"version": earlier, "reason": said}
        title = f"Roll back to version {earlier}"
        links.append(Link(title=title, url=form(settings, f"{contract.name}.model_deployment", back)))
    dismissal = form(settings, f"{contract.name}.alert_dismissal", dismiss)
    return [*links, Link(title="Dismiss with a reason", url=dismissal)]


def _earlier(settings: Settings, model: str, version: int | None) -> int | None:
    """Return the version that was live before the one in service, as the release log says."""
    lived = (period.release.version for period in release_history(settings, model) if period.release)
    return next((one for one in lived if version is not None and one < version), None)


def form(settings: Settings, dag: str, conf: Mapping[str, object]) -> str:
    """Return the address of a DAG's form that is filled in.

    It is our plugin's page: Airflow 3.3's own form takes no values from its address.
    """
    return f"{_airflow(settings)}/mlops/form?{urlencode({'dag': dag, 'conf': json.dumps(conf, ensure_ascii=False)})}"


def _airflow(settings: Settings) -> str:
    return settings.place("airflow_uri").rstrip("/")
