"""One period of a replay: answer, learn what was true, look, retrain; each a step whose result is kept."""

import numpy as np

from cli.replay.lived import Answered, Learnt, Life, Retrained, Rival, Turn
from cli.replay.periods import Period
from cli.replay.recipe import put_live, refit
from cli.replay.traffic import answer, bundle_of, incoming, mean_error, rows_of, tell_truths
from cli.replay.watch import Watched, watch
from ingestion.publish import publish
from monitoring.retraining.past import Attempt
from pipeline.errors import NothingToDo
from pipeline.release_log import Release
from training.tracking import Tracker


def live_turn(life: Life, period: Period, before: list[Turn]) -> Turn:
    """Live a period after those before; what was done of it in an earlier process is taken from there."""
    live = before[-1].retrained.live if before else life.first.release
    begun = Rival(run_id=life.first.release.run_id, data_version=life.first.release.data_version)
    rival = before[-1].rival if before else begun
    known = before[-1].learnt.data_version if before else life.first.release.data_version
    do, name = life.steps.do, f"{period.number:03d}"
    answered = do(f"{name}-answer", Answered, lambda: _answer(life, live, rival, period))
    learnt = do(f"{name}-learn", Learnt, lambda: _learn(life, period, answered, before, known))
    watched = do(f"{name}-watch", Watched, lambda: _watch(life, live, period, answered, learnt, before))
    retrained = do(f"{name}-retrain", Retrained, lambda: _retrain(life, live, period, learnt, watched))
    rival = do(f"{name}-every", Rival, lambda: _rival(life, rival, period, learnt))
    return Turn(period, live, answered, learnt, watched, retrained, rival)


def _answer(life: Life, live: Release, rival: Rival, period: Period) -> Answered:
    contract, settings = life.contract, life.settings
    try:
        valid = incoming(contract, settings, life.world.uri, period)
    except NothingToDo:
        return Answered(valid=None, errors={"loop": None, "frozen": None, "every": None})
    rows = rows_of(valid)
    frozen = life.first.release
    bundle = bundle_of(settings, frozen)
    matrix = bundle.encoder.columns({name: rows[name].to_numpy() for name in bundle.encoder.names})
    predicted = {frozen.run_id: bundle.predict(matrix)}
    predicted[live.run_id] = answer(contract, settings, live, period, rows)
    if rival.run_id not in predicted:
        predicted[rival.run_id] = np.asarray(Tracker(contract, settings).load_model(rival.run_id).predict(matrix))
    runs = {"loop": live.run_id, "frozen": frozen.run_id, "every": rival.run_id}
    errors = {course: mean_error(contract, rows, predicted[run]) for course, run in runs.items()}
    return Answered.model_validate({"valid": valid, "errors": errors})


def _learn(life: Life, period: Period, answered: Answered, before: list[Turn], known: str) -> Learnt:
    """The truth of a period comes so many periods later: only then can its rows be learnt from."""
    due = period.number - life.asked.delay
    turns = {turn.period.number: (turn.period, turn.answered) for turn in before}
    turns[period.number] = (period, answered)
    asked, told = turns.get(due, (period, None))
    if told is None or told.valid is None:
        return Learnt(data_version=known)
    tell_truths(life.contract, life.settings, asked, rows_of(told.valid), period.until - asked.until)
    return Learnt(data_version=publish(life.contract, life.settings, told.valid).version)


def _watch(
    life: Life, live: Release, period: Period, answered: Answered, learnt: Learnt, before: list[Turn]
) -> Watched:
    span = _span(life, [*(turn.period for turn in before), period], answered, before)
    windows = [window for turn in before for window in turn.watched.windows]
    attempts = [turn.retrained.attempt for turn in before if turn.retrained.attempt]
    return watch(life.contract, life.settings, live, learnt.data_version, span, windows, attempts)


def _span(life: Life, periods: list[Period], answered: Answered, before: list[Turn]) -> list[Period]:
    """Return the last periods: as few as hold enough rows whose truth has come, and at least one of these."""
    rows = [one.valid.rows if one.valid else 0 for one in (*(turn.answered for turn in before), answered)]
    known = max(0, len(before) - life.asked.delay)
    first = known
    while first > 0 and sum(rows[first : known + 1]) < life.contract.monitoring.minimum_rows:
        first -= 1
    return periods[first:]


def _retrain(life: Life, live: Release, period: Period, learnt: Learnt, watched: Watched) -> Retrained:
    decision = watched.decision
    if not decision.asked:
        return Retrained(live=live)
    if _is_last(life, period):
        return Retrained(live=live, outcome="Not done: the replay ends here.")
    applied = life.first.recipe.applied_to(life.contract)
    planned, best = refit(life.contract, life.settings, life.first.recipe, learnt.data_version)
    planned = planned.model_copy(update={"reason": decision.reason, "shift": decision.shift})
    proven = put_live(applied, life.settings, planned, best)
    attempt = {
        "asked": period.until,
        "kind": decision.kind,
        "data_version": learnt.data_version,
        "rows": watched.labelled_rows,
        "outcome": "released" if proven.release else "refused",
        "version": proven.release.version if proven.release else None,
    }
    return Retrained(live=proven.release or live, attempt=Attempt.model_validate(attempt), outcome=proven.sentence)


def _rival(life: Life, rival: Rival, period: Period, learnt: Learnt) -> Rival:
    if learnt.data_version == rival.data_version or _is_last(life, period):
        return rival
    _, best = refit(life.contract, life.settings, life.first.recipe, learnt.data_version)
    return Rival(run_id=best.run_id, data_version=learnt.data_version)


def _is_last(life: Life, period: Period) -> bool:
    """Whether nothing comes after it that a new model could answer."""
    return period.number == life.world.periods[-1].number
