"""Run the prediction service of one contract: `python -m serving.service MODEL`."""

import argparse
import sys

import uvicorn

from pipeline.errors import PipelineError
from pipeline.settings import load_settings
from serving.service.app import create_app
from serving.service.protocol import guarded
from serving.service.request_log import start_logging


def main() -> None:
    """Serve until told to stop; requests under way are answered before."""
    parser = argparse.ArgumentParser(prog="python -m serving.service", description=__doc__)
    parser.add_argument("model", help="the contract's name")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 in a container")
    arguments = parser.parse_args()
    start_logging()
    try:
        settings = load_settings()
        port = settings.port_of(arguments.model)
    except PipelineError as error:
        sys.exit(str(error))
    uvicorn.run(
        create_app(settings, arguments.model),
        host=arguments.host,
        port=port,
        loop="uvloop",
        http=guarded(settings.request_seconds),
        ws="none",
        log_config=None,  # its lines are written as the service's are
        access_log=False,  # MLOPS_LOG_REQUESTS writes a better one; /metrics counts them
        server_header=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
