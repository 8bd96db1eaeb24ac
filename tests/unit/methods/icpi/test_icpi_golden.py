"""Runs as they were recorded: whatever makes ICPI faster must not change them."""

import json

import pytest

# Actions of a run, and the tokens of all its prompts and completions.
RECORDED = {
    ("chain", "relevance"): ("2121210210201122021110001220222101211121", 681381),
    ("chain", "suffix"): ("2121210210201122021110001220222101211121", 681381),
    ("distractor_chain", "relevance"): (
        "2222220000102111002110022201001112120001",
        343535,
    ),
    ("distractor_chain", "suffix"): (
        "22222200001021110021100222010011121220001",
        381384,
    ),
    ("maze", "relevance"): ("1320322003312020000210210320130101000100", 21100071),
    ("maze", "suffix"): ("132032200331202000021021011111320010100010", 24938215),
    ("mini_catch", "relevance"): ("0200000111011000110212100121220012112121", 851742),
    ("mini_catch", "suffix"): ("0200000111011000110212100121220012112121", 830182),
    ("mini_invaders", "relevance"): (
        "210000121111221112210002100002112010211102",
        10222966,
    ),
    ("mini_invaders", "suffix"): (
        "210000121111111111111111212222222222211111",
        9708395,
    ),
    ("point_mass", "relevance"): (
        "10100111101010111001000001110000110101110110",
        939647,
    ),
    ("point_mass", "suffix"): ("101001001101010101100110101011010011110111", 1222908),
}

VARIANTS = {
    "chain": {"temperature": 1.0},
    "distractor_chain": {"context_budget": 400},
    "maze": {"rollouts": 3},
    "mini_catch": {"context_budget": 1850},
    "mini_invaders": {"constraints": False},
    "point_mass": {"deduplicate": True, "context_budget": 1850},
}


@pytest.mark.parametrize("model", ["relevance", "suffix"])
@pytest.mark.parametrize("domain", VARIANTS)
def test_runs_are_as_recorded(icpi_run, domain, model):
    settings = {"steps": 40, "min_successes": 0, "model": model, **VARIANTS[domain]}
    context = icpi_run(domain, **settings)
    program = context.journal.policies["last"].program
    episodes = json.loads(context.journal.programs[program])["trajectories"]
    actions = "".join(str(action) for one in episodes for action in one["actions"])
    tokens = sum(
        one.prompt_tokens + one.completion_tokens for one in context.journal.predictions
    )
    assert (actions, tokens) == RECORDED[domain, model]
