import subprocess
import sys

import pytest

from llmpo.errors import CacheMiss
from llmpo.storage import write_json_lines


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"

    def write(*records):
        write_json_lines(folder / "m" / "r.jsonl", [r.record() for r in records])
        return folder

    return write


def test_recorded_answers_come_back_and_nothing_is_written(
    session, corpus, tmp_path, make_prompt, make_record
):
    a, b = make_record("a", "1"), make_record("b", "2")
    corpus(a, b)
    assert session().ask([make_prompt("b"), make_prompt("a")]) == [b, a]
    assert not (tmp_path / "store").exists()


def test_a_miss_says_which_run_what_for_and_what_to_do(session, make_prompt):
    with pytest.raises(CacheMiss) as caught:
        session(run="ant/seed-3").ask([make_prompt(purpose="reflection")])
    message = str(caught.value)
    for words in (
        "ant/seed-3",
        "'reflection'",
        "test/chat@1",
        "openai/m",
        "holds no recorded",
        "llm.mode: live or batch",
    ):
        assert words in message


def ask_and_miss(session, prompt, **fields):
    with pytest.raises(CacheMiss) as caught:
        session(**fields).ask([prompt])
    return str(caught.value)


def test_a_miss_shows_the_first_differing_line_of_the_nearest_prompt(
    session, corpus, make_prompt, make_record
):
    near = make_record("one\ntwo\nreturn 3.14\nfour")
    folder = corpus(near, make_record("quite different"))
    message = ask_and_miss(session, make_prompt("one\ntwo\nreturn 3.15\nfour"))
    assert f"{near.key[:12]} in {folder / 'm' / 'r.jsonl'}" in message
    assert "line 4 of the prompt" in message  # the role counts as a line
    assert "'return 3.14'\nthere" in message
    assert "'return 3.15'\nhere" in message


def test_a_long_line_is_shown_around_the_difference(
    session, corpus, make_prompt, make_record
):
    corpus(make_record("x" * 500 + "old" + "y" * 500))
    message = ask_and_miss(session, make_prompt("x" * 500 + "new" + "y" * 500))
    assert "xold" in message
    assert "xnew" in message
    assert "x" * 200 not in message


@pytest.mark.parametrize(
    ("prompt", "fields", "words"),
    [
        ({"template": "test/chat@2"}, {}, "template is 'test/chat@1' there"),
        ({"temperature": 0.7}, {}, "params is {} there and {'temperature': 0.7} here"),
        ({}, {"model": "openai/n"}, "model is 'openai/m' there and 'openai/n' here"),
        ({}, {"seed": 1}, "only the sample differs: 0 there and 10000 here"),
        ({"text": "hello\nmore"}, {}, "(end of the prompt)"),
    ],
)
def test_a_miss_names_the_first_differing_field(
    session, corpus, make_prompt, make_record, prompt, fields, words
):
    corpus(make_record("hello"))
    assert words in ask_and_miss(session, make_prompt(**prompt), **fields)


def test_replay_needs_neither_litellm_nor_diskcache(
    corpus, tmp_path, make_prompt, make_record
):
    program = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("litellm", "diskcache", "openai", "torch"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
from llmpo.llm.client import Prompt, open_client
from llmpo.llm.exchange import Message
from llmpo.llm.settings import Budget, LLMSettings

folder = Path(sys.argv[1])
with open_client(
    LLMSettings(model="openai/m"), corpus=folder / "corpus", store=folder / "store"
) as client:
    message = Message(role="user", content="hello")
    prompt = Prompt(messages=(message,), template="test/chat@1", purpose="x")
    session = client.session(run="r", seed=0, budget=Budget())
    assert session.ask([prompt])[0].text == "hi"
"""
    corpus(make_record("hello", "hi"))
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
