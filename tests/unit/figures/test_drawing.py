import json

import pytest

from llmpo import figures
from llmpo.analysis.table import read_tidy
from llmpo.errors import DataError
from llmpo.figures import FIGURES, GALLERY, draw_all, drawings
from llmpo.figures.gallery import draw_gallery
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import house_style

KNOWN = ("hopper_v5", "swimmer_v5", "button_press_v3", "point_maze_large_v3")
ROW = "environment,method,seed,label\n"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def draw(name, tidy):
    """Draws one figure without saving it, which takes longest."""
    with house_style():
        ((_, figure),) = drawings(read_tidy(tidy), [name])
    return figure


def words(figure):
    """Returns everything that is written in a figure."""
    from matplotlib.text import Text

    texts = {text.get_text().replace("\xa0", " ") for text in figure.findobj(Text)}
    return " | ".join(sorted(" ".join(text.split()) for text in texts))


def test_every_figure_comes_as_png_and_svg_and_repeats_byte_for_byte(
    make_tidy, tmp_path, monkeypatch
):
    import matplotlib as mpl

    tidy = make_tidy(
        environments=1, seeds=5, special=True, training=1, references=1, labels=KNOWN
    )
    gallery = tmp_path / "gallery.csv"
    gallery.write_text(ROW + "hopper_v5,promptpo,0,oscillator\n")
    written = draw_all(tidy, tmp_path / "first", gallery)
    names = (*FIGURES, GALLERY)
    expected = {f"{n}.{s}" for n in names for s in ("png", "svg", "provenance.json")}
    assert {path.name for path in written} == expected
    first = contents(tmp_path / "first")
    assert set(first) == expected
    text = first["outcomes.provenance.json"].decode()
    assert str(tmp_path) not in text
    runs = json.loads(text)["runs"]
    assert runs["total"] == 15
    assert sum(runs["by_status"].values()) == sum(runs["by_mode"].values()) == 15
    assert "gallery.csv" in json.loads(first["gallery.provenance.json"])["inputs"]
    # Whatever the user's own settings are; a figure of each kind will do.
    some = ("learning_curves", "summary", "rounds_to_best")
    monkeypatch.setattr(figures, "FIGURES", some)
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "axes.grid": True}):
        written = draw_all(tidy, tmp_path / "second", gallery)
    assert len(written) == 12
    assert contents(tmp_path / "second").items() <= first.items()


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "options",
    [
        {"environments": 1, "failure_rate": 1.0},
        {"environments": 1, "rounds": 0, "training": 1},
        {"environments": 1, "methods": 0, "references": 1},
        {"environments": 4, "methods": 2, "special": True, "seeds": 4, "training": 2},
        {
            "environments": 2,
            "seeds": 3,
            "training": 1,
            "references": 3,
            "labels": KNOWN,
        },
    ],
)
def test_figures_can_be_drawn_whatever_became_of_the_runs(make_tidy, name, options):
    draw(name, make_tidy(**options)).draw_without_rendering()


def test_a_figure_with_nothing_to_draw_says_so(make_tidy):
    alone = make_tidy(environments=1)
    assert "no ablation in this configuration" in words(draw("ablations", alone))
    assert "no two methods" in words(draw("sample_efficiency", alone))
    assert "reference scores to normalise by" in words(draw("summary", alone))
    trained = make_tidy("trained.csv", environments=1, methods=0, training=1)
    assert "called a language model" in words(draw("cost_tokens", trained))
    assert "searches for programs" in words(draw("outcomes", trained))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_about_runs_of_another_kind_says_so(make_tidy, make_online_tidy, name):
    scores, regrets = make_tidy(environments=1), make_online_tidy(seeds=1)
    about_regrets = name.startswith("regret") or name == "world_model"
    text = words(draw(name, scores if about_regrets else regrets))
    reason = "acts while it learns" if about_regrets else "in reporting episodes"
    assert reason in text


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", FIGURES)
def test_agents_that_act_while_they_learn_can_be_evaluated_too(
    make_tidy, make_online_tidy, name
):
    tidy = make_tidy(environments=1, training=1, seeds=3, labels=KNOWN)
    learner = {"series": [("learner", "icpi", {})], "score": 100.0}
    evaluated = make_online_tidy(environments=KNOWN[:1], **learner).read_text()
    tidy.write_text(tidy.read_text() + evaluated.split("\n", 1)[1])
    figure = draw(name, tidy)
    figure.draw_without_rendering()
    if name in ("learning_curves", "summary"):
        assert "learner" in words(figure)


def test_unknown_prices_are_said_in_words_and_never_drawn_as_zero(make_tidy):
    tidy = make_tidy(environments=1)
    rows = tidy.read_text().splitlines()
    place = rows[0].split(",").index("dollars")
    for number, row in enumerate(rows[1:], start=1):
        cells = row.split(",")
        cells[place] = ""
        rows[number] = ",".join(cells)
    tidy.write_text("\n".join(rows) + "\n")
    assert "Price unknown for all runs" in words(draw("cost_dollars", tidy))
    assert "unknown" not in words(draw("cost_calls", tidy))


def test_runs_that_did_not_finish_and_missing_intervals_are_stated(make_tidy):
    options = {"environments": 1, "training": 1, "references": 2}
    text = words(draw("learning_curves", make_tidy(special=True, seeds=7, **options)))
    assert "14 runs: 1 pending, 1 failed" in text
    assert "promptpo (7 runs) |" in text
    few = words(draw("learning_curves", make_tidy("few.csv", seeds=2, **options)))
    assert "promptpo (2 runs, no interval)" in few
    assert "random" in few
    assert "zero" in few


def test_a_series_keeps_its_colour_when_references_and_ablations_are_added(make_tidy):
    few = Sheet(read_tidy(make_tidy(methods=2, training=2)))
    more = Sheet(read_tidy(make_tidy("b.csv", methods=2, training=2, references=3)))
    for name, look in few.looks.items():
        assert more.looks[name] == look
    colours = [tuple(look.colour) for look in few.looks.values()]
    assert len(set(colours)) == len(colours)
    assert more.looks["random"].colour == more.looks["zero"].colour


def test_series_of_ablation_experiments_have_their_own_figure_only(make_tidy):
    main = make_tidy(labels=KNOWN, training=1)
    extra = make_tidy("b.csv", labels=KNOWN, methods=2).read_text()
    rows = extra.replace(",main,", ",ablations,").split("\n", 1)[1]
    main.write_text(main.read_text() + rows)
    curves = words(draw("learning_curves", main))
    assert "main: promptpo" in curves
    assert "no_reflection" not in curves
    assert "promptpo_no_reflection" in words(draw("ablations", main))


def test_the_gallery_counts_programs_and_skips_other_products(tmp_path):
    path = tmp_path / "gallery.csv"
    path.write_text(
        ROW + "ant_v5,promptpo,0,oscillator\nant_v5,promptpo,0,open loop\n"
        "ant_v5,promptpo,1,oscillator\nant_v5,ppo,0,\n"
    )
    with house_style():
        text = words(draw_gallery(path))
        assert "Ant v5 (2)" in text
        assert "oscillator" in text
        path.write_text(ROW)
        assert "No run" in words(draw_gallery(path))
        path.write_text("environment\n")
        with pytest.raises(DataError, match="lacks the columns method"):
            draw_gallery(path)
        with pytest.raises(DataError, match="cannot be read"):
            draw_gallery(tmp_path / "missing.csv")
