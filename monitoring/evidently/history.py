"""The history of reports in Evidently's UI service: one project a model, some snapshots a run."""

import uuid

import httpx
from evidently.errors import EvidentlyError
from evidently.sdk.models import DashboardModel, DashboardTabModel, PanelMetric, ProjectModel
from evidently.sdk.panels import DashboardPanelPlot, line_plot_panel
from evidently.ui.workspace import RemoteWorkspace
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from monitoring.errors import MonitoringError
from monitoring.evidently.snapshot import Snapshot
from monitoring.evidently.trend import TAG, panels
from pipeline.contract import Contract
from pipeline.settings import Settings

_TIMEOUT = 30  # seconds for the list of a project's snapshots
_UNREACHABLE = (OSError, EvidentlyError, httpx.HTTPError, ValueError)


def add_to_history(settings: Settings, contract: Contract, snapshots: list[Snapshot]) -> str | None:
    """Add a run's snapshots to the model's project, and return the project's address.

    What is there already of the run is not added again. Returns None where no service is set.

    Raises:
        MonitoringError: when the service cannot be reached, after some attempts.
    """
    uri = settings.place("reports_uri").rstrip("/")
    if not uri:
        return None
    retrying = Retrying(
        retry=retry_if_exception_type(_UNREACHABLE),
        stop=stop_after_attempt(4),
        wait=wait_exponential(multiplier=0.5, max=4),
        reraise=True,
    )
    try:
        project = retrying(_add, uri, contract, snapshots)
    except _UNREACHABLE as error:
        raise MonitoringError(
            f"the reports service at {uri} cannot be used ({error}); start it, or set MLOPS_REPORTS_URI to "
            "where it is, or to nothing to do without: the report itself is stored"
        ) from error
    page = settings.place("reports_page_uri").rstrip("/") or uri
    return f"{page}/projects/{project}"


def _add(uri: str, contract: Contract, snapshots: list[Snapshot]) -> uuid.UUID:
    workspace = RemoteWorkspace(uri)
    project = _project(workspace, contract)
    listed = httpx.get(f"{uri}/api/projects/{project}/snapshots", timeout=_TIMEOUT).raise_for_status().json()
    there = [(known["metadata"].get("run"), known["tags"]) for known in listed]
    for snapshot in snapshots:
        own = snapshot.to_snapshot_model()
        if (own.metadata["run"], own.tags) not in there:
            workspace.add_run(project, snapshot)
    return project


def _project(workspace: RemoteWorkspace, contract: Contract) -> uuid.UUID:
    """Return the model's project, made if it is not there: its id follows from the name, so two callers make one."""
    project = uuid.uuid5(uuid.NAMESPACE_URL, f"mlops/{contract.name}")
    if project not in [known.id for known in workspace.list_projects()]:
        workspace.add_project(ProjectModel(id=project, name=contract.name, description=contract.title))
    if not workspace.get_dashboard(project).panels:  # what an analyst arranged afterwards stays
        drawn = [_panel(*panel) for panel in panels(contract)]
        tab = DashboardTabModel(title="Monitoring", panels=[panel.id for panel in drawn])
        workspace.save_dashboard(project, DashboardModel(tabs=[tab], panels=drawn))
    return project


def _panel(title: str, unit: str, lines: list[str]) -> DashboardPanelPlot:
    values = [
        PanelMetric(legend=name, tags=[TAG], metric="MeanValue", metric_labels={"column": name}) for name in lines
    ]
    return line_plot_panel(title, values, description=unit, size="half")
