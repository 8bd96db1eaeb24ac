"""Labels of small policies that were written to be of one kind."""

import importlib.util
from pathlib import Path

import pytest

from llmpo.gallery import analyse
from llmpo.gallery.label import LABELS

_SPEC = importlib.util.spec_from_file_location(
    "gallery_policies", Path(__file__).with_name("policies.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
POLICIES = _MODULE.POLICIES


@pytest.mark.parametrize("name", POLICIES)
def test_policy_gets_the_labels_it_should(name):
    wanted, source = POLICIES[name]
    assert set(analyse(source).names) == wanted


def test_every_label_is_tested():
    wanted = {label for labels, _ in POLICIES.values() for label in labels}
    assert wanted == {*LABELS, "unclassified"}


@pytest.mark.parametrize("name", POLICIES)
def test_evidence_quotes_the_program(name):
    _, source = POLICIES[name]
    lines = source.split("\n")
    for label in analyse(source).labels:
        assert label.rule
        assert label.evidence
        for evidence in label.evidence:
            assert evidence.text
            assert lines[evidence.line - 1].strip() == evidence.text
