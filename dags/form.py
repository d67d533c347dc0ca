"""The form of `data_ingestion`: which window, from which source."""

import re
from datetime import date
from typing import Any

from airflow.sdk import Param
from pydantic import ValidationError

from pipeline.contract import Contract, Window
from pipeline.errors import PipelineError

_NO_PASSWORD = r"^(?!.*://[^/?#]*:[^/?#]*@)"  # noqa: S105 (that is what it keeps out)


def source_param(contract: Contract) -> Param:
    """Return the form's field of the source; the contract's own is shown without what its address may hold."""
    own = contract.ingestion.source
    place, _, query = own.partition("?") if "://" in own else (own, "", "")
    shown = re.sub(r"(?<=://)[^/]*@", "", place) + ("?…" if query else "")
    return Param(
        None,
        type=["null", "string"],
        pattern=_NO_PASSWORD,
        title="Source",
        description=f"Another file, glob or address for this run. Empty: the contract's own, {shown}. "
        "An address with a password is refused: name a connection in the contract.",
        section="Source",
    )


def window_params(contract: Contract) -> dict[str, Param]:
    """Return the typed form fields of a window: dates, or row positions where the contract has no event time."""
    default = contract.demo.history if contract.demo else Window()
    kind = (
        {"type": ["null", "string"], "format": "date"}
        if contract.event_time
        else {"type": ["null", "integer"], "minimum": 0}
    )
    what = f"{contract.event_time}" if contract.event_time else "row position, counted from 0"
    return {
        "start": Param(
            _plain(default.start),
            title="From",
            description=f"First {what} of the window. Empty: from the beginning.",
            section="Window",
            **kind,
        ),
        "end": Param(
            _plain(default.end),
            title="Up to, excluded",
            description=f"First {what} after the window. Empty: to the end.",
            section="Window",
            **kind,
        ),
    }


def window_of(contract: Contract, params: dict[str, Any], dag_run: Any) -> Window:
    """Return the window of a run: its data interval when it was scheduled or back-filled, else what the form says.

    Raises:
        PipelineError: when the form's window ends before it starts, or an edge is no date.
    """
    if dag_run.run_type in ("scheduled", "backfill") and contract.event_time:
        return Window(start=dag_run.data_interval_start.date(), end=dag_run.data_interval_end.date())
    edge = date.fromisoformat if contract.event_time else int
    try:
        return Window(**{side: None if params[side] is None else edge(params[side]) for side in ("start", "end")})
    except ValueError as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise PipelineError(
            f"{contract.name}: the form's window {params['start']} to {params['end']} is none: {said}"
        ) from error


def _plain(edge: Any) -> Any:
    return edge.isoformat() if isinstance(edge, date) else edge


def training_form() -> dict[str, Param]:
    """Return the fields of the form that starts a training."""
    return {
        "data_version": Param(None, type=["null", "string"], title="Data version", description="Empty: the newest one"),
        "reason": Param("asked for by hand", type="string", title="Reason", description="Kept with the model version"),
        "shift": Param(
            False,
            type="boolean",
            title="The world has changed",
            description="The gate then compares on the last windows alone, since old rows keep an outdated champion",
        ),
    }
