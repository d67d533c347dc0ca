"""What tasks have left in Airflow's database (XComs), as the api-server reads it."""

from typing import Any

from airflow.sdk import BaseOperatorLink


def returned(dag: str, run: str) -> dict[str, Any]:
    """Return what the tasks of a run have returned, by task; of a task with several instances, the last one's."""
    from airflow.models.xcom import XCOM_RETURN_KEY, XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(XComModel).filter_by(dag_id=dag, run_id=run, key=XCOM_RETURN_KEY)
    with create_session() as session:
        return {one.task_id: XComModel.deserialize_value(one) for one in session.scalars(query)}


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
