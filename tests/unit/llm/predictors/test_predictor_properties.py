"""What holds for any text."""

import json
import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpo.llm.predictors import (
    Library,
    Predictor,
    RecordPrompt,
    Records,
    alignment,
    clip_records,
    clip_text,
    count_tokens,
    evidence,
    memory,
    predictor,
    relevance,
    split_prompt,
    tokenize,
)
from llmpo.llm.predictors.predictor import VARIANTS

SHORT = settings(max_examples=40, deadline=None)
ODD = st.text(st.characters(), max_size=60)  # lone surrogates included
# Texts whose tokens recur, so that there is something to find.
LIKELY = st.text("ab1 \n=.-", max_size=80)
RECORD = st.lists(st.text("ab1 =-", min_size=1, max_size=8), min_size=1, max_size=4)
RECORDS = st.lists(RECORD.map(lambda lines: "\n".join(lines) + "\n"), max_size=8)


@given(ODD | LIKELY)
@SHORT
def test_tokens_joined_are_the_text(text):
    tokens = tokenize(text)
    assert "".join(tokens) == text
    assert count_tokens(text) == len(tokens)
    assert all("\n" not in token or token == "\n" for token in tokens)


def test_tokens_by_example():
    assert tokenize("assert pos == -3.45, x_1\n") == (
        ["assert", " pos", " =", "=", " -3.45", ",", " x_1", "\n"]
    )
    assert tokenize("\t  12.5.é!") == ["\t", " ", " 12.5", ".", "é", "!"]


@given(ODD | LIKELY, st.sampled_from(VARIANTS), st.floats(), st.integers(0, 2**64))
@SHORT
def test_any_text_gets_an_answer(text, variant, temperature, seed):
    model = Predictor(variant)
    options = {"stop": "=", "temperature": temperature, "max_tokens": 12, "seed": seed}
    completion = model.predict(text, **options)
    assert completion.completion_tokens <= 12
    assert "=" not in completion.text
    assert completion == model.predict(text, **options)
    assert completion == Predictor(variant).predict(text, **options)


@given(RECORDS, LIKELY, st.sampled_from(VARIANTS), st.integers(0, 9))
@SHORT
def test_the_parts_of_a_prompt_give_the_answer_of_its_text(
    records, query, variant, seed
):
    prompt = RecordPrompt(records, query)
    options = {"stop": "\n", "max_tokens": 8, "seed": seed}
    model = Predictor(variant)
    parts, text = (
        model.predict(prompt, **options),
        model.predict(prompt.text, **options),
    )
    assert parts.text == text.text
    if "\n\n" not in query and not query.startswith("\n"):
        assert parts == text
        assert parts.prompt_tokens == count_tokens(prompt.text)


@given(RECORDS, LIKELY, st.randoms(use_true_random=False), st.sampled_from(VARIANTS))
@SHORT
def test_neither_the_order_of_records_nor_earlier_calls_matter(
    records, query, chance, variant
):
    options = {"stop": "\n", "max_tokens": 8, "seed": 5}
    fresh = Predictor(variant).predict(RecordPrompt(records, query), **options)
    used = Predictor(variant)
    for text in ("b a = 1\n\nb", "1 1 1\na\n\na b\n\n1", *records):
        used.complete(text, max_tokens=4)
    shuffled = chance.sample(records, len(records))
    assert used.predict(RecordPrompt(shuffled, query), **options) == fresh


@given(RECORDS, RECORDS, LIKELY, st.data(), st.sampled_from(VARIANTS))
@SHORT
def test_records_of_a_library_give_the_answer_of_their_texts(
    records, more, query, data, variant
):
    library, model = Library(), Predictor(variant)
    for texts in (records, more):  # a library may grow between prompts
        library.add_all(texts)
        some = data.draw(st.lists(st.sampled_from(library.texts or ["a\n"])))
        prompt = RecordPrompt(Records(library, library.add_all(some)), query)
        plain = RecordPrompt(some, query)
        options = {"stop": "\n", "max_tokens": 8, "seed": len(some)}
        assert model.predict(prompt, **options) == model.predict(plain, **options)
        assert prompt == plain
        assert prompt.text == plain.text
        clipped = clip_records(prompt, 20, count_tokens)
        assert clipped == clip_records(plain, 20, count_tokens)


@given(RECORDS, st.text("ab1 =-", max_size=6), st.integers(-3, 60))
@SHORT
def test_clipping_keeps_the_latest_whole_records(records, query, budget):
    prompt = RecordPrompt(records, query)
    clipped = clip_records(prompt, budget, Predictor().count)
    kept = len(clipped.records)
    assert list(clipped.records) == records[len(records) - kept :]
    assert clipped.query == query
    assert kept == 0 or count_tokens(clipped.text) <= budget
    if kept < len(records):
        more = RecordPrompt(records[len(records) - kept - 1 :], query)
        assert count_tokens(more.text) > budget
    assert clip_records(prompt, None, count_tokens) is prompt


@given(ODD | LIKELY, st.integers(0, 30))
@SHORT
def test_clipped_texts_are_their_last_tokens(text, budget):
    clipped = clip_text(text, budget)
    assert text.endswith(clipped)
    assert clipped == "".join(tokenize(text)[::-1][:budget][::-1])
    assert clip_text(text, None) == text


def test_prompts_split_at_blank_lines():
    prompt = split_prompt("\na\nb\n\n\nc\n\n\nd\n")
    assert prompt.query == "d\n"
    # What is between blank lines, whatever stray newlines stand around it.
    assert [record.strip("\n") for record in prompt.records] == ["a\nb", "c"]


def test_a_record_must_end_its_line():
    with pytest.raises(ValueError, match="newline"):
        Predictor().complete(RecordPrompt(["a"], "b"))


PROGRAM = """
import json, sys
from llmpo.llm.predictors import Predictor
prompts = json.load(sys.stdin)
print(json.dumps([
    Predictor(variant).complete(text, temperature=1.0, max_tokens=20, seed=number)
    for variant in ("relevance", "suffix") for number, text in enumerate(prompts)
]))
"""


def test_processes_with_other_hash_seeds_agree():
    chance = random.Random(0)
    prompts = [
        "\n\n".join(
            f"s {chance.randrange(4)} t {chance.randrange(4)}\nr {chance.randrange(3)}"
            for _ in range(30)
        )
        + "\n\ns 1 t 2\n"
        for _ in range(10)
    ]
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=json.dumps(prompts),
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(answers) == 1


def likelihood(counts, kinds):
    total = sum(counts)
    value = math.lgamma(kinds / 2) - math.lgamma(total + kinds / 2)
    return value + sum(math.lgamma(n + 0.5) - math.lgamma(0.5) for n in counts)


@pytest.mark.parametrize("dense", [0, 10**9])
def test_gains_are_those_of_the_formula(monkeypatch, dense):
    monkeypatch.setattr(evidence, "_DENSE", dense)
    rng = np.random.default_rng(0)
    for _ in range(20):
        slots = rng.integers(0, rng.integers(1, 9), (4, 15))
        slots[0] = 0
        symbols = np.unique(rng.integers(5, 8, 15), return_inverse=True)[1]
        weights = rng.integers(1, 6, 15)
        kinds = len(set(symbols))

        def counts(chosen, symbols=symbols, weights=weights):
            here = zip(symbols[chosen], weights[chosen], strict=True)
            table = {}
            for symbol, weight in here:
                table[symbol] = table.get(symbol, 0) + int(weight)
            return table.values()

        whole = likelihood(counts(np.ones(15, bool)), kinds)
        expected = [
            sum(likelihood(counts(slot == token), kinds) for token in set(slot)) - whole
            for slot in slots
        ]
        # No two slots share a number.
        starts = 10 * np.arange(4)
        tables = evidence.Likelihood().tables(kinds, int(weights.sum()))
        tokens = slots.T + starts
        found, counted = evidence.gains(
            tokens, starts, 40, symbols, kinds, weights.astype(float), tables
        )
        assert found / evidence._SCALE == pytest.approx(expected, abs=1e-4)
        assert counted.sum() == 4 * weights.sum()
        assert counted[0] == weights.sum()


def test_shortcuts_do_not_change_answers(monkeypatch):
    chance = random.Random(1)
    prompts = []
    for _ in range(40):
        records = [
            f"p {chance.randrange(3)} q {chance.randrange(5)}\ngo\n"
            f"p {chance.randrange(3)} and {chance.choice('xy')} end\n"
            for _ in range(25)
        ]
        query = f"p {chance.randrange(3)} q {chance.randrange(5)}\ngo\n"
        prompts += [RecordPrompt(records, query)] * 2

    def answers():
        model = Predictor()
        return [model.complete(p, stop="\n", seed=n) for n, p in enumerate(prompts)]

    plain = answers()
    monkeypatch.setattr(alignment.Alignment, "forced", lambda *_: [])
    monkeypatch.setattr(relevance, "_REMEMBERED", 0)
    monkeypatch.setattr(memory, "_MAX_RECORDS", 10)  # forgets everything every time
    assert answers() == plain


def test_remembering_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "_MAX_RECORDS", 50)
    model = Predictor()
    for number in range(200):
        model.complete(RecordPrompt([f"a {number}\nb\n"], "a 1\n"), stop="\n")
        assert len(model._memory._records) <= 51


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "text",
    [
        "x" * 3_000_000,
        "\n" * 200_000,
        "a b\n" * 20_000,
        "a b\n\n" * 20_000 + "a",
        "word " * 20_000 + "\n\n" + "word " * 1000,
        "".join(f"{n} x\n\n" for n in range(3_000)) + "7 ",
        "\r\n\r\n\0\ud800\n\n\ud800",
    ],
    ids=["word", "newlines", "lines", "records", "long line", "distinct", "odd"],
)
def test_giant_prompts_are_survived(variant, text):
    completion = Predictor(variant).predict(text, stop="never", max_tokens=5)
    assert completion.completion_tokens == 5


def test_very_long_prompts_are_read_from_their_end(monkeypatch):
    monkeypatch.setattr(predictor, "MAX_CHARACTERS", 26)
    text = "s\nold\n\n" * 50 + "s\nnew\n\n" * 4 + "s\n"
    assert {Predictor().complete(text, stop="\n", seed=s) for s in range(20)} == {"new"}


def test_few_lines_are_compared_when_there_are_very_many_candidates(monkeypatch):
    monkeypatch.setattr(alignment, "_CELLS", 1)
    records = ["a 1 b\nx 1\n", "a 2 b\nx 2\n"] * 5
    assert Predictor().complete(RecordPrompt(records, "a 2 b\n"), stop="\n") == "x 2"
