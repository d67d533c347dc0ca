"""What tests of releases share: registered versions of tiny models, and a stand-in for the service."""

import http.server
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import model_registry
from pipeline.bundle.format import BundleMetadata, Interval, write_bundle
from pipeline.bundle.load import open_session
from pipeline.contract import Contract
from pipeline.encode import Encoder
from pipeline.release_log import CURRENT, RELEASE_FILE
from pipeline.settings import Settings
from serving.approval import Approval, implied, settle
from serving.proposal import Proposal, propose
from serving.reconcile import Reconciled
from serving.release import deploy
from serving.verify import verify
from tests.conftest import ROOT
from tests.publishing import free_port
from tests.serving.conftest import RECORD, smoke_row, tiny_model

EVALUATION = {
    "error": "mae",
    "rows": 120,
    "metrics": {"mae": {"value": 12.5, "low": 11.0, "high": 14.0}, "r2": {"value": 0.9, "low": None, "high": None}},
    "slices": [{"column": "kind", "group": "Villa | <b>", "rows": 40, "metrics": {"mae": 20.25}, "coverage": 0.9}],
}
DECISION = {
    "passed": True,
    "sentence": "Promoted over version 1: all 2 rules passed.",
    "rules": [{"name": "gain", "passed": True, "value": 1.0, "limit": 0.5, "sentence": "the gain is 10 %"}],
    "compared": {
        "champion": 1,
        "error": "mae",
        "rows": 200,
        "champion_error": 14.0,
        "challenger_error": 12.6,
        "gain": {"value": 0.1, "low": 0.04, "high": 0.16},
    },
}


def register(
    settings: Settings,
    contract: Contract,
    bias: float,
    data_version: str = "data-v1.0.0",
    record: dict[str, Any] | None = None,
    spoilt: bool = False,
) -> int:
    """Register a model whose answers tell its bias, with the documents that training leaves; return its version.

    A spoilt one has a smoke row that it does not answer so.
    """
    client, model = model_registry.connect(settings), tiny_model(len(contract.features), bias)
    run_id = client.create_run(model_registry.ensure_experiment(settings, client, contract.name)).info.run_id
    smoke = smoke_row(contract, model, record or RECORD)
    smoke = smoke.model_copy(update={"prediction": smoke.prediction * 2}) if spoilt else smoke
    metadata = BundleMetadata(
        model=contract.name,
        run_id=run_id,
        data_version=data_version,
        candidate="ridge",
        metrics={"mae": 12.5, "rmse": 20.0, "r2": 0.9},
        target_transform="log",
        interval=Interval(level=0.9, scale="log", half_width=0.1),
        training_ranges={},
        smoke=(smoke,),
        background=(),
    )
    with tempfile.TemporaryDirectory() as scratch:
        digest = write_bundle(Path(scratch), model, contract, metadata)
        client.log_artifacts(run_id, scratch, model_registry.BUNDLE)
    for name, content in (("evaluation.json", EVALUATION), ("decision.json", DECISION)):
        model_registry.log_document(settings, run_id, name, content)
    model_registry.ensure_model(client, contract.name)
    tags = {"bundle_digest": digest, "gate": str(DECISION["sentence"])}
    made = client.create_model_version(contract.name, f"runs:/{run_id}/bundle", run_id=run_id, tags=tags)
    client.set_registered_model_alias(contract.name, model_registry.CHALLENGER, made.version)
    return int(made.version)


def stock_settings(folder: Path) -> Settings:
    """Return settings of a model registry that tests share: to make one takes seconds."""
    return Settings(
        project_dir=ROOT, state_dir=folder / "state", mlflow_uri=f"sqlite:///{folder}/mlflow.db", reports_uri=""
    )


@contextmanager
def going_on(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let work go on in a thread; it ends once the event is set."""
    stopped = threading.Event()
    thread = threading.Thread(target=work, args=(stopped,))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def two_versions(folder: Path, contract: Contract) -> Settings:
    """Return settings of a model registry with two versions, whose answers differ by 1.0."""
    settings = stock_settings(folder)
    for bias in (1.0, 2.0):
        register(settings, contract, bias)
    return settings


def fresh(stock: Settings, folder: Path) -> Settings:
    """Return settings with the shared model registry, and with nothing released."""
    return stock.model_copy(
        update={"gitops_uri": f"{folder}/gitops.git", "releases_dir": f"{folder}/releases/{{model}}"}
    )


def take_way(settings: Settings, contract: Contract, version: int, run: str, reason: str | None = None) -> Reconciled:
    """Go the whole way from a proposal to a verified release, as the DAG and the command do."""
    proposal = propose(contract, settings, run, version, reason)
    return verify(settings, deploy(contract, settings, settle(settings, proposal, told(proposal)), run))


def told(proposal: Proposal) -> Approval:
    return implied(proposal, datetime(2026, 11, 21, 12, tzinfo=UTC))


class StandIn:
    """Stands in for the service: follows `current` at once, and misbehaves for some versions as it is told.

    `ill` says by version what is wrong: `stays` (the old one goes on being served), `refuses`, or `wrong` (numbers).
    """

    def __init__(self, settings: Settings, contract: Contract) -> None:
        self.ill: dict[int, str] = {}
        self._current = Path(settings.place("releases_dir", contract.name)) / CURRENT
        self._encoder = Encoder(contract)
        self._served: Path | None = None
        self._refused: dict[str, Any] = {}

    @property
    def version(self) -> int | None:
        """What is served now."""
        folder = self._current.resolve() if self._current.exists() else None
        release = json.loads((folder / RELEASE_FILE).read_text()) if folder else {}
        wrong = self.ill.get(release.get("version", 0))
        self._refused = {"version": release["version"], "reason": "it is ill"} if wrong == "refuses" else {}
        if folder and wrong not in ("stays", "refuses"):
            self._served = folder
        return int(json.loads((self._served / RELEASE_FILE).read_text())["version"]) if self._served else None

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        version = self.version
        if version is None or self._served is None:
            return 503, {"detail": "nothing is released"}
        if path == "/model":
            return 200, {"version": version} | ({"refused": self._refused} if self._refused else {})
        session = open_session(next(self._served.glob("*.onnx")).read_bytes())
        raw = session.run(None, {session.get_inputs()[0].name: self._encoder.record(json.loads(body))})[0]
        number = float(np.exp(raw.astype(np.float64)[0, 0])) * (1.5 if self.ill.get(version) == "wrong" else 1)
        return 200, {"prediction": number, "model_version": version}


@contextmanager
def standing_in(settings: Settings, contract: Contract) -> Iterator[tuple[Settings, StandIn]]:
    """Run a stand-in; give settings that lead to it, and itself."""
    stand_in = StandIn(settings, contract)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, content = stand_in.answer(self.path, self.rfile.read(length))
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield settings.model_copy(update={"service_uri": address, "swap_seconds": 0.02, "ready_seconds": 2}), stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def killed_after(module: Any, name: str, do: Callable[[], Any], at: int = 1) -> Callable[[], Any]:
    """Return `do`, in which the process is killed right after a function of a module has done its work.

    Args:
        module: that calls the function by this name.
        name: of the function.
        do: what is run.
        at: at which call of it.
    """

    def run() -> Any:
        real, calls = getattr(module, name), []

        def fatal(*arguments: Any, **named: Any) -> Any:
            result = real(*arguments, **named)
            calls.append(1)
            if len(calls) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(module, name, fatal)
        return do()

    return run
