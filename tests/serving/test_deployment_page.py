"""The Report tab of a deployment: how far it came, by whose approval, and the evidence."""

import pytest

from serving.deployment_page import deployment_page

RELEASE = {"version": 4, "data_version": "data-v1.2.0", "approved_by": "gate (automatic)", "reason": "better by 3 %"}
FORM = """**Proposed: version 4**. [Its run](https://mlflow.example/runs/4) [evil](javascript:alert(1))

### Metrics

| metric | version 4 |
| --- | --- |
| MAE | 12,640 (11,900 to 13,500) |

<script>alert(1)</script>
"""
EVIDENCE = {"release": RELEASE, "ask": False, "form": FORM}
APPROVED = RELEASE | {"approved_by": "ada", "reason": "the slices <b>look</b> good"}
VERIFIED = {"smoke_rows": 20, "largest_difference": 3e-7}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ({"evidence": EVIDENCE | {"ask": True}}, ["not approved", "Required Actions"]),
        ({"evidence": EVIDENCE}, ["not approved", "log of approve"]),
        ({"evidence": EVIDENCE, "approve": APPROVED}, ["not released", "ada", "log"]),
        ({"evidence": EVIDENCE, "approve": APPROVED, "release": APPROVED}, ["not verified", "log of verify"]),
        (
            {"evidence": EVIDENCE, "approve": APPROVED, "release": APPROVED, "verify": VERIFIED},
            ["live", "20 smoke rows", "3.0e-07", "Approved by ada"],
        ),
    ],
)
def test_the_page_says_how_far_a_deployment_came(returned, said):
    page = deployment_page("small: deployment", returned)
    for word in said:
        assert word in page
    assert "12,640" in page


def test_nothing_on_the_page_can_run_and_tables_are_tables():
    page = deployment_page("small: deployment", {"evidence": EVIDENCE, "approve": APPROVED})
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "<b>look</b>" not in page
    assert "<td>MAE</td>" in page
    assert 'href="https://mlflow.example/runs/4"' in page
    assert "default-src 'none'" in page


def test_a_run_without_evidence_has_no_page():
    assert deployment_page("small: deployment", {}) is None
