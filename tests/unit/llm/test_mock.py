import pytest

from llmpo.errors import ConfigError


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def ask(session, script):
    def answers(text, prompts, **fields):
        fields = {"mock_script": script(text)} | fields
        exchanges = session("mock", **fields).ask(prompts)
        return [exchange.text for exchange in exchanges]

    return answers


def test_the_first_rule_that_fits_answers(ask, make_prompt):
    text = """
rules:
  - {purpose: repair, answers: [repaired]}
  - {template: test/chat@2, answers: [newer]}
  - {pattern: 'board (?P<number>\\d+)', answers: ['board is ${number}']}
  - {template: test/chat, answers: [any version]}
"""
    prompts = [
        make_prompt(purpose="repair"),
        make_prompt(template="test/chat@2"),
        make_prompt("play board 4 now"),
        make_prompt(),
    ]
    assert ask(text, prompts) == ["repaired", "newer", "board is 4", "any version"]


def test_answers_take_turns_by_sample(ask, make_prompt):
    text = "rules: [{answers: [a, b, c]}]"
    prompts = [make_prompt()] * 4
    assert ask(text, prompts) == ["a", "b", "c", "a"]
    assert ask(text, prompts) == ["a", "b", "c", "a"]
    assert ask(text, prompts, seed=1) == ["b", "c", "a", "b"]


def test_answers_can_be_files(ask, tmp_path, make_prompt):
    (tmp_path / "answer.md").write_text("from a file\n")
    text = "rules: [{answers: [{file: answer.md}]}]"
    assert ask(text, [make_prompt()]) == ["from a file\n"]


def test_records_of_the_mock_are_the_same_every_time(session, script, make_prompt):
    path = script("rules: [{answers: [x]}]")
    one, two = (
        session("mock", mock_script=path).ask([make_prompt()]) for _ in range(2)
    )
    assert one == two
    assert one[0].collected_by == "mock"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [", "not valid YAML"),
        ("rules: []", "at least 1"),
        ("rule: []", "rules"),
        ("rules: [{answer: [x]}]", "answers"),
        ("rules: [{pattern: '(', answers: [x]}]", "regular expression"),
        ("rules: [{answers: [{file: none.md}]}]", "none.md"),
        ("rules: [{purpose: other, answers: [x]}]", "no rule of"),
        ("", "dictionary"),
    ],
)
def test_a_script_that_cannot_be_used_is_a_clear_error(ask, make_prompt, text, words):
    with pytest.raises(ConfigError, match=words):
        ask(text, [make_prompt()])


def test_a_missing_script_is_a_clear_error(session, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        session("mock", mock_script=tmp_path / "no.yaml")
