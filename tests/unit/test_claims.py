import pytest
from pydantic import ValidationError

from llmpo.claims import Claim

GOOD = {
    "id": "c",
    "text": "It is good.",
    "source": "somewhere",
    "kind": "score",
    "method": "promptpo",
    "against": ["ppo"],
    "families": ["MuJoCo"],
    "tolerance": 0.1,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tolerance": None}, "needs method, against and tolerance"),
        ({"against": []}, "needs method, against and tolerance"),
        ({"families": []}, "either environments or families"),
        ({"environments": ["ant_v5"]}, "either environments or families"),
        ({"against": ["promptpo"]}, "with itself"),
        ({"kind": "steps", "tolerance": 0}, "tolerance above 0"),
        ({"kind": "steps", "expects": "below"}, "no `expects`"),
        ({"kind": "steps", "expects": "better"}, "no `expects`"),
        ({"expects": "better"}, "scores cannot expect better"),
        ({"expects": "not_better"}, "scores cannot expect not_better"),
        ({"kind": "regret", "tolerance": None}, "needs method, against and tolerance"),
        ({"min_runs": 2}, "min_runs"),
        ({"verdict": "supported"}, "verdict"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Claim.model_validate(GOOD | changes)


def test_a_claim_without_numbers_needs_no_methods():
    claim = Claim(id="u", text="A number.", source="paper", kind="unpublished")
    assert claim.tolerance is None


@pytest.mark.parametrize("expects", ["at_least", "below", "better", "not_better"])
def test_regrets_can_be_expected_to_be_anything(expects):
    claim = Claim.model_validate(GOOD | {"kind": "regret", "expects": expects})
    assert claim.expects == expects
