"""Airflow's plugin: the report as a tab of each monitoring run, the history in the navigation, links on tasks."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse

from dags.wiring import run_key
from pipeline.settings import load_settings
from pipeline.storage import storage

settings = load_settings()  # the api-server is an entry point of ours: it serves the reports
app = FastAPI(title="mlops reports", docs_url=None, redoc_url=None, openapi_url=None)

NO_REPORT = "<p style='font-family: sans-serif; margin: 2em'>This run has no monitoring report (yet).</p>"


async def logged_in(request: Request) -> None:
    """Let in who is logged in to Airflow: a plugin's own app is not behind its login by itself."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    await get_user(request, None, await bearer_scheme(request))


@app.get("/report", dependencies=[Depends(logged_in)])
def report(dag: str, run: str) -> HTMLResponse:
    """Return the report of a monitoring run."""
    model = dag.partition(".")[0]
    if not model.isidentifier() or run_key(run) != run_key(run).lstrip("."):
        raise HTTPException(404)
    page = storage(settings, "reports", model, run_key(run), "report.html")
    return HTMLResponse(page.read_text(encoding="utf-8") if page.exists() else NO_REPORT)


class XComLink(BaseOperatorLink):
    """A link whose address a task left as an XCom; other tasks do not show it."""

    key = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 (the interface is Airflow's)
        """Return the address, or nothing."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        wanted = {"dag_id": ti_key.dag_id, "run_id": ti_key.run_id, "task_id": ti_key.task_id}
        query = select(XComModel.value).filter_by(**wanted, map_index=ti_key.map_index, key=self.key)
        with create_session() as session:
            return str(session.scalar(query) or "").strip('"')


class MlflowLink(XComLink):
    """The MLflow run of a candidate."""

    name = "MLflow run"
    key = "mlflow_url"


class HistoryLink(XComLink):
    """The model's project in Evidently's UI."""

    name = "Monitoring history"
    key = "history_url"


class MlopsPlugin(AirflowPlugin):
    """What the Airflow UI shows beside its own pages."""

    name = "mlops"
    fastapi_apps = [{"app": app, "url_prefix": "/mlops", "name": "mlops reports"}]
    external_views = [
        {
            "name": "Report",
            "href": "/mlops/report?dag={DAG_ID}&run={RUN_ID}",
            "destination": "dag_run",
            "url_route": "mlops_report",
        },
        {
            "name": "Monitoring history",
            "href": settings.place("reports_uri"),
            "destination": "nav",
            "category": "browse",
            "url_route": "mlops_history",
        },
    ]
    global_operator_extra_links = [MlflowLink(), HistoryLink()]
