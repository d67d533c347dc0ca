"""The page at `/`, where a person fills in the fields and sees the prediction with its reasons.

It is written for the contract in service. All that it needs comes from the service itself, by addresses relative to
the page, so that it also works behind a prefix; the policy in `security.py` lets nothing else run or be fetched.
"""

from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response

from pipeline.style import STYLE
from serving.service.admission import is_open
from serving.service.page_form import form
from serving.service.served import Served
from serving.service.state import State, state_of
from serving.service.watcher import Refused

_FRESH = {"Cache-Control": "no-cache"}  # asked for again at each visit: the files change with the service
_STATIC = Path(__file__).parent / "static"
_SCRIPT = (_STATIC / "page.js").read_text(encoding="utf-8")
_SHEET = STYLE + (_STATIC / "page.css").read_text(encoding="utf-8")
Links = tuple[tuple[str, str], ...]
_LINKS: Links = (("docs", "API"), ("model", "Model"), ("metrics", "Metrics"))
_RESULT = (
    '<section class="answer" aria-label="Prediction"><p id="said" class="visually-hidden" role="status"></p>'
    '<div id="result" tabindex="0"><p class="faint">Fill in the fields and press Predict: the number, the range in '
    "which the true one is expected, and what each field adds stand here.</p></div></section>"
)

router = APIRouter(include_in_schema=False)


@router.get("/")
def page(request: Request) -> Response:
    """Show the form of what is served, or that nothing is released yet (503)."""
    state = state_of(request)
    live = state.watcher.live
    closed = request.app.state.closed  # and a link sends no key
    links = tuple(one for one in _LINKS if not closed or is_open(f"/{one[0]}"))
    body = _body(live.served, live.refused, links) if live.served else _nothing(state, live.refused, links)
    return Response(body, 200 if live.served else 503, media_type="text/html")


@router.get("/static/page.js")
def script() -> Response:
    """Send what the page does."""
    return Response(_SCRIPT, media_type="text/javascript", headers=_FRESH)


@router.get("/static/page.css")
def sheet() -> Response:
    """Send how the page looks: the house's style, and its own."""
    return Response(_SHEET, media_type="text/css", headers=_FRESH)


def _body(served: Served, refused: Refused | None, links: Links) -> str:
    contract, release = served.bundle.contract, served.release
    title = contract.title or contract.name
    target = contract.target.description.rstrip(".") or contract.target.name
    made = f"Version {release.version}, trained on {release.data_version}. Predicts: {target}."
    parts = [
        f'<h1>{escape(title)}</h1><p class="faint">{escape(contract.description)}</p>',
        f'<p class="faint">{escape(made)}</p>{_shown(links, release.card)}{_refusal(refused)}',
        f'<div class="columns"><section aria-label="Fields">{form(contract)}</section>{_RESULT}</div>',
        '<noscript><p class="notice">This page needs its script; without one, ask POST /predict.</p></noscript>',
    ]
    return _document(title, parts, '<script src="static/page.js" defer></script>')


def _nothing(state: State, refused: Refused | None, links: Links) -> str:
    told = f"No model of {state.model} is released yet"
    advice = "Once one is released, its form stands here within seconds; load the page again then."
    parts = [
        f"<h1>{escape(state.model)}</h1>{_shown(links)}",
        f'<p class="notice">{escape(told)}. {escape(advice)}</p>',
    ]
    return _document(state.model, [*parts, _refusal(refused)])


def _refusal(refused: Refused | None) -> str:
    if refused is None:
        return ""
    version = "A release" if refused.version is None else f"Version {refused.version} was released, but"
    return f'<p class="notice">{escape(f"{version} was not taken up: {refused.reason}")}</p>'


def _shown(links: Links, card: str = "") -> str:
    if card.startswith(("http://", "https://")):  # it comes from the release log: an address and nothing that runs
        links = (*links, (card, "Model card"))
    shown = (f'<a href="{escape(address)}">{escape(name)}</a>' for address, name in links)
    return f"<nav>{''.join(shown)}</nav>"


def _document(title: str, parts: list[str], script: str = "") -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="static/page.css"><link rel="icon" href="data:,">'
    )
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}{script}</head>\n<body><main>\n{body}\n</main></body></html>\n'
    )
