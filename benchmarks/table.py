"""What benchmarks measured: as a table with its bars, as a picture, and with the machine named."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

PICTURE = Path(__file__).resolve().parents[1] / "build" / "benchmarks.svg"
_LIBRARIES = ("numpy", "pandas", "pyarrow", "dvc", "onnxruntime", "scikit-learn")
_TIMES = "x"  # the unit of a ratio, which is told but not drawn


@dataclass(frozen=True)
class Bar:
    """What a figure must reach."""

    side: Literal["at least", "at most"]
    value: float

    def met(self, value: float) -> bool:
        """Whether the value reaches the bar."""
        return value >= self.value if self.side == "at least" else value <= self.value


@dataclass(frozen=True)
class Figure:
    """One measured number; `of` is the benchmark that it belongs to."""

    of: str
    name: str
    value: float
    unit: str = _TIMES
    bar: Bar | None = None

    @property
    def verdict(self) -> str:
        """Whether the bar is met; empty where there is none."""
        return "" if self.bar is None else "met" if self.bar.met(self.value) else "MISSED"


def machine() -> str:
    """Return the processor, cores, memory and versions that the figures hold for; no name of a host."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, {libraries}"
    )


def busy() -> str:
    """Return a warning when other programs keep the machine from being measured; empty when it is quiet."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < cores * 0.75:
        return ""
    return f"the machine is busy (a load of {load:.1f} on {cores} cores): seconds that are measured now mean little"


def show(figures: Sequence[Figure]) -> None:
    """Print all figures and their bars."""
    table = Table(title="Benchmarks", caption=machine(), title_justify="left", caption_justify="left")
    for heading, side in (("what", "left"), ("figure", "left"), ("measured", "right"), ("bar", "right"), ("", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for figure, before in zip(figures, [None, *figures], strict=False):
        bar = "" if figure.bar is None else f"{figure.bar.side} {_number(figure.bar.value)} {figure.unit}"
        of = "" if before and before.of == figure.of else figure.of
        table.add_row(of, figure.name, f"{_number(figure.value)} {figure.unit}", bar, figure.verdict)
    Console(width=120).print(table)


def draw(figures: Sequence[Figure], target: Path = PICTURE) -> Path:
    """Write the figures as bars, those of one unit beside each other, and return where the picture is."""
    from matplotlib.figure import Figure as Canvas  # slow to import, and only needed at the end

    panels = list(_panels(figures))
    canvas = Canvas(figsize=(9, 0.8 + sum(0.7 + 0.35 * len(panel) for panel in panels)), layout="constrained")
    heights = [2 + len(panel) for panel in panels]
    axes = canvas.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        bars = axis.barh([figure.name for figure in panel], [figure.value for figure in panel], color="#4878a8")
        axis.bar_label(bars, [f"{_number(figure.value)} {figure.unit}" for figure in panel], padding=3)
        axis.set_title(panel[0].of, loc="left", fontsize="medium")
        axis.invert_yaxis()
        axis.margins(x=0.15)
        axis.set_xticks([])
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    canvas.supxlabel(machine().replace("; ", "\n"), fontsize="x-small")
    target.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(target)
    return target


def _panels(figures: Iterable[Figure]) -> Iterable[list[Figure]]:
    panels: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures:
        if figure.unit != _TIMES:
            panels.setdefault((figure.of, figure.unit), []).append(figure)
    return panels.values()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
