"""Answers that can be worked out by hand."""

import pytest

from llmpo.errors import ConfigError
from llmpo.llm.predictors import Predictor, RecordPrompt
from llmpo.llm.predictors.predictor import VARIANTS


def state(position, distractor, goal=4):
    relation = "==" if position == goal else "!="
    return (
        f"assert state == [{position}, {distractor}] and state {relation} "
        f"[{goal}, {distractor}]\n"
    )


def step(position, distractor, following):
    """A next-state record of a chain with a distractor; `left` moves by -1."""
    after = state(max(0, position - 1), following)
    return state(position, distractor) + "state = left()\n" + after


@pytest.fixture(params=VARIANTS)
def predictor(request):
    return Predictor(request.param)


def ask(variant, records, query, **options):
    options = {"stop": "\n", "temperature": 0.1, **options}
    return Predictor(variant).complete(RecordPrompt(records, query), **options)


# Three visits to each position, never with distractor 7 at position 6. All records
# with distractor 7, which is nearer to the answer, come from other positions.
MOVES = [
    step(position, distractor, following)
    for position in range(1, 7)
    for distractor, following in ((0, 3), (1, 5), (2, 6), (7, 2))
    if (position, distractor) != (6, 7)
]


def test_relevance_reads_the_position_and_not_the_nearer_distractor():
    query = state(6, 7) + "state = left()\n"
    for seed in range(20):
        answer = ask("relevance", MOVES, query, seed=seed)
        assert answer.startswith("assert state == [5, ")


def test_suffix_follows_the_nearer_distractor():
    query = state(6, 7) + "state = left()\n"
    answers = {ask("suffix", MOVES, query, seed=seed) for seed in range(20)}
    # The longest equal run reaches back over "7] and state != [4, 7]".
    assert answers
    assert not any(answer.startswith("assert state == [5, ") for answer in answers)


def test_relevance_finds_which_token_decides_the_reward():
    records = [
        f"assert x == {x} and y == {y}\nact()\nassert reward == {int(x == 4)}\n"
        for x, y in ((4, 1), (4, 2), (4, 3), (1, 1), (2, 2), (3, 3), (5, 5), (1, 3))
    ]
    assert ask("relevance", records, "assert x == 4 and y == 5\nact()\n") == (
        "assert reward == 1"
    )


def test_a_case_seen_before_is_answered_exactly():
    records = ["a 1\ngo\nb 2\n", "a 3\ngo\nb 4\n", "a 5\ngo\nb 6\n"]
    for variant in VARIANTS:
        assert ask(variant, records, "a 3\ngo\n") == "b 4"


def test_suffix_takes_the_longest_run_not_the_most_frequent():
    records = ["x = 1 ; go\nup\n"] + ["x = 2 ; go\ndown\n"] * 9
    assert ask("suffix", records, "x = 1 ; go\n") == "up"
    assert ask("suffix", records, "y = 7 ; go\n") == "down"


def test_suffix_matches_at_any_column():
    records = ["one two three\nyes\n", "two four\nno\n"]
    assert ask("suffix", records, "zero zero zero two three\n") == "yes"


def test_relevance_compares_at_equal_columns_only():
    records = ["pad a 1\nB\n", "a 1 pad\nA\n"] * 3
    assert ask("relevance", records, "a 1 end\n") == "A"


def test_later_lines_of_a_record_are_counterparts_too():
    # No record starts at state 3, so only later lines tell what to do there.
    acts = ["right()", "stay()", "right()", "up()", "left()"]
    paths = [(0, 1, 1, 2, 3), (2, 3, 4, 3), (4, 3, 4), (1, 1, 2), (0, 1, 2, 3)]
    records = [
        "reset()\n" + "".join(f"s {s}\n{acts[s]}\nr 0\n" for s in path)
        for path in paths
    ]
    assert ask("relevance", records, "reset()\ns 3\n") == "up()"


def test_between_equal_cases_the_longest_run_decides():
    # No slot has enough data to be called relevant, so only the run can tell.
    records = ["k 1 m 8 n\nA\n", "k 2 m 9 n\nB\n"]
    assert ask("relevance", records, "k 3 m 9 n\n") == "B"


def test_runs_end_at_the_border_of_a_record():
    # Counted over the border, "x\ny\n" would make A's the longer run.
    records = ["q\nx\n", "y\nA\n", "y\nB\n"]
    answers = {ask("suffix", records, "x\ny\n", seed=s) for s in range(40)}
    assert answers == {"A", "B"}


def test_no_counterpart_falls_back_to_what_followed_the_last_token():
    records = ["alpha beta\n"]
    # The query is deeper than any record: relevance has no counterpart.
    assert ask("relevance", records, "u\nv\nw\nalpha") == " beta"
    assert ask("suffix", records, "u\nv\nw\nalpha") == " beta"


def test_nothing_known_gives_an_empty_line(predictor):
    assert predictor.predict("", stop="\n").text == ""
    assert predictor.complete("", max_tokens=3) == "\n\n\n"
    assert predictor.complete("word", max_tokens=2) == "\n\n"


def test_an_empty_query_begins_a_record_like_the_others(predictor):
    assert predictor.complete("go left\n\ngo left\n\n", stop="\n") == "go left"


def test_a_query_may_end_within_a_line(predictor):
    prompt = "pos = 3 ;\nend\n\npos = 3 ;\nend\n\npos ="
    assert predictor.complete(prompt, stop="\nend") == " 3 ;"


def test_temperature_sharpens_and_evens_out(predictor):
    prompt = "s\nA\n\n" * 3 + "s\nB\n\n" + "s\n"

    def share(temperature):
        answers = [
            predictor.complete(prompt, stop="\n", temperature=temperature, seed=seed)
            for seed in range(400)
        ]
        assert set(answers) <= {"A", "B"}
        return answers.count("A") / len(answers)

    assert share(0) == share(0.01) == 1.0
    assert share(1) == pytest.approx(0.75, abs=0.08)  # counts 3 and 1
    assert share(0.5) == pytest.approx(0.90, abs=0.06)  # 9 and 1
    assert share(1000) == pytest.approx(0.5, abs=0.1)


def test_temperature_zero_breaks_ties_by_the_seed(predictor):
    prompt = "s\nA\n\ns\nB\n\ns\n"
    answers = {
        predictor.complete(prompt, stop="\n", temperature=0, seed=seed)
        for seed in range(30)
    }
    assert answers == {"A", "B"}


LOOP = "shoot()\nassert reward == 1\nfor a in aliens:\n    a.descend()\ngo\n"


@pytest.mark.parametrize(
    ("stop", "answer"),
    [
        ("\n", "assert reward == 1"),
        ("()\n", "assert reward == 1\nfor a in aliens:\n    a.descend"),
        ("\n    a.descend()\n", "assert reward == 1\nfor a in aliens:"),
        ("ward", "assert re"),
        (["never", "==", "\n"], "assert reward "),
        (("for", "()\n"), "assert reward == 1\n"),
    ],
)
def test_stop_strings_end_the_answer(predictor, stop, answer):
    prompt = RecordPrompt([LOOP], "shoot()\n")
    completion = predictor.predict(prompt, stop=stop)
    assert (completion.text, completion.finish_reason) == (answer, "stop")


def test_max_tokens_end_the_answer(predictor):
    prompt = RecordPrompt([LOOP], "shoot()\n")
    completion = predictor.predict(prompt, stop="()\n", max_tokens=3)
    assert completion.text == "assert reward ="
    assert completion.finish_reason == "length"
    assert completion.completion_tokens == 3
    assert predictor.complete(prompt, max_tokens=0) == ""
    assert predictor.complete(prompt, stop="", max_tokens=2) == "assert reward"


def test_tokens_are_counted(predictor):
    # a b \n c \n | \n | a b \n, then c and the stop
    completion = predictor.predict("a b\nc\n\na b\n", stop="\n")
    assert (completion.prompt_tokens, completion.completion_tokens) == (9, 2)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ConfigError, match="relevance, suffix"):
        Predictor("magic")
