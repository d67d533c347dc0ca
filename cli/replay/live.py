"""Live a whole replay: the world, the first model, one period after the other, and what came of it."""

from collections.abc import Callable
from pathlib import Path

from upath import UPath

from cli.errors import ReplayError
from cli.replay.asked import Asked
from cli.replay.lived import First, Life, Turn
from cli.replay.periods import periods_of
from cli.replay.picture import draw
from cli.replay.places import settings_of
from cli.replay.recipe import compete, put_live
from cli.replay.result import Line, Result, to_csv
from cli.replay.steps import Steps
from cli.replay.turn import live_turn
from cli.replay.world import World, make_world
from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.validate import validate
from pipeline.contract import Contract
from pipeline.settings import Settings
from pipeline.storage import write_bytes

RESULT, TABLE, PICTURE = "result.json", "result.csv", "result.svg"
BEFORE, EACH = 2, 5  # steps before the first period, and in each


def live(
    contract: Contract,
    settings: Settings,
    asked: Asked,
    folder: Path,
    told: Callable[[str], None] = lambda _: None,
    lived: Callable[[Line], None] = lambda _: None,
) -> Result:
    """Live the replay in its folder, or go on with it where it was stopped, and return what came of it.

    Args:
        contract: whose history it is.
        settings: the real ones; of these only what it takes to read the source is used.
        asked: what is replayed, and how.
        folder: where everything is written.
        told: hears the name of each step before it begins.
        lived: hears of each period when it is over.

    Raises:
        ReplayError: when the gate refuses the first model.
        PipelineError: as the stages do.
    """
    own, steps = settings_of(settings, folder), Steps(folder / "steps", told)
    periods = periods_of(asked)
    target = folder / "world.parquet"
    world = steps.do("world", World, lambda: make_world(contract, own, asked, periods, target))
    first = steps.do("first", First, lambda: _begin(contract, own, asked, world))
    life = Life(contract, own, asked, world, first, steps)
    turns: list[Turn] = []
    for period in world.periods:
        turns.append(live_turn(life, period, turns))
        lived(turns[-1].line())
    result = _result(life, turns)
    write_bytes(UPath(folder / TABLE), to_csv(result))
    write_bytes(UPath(folder / PICTURE), draw(result))
    write_bytes(UPath(folder / RESULT), result.model_dump_json(indent=1).encode())  # last: it says that all is there
    return result


def _begin(contract: Contract, settings: Settings, asked: Asked, world: World) -> First:
    """Ingest the first part, let the candidates compete, and release the winner."""
    validated = validate(contract, settings, "first", collect(contract, settings, "first", world.first, world.uri))
    version = publish(contract, settings, validated).version
    recipe, planned, best = compete(contract, settings, version, asked.trials)
    proven = put_live(contract, settings, planned, best)
    if proven.release is None:
        raise ReplayError(
            f"{contract.name}: the gate refused the first model: {proven.sentence} Give the first part more rows "
            "(--first-until), or lower the contract's section gate"
        )
    return First(recipe=recipe, release=proven.release, rows=validated.rows)


def _result(life: Life, turns: list[Turn]) -> Result:
    versions = [life.first.release.data_version, *(turn.rival.data_version for turn in turns)]
    attempts = [turn.retrained.attempt for turn in turns if turn.retrained.attempt]
    return Result(
        asked=life.asked,
        target=life.contract.target.name,
        unit=life.contract.target.unit,
        winner=life.first.recipe.winner,
        parameters={name: one.parameters for name, one in life.first.recipe.training.candidates.items()},
        first_rows=life.first.rows,
        quarantined=life.world.quarantined,
        lines=tuple(turn.line() for turn in turns),
        retrained={"loop": len(attempts), "frozen": 0, "every": len(set(versions)) - 1},
    )
