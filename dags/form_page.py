"""A DAG's form that is filled in from its address, for links in alerts.

It only shows: what starts the run is Airflow's own API, asked by the browser of who is logged in, once they press the
button. So Airflow checks the values and the rights, and knows who it was.
"""

import json
import re
from html import escape
from secrets import token_urlsafe
from typing import Any

_MOST = 8000  # characters of values
_TITLES = {"shift": "The world has changed", "until": "Until (the last day of silence)"}  # else the field's name
_DATES = ("until",)
_DAG = re.compile(r"[a-z][a-z0-9_]*\.[a-z_]+")

# Values travel as JSON. What was no text at first is read as JSON again, and an empty field is null.
_SCRIPT = """
const form = document.querySelector('form'), said = document.querySelector('output');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const conf = {};
  for (const field of form.querySelectorAll('[name]')) {
    const kind = field.dataset.kind;
    conf[field.name] = kind === 'boolean' ? field.checked
      : field.value === '' && kind !== 'text' ? null
      : kind === 'number' ? Number(field.value) : field.value;
  }
  const base = location.pathname.replace(/\\/mlops\\/form$/, '');
  const place = `${base}/api/v2/dags/${encodeURIComponent(form.dataset.dag)}/dagRuns`;
  const answer = await fetch(place, {method: 'POST', credentials: 'same-origin',
    headers: {'Content-Type': 'application/json'}, body: JSON.stringify({logical_date: null, conf})});
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const why = typeof content.detail === 'string' ? content.detail : JSON.stringify(content.detail || content);
    said.textContent = `Not started (${answer.status}): ${why}`;
    return;
  }
  form.querySelector('button').disabled = true;
  const link = document.createElement('a');
  link.href = `${base}/dags/${encodeURIComponent(form.dataset.dag)}/runs/${encodeURIComponent(content.dag_run_id)}`;
  link.target = '_top';
  link.textContent = 'Started: to the run';
  said.replaceChildren(link);
});
"""
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1d2733;background:#fff}
label{display:block;margin:1rem 0;font-weight:600}input:not([type=checkbox]),textarea{
display:block;width:100%;
box-sizing:border-box;font:400 1rem system-ui,sans-serif;padding:.4rem;border:1px solid #8896a5;border-radius:4px}
button{font:inherit;padding:.5rem 1.2rem}output{display:block;margin:1rem 0}
"""


def form_page(dag: str, conf: str) -> tuple[str, dict[str, str]]:
    """Return the page and the headers that it needs.

    Args:
        dag: its id; one of ours.
        conf: a JSON object of the fields and their values.

    Raises:
        ValueError: for what is no DAG of ours, or no object of plain values.
    """
    if not _DAG.fullmatch(dag):
        raise ValueError("dag: no DAG of ours")
    nonce = token_urlsafe(16)
    fields = "".join(_field(name, value) for name, value in _values(conf).items())
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Start {escape(dag)}</title>'
        f'<meta name="viewport" content="width=device-width"><style nonce="{nonce}">{_STYLE}</style></head><body>'
        f"<h1>Start {escape(dag)}</h1><p>Filled in by a link. Nothing has happened yet: look, change, then start.</p>"
        f'<form data-dag="{escape(dag)}">{fields}<button>Start</button><output role="status"></output></form>'
        f'<script nonce="{nonce}">{_SCRIPT}</script></body></html>'
    )
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'"
    # Nobody may frame it: a page that lies over it could make somebody press the button.
    headers = {"Content-Security-Policy": f"{policy}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"}
    return body, headers | {"X-Frame-Options": "DENY", "Cache-Control": "no-store"}


def _values(conf: str) -> dict[str, Any]:
    try:
        values = json.loads(conf) if len(conf) <= _MOST else None
    except ValueError:
        values = None
    if not isinstance(values, dict) or any(isinstance(value, dict | list) for value in values.values()):
        raise ValueError(f"conf: give a JSON object of plain values, of at most {_MOST} characters")
    return values


def _field(name: str, value: Any) -> str:
    kind, shown = "text", "" if value is None else str(value)
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, int | float):
        kind = "number"
    elif value is None:
        kind = "nullable"
    named = f'name="{escape(name)}" data-kind="{kind}"'
    if kind == "boolean":
        control = f'<input type="checkbox" {named}{" checked" if value else ""}>'
    elif kind == "text":
        control = f'<textarea rows="3" {named}>{escape(shown)}</textarea>'
    else:
        written = "date" if name in _DATES else "number" if kind == "number" else "text"
        control = f'<input type="{written}" {named} value="{escape(shown)}" placeholder="empty: none">'
    return f"<label>{escape(_TITLES.get(name, name.replace('_', ' ')))} {control}</label>"
