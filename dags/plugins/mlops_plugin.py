"""Airflow's plugin: reports and their files as a tab of runs, the quarantine, the history in the navigation, links."""

import re
from html import escape
from typing import Any
from urllib.parse import urlencode

from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from dags.form_page import form_page
from dags.left_values import HistoryLink, MlflowLink, returned
from dags.wiring import run_key
from pipeline.page import SEALED
from pipeline.settings import load_settings
from pipeline.storage import storage

settings = load_settings()  # the api-server is an entry point of ours: it serves the reports
QUARANTINE = "quarantine.parquet"
app = FastAPI(title="mlops reports", docs_url=None, redoc_url=None, openapi_url=None)

_DEPLOYMENT = "model_deployment"
# DAGs whose runs leave a report, and their folders.
_KINDS = {"drift_monitoring": "reports", "data_ingestion": "ingestion", "model_training": "cards"}
_NO_REPORT = {
    "drift_monitoring": "This run has no monitoring report (yet).",
    "data_ingestion": "This run has no report (yet). Where its tasks are skipped, the window has no rows: the log of "
    "collect says which there are.",
    "model_training": "This run has no model card (yet). Where its gate failed, no version was made: its log ends with "
    "the rule that refused the challenger, and by how much.",
    _DEPLOYMENT: "This run has no evidence (yet). Where it is skipped, its log says why there is nothing to release.",
}
_NOT_HERE = "Runs of this DAG have no report; those of ingestion, training, deployment and monitoring have one."
# The pages of batches and models show what strangers wrote: it is escaped, and nothing on it could run all the same.
_NO_SCRIPTS = {"Content-Security-Policy": SEALED}
# Evidently's pages draw with scripts of their own: they may do that, in a world of their own. They fetch nothing, and
# neither see nor send the session of who is logged in.
_OWN_SCRIPTS = {
    "Content-Security-Policy": "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' "
    "'unsafe-eval' data: blob:; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:"
}
# What may be fetched of the files beside a report of monitoring, and as what.
_BESIDE = {
    r"evidently-[a-z-]+\.html": "text/html; charset=utf-8",
    r"(report|decision)\.json": "application/json",
    r"rows-\d+-[a-z0-9-]*\.csv": "text/csv; charset=utf-8",
}


async def logged_in(request: Request) -> None:
    """Let in who is logged in to Airflow: a plugin's own app is not behind its login by itself."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    await get_user(request, None, await bearer_scheme(request))


@app.get("/report", dependencies=[Depends(logged_in)])
def report(dag: str, run: str) -> HTMLResponse:
    """Return the report of a run of monitoring or ingestion, the card of a trained model, a deployment's evidence."""
    kind, folder = _folder(dag, run)
    if kind == _DEPLOYMENT:
        return _deployment(dag, run)
    if kind not in _KINDS or not (page := folder / "report.html").exists():
        return HTMLResponse(_note(_NO_REPORT.get(kind, _NOT_HERE)))
    content = page.read_text(encoding="utf-8")
    if kind == "drift_monitoring":
        # The page leads to files beside it. No text on it can hold a quotation mark: that is escaped.
        beside = f'href="file?{escape(urlencode({"dag": dag, "run": run}))}&amp;name='
        old = "<iframe" in content  # reports of before had Evidently's page inside
        return HTMLResponse(content.replace('href="./', beside), headers=_OWN_SCRIPTS if old else _NO_SCRIPTS)
    if (folder / QUARANTINE).exists():
        link = f"quarantine?{escape(urlencode({'dag': dag, 'run': run}))}"
        content = content.replace("<main>", f'<main><p><a href="{link}">Download the quarantine as CSV</a></p>', 1)
    return HTMLResponse(content, headers=_NO_SCRIPTS)


def _deployment(dag: str, run: str) -> HTMLResponse:
    from serving.deployment_page import deployment_page

    page = deployment_page(f"{dag.partition('.')[0]}: deployment", returned(dag, run))
    return HTMLResponse(page or _note(_NO_REPORT[_DEPLOYMENT]), headers=_NO_SCRIPTS)


@app.get("/file", dependencies=[Depends(logged_in)])
def file(dag: str, run: str, name: str) -> Response:
    """Return a file beside a report of monitoring: Evidently's page, the JSON, or the rows behind a finding as CSV."""
    kind, folder = _folder(dag, run)
    media = next((media for pattern, media in _BESIDE.items() if re.fullmatch(pattern, name)), None)
    if kind != "drift_monitoring" or media is None or not (folder / name).exists():
        return HTMLResponse(_note("This run has no such file."), 404)
    headers = dict(_OWN_SCRIPTS)
    if media.startswith("text/csv"):
        headers = {"Content-Disposition": f'attachment; filename="{dag.partition(".")[0]}-{run_key(run)}-{name}"'}
    return Response((folder / name).read_bytes(), media_type=media, headers=headers)


@app.get("/quarantine", dependencies=[Depends(logged_in)])
def quarantine(dag: str, run: str) -> Response:
    """Return the rows that a run of ingestion refused, as CSV."""
    from ingestion.quarantine_csv import quarantine_csv

    kind, folder = _folder(dag, run)
    file = folder / QUARANTINE
    if kind != "data_ingestion" or not file.exists():
        return HTMLResponse(_note("This run has no quarantine."), 404)
    name = f"{dag.partition('.')[0]}-{run_key(run)}-quarantine.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(quarantine_csv(file), media_type="text/csv; charset=utf-8", headers=headers)


@app.get("/form", dependencies=[Depends(logged_in)])
def form(dag: str, conf: str = "{}") -> HTMLResponse:
    """Return a DAG's form, filled in from the address: Airflow 3.3's own takes no values from there."""
    try:
        content, headers = form_page(dag, conf)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return HTMLResponse(content, headers=headers)


def _folder(dag: str, run: str) -> tuple[str, Any]:
    """Return a run's kind and its folder in the storage; 404 for what can be no run of ours."""
    model, _, kind = dag.partition(".")
    if not model.isidentifier() or run_key(run) != run_key(run).lstrip("."):
        raise HTTPException(404)
    return kind, storage(settings, _KINDS.get(kind, ""), model, run_key(run))


def _note(text: str) -> str:
    return f"<p style='font-family: sans-serif; margin: 2em'>{text}</p>"


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
            "href": settings.place("reports_page_uri") or settings.place("reports_uri"),
            "destination": "nav",
            "category": "browse",
            "url_route": "mlops_history",
        },
    ]
    global_operator_extra_links = [MlflowLink(), HistoryLink()]
