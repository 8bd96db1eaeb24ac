import builtins
import json
import shutil

import pytest

from llmpo.errors import DataError, PrerequisiteError
from llmpo.paper.compile import build, prepare, render
from llmpo.provenance import file_digest

CLAIM = """\
claim,source,verdict,reason,estimate,estimate_low,estimate_high,tolerance,runs_fewest
It is better.,abstract,supported,It says so.,0.5,0.25,0.75,0.05,5
"""
FIGURES = ("learning_curves", "outcomes", "summary")


@pytest.fixture
def typst():
    return pytest.importorskip("typst")


@pytest.fixture
def draft(tmp_path):
    """Writes a manuscript of one's own."""

    def write(text):
        path = tmp_path / "paper" / "draft.typ"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.mark.usefixtures("typst")
def test_the_paper_repeats_byte_for_byte(manuscript, results, tmp_path):
    results.write(figures=FIGURES, training=1, references=1)
    clone = shutil.copytree(manuscript.parent, tmp_path / "clone" / "paper")
    copy = clone / manuscript.name
    first, provenance = build(manuscript, results.data, tmp_path / "a" / "paper.pdf")
    second, _ = build(copy, results.data, tmp_path / "b" / "paper.pdf")
    assert first.read_bytes()[:5] == b"%PDF-"
    assert first.read_bytes() == second.read_bytes()
    inputs = json.loads(provenance.read_text())["inputs"]
    assert inputs["macros.json"] == file_digest(results.data / "paper/macros.json")
    assert inputs["outcomes.svg"] == file_digest(results.data / "figures/outcomes.svg")
    assert {"llmpo.typ", "layout.typ", "references.bib"} <= set(inputs)
    assert str(tmp_path) not in provenance.read_text()


@pytest.mark.usefixtures("typst")
@pytest.mark.parametrize(
    "options",
    [
        {"methods": 0, "references": 1},
        {"methods": 2, "seeds": 3, "training": 2, "special": True},
        {"online": {}, "only_online": True},
        {"online": {"special": True}, "training": 1},
    ],
)
def test_the_paper_can_be_built_from_any_configuration(manuscript, results, options):
    results.write(**options)
    paper = prepare(manuscript, results.data)
    assert paper.figures == {}
    pages = render(paper, "png", dots_per_inch=30)
    assert len(pages) >= 5
    assert all(page[:4] == b"\x89PNG" for page in pages)


@pytest.mark.usefixtures("typst")
def test_a_changed_figure_changes_the_paper(manuscript, results, tmp_path):
    results.write(figures=("outcomes",))
    before = build(manuscript, results.data, tmp_path / "a.pdf")[0].read_bytes()
    results.draw("outcomes", "maroon")
    assert build(manuscript, results.data, tmp_path / "b.pdf")[0].read_bytes() != before


def test_a_stale_figure_stops_the_build(manuscript, results, tmp_path):
    results.write(figures=("outcomes",))
    results.write_tidy(rng_seed=1)
    results.write_macros()
    with pytest.raises(DataError, match="figure outcomes is stale"):
        build(manuscript, results.data, tmp_path / "paper.pdf")
    assert not (tmp_path / "paper.pdf").exists()


def test_stale_macros_stop_the_build(manuscript, results):
    results.write()
    results.write_tidy(rng_seed=1)
    with pytest.raises(DataError, match=r"tidy\.csv is not the file"):
        prepare(manuscript, results.data)


def test_a_stale_table_stops_the_build(manuscript, results):
    results.write()
    results.write_table("claims", CLAIM)
    results.write_macros()
    (results.data / "tables" / "claims.csv").write_text("changed\n")
    with pytest.raises(DataError, match=r"claims\.csv is not the file"):
        prepare(manuscript, results.data)


def test_another_layout_of_the_plan_stops_nothing(manuscript, results):
    results.write()
    (results.data / "plan.json").write_text("{}")
    prepare(manuscript, results.data)


def test_an_undefined_macro_stops_the_build(draft, results):
    results.write()
    with pytest.raises(DataError, match=r"draft\.typ: no_such_number \(line 2\)"):
        prepare(draft('#m("runs")\n#m("no_such_number")'), results.data)


def test_missing_macros_are_one_clear_error(manuscript, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        prepare(manuscript, tmp_path)


@pytest.mark.usefixtures("typst")
def test_an_error_of_typst_says_where_it_is(draft, results, tmp_path):
    results.write()
    with pytest.raises(DataError, match=r"(?s)cannot be compiled.*draft\.typ:2"):
        build(draft("= Title\n#unknown()"), results.data, tmp_path / "paper.pdf")


def test_without_typst_the_extra_is_named(manuscript, results, monkeypatch):
    results.write()
    load = builtins.__import__

    def refuse(name, *rest, **keys):
        if name == "typst":
            raise ImportError(name)
        return load(name, *rest, **keys)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PrerequisiteError, match=r"llmpo\[paper\]"):
        render(prepare(manuscript, results.data), "pdf")
