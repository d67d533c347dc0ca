"""Run the prediction service of one contract: `python -m serving.service MODEL`."""

import argparse
import logging
import sys

import uvicorn

from pipeline.errors import PipelineError
from pipeline.settings import load_settings
from serving.service.app import create_app


def main() -> None:
    """Serve until told to stop; requests under way are answered before."""
    parser = argparse.ArgumentParser(prog="python -m serving.service", description=__doc__)
    parser.add_argument("model", help="the contract's name")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 in a container")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
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
        http="httptools",
        access_log=False,  # a line per request would cost more than the prediction; /metrics counts them
        server_header=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
