from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline.contract import Contract
from pipeline.git import git
from pipeline.settings import Settings
from training.lineage import code_hash, origin


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a history and a lock."""
    folder = tmp_path / "project"
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / "core.txt").write_text("numpy==2.3\n")
    (folder / "notes.md").write_text("nothing yet\n")
    git("init", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "first", cwd=folder)
    return folder


def settings_of(project: Path) -> Settings:
    return Settings(project_dir=project)


def test_a_version_is_tagged_with_all_that_decides_what_it_is(project: Path, small_contract: Contract) -> None:
    found = origin(small_contract, settings_of(project))
    assert found["git_commit"] == git("rev-parse", "HEAD", cwd=project)
    assert found["seed"] == "3"
    assert found["contract_data_hash"] == small_contract.data_hash
    assert found["contract_model_hash"] == small_contract.model_hash
    assert len(found["lock_hash"]) == len(found["code_hash"]) == 64
    assert f"scikit-learn {version('scikit-learn')}" in found["libraries"].split(", ")
    assert all(isinstance(value, str) and 0 < len(value) < 5000 for value in found.values())


def test_the_same_state_has_the_same_tags(project: Path, small_contract: Contract) -> None:
    assert origin(small_contract, settings_of(project)) == origin(small_contract, settings_of(project))


def test_changed_files_make_the_commit_dirty(project: Path, small_contract: Contract) -> None:
    commit = origin(small_contract, settings_of(project))["git_commit"]
    (project / "notes.md").write_text("something\n")
    assert origin(small_contract, settings_of(project))["git_commit"] == f"{commit}-dirty"


@pytest.mark.parametrize(("name", "content"), [("core.txt", "numpy==2.4\n"), ("other.txt", "")])
def test_any_change_of_the_lock_changes_its_hash(
    project: Path, small_contract: Contract, name: str, content: str
) -> None:
    before = origin(small_contract, settings_of(project))["lock_hash"]
    (project / "requirements" / name).write_text(content)
    assert origin(small_contract, settings_of(project))["lock_hash"] != before


def test_what_is_not_there_has_no_tag(tmp_path: Path, small_contract: Contract) -> None:
    found = origin(small_contract, settings_of(tmp_path))
    assert "git_commit" not in found
    assert "lock_hash" not in found
    assert "code_hash" in found, "an image has the code without its history"
    (tmp_path / "COMMIT").write_text(f"{'c0ffee' * 6}c0ff\n")
    assert origin(small_contract, settings_of(tmp_path))["git_commit"] == f"{'c0ffee' * 6}c0ff"


def test_the_hash_of_the_code_is_of_the_rooms_that_make_a_model(tmp_path: Path) -> None:
    for room in ("pipeline", "training", "monitoring"):
        (tmp_path / room / "part").mkdir(parents=True)
        (tmp_path / room / "part" / "one.py").write_text("x = 1\n")
    before = code_hash(tmp_path)
    (tmp_path / "monitoring" / "part" / "one.py").write_text("x = 2\n")
    (tmp_path / "training" / "notes.md").write_text("nothing that runs\n")
    assert code_hash(tmp_path) == before
    (tmp_path / "training" / "part" / "one.py").write_text("x = 2\n")
    changed = code_hash(tmp_path)
    assert changed != before
    (tmp_path / "training" / "part" / "one.py").rename(tmp_path / "training" / "two.py")
    assert code_hash(tmp_path) not in (before, changed), "where the code stands counts as well"
