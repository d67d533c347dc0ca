"""`mlops replay`: the loop over the contract's history, in minutes and without Airflow."""

from typing import Annotated

import typer

from cli.commands.options import Model, window_from
from cli.console import command, console, contract_of
from cli.replay.asked import asked_of
from cli.replay.periods import periods_of
from pipeline.settings import load_settings

_STOPPED = 130  # as shells say of what Ctrl-C has ended


@command
def replay(
    model: Model = None,
    period: Annotated[
        str | None,
        typer.Option(help="month (default), quarter or year; without an event time: rows."),
    ] = None,
    start: Annotated[str | None, typer.Option(help="Where the history begins; default: as demo.history.")] = None,
    first_until: Annotated[
        str | None, typer.Option(help="Where the first model's part of it ends; default: with demo.history.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Where it ends; default: with demo.replay.")] = None,
    delay: Annotated[int, typer.Option(help="How many periods later the truth is known.", min=0)] = 1,
    trials: Annotated[
        int, typer.Option(help="Sets of parameters that each candidate of the first training tries.", min=1)
    ] = 1,
    target_shift: Annotated[
        float, typer.Option(help="A scenario: targets are multiplied by this, such as 1.2.", min=0.01)
    ] = 1.0,
    shift_from: Annotated[
        str | None, typer.Option(help="Where the scenario begins; default: the second half of the periods.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the replay's folder; default: after its options.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, and forget what was done.")] = False,
) -> None:
    """Live through the history: ingest, predict, learn the truth, monitor, retrain; beside two simpler courses.

    Stopped by Ctrl-C or a kill, the same command goes on where it was. Nothing outside of its own folder is written.
    """
    settings = load_settings()
    contract = contract_of(settings, model)
    edges = {
        word: window_from(contract, text, None).start
        for word, text in (("start", start), ("first_until", first_until), ("end", end), ("shift_from", shift_from))
    }
    options = {"delay": delay, "trials": trials, "target_shift": target_shift}
    asked = asked_of(contract, period=period, **edges, **options)  # type: ignore[arg-type]
    from cli.replay.live import RESULT, live  # MLflow takes its seconds, which a wrong option should not cost
    from cli.replay.places import folder_of, opened
    from cli.replay.result import Result
    from cli.replay.show import show_result, showing

    with opened(folder_of(settings, asked, name), asked, fresh=fresh) as folder:
        if (folder / RESULT).exists():
            console.print("this replay is done already (--fresh begins anew):")
            result = Result.model_validate_json((folder / RESULT).read_bytes())
        else:
            console.print(f"replaying in {folder}", markup=False)
            try:
                with showing(len(periods_of(asked))) as shown:
                    result = live(contract, settings, asked, folder, shown.step, shown.period)
            except KeyboardInterrupt:
                console.print("stopped; the same command goes on from here")
                raise typer.Exit(_STOPPED) from None
        show_result(result, folder)
