"""Run the prediction service of one contract: `python -m serving.service MODEL`."""

import argparse
import sys
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from pipeline.errors import PipelineError
from pipeline.release_files import CURRENT, RELEASE_FILE, Release
from pipeline.settings import ServiceSettings, Settings, load_settings
from serving.errors import ReleaseError
from serving.service.app import create_app
from serving.service.protocol import guarded
from serving.service.request_log import start_logging


def main() -> None:
    """Serve until told to stop; requests under way are answered before."""
    parser = argparse.ArgumentParser(prog="python -m serving.service", description=__doc__)
    parser.add_argument("model", nargs="?", help="the contract's name; without it, the model whose release is here")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 in a container")
    arguments = parser.parse_args()
    start_logging()
    try:
        settings = load_settings(ServiceSettings)
        model, port = _served(settings, arguments.model)
    except PipelineError as error:
        sys.exit(str(error))
    uvicorn.run(
        create_app(settings, model),
        host=arguments.host,
        port=port,
        loop="uvloop",
        http=guarded(settings.request_seconds),
        ws="none",
        log_config=None,  # its lines are written as the service's are
        access_log=False,  # MLOPS_LOG_REQUESTS writes a better one; /metrics counts them
        server_header=False,
        proxy_headers=False,  # nobody asks here where a request came from, and the look costs each of them
        timeout_graceful_shutdown=10,
    )


def _served(settings: Settings, model: str | None) -> tuple[str, int]:
    """Return the model's name and its port. In an image there is no contract to look up: its one release says it."""
    if model is not None:
        return model, settings.port_of(model)
    path = Path(settings.place("releases_dir")) / CURRENT / RELEASE_FILE
    try:
        return Release.model_validate_json(path.read_bytes()).model, settings.serving_port
    except (OSError, ValidationError) as error:
        raise ReleaseError(f"{path}: no release can be read here, so say which MODEL is served: {error}") from error


if __name__ == "__main__":
    main()
