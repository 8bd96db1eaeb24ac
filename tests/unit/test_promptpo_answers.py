"""Taking programs out of answers, malformed ones included."""

import pytest

from llmpo.methods.promptpo.answers import extract_program


def test_first_python_block_is_taken():
    answer = "Text\n```python\nx = 1\n```\nmore\n```python\nx = 2\n```\n"
    assert extract_program(answer) == "x = 1\n"


def test_blocks_in_other_languages_are_skipped():
    assert extract_program("```text\nno\n```\n```python\nyes = 1\n```") == "yes = 1\n"


@pytest.mark.parametrize(
    "answer",
    ["", "no fence", "```\nx = 1\n```", "```python\n\n```", "```python\nx = 1\n"],
    ids=["empty", "text", "untagged", "blank", "unclosed"],
)
def test_answer_without_usable_block_has_no_program(answer):
    assert extract_program(answer) is None


def test_indentation_and_inner_backticks_survive():
    program = "class A:\n    doc = '``x``'\n"
    assert extract_program(f"```Python\n{program}```") == program
