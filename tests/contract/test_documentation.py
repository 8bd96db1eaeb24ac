"""What the documentation shows works, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from llmpo.evaluation import EvaluationTask, evaluate
from llmpo.methods.promptpo.answers import extract_program

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "workflow/**/README.md")
    for path in ROOT.glob(pattern)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_policy_of_the_tutorial_works():
    pytest.importorskip("mujoco")
    source = extract_program((ROOT / "docs/tutorial.md").read_text())
    assert source is not None
    task = EvaluationTask(environment="reacher_v5", source=source, seeds=(1000, 1001))
    still = source.replace("return np.clip(torque, -1.0, 1.0)", "return np.zeros(2)")
    result = evaluate(task)
    idle = evaluate(EvaluationTask("reacher_v5", still, task.seeds))
    assert result.failure is None
    assert sum(result.returns) > sum(idle.returns)
