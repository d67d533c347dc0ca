"""The pipeline image, really built and run: 300 packages, so it takes minutes."""

import json
import re
import sys
from collections.abc import Iterator

import pytest

from tests.system.engine import BASE, ROOT, Engine, engine_in

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Container tools with the base image."""
    with engine_in(tmp_path_factory.mktemp("engine")) as made:
        yield made


def test_the_pipeline_image_has_airflow_the_commands_and_the_dags(engine: Engine) -> None:
    script = (sys.executable, "scripts/images.py", "pipeline", f"--base={BASE}", f"--folder={engine.folder}")
    engine.run(*script, seconds=900)
    dags = ", ".join(f"dags.{path.stem}" for path in sorted((ROOT / "dags").glob("[!_]*.py")))
    inside = f"set -e; airflow version; mlops contract check; git --version; python -c 'import {dags}'; id -u; pwd"
    options = ("--rm", "--network=host", "--read-only", "--user=10001", "--cap-drop=all")
    said = engine.run(
        "podman", "run", *options, "localhost/mlops-pipeline:0.1.0", "sh", "-c", inside, seconds=300
    ).stdout
    assert re.search(r"^3\.3\.", said, re.MULTILINE)
    assert "ok house_prices" in said
    assert said.splitlines()[-2:] == ["10001", "/app"]
    bill = json.loads((engine.folder / "pipeline.cdx.json").read_text())
    assert {"apache-airflow", "git", "mlflow"} <= {part["name"] for part in bill["components"]}
