"""Rules that hold for the whole repository."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from pipeline.contract import Contract

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "ingestion", "training", "serving", "monitoring", "cli", "dags")
CODE = sorted(
    path
    for path in ROOT.glob("*/**/*.py")
    if not path.relative_to(ROOT).parts[0].startswith(".") and path.relative_to(ROOT).parts[0] != "build"
)
OURS = [path for path in CODE if path.relative_to(ROOT).parts[0] in PACKAGES]
GUIDE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]

# What a DAG file may import when Airflow parses it, beside the standard library: nothing that is slow or asks anything.
PARSED = (
    "airflow.sdk",
    "airflow.providers.standard.operators.hitl",
    "pydantic",
    "dags",
    "pipeline.contract",
    "pipeline.errors",
    "pipeline.settings",
)
PLUGIN = (*PARSED, "airflow.plugins_manager", "fastapi", "pipeline.page", "pipeline.storage")
# Who may touch the environment beside the settings: those who pass it on to a program, or silence a library.
ENVIRONMENT = {
    "pipeline/settings.py",
    "pipeline/git.py",
    "pipeline/quiet.py",
    "pipeline/bundle/load.py",
    "monitoring/evidently/snapshot.py",
    "cli/main.py",
    "cli/stack/airflow.py",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def column_names(contract: Contract) -> tuple[set[str], set[str]]:
    """Return the names that are a column's beyond doubt, and those that are common words as well."""
    telling = {name for name in contract.batch_columns if "_" in name}
    return telling, set(contract.batch_columns) - telling


def test_no_code_names_a_column_of_the_default_data(house_prices: Contract) -> None:
    telling, common = column_names(house_prices)
    found = []
    for path in CODE:
        if name_of(path).startswith("data/"):
            continue
        words = telling & set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        # A common word is a column where it stands alone in quotes, is an attribute or the name of an argument.
        if not name_of(path).startswith("tests/"):  # whose own contracts may use common words
            words |= common & set(_names_used(path))
        found += [f"{name_of(path)}: {word}" for word in words]

    assert len(telling) > 15
    assert len(common) > 2
    assert found == []


def _names_used(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword | ast.arg) and node.arg:
            yield node.arg


def test_every_package_says_what_it_is_for() -> None:
    folders = {path.parent for path in OURS} - {ROOT / "dags" / "plugins"}  # which Airflow loads file by file
    silent = [name_of(folder) for folder in folders if not _docstring(folder / "__init__.py")]

    assert len(folders) >= len(PACKAGES)
    assert silent == []


def test_every_module_says_what_it_is_for() -> None:
    assert [name_of(path) for path in OURS if not _docstring(path)] == []


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(tree_of(path)) if path.exists() else None


@pytest.mark.parametrize("path", sorted(ROOT.glob("dags/**/*.py")), ids=name_of)
def test_parsing_a_dag_file_imports_nothing_slow(path: Path) -> None:
    allowed = (*sys.stdlib_module_names, *(PLUGIN if path.parent.name == "plugins" else PARSED))

    forbidden = [name for name in _imported(tree_of(path), inside_functions=False) if not _within(name, allowed)]

    assert forbidden == []


def test_there_are_four_dags() -> None:
    files = {path.stem for path in ROOT.glob("dags/*.py")}

    assert files >= {"data_ingestion", "drift_monitoring", "model_training", "model_deployment"}


def test_airflow_is_known_to_its_door_only() -> None:
    knowing = [name_of(path) for path in OURS if any(_within(name, ("airflow",)) for name in _imported(tree_of(path)))]

    assert [name for name in knowing if not name.startswith("dags/")] == []


def test_no_room_imports_a_door() -> None:
    rooms = [path for path in OURS if path.relative_to(ROOT).parts[0] not in ("dags", "cli")]

    opened = [
        name_of(path) for path in rooms if any(_within(name, ("dags", "cli")) for name in _imported(tree_of(path)))
    ]

    assert opened == []


def _imported(node: ast.AST, inside_functions: bool = True) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield child.module or ""
        elif inside_functions or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imported(child, inside_functions)


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_the_settings_are_the_only_reader_of_the_environment() -> None:
    readers = {
        name_of(path)
        for path in OURS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }

    assert readers <= ENVIRONMENT


def test_nobody_prints() -> None:
    printing = [
        name_of(path)
        for path in OURS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]

    assert printing == []


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert 60 <= len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("page", GUIDE, ids=name_of)
def test_links_of_the_guide_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@cache
def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def test_make_help_says_what_each_target_does() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    explained = dict(re.findall(r"^  (\S+) +(\S.*)$", told.stdout, re.MULTILINE))

    assert set(explained) == make_targets() - {"install"}  # which setup calls
    assert set(explained) >= {
        *("setup", "demo", "test", "test-system", "lint", "lock", "bench", "up", "down", "status", "clean"),
    }


def test_every_make_command_that_is_written_down_exists() -> None:
    code = [code for page in GUIDE for code in re.findall(r"`([^`]+)`", _text(page))]
    code += re.findall(r"run: (.*)", _text(ROOT / ".github" / "workflows" / "ci.yml"))
    written = {target for piece in code for target in re.findall(r"^(?:.* )?make ([a-z][a-z-]*)", piece, re.MULTILINE)}

    assert written >= {"setup", "demo", "test", "test-system", "lint", "lock", "bench", "clean"}
    assert written <= make_targets()


def test_ci_calls_the_targets_that_people_call() -> None:
    workflow = yaml.safe_load(_text(ROOT / ".github" / "workflows" / "ci.yml"))
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]

    for target in ("lint", "test", "test-system"):
        assert any(re.search(rf"make {target}$", step) for step in steps), target


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements/*.txt")), ids=name_of)
def test_a_lock_has_hashes_and_no_address_of_an_index(path: Path) -> None:
    lines = _text(path).splitlines()
    pinned = [line for line in lines if re.match(r"[a-z0-9]\S*==", line)]

    assert [line for line in lines if re.search(r"https?://|--(extra-)?index|--find-links|--trusted-host", line)] == []
    assert len(pinned) > 0
    assert [line for line in pinned if not line.endswith("\\")] == []  # the hashes follow
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)


def test_there_is_an_example_of_every_fault_of_a_contract() -> None:
    assert len(list(ROOT.glob("tests/pipeline/invalid_contracts/*.yaml"))) >= 20


def test_the_licence_is_whole_and_the_one_that_the_project_names() -> None:
    text = _text(ROOT / "LICENSE")

    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright The mlops-pipeline authors" in text
    assert 'license = "Apache-2.0"' in _text(ROOT / "pyproject.toml")


def test_every_release_says_how_to_upgrade_to_it() -> None:
    _, *releases = re.split(r"^## ", _text(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)
    assert releases
    for one in releases:
        assert "**Upgrading**" in one, one.splitlines()[0]


def test_the_changelog_tells_of_the_version_that_the_project_has() -> None:
    version = re.search(r'^version = "(.+)"$', _text(ROOT / "pyproject.toml"), re.MULTILINE)

    assert version is not None
    assert re.search(rf"^## {re.escape(version[1])}\b", _text(ROOT / "CHANGELOG.md"), re.MULTILINE)
