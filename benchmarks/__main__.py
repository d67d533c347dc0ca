"""`make bench`: runs the benchmarks, prints their figures as a table and draws them; or those that are named."""

import argparse
from importlib import import_module

from benchmarks.table import Figure, busy, draw, show

BENCHMARKS = (
    "serving_row",
    "serving",
    "trial",
    "release",
    "ingestion",
    "publishing",
    "gate",
    "interval",
    "training",
    "monitoring_gather",
    "monitoring_speed",
    "monitoring_power",
)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all of them by default")
    parser.add_argument(
        "--full",
        action="store_true",
        help="ten million rows, and training on a million, as well: half an hour, 5 GB of disk",
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    warning = busy()
    figures: list[Figure] = []
    for name in arguments.names or BENCHMARKS:
        print(f"measuring {name} ...", flush=True)
        figures += import_module(f"benchmarks.{name}").measure(full=arguments.full)
    show(figures)
    print(*filter(None, [warning]), f"drawn in {draw(figures)}", sep="\n")


if __name__ == "__main__":
    main()
