import pytest

from llmpo.paper.markup import pieces
from llmpo.paper.numbers import hand_written_numbers


def prose(text):
    found = [p.text for p in pieces(text) if p.kind in ("prose", "string")]
    return "|".join(found)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain text", "plain text"),
        ("a // a comment\nb", "a |\nb"),
        ("a /* a comment */ b", "a | b"),
        ("see @fig:one and <tab:two>", "see | and "),
        ("#set text(9pt)\nafter", "\nafter"),
        ("#text(9pt)[inside] after", "inside| after"),
        ("#let f(x) = {\n  let y = 2\n  [inside]\n}\nafter", "inside|\nafter"),
        ('#f("name", "a sentence", [body])', '"a sentence"|body'),
        ("#if a > 1 [yes] else if b [maybe] else [no] end", "yes|maybe|no| end"),
        ("#x.at(0).y[inside].", "inside|."),
        (
            "[brackets [within] brackets] #f[a [b] c]",
            "[brackets [within] brackets] |a [b] c",
        ),
        ("raw `code 1` and ```py 2```.", "raw | and |."),
        ("https://example.org/1 on", " on"),
        ('#m("a")" quoted"{4}', '" quoted"{4}'),
        ('#{ let a = 1 } #"a string" b', ' |"a string"| b'),
        (r"\#set x", "set x"),
        ("unbalanced ] bracket", "unbalanced ] bracket"),
        ("#f([open", "open"),
    ],
)
def test_prose_is_told_from_code(source, expected):
    assert prose(source) == expected


def test_pieces_know_their_lines():
    found = {p.text.strip(): p.line for p in pieces("a\n#f(\n  [b],\n) c")}
    assert found["a"] == 1
    assert found["b"] == 3
    assert found["c"] == 4


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("We made 5 runs.", [(1, "5")]),
        ("about\n1,234.5 steps", [(2, "1,234.5")]),
        ("a mean of -0.25", [(1, "-0.25")]),
        ("$p < 0.05$", [(1, "0.05")]),
        ("in seven environments", [(1, "seven")]),
        ("#figure(x, caption: [of 3 methods])", [(1, "3")]),
        ('#f(caption: "of 3 methods")', [(1, "3")]),
        ('#m("runs")5', [(1, "5")]),
        ("#if x [has 4] else [has none]", [(1, "4")]),
        ("2x2 candidates and a 10-round run", [(1, "10"), (1, "2")]),
    ],
)
def test_hand_written_numbers_are_found(source, expected):
    assert hand_written_numbers(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        'There are #m("runs") in all.',
        "#set page(margin: 2cm, columns: 2)",
        "Walker2d-v5, TD3, stable-baselines3 and button_press_v3",
        "see @tab:table2, <sec:part3> and @smith2018",
        "#v(0.5em) #grid(columns: (1fr, 50%))[text]",
        '#data-figure("figure_2", limit: 19cm)[A caption.]',
        "one of the two",
        "// 5 seeds\n/* 12 */ nothing",
        "`pip install x==1.2`",
        "The setting is 10. // number: published by the authors",
    ],
)
def test_layout_names_and_reasoned_numbers_are_allowed(source):
    assert hand_written_numbers(source) == []


def test_a_reason_covers_its_own_line_only_and_must_be_given():
    text = "We use 10. // number: published\nAnd 20.\nAnd 30. // number:\n"
    assert hand_written_numbers(text) == [(2, "20"), (3, "30")]


def test_the_manuscript_holds_no_hand_written_number(manuscript):
    for path in manuscript.parent.glob("*.typ"):
        found = hand_written_numbers(path.read_text(encoding="utf-8"))
        assert found == [], f"{path.name}: use a macro, or give a reason"
