"""Whatever text a program is, analysing it never fails, and its size is counted."""

import pytest

from llmpo.gallery import analyse
from llmpo.gallery.program import LARGEST_SOURCE

_POLICY = "class Policy:\n    def act(self, obs):\n        return {}\n"

_HOSTILE = {
    "empty": "",
    "blank": "\n \n\t\n",
    "prose": "I would use a PD controller, of course.",
    "syntax error": "class Policy:\n    def act(self, obs)\n        return 0\n",
    "unclosed": "class Policy(((((",
    "null byte": _POLICY.format("0") + "\x00",
    "lone surrogate": _POLICY.format("'\ud800'"),
    "not UTF-8, decoded": b"x = '\xff\xfe'".decode("latin-1"),
    "encoding comment": "# -*- coding: no-such-codec -*-\n" + _POLICY.format("0"),
    "only a comment": "# nothing",
    "huge": "x = 1\n" * LARGEST_SOURCE,
    "many statements": "x = 1\n" * 20_000,
    "many minus signs": _POLICY.format("-" * 100_000 + "1"),
    "many brackets": _POLICY.format("(" * 500 + "1" + ")" * 500),
    "long sum": _POLICY.format("+".join(["obs.x"] * 3000)),
    "long chain": _POLICY.format("obs" + ".x" * 3000),
    "deep nesting": "def act(obs):\n"
    + "".join(" " * i + "if obs:\n" for i in range(1, 90))
    + " " * 90
    + "pass\n",
    "many attributes": "class Policy:\n    def act(self, obs):\n"
    + "".join(
        f"        self.x{i} = obs.y{i} * 2.0 - self.x{i}\n"
        f"        if self.x{i} > 0:\n            self.x{i} = 0\n"
        for i in range(400)
    ),
    "everything calls everything": "class Policy:\n"
    "    def act(self, obs):\n        return self.f0(obs)\n"
    + "".join(
        f"    def f{i}(self, o):\n        for k in o:\n"
        f"            o = self.f{(i + 1) % 60}(o) + self.f{i * 7 % 60}(o)\n"
        "        return o\n"
        for i in range(60)
    ),
    "enormous number": _POLICY.format("1" * 5000),
    "no class": "def act(obs):\n    return 0\n",
    "no act": "class Policy:\n    def step(self, obs):\n        return 0\n",
    "act without arguments": "class Policy:\n    def act():\n        return 0\n",
    "act takes anything": "class Policy:\n    def act(*a, **k):\n"
    "        return a[1].x\n",
    "act is a lambda": "class Policy:\n    act = lambda self, obs: 0\n",
    "static act": "class Policy:\n    @staticmethod\n    def act(obs):\n"
    "        return obs.x - 1\n",
    "asynchronous": "class Policy:\n    async def act(self, obs):\n"
    "        async for i in obs:\n            await i\n        return 0\n",
    "two policies": _POLICY.format("0") + _POLICY.format("obs.x"),
    "calls itself": "class Policy:\n    def act(self, obs):\n"
    "        return self.act(obs)\n",
    "calls in a circle": "class Policy:\n    def act(self, obs):\n"
    "        return self.a(obs)\n    def a(self, x):\n        return self.b(x)\n"
    "    def b(self, x):\n        return self.a(x)\n",
    "strange targets": "class Policy:\n    def act(self, obs):\n"
    "        (self.a, *self.b), [c] = obs\n        obs[0].x[self.a:2, ...] += 1\n"
    "        f().g = 1\n        del self.a, c\n        x: int\n        global y\n"
    "        y = (z := 3)\n"
    "        return [*self.b, {**c}, lambda q=1: q, f'{c!r:>{z}}']\n",
    "odd statements": "class Policy:\n    def act(self, obs):\n        try:\n"
    "            pass\n        except* ValueError:\n            return 1\n"
    "        with a as (b, c), d:\n            yield b\n        match obs:\n"
    "            case {'x': [1, *rest]} | Point(y=0) if rest:\n"
    "                return rest\n        while True:\n            break\n"
    "        else:\n            return 2\n        class Inner:\n"
    "            def act(self, o):\n                return o\n",
    "invalid escape": _POLICY.format(r"'\d'"),
    "form feed and carriage returns": _POLICY.format("0").replace("\n", "\r\n\f"),
    "shadows builtins": "len = max = np = self = None\n" + _POLICY.format("len(obs)"),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_no_text_makes_the_analysis_fail(name):
    analysis = analyse(_HOSTILE[name])
    assert analysis.names
    assert analysis.metrics.lines >= 0


@pytest.mark.filterwarnings("error")
def test_warnings_of_the_parser_are_kept_from_the_user():
    analyse(_HOSTILE["invalid escape"])


def test_what_is_no_python_is_said_to_be_so():
    analysis = analyse(_HOSTILE["syntax error"])
    assert analysis.names == ("unclassified",)
    assert analysis.problem.startswith("syntax error in line 2")
    assert analysis.metrics.lines == 3
    assert analysis.metrics.logical_lines == 0


def test_nothing_is_executed(tmp_path):
    mark = tmp_path / "executed"
    source = f"open({str(mark)!r}, 'w')\n" + _POLICY.format("0")
    assert analyse(source).names == ("constant",)
    assert not mark.exists()


def test_size_is_counted():
    metrics = analyse(
        '''"""A policy."""
import numpy as np
from numpy import clip as cut

# a comment
class Policy:
    GAIN = 2.5

    def __init__(self):
        self.last = None

    def act(self, obs):
        x, v = self.read(obs)
        if x > 0 and v > 0 or x < -1:
            x = [i for i in range(3) if i][0]
        self.last, before = x, self.last
        return cut(np.linalg.norm(obs.goal) * self.GAIN, -1, 1)

    def read(self, o):
        return o.position, getattr(o, "velocity")
'''
    ).metrics
    assert metrics.lines == 20
    # docstring, 2 imports, class, GAIN, 3 x def, 7 statements in them
    assert metrics.logical_lines == 15
    assert metrics.functions == 3
    # functions 3, if 1, and 1, or 1, comprehension 1, its condition 1
    assert metrics.cyclomatic == 8
    # 2.5; 0 0 -1; 3 0; -1 1, where the minus is an operator
    assert metrics.constants == 8
    assert metrics.numpy == ("clip", "linalg.norm")
    assert metrics.observed == ("goal", "position", "velocity")
    assert metrics.keeps_state


def test_policy_that_forgets_everything_keeps_no_state():
    source = """
class Policy:
    LIMIT = 1.0

    def __init__(self):
        self.scale = 3.0

    def act(self, obs):
        self.x = obs.x
        return self.helper()

    def helper(self):
        return self.x > self.LIMIT * self.scale
"""
    assert not analyse(source).metrics.keeps_state
