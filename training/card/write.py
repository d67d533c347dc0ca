"""Write the model card of a version: what a reviewer outside of the team needs to judge it.

Its structure follows Mitchell et al. (2019), Model Cards for Model Reporting, doi:10.1145/3287560.3287596.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.contract import Contract
from training.card.accuracy import accuracy, interval
from training.card.as_html import as_html
from training.card.as_markdown import as_markdown
from training.card.behaviour import explained, importance, robustness
from training.card.caveats import caveats
from training.card.content import Content
from training.card.facts import Facts
from training.card.groups import groups
from training.card.making import choice, columns, data, lineage
from training.card.opening import opening, subtitle, title
from training.card.plots import more_plots
from training.card.purpose import purpose
from training.card.ruling import comparison, gate
from training.evaluation.document import Evaluation
from training.gate.decision import Decision
from training.leaderboard import Line

PLOTS = "plots"  # the folder beside the Markdown that its plots are in
_CHAPTERS = (
    *(purpose, caveats, accuracy, interval, groups, robustness, importance, explained),
    *(gate, comparison, choice, data, columns, lineage),
)


@dataclass(frozen=True)
class Card:
    """A model card in two forms that say the same. The HTML is one file; the Markdown has its plots beside it."""

    html: str
    markdown: str


def card(
    contract: Contract,
    version: int,
    tags: Mapping[str, str],
    evaluation: Evaluation,
    decision: Decision,
    candidates: list[Line],
    images: Mapping[str, bytes],
) -> Card:
    """Write the card of a model version. The same arguments give the same card.

    Args:
        contract: that the version was trained under.
        version: of the registered model.
        tags: of the version. What is not there is said not to be recorded; `windows` and `rows_train`,
            `rows_validation`, `rows_test` are shown with the data, tags that are not known here as they are.
        evaluation: on the test rows.
        decision: of the gate.
        candidates: of the training, best first.
        images: the plots, SVG by file name, as they are stored in `PLOTS` beside the Markdown.
    """
    facts = Facts(contract, version, tags, evaluation, decision, candidates, images)
    chapters = [chapter(facts) for chapter in _CHAPTERS]
    content = Content(title(facts), subtitle(facts), opening(facts), chapters + more_plots(facts, chapters))
    return Card(html=as_html(content), markdown=as_markdown(content, PLOTS))
