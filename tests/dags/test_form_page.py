"""The form that alerts link to: it shows what its address says, lets nothing else in, and starts nothing by itself."""

import json
import re

import pytest

from dags.form import training_form
from dags.form_page import form_page

DAG = "small.alert_dismissal"


def page(dag=DAG, **values):
    return form_page(dag, json.dumps(values))


def test_fields_are_filled_in_by_their_kind():
    shown = page(reason="after the alert", until=None, version=4, shift=True)[0]
    assert '<textarea rows="3" name="reason" data-kind="text">after the alert</textarea>' in shown
    assert 'type="date" name="until" data-kind="nullable" value=""' in shown
    assert 'type="number" name="version" data-kind="number" value="4"' in shown
    assert 'type="checkbox" name="shift" data-kind="boolean" checked' in shown
    assert f'data-dag="{DAG}"' in shown


def test_what_a_link_holds_is_no_markup():
    shown = page(reason="</textarea><script>alert(1)</script>", **{'x" autofocus onfocus="alert(1)': "y"})[0]
    assert shown.count("<script") == 1
    assert 'onfocus="' not in shown


def test_only_its_own_script_runs_and_nobody_frames_it():
    shown, headers = page(reason="x")
    policy = headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
    assert f'<script nonce="{nonce}">' in shown
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page(reason="x")[1]["Content-Security-Policy"] != policy


@pytest.mark.parametrize(
    ("dag", "conf"),
    [
        ("../../x", "{}"),
        ("small", "{}"),
        (DAG, "no json"),
        (DAG, "[1]"),
        (DAG, '{"a": {"b": 1}}'),
        (DAG, json.dumps({"a": "x" * 9000})),
    ],
)
def test_anything_else_is_refused(dag, conf):
    with pytest.raises(ValueError, match=r"^(dag|conf): "):
        form_page(dag, conf)


def test_fields_are_called_as_in_airflows_own_form():
    """Else the runbook's "with *The world has changed* ticked" leads nowhere."""
    body, _ = form_page("small.model_training", json.dumps({"shift": True, "data_version": None}))
    title = training_form()["shift"].schema["title"]
    assert f'<label>{title} <input type="checkbox" name="shift"' in body
    assert "<label>data version <input" in body
    dated, _ = form_page("small.alert_dismissal", json.dumps({"until": None}))
    assert '<input type="date" name="until" data-kind="nullable" value=""' in dated
