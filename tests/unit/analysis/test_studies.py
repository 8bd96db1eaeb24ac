import math

import pytest

from llmpo.analysis.studies import studies
from llmpo.analysis.table import read_tidy

BASE = ("icpi", "icpi", {})


@pytest.fixture
def sort(make_online):
    """Returns a function that sorts series: label, method and changed settings."""

    def make(*series):
        runs = (
            ("icpi_chain", label, 0, (0.5,) * 8, {"method": method, "changes": changes})
            for label, method, changes in series
        )
        return studies(make_online(*runs))

    return make


def names(found):
    return [one.series for one in found]


def test_series_are_sorted_by_what_differs_and_not_by_their_labels(make_online_tidy):
    found = studies(read_tidy(make_online_tidy(seeds=1)).online)
    assert found.base.series == "icpi"
    assert names(found.algorithms) == [
        *("icpi", "no_argmax", "tabular_q", "tabular_q_released", "oracle", "random"),
    ]
    assert names(found.ablations) == ["icpi", "no_hints", "c_16", "three_rollouts"]
    assert names(found.models) == ["icpi", "suffix"]
    assert [(budget, one.series) for budget, one in found.contexts] == [
        (400, "budget_400"),
        (3800, "budget_3800"),
        (math.inf, "icpi"),
    ]


def test_labels_may_be_anything_and_the_base_may_stand_anywhere(sort):
    found = sort(
        ("optimal", "icpi", {"hints": False}),
        ("random", "icpi", {"model": "suffix"}),
        ("suffix", "icpi", {}),
    )
    assert found.base.series == "suffix"
    assert names(found.ablations) == ["suffix", "optimal"]
    assert names(found.models) == ["suffix", "random"]


def test_a_series_that_differs_in_several_ways_answers_no_question(sort):
    both = {"model": "suffix", "context_budget": 400}
    found = sort(BASE, ("both", "icpi", both), ("two", "icpi", {"rollouts": 3} | both))
    for study in (found.algorithms, found.ablations, found.models):
        assert names(study) == ["icpi"]
    assert [one.series for _, one in found.contexts] == ["icpi"]
    several = sort(BASE, ("bare", "icpi", {"hints": False, "balancing": False}))
    assert names(several.ablations) == ["icpi", "bare"]


def test_longer_or_otherwise_measured_runs_are_the_same_agent(sort):
    found = sort(
        ("long", "icpi", {"steps": 400}),
        ("aliased", "icpi", {"aliased_start_regret": True}),
    )
    assert found.base.series == "long"
    assert names(found.algorithms) == ["long", "aliased"]
    assert names(found.ablations) == names(found.models) == ["long"]


def test_language_models_are_models_beside_the_base(sort):
    found = sort(
        ("gpt", "icpi_llm", {"interface": "chat"}),
        BASE,
        ("small", "icpi_llm", {"context_budget": 400}),
        ("gpt_no_hints", "icpi_llm", {"hints": False}),
        ("gpt_no_argmax", "icpi_llm", {"algorithm": "no_argmax"}),
    )
    assert found.base.series == "icpi"
    assert names(found.models) == ["icpi", "gpt", "small"]
    assert names(found.ablations) == ["icpi"]
    assert names(found.algorithms) == ["icpi", "gpt_no_argmax"]


def test_a_language_model_is_the_base_where_there_is_no_predictor(sort):
    found = sort(
        ("tabular_q", "icpi", {"algorithm": "tabular_q"}),
        ("gpt", "icpi_llm", {}),
        ("gpt_400", "icpi_llm", {"context_budget": 400}),
        ("gpt_no_hints", "icpi_llm", {"hints": False}),
    )
    assert found.base.series == "gpt"
    assert names(found.algorithms) == ["gpt", "tabular_q"]
    assert names(found.ablations) == ["gpt", "gpt_no_hints"]
    assert [(budget, one.series) for budget, one in found.contexts] == [
        (400, "gpt_400"),
        (3800, "gpt"),
    ]


def test_without_a_base_the_rest_is_still_sorted(sort):
    found = sort(
        ("q", "icpi", {"algorithm": "tabular_q"}),
        ("short", "icpi", {"context_budget": 400}),
        ("c_4", "icpi", {"recency": 4}),
    )
    assert found.base is None
    assert names(found.algorithms) == ["q"]
    assert names(found.ablations) == ["c_4"]
    assert found.models == ()
    assert [one.series for _, one in found.contexts] == ["short"]


def test_other_methods_that_act_while_they_learn_are_algorithms(sort):
    found = sort(BASE, ("bandit", "ucb", {"bonus": 2}))
    assert names(found.algorithms) == ["icpi", "bandit"]
    assert names(found.models) == ["icpi"]


def test_only_the_papers_own_changes_have_published_numbers(sort):
    found = sort(
        BASE,
        ("a", "icpi", {"hints": False}),
        ("b", "icpi", {"recency": 16}),
        ("c", "icpi", {"recency": 4}),
        ("d", "icpi", {"hints": False, "recency": 16}),
    )
    published = [one.published_ablation for one in found.ablations]
    assert published == ["icpi", "hints", "recency", None, None]


def test_settings_that_did_not_change_have_their_defaults(sort):
    found = sort(BASE, ("gpt", "icpi_llm", {}))
    predictor, language_model = found.models
    assert predictor.setting("model") == "relevance"
    assert predictor.context_budget == math.inf
    assert language_model.setting("model") is None
    assert language_model.context_budget == 3800


def test_a_table_without_online_runs_answers_nothing(make_table):
    found = studies(make_table(("a", "ppo", 0, 1.0)).online)
    assert found.base is None
    assert not any((found.algorithms, found.ablations, found.contexts, found.models))
