import pytest

from llmpo.paper.regret import regret_values

CHAIN, MAZE = "icpi_chain", "icpi_maze"
RANDOM = {"changes": {"algorithm": "random"}}
EXACT = {"changes": {"algorithm": "oracle_world_model"}}


def runs(label, regrets, environment=CHAIN, **options):
    """Runs of eight episodes that have the same regret throughout."""
    return [
        (environment, label, seed, (regret,) * 8, options)
        for seed, regret in enumerate(regrets)
    ]


@pytest.fixture
def values(make_online):
    return lambda *every: regret_values(make_online(*every))


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_counts_are_those_of_the_online_runs(values):
    asked = {"state": (160, 4, 100, 20, 0)}
    found = values(*runs("icpi", [0.1] * 3, predictions=asked))
    assert plain(found["regret_runs"]) == "3 runs"
    assert plain(found["regret_seeds"]) == "3 runs"
    assert plain(found["regret_episodes"]) == "24 training episodes"
    assert found["regret_steps"] == "240"
    assert found["regret_planned_steps"] == "80"
    assert plain(found["regret_completions"]) == "480 completions"
    assert found["regret_completions_per_step"] == "2"
    assert found["regret_invalid_share"] == "2.5%"
    assert found["prediction_accuracy"] == "83% of the states"


def test_learning_is_less_regret_than_chance_beyond_the_intervals(values):
    found = values(
        *runs("icpi", [0.1, 0.1, 0.1]),
        *runs("random", [0.6, 0.6, 0.6], **RANDOM),
        *runs("icpi", [0.1, 0.5, 0.9], MAZE),
        *runs("random", [0.4, 0.5, 0.6], MAZE, **RANDOM),
        *runs("q", [0.4, 0.4, 0.4], changes={"algorithm": "tabular_q"}),
    )
    assert plain(found["regret_learning"]) == "2 environments"
    assert found["regret_learned"] == "1"
    assert found["regret_base_low"] == "1"
    assert found["regret_others_learned"] == "q in 1"
    # Random actions are no algorithm to be compared with.
    assert plain(found["regret_comparisons"]) == "1 comparison"
    assert found["regret_comparisons_less"] == "1"


def test_single_runs_decide_nothing(values):
    found = values(*runs("icpi", [0.0]), *runs("random", [0.9], **RANDOM))
    assert plain(found["regret_learning"]) == "1 environment"
    assert found["regret_learned"] == "0"


def test_changes_are_named_with_the_most_harmful_first(values):
    found = values(
        *runs("icpi", [0.2] * 3),
        *runs("no_hints", [0.1] * 3, changes={"hints": False}),
        *runs("c_16", [0.5] * 3, changes={"recency": 16}),
    )
    assert plain(found["regret_ablations"]) == "2 changes"
    assert found["regret_ablation_effects"] == (
        "c_16 +0.30 [+0.30, +0.30] and no_hints "
        "\N{MINUS SIGN}0.10 [\N{MINUS SIGN}0.10, \N{MINUS SIGN}0.10]"
    )


def test_budgets_stand_beside_published_models_of_the_same_domains(values):
    found = values(
        *runs("icpi", [0.1]),
        *runs("b", [0.3], changes={"context_budget": 400}),
    )
    assert (
        found["regret_context_means"] == "0.30 with 400 tokens and 0.10 with no limit"
    )
    assert found["regret_context_published"].startswith("0.34 for GPT-J-6B with 400")
    assert found["regret_published_model"] == "code-davinci-002"
    assert found["regret_published_mean"] == "0.00"


def test_means_are_over_shared_environments(values):
    found = values(
        *runs("icpi", [0.1]),
        *runs("icpi", [0.9], MAZE),
        *runs("exact", [0.0], **EXACT),
    )
    assert plain(found["regret_exact"]) == "1 environment"
    assert found["regret_predicted_model"] == "0.10"


def test_a_language_model_is_not_called_a_predictor(values):
    found = values(*runs("mine", [0.1], method="icpi_llm"))
    assert found["regret_base"] == "mine"
    assert found["regret_asks"] == "a language model"


def test_what_is_missing_is_none(values):
    found = values(*runs("random", [0.6] * 3, **RANDOM))
    assert found["regret_base"] == "none"
    assert plain(found["regret_base_environments"]) == "0 environments"
    for name in ("learning", "comparisons", "exact", "ablations", "models", "contexts"):
        assert found[f"regret_{name}"].startswith("0\N{NO-BREAK SPACE}")
    for name in ("others_learned", "ablation_effects", "model_means", "context_means"):
        assert found[f"regret_{name}"] == "none"


def test_the_paper_leaves_online_methods_out_of_its_table_of_budgets(results):
    results.write(online={})
    head = "environment,method,algorithm,role,runs,published_steps,planned_steps,"
    head += "env_steps_fewest,env_steps_most,parameters\n"
    online = "icpi_chain,icpi,icpi,online,3,,80,80,83,\n"
    results.write_table("settings", head + online)
    assert results.write_macros().tables["settings"] is None
    results.write_table("settings", head + online + "a,ppo,ppo,training,1,1,1,1,1,1\n")
    table = results.write_macros().tables["settings"]
    assert [row[1] for row in table.rows] == ["ppo"]
