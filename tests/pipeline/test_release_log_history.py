"""What was live when, read back from Git alone: our commits, and what people do by hand."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.git import clone, git, git_bytes
from pipeline.release_dates import moment_of
from pipeline.release_files import Release, ReleaseLogError
from pipeline.release_history import live_at, release_history
from pipeline.release_log import commit_release
from pipeline.settings import Settings
from tests.pipeline.test_release_log import release

PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@contextmanager
def by_hand(settings: Settings) -> Iterator[Path]:
    """Give a clone in which a person works; what they did is pushed afterwards."""
    with clone(settings.place("gitops_uri"), "main", depth=None) as work:
        yield work
        git("push", "--quiet", "origin", "HEAD:main", cwd=work)


def write(work: Path, one: Release, on: str | None = None, message: str = "By hand") -> None:
    (work / "releases").mkdir(exist_ok=True)
    (work / "releases" / f"{one.model}.json").write_text(one.model_dump_json())
    git("add", ".", cwd=work)
    git(*PERSON, "commit", "--quiet", "--message", message, cwd=work)
    if on:
        moment = datetime.fromisoformat(on)
        date_head(work, f"{int(moment.timestamp())} {moment:%z}")


def date_head(work: Path, date: str, author_date: str | None = None) -> None:
    """Give the newest commit another date, as git keeps it: seconds and a zone; git itself refuses some."""
    content = git_bytes("cat-file", "commit", "HEAD", cwd=work).decode()
    content = re.sub(r"^(author .*>) .*$", rf"\1 {author_date or date}", content, flags=re.MULTILINE)
    content = re.sub(r"^(committer .*>) .*$", rf"\1 {date}", content, flags=re.MULTILINE)
    how = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
    git("reset", "--quiet", "--soft", git_bytes(*how, cwd=work, content=content.encode()).decode().strip(), cwd=work)


def versions(settings: Settings, model: str = "flats") -> list[int | None]:
    return [period.release.version if period.release else None for period in release_history(settings, model)]


def test_a_period_says_since_when_until_when_by_whom_and_why(settings: Settings) -> None:
    commit_release(settings, release(1))
    commit_release(settings, release(2, approved_by="ada", reason="She looked.\n\nTwice."))

    newest, first = release_history(settings, "flats")

    assert (newest.approved_by, newest.reason) == ("ada", "She looked.\n\nTwice.")
    assert (first.approved_by, first.reason) == (release(1).approved_by, release(1).reason)
    assert first.until == newest.since
    assert newest.until is None
    assert abs(datetime.now(UTC) - newest.since) < timedelta(minutes=1)


def test_a_reason_cannot_forge_an_approval(settings: Settings) -> None:
    reason = "Because.\n\nApproved-by: the board\nRelease-run: another"
    commit_release(settings, release(1, approved_by="mallory\nApproved-by: the board", reason=reason), "run-1")

    assert release_history(settings, "flats")[0].approved_by == "mallory Approved-by: the board"
    assert release_history(settings, "flats")[0].reason == reason


@pytest.mark.parametrize(
    ("moment", "version"),
    [
        ("2026-03-01", None),  # before the first release
        ("2026-03-10", 1),  # a bare date is the end of its day
        ("2026-03-10T08:59:59Z", None),
        ("2026-03-10T09:00:00Z", 1),
        ("2026-03-10T10:00:00+01:00", 1),
        ("2026-03-10T10:00:00+02:00", None),  # which is 08:00 UTC
        ("2026-03-10T09:00", 1),  # without a zone: UTC
        ("2026-03-19", 1),
        ("2026-03-20", 2),
        ("2026-03-20T23:29:59+00:00", 1),  # 00:30 in Berlin is 23:30 UTC of the day before
        ("2026-03-21T00:30:00+01:00", 2),
        ("2027-01-01", 2),
    ],
)
def test_what_was_live_at_a_moment(settings: Settings, moment: str, version: int | None) -> None:
    commit_release(settings, release(9, model="diamonds"))
    with by_hand(settings) as work:
        write(work, release(1), "2026-03-10T09:00:00+00:00")
        write(work, release(8, model="diamonds"), "2026-03-15T09:00:00+00:00")
        write(work, release(2), "2026-03-21T00:30:00+01:00")

    found = live_at(release_history(settings, "flats"), moment_of(moment))

    assert (found.release.version if found and found.release else None) == version


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-02-30", "21.11.2026", "2026-01-01T25:00"])
def test_what_is_no_date_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ReleaseLogError, match="is no date: write 2026-11-21"):
        moment_of(text)


def test_a_revert_by_hand_is_its_authors_and_its_message_is_the_reason(settings: Settings) -> None:
    commit_release(settings, release(1))
    commit_release(settings, release(2))
    with by_hand(settings) as work:
        git(*PERSON, "revert", "--no-edit", "HEAD", cwd=work)

    newest = release_history(settings, "flats")[0]

    assert newest.release == release(1)
    assert newest.approved_by == "Ada <ada@example.org>"
    assert newest.reason.startswith('Revert "Release flats version 2 (was version 1)"')


def test_a_merge_makes_live_what_it_brings_when_it_is_made(settings: Settings) -> None:
    commit_release(settings, release(1))
    with by_hand(settings) as work:
        git("checkout", "--quiet", "-b", "change", cwd=work)
        write(work, release(2), "2026-01-05T12:00:00+00:00", "Try")
        write(work, release(3), "2026-01-06T12:00:00+00:00", "Better")
        git("checkout", "--quiet", "main", cwd=work)
        write(work, release(5, model="diamonds"))
        git(*PERSON, "merge", "--quiet", "--no-ff", "--message", "Merge version 3", "change", cwd=work)

    newest, first = release_history(settings, "flats")

    assert (newest.release, first.release) == (release(3), release(1))  # version 2 was never live
    assert newest.reason == "Merge version 3"
    assert newest.since >= first.since
    assert versions(settings, "diamonds") == [5]


def test_commits_that_change_nothing_of_what_runs_begin_no_period(settings: Settings) -> None:
    commit_release(settings, release(1))
    with by_hand(settings) as work:
        write(work, release(1, reason="a typing error mended"))  # and formatted otherwise
        (work / "releases" / "flats.json").write_text("{")
        git(*PERSON, "commit", "--quiet", "-am", "Oh", cwd=work)
        write(work, release(2))

    assert versions(settings) == [2, 1]


def test_taking_a_model_away_ends_its_period(settings: Settings) -> None:
    commit_release(settings, release(1))
    with by_hand(settings) as work:
        git("rm", "--quiet", "releases/flats.json", cwd=work)
        git(*PERSON, "commit", "--quiet", "-m", "No model for now", cwd=work)

    ended, first = release_history(settings, "flats")

    assert ended.release is None
    assert ended.reason == "No model for now"
    assert first.until == ended.since
    commit_release(settings, release(1))
    assert versions(settings) == [1, None, 1]


def test_a_clock_that_went_backwards_makes_no_period_end_before_it_began(settings: Settings) -> None:
    commit_release(settings, release(1))
    with by_hand(settings) as work:
        write(work, release(2), "2020-01-01T00:00:00+00:00")

    newest, first = release_history(settings, "flats")

    assert newest.since == first.since == first.until
    assert live_at([newest, first], newest.since) == newest


def test_what_was_brought_back_from_long_ago_is_live_since_it_was_brought_back(settings: Settings) -> None:
    """`git cherry-pick`, and a branch that was rebased, keep the author's date."""
    commit_release(settings, release(9, model="diamonds"))
    with by_hand(settings) as work:
        for version, day in ((1, 10), (2, 20), (1, 30)):
            write(work, release(version))
            moment = datetime(2026, 3, day, tzinfo=UTC)
            date_head(work, f"{int(moment.timestamp())} +0000", "1773133200 +0000")

    periods = release_history(settings, "flats")

    assert [period.since.day for period in periods] == [30, 20, 10]
    assert [period.until and period.until.day for period in periods] == [None, 30, 20]


@pytest.mark.parametrize(
    "date",
    [
        "1773133200 +9999",  # a zone that is none
        "1773133200 +2430",
        "1773133200 -0000",
        "99999999999999 +0000",  # the year 3170843
        "99999999999999999999999999 +0000",
        "4102444800 +0000",  # 2100: a clock that goes before
        "0 +0000",
        "-100 +0000",
        "some day",
    ],
)
def test_a_date_that_no_clock_showed_hides_nothing(settings: Settings, date: str) -> None:
    commit_release(settings, release(1))
    with by_hand(settings) as work:
        write(work, release(2))
        date_head(work, date)
    commit_release(settings, release(3))

    newest, second, first = release_history(settings, "flats")

    assert [one.release and one.release.version for one in (newest, second, first)] == [3, 2, 1]
    assert first.since == first.until == second.since
    assert live_at([newest, second, first], datetime.now(UTC)) == newest


def test_a_commit_by_hand_may_name_several_approvers(settings: Settings) -> None:
    commit_release(settings, release(9, model="diamonds"))
    with by_hand(settings) as work:
        write(work, release(1), message="Release\n\nBoth looked.\n\nApproved-by: ada\nApproved-by: grace")

    assert release_history(settings, "flats")[0].approved_by == "ada, grace"


def test_words_that_are_no_utf_8_are_read_all_the_same(settings: Settings) -> None:
    commit_release(settings, release(1))
    with by_hand(settings) as work:
        (work / "message").write_bytes("größer".encode("latin-1"))
        (work / "releases" / "flats.json").write_text(release(2).model_dump_json())
        git(*PERSON, "commit", "--quiet", "-a", "--file=message", cwd=work)

    assert versions(settings) == [2, 1]


def test_history_is_read_from_another_host_alike(settings: Settings) -> None:
    commit_release(settings, release(1))
    commit_release(settings, release(2))
    away = settings.model_copy(update={"gitops_uri": f"file://{settings.place('gitops_uri')}"})

    assert release_history(away, "flats") == release_history(settings, "flats")
