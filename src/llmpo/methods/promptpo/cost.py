"""What a run will ask for, before anything is spent."""

from llmpo.envs.spec import EnvSpec
from llmpo.llm.budget import estimate_tokens
from llmpo.llm.estimate import CallEstimate
from llmpo.methods.promptpo.prompting import Prompter
from llmpo.methods.promptpo.settings import PromptPOSettings
from llmpo.sandbox.status import Limits

# Typical lengths in tokens, measured on the shipped corpus; reasoning tokens, which
# some providers also bill, are not in them.
_POLICY_TOKENS = 3600
_FEEDBACK_TOKENS = 1800
_REFLECTION_TOKENS = 400
# What an earlier attempt adds to a prompt besides its code.
_RESULTS_TOKENS = 900


def estimate_calls(settings: PromptPOSettings, spec: EnvSpec) -> list[CallEstimate]:
    """Returns the calls of a run without repairs, by purpose and round."""
    prompter = Prompter(spec, settings, Limits())
    policy = estimate_tokens(prompter.policy().messages[0].content)
    feedback = estimate_tokens(prompter.feedback().messages[0].content)
    judged = estimate_tokens(spec.reward_text) + _POLICY_TOKENS + _RESULTS_TOKENS
    calls = [CallEstimate("feedback", 1, feedback, _FEEDBACK_TOKENS)]
    for past in range(settings.rounds):
        shown = past if settings.history_limit is None else settings.history_limit
        prompt = policy + min(past, shown) * (_POLICY_TOKENS + _RESULTS_TOKENS)
        calls.append(
            CallEstimate("candidate", settings.candidates, prompt, _POLICY_TOKENS)
        )
        if settings.reflection and past:
            calls.append(CallEstimate("reflection", 1, judged, _REFLECTION_TOKENS))
    return calls
