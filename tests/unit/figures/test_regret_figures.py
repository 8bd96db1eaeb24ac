import json

import pytest

from llmpo import figures
from llmpo.analysis.table import read_tidy
from llmpo.figures import draw_all, drawings
from llmpo.figures.regret_sheet import RegretSheet
from llmpo.figures.style import GREY, house_style

NAMES = (
    *("regret", "regret_without_llm", "regret_models", "regret_context"),
    *("regret_ablations", "world_model"),
)
BASE = ("icpi", "icpi", {})
GPT = ("gpt", "icpi_llm", {"interface": "chat"})


@pytest.fixture
def draw(make_online_tidy):
    """Returns a function that draws one figure of a made-up table, unsaved."""

    def make(name, **options):
        tidy = make_online_tidy(**{"environments": ["icpi_chain"]} | options)
        with house_style():
            ((_, figure),) = drawings(read_tidy(tidy), [name])
        return figure

    return make


@pytest.fixture
def sheet(make_online_tidy):
    """Returns a function that makes what figures share of a made-up table."""

    def make(**options):
        return RegretSheet(read_tidy(make_online_tidy(**options)))

    return make


def words(figure):
    """Returns everything that is written in a figure."""
    from matplotlib.text import Text

    texts = {text.get_text().replace("\xa0", " ") for text in figure.findobj(Text)}
    return " | ".join(sorted(" ".join(text.split()) for text in texts))


def marks(figure, marker):
    """Returns the places of all marks of a kind in the panels."""
    return [
        (round(float(x), 4), round(float(y), 4))
        for panel in figure.axes
        for line in panel.lines
        if line.get_marker() == marker
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options",
    [
        {"seeds": 1},
        {"special": True, "seeds": 4},
        {"environments": ["made_up_domain"]},
        {"series": [BASE]},
        {"series": [GPT, ("gpt_400", "icpi_llm", {"context_budget": 400})]},
        {"series": [("q", "icpi", {"algorithm": "tabular_q"})]},
        {"series": [("bandit", "not_installed", {"bonus": 2})]},
        {"environments": [f"icpi_{n}" for n in ("chain", "maze", "x")], "seeds": 1},
    ],
)
def test_figures_of_regrets_can_be_drawn_whatever_ran(draw, name, options):
    draw(name, **options).draw_without_rendering()


def test_figures_of_regrets_repeat_byte_for_byte(
    make_online_tidy, tmp_path, monkeypatch
):
    tidy = make_online_tidy(environments=["icpi_chain"])
    monkeypatch.setattr(figures, "FIGURES", ("regret_without_llm", "regret_models"))
    drawn = [draw_all(tidy, tmp_path / folder) for folder in ("first", "second")]
    assert len(drawn[0]) == 6
    for one, other in zip(*drawn, strict=True):
        assert one.read_bytes() == other.read_bytes()
    runs = json.loads(
        (tmp_path / "first" / "regret_models.provenance.json").read_text()
    )
    assert runs["runs"]["total"] == 36


def test_a_question_that_no_run_answers_is_said_in_words(draw):
    only = {"series": [("q", "icpi", {"algorithm": "tabular_q"})]}
    assert "no ablation" in words(draw("regret_ablations", **only))
    assert "no two context budgets" in words(draw("regret_context", **only))
    assert "no run of in-context" in words(draw("regret_models", **only))
    assert "no run of in-context" in words(draw("regret_without_llm", **only))
    assert "no algorithm" in words(
        draw("regret", series=[("400", "icpi", {"context_budget": 400})])
    )
    assert "predictions of a world model" in words(draw("world_model", **only))


@pytest.mark.parametrize("name", NAMES)
def test_what_bars_are_and_how_many_runs_there_are_is_said(draw, name):
    text = words(draw(name, seeds=5))
    assert "95% interval" in text
    assert "(5 runs" in text or "| 5 |" in text
    unfinished = words(draw(name, seeds=9, special=True))
    for status in ("truncated", "pending", "failed"):
        assert status in unfinished


def test_too_few_runs_have_no_interval(draw):
    assert "icpi (2 runs, no interval)" in words(draw("regret", seeds=2))
    assert "fewer than 3 runs: no interval" in words(draw("regret_models", seeds=2))


def test_a_series_has_the_same_colour_in_all_figures(sheet):
    few, many = sheet(series=[BASE]).looks, sheet().looks
    assert few["icpi"] == many["icpi"]
    assert many["random"].colour == GREY
    # The same algorithm with other settings: the same colour, another line.
    assert many["tabular_q_released"].colour == many["tabular_q"].colour
    assert many["tabular_q_released"].line != many["tabular_q"].line
    for name in ("no_hints", "c_16", "budget_400"):
        assert many[name].colour == many["icpi"].colour
    others = ("icpi", "no_argmax", "tabular_q", "oracle", "suffix", "random")
    assert len({str(many[name].colour) for name in others}) == len(others)


def test_language_models_have_colours_of_their_own(sheet):
    looks = sheet(series=[BASE, GPT, ("other", "icpi_llm", {})]).looks
    assert len({str(look.colour) for look in looks.values()}) == 3


def test_the_published_curve_lies_at_the_published_steps(draw):
    figure = draw("regret_without_llm")
    # Printed at 1/8, 1/4, 1/2, 3/4 and the end of 80 steps.
    expected = [(10, 0.49), (20, 0.32), (40, 0.06), (60, 0.03), (80, 0.0)]
    assert marks(figure, "D") == expected


def test_what_an_optimal_agent_shows_is_taken_off_and_said(draw):
    chain = draw("regret_models")
    assert "shown less" not in words(chain)
    figure = draw("regret_models", environments=["icpi_distractor_chain"])
    assert "ICPI distractor chain are shown less 0.135" in words(figure)
    # Printed: .17 .14 .43 .38 .42; the floor is .1348.
    regrets = sorted(x for x, _ in marks(figure, "D"))
    assert regrets == [0.0052, 0.0352, 0.2452, 0.2852, 0.2952]


def test_published_ablations_stand_beside_the_same_change_only(draw):
    changed = [
        ("bare", "icpi", {"hints": False}),
        ("c_16", "icpi", {"recency": 16}),
        ("c_4", "icpi", {"recency": 4}),
    ]
    figure = draw("regret_ablations", series=[BASE, *changed])
    # Printed: icpi 0, no hints .07, c = 16 .17; rows from top to bottom.
    assert [x for x, _ in marks(figure, "D")] == [0.0, 0.07, 0.17]
    assert [round(y) for _, y in marks(figure, "D")] == [0, 1, 2]
    # This number belongs to another curve of the paper.
    maze = draw("regret_ablations", series=[BASE, *changed], environments=["icpi_maze"])
    assert [x for x, _ in marks(maze, "D")] == [0.01, 0.02]


def test_context_budgets_are_in_order_and_none_is_the_last(draw):
    figure = draw("regret_context")
    (panel,) = [axes for axes in figure.axes if axes.lines]
    labels = [label.get_text() for label in panel.get_xticklabels()]
    assert labels == ["400", "3.8k", "open"]
    ticks = panel.get_xticks()
    assert list(ticks) == sorted(ticks)
    assert "published, code-davinci-002" in words(figure)


def test_models_that_ran_stand_above_the_published_ones(draw):
    series = [BASE, GPT, ("suffix", "icpi", {"model": "suffix"})]
    figure = draw("regret_models", series=series)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:4] == [
        *("icpi (relevance, open)", "gpt (3800 tokens)", "suffix (open)"),
        "code-davinci-002 (3800 tokens)",
    ]


def test_predictions_are_shown_by_kind(draw):
    figure = draw("world_model", series=[BASE])
    # 80 correct and 15 wrong, 4 of 99 unclear, 3 of 100 invalid (of actions only).
    for marker in "s^o":
        assert [x for x, _ in marks(figure, marker)] == [0.8421]
    assert [x for x, _ in marks(figure, "+")] == [0.0404] * 3
    assert [x for x, _ in marks(figure, "x")] == [0.03]
