"""What the tests of ICPI share: its domains, runs of it, and models to ask."""

from itertools import pairwise
from types import SimpleNamespace

import pytest

from llmpo.envs.icpi_domains import SPECS
from llmpo.errors import BudgetExceeded
from llmpo.evaluator import Evaluator
from llmpo.llm.budget import UsageTotals
from llmpo.llm.client import LLMClient
from llmpo.llm.predictors import Completion
from llmpo.llm.response import Answer, make_exchange
from llmpo.llm.settings import Budget, LLMSettings
from llmpo.methods.base import RunContext
from llmpo.methods.icpi import ICPI, ICPILLM, ICPILLMSettings, ICPISettings
from llmpo.methods.icpi.prompts import Trajectory
from llmpo.records import Cell
from llmpo.sandbox.status import Limits

DOMAINS = {spec.id.removeprefix("icpi_"): spec for spec in SPECS}


@pytest.fixture(scope="session")
def domains():
    """Specs of the six domains."""
    return DOMAINS


@pytest.fixture(scope="session")
def make_context():
    def make(domain, seed=0, llm=None, env_steps=None):
        spec = DOMAINS[domain]
        cell = Cell(
            experiment="test",
            environment=spec.id,
            method="icpi",
            algorithm="icpi",
            seed=seed,
        )
        return RunContext(
            cell, spec, Evaluator(), Limits(), llm=llm, env_step_budget=env_steps
        )

    return make


@pytest.fixture(scope="session")
def icpi_run(make_context):
    """Runs ICPI with a predictor and returns the context; budgets stop it."""

    def run(domain, seed=0, *, env_steps=None, **settings):
        context = make_context(domain, seed, env_steps=env_steps)
        try:
            ICPI().run(ICPISettings(**settings), context)
            context.stopped = False
        except BudgetExceeded:
            context.stopped = True
        return context

    return run


@pytest.fixture(scope="session")
def mean_regret():
    """Mean regret of the episodes of some runs that begin in an interval of steps."""

    def mean(contexts, start, stop):
        found = [
            episode["regret"] / context.journal.notes["regret_scale"]
            for context in contexts
            for episode in context.journal.notes["episodes"]
            if start <= episode["steps"] < stop
        ]
        return sum(found) / len(found)

    return mean


class ConstantModel:
    """A model that always says the same, and keeps what it was asked."""

    def __init__(self, text, finish_reason="stop"):
        self.text = text
        self.finish_reason = finish_reason
        self.asked = []
        self.usage = UsageTotals()

    def complete(self, questions):
        self.asked.append(list(questions))
        return [Completion(self.text, self.finish_reason, 10, 2) for _ in questions]


@pytest.fixture(scope="session")
def constant_model():
    return ConstantModel


class ScriptedProvider:
    """Answers requests by a function of the request."""

    def __init__(self, answer):
        self.answer_one = answer
        self.requests = []

    def answer(self, requests, origin):
        self.requests += requests
        return [
            make_exchange(
                request, self.answer_one(request), collected_by="test", origin=origin
            )
            for request in requests
        ]

    def close(self):
        pass


@pytest.fixture
def llm_run(make_context):
    """Runs ICPI with a scripted language model; `answer` maps requests to answers."""

    def run(domain, answer, *, seed=0, budget=None, provider=None, **settings):
        provider = provider or ScriptedProvider(answer)
        client = LLMClient(provider, LLMSettings(model="test/m"))
        budget = budget or Budget()
        session = client.session(run="test", seed=seed, budget=budget)
        context = make_context(domain, seed, llm=session)
        try:
            ICPILLM().run(ICPILLMSettings(**settings), context)
            stopped = False
        except BudgetExceeded:
            stopped = True
        return SimpleNamespace(
            context=context,
            journal=context.journal,
            requests=getattr(provider, "requests", []),
            stopped=stopped,
        )

    return run


@pytest.fixture(scope="session")
def make_answer():
    def make(text, finish_reason="stop", prompt_tokens=None):
        # Providers report tokens or do not; some in between would be estimated.
        completion_tokens = None if prompt_tokens is None else 3
        return Answer(text, finish_reason, prompt_tokens, completion_tokens)

    return make


@pytest.fixture(scope="session")
def walk():
    """Makes an episode in chain from its places; the last step may be a claim."""

    def make(*places, claim=False, decided=False):
        states = [(float(place),) for place in places]
        actions = [1 + int(b - a) for (a,), (b,) in pairwise(states)]
        rewards = [0.0] * len(actions)
        if claim:
            actions.append(1)
            rewards.append(float(places[-1] == 4))
            states.append(states[-1])
        return Trajectory(
            tuple(states),
            tuple(actions),
            tuple(rewards),
            claim,
            (decided,) * len(actions),
        )

    return make
