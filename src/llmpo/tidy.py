"""The one tidy table that feeds every figure and table.

A row is one of four kinds, told apart by the column `kind`:

* `candidate`: one scored attempt of a method, in the order in which it was made; of a
  method that trains, an evaluation after so many steps; of one that acts while it
  learns, a training episode.
  `env_steps`, `calls`, tokens and dollars are the run's totals after it, rejected
  candidates and repairs included. `score` comes from selection episodes and must
  never be reported as a result.
* `episode`: one reporting episode of a run's `best` or `last` policy, on seeds that
  the method never saw.
* `prediction`: what a run's predictions of one kind took, and how often they can come
  true; of methods with a world model. `calls` are completions of any model, in-process
  predictors included.
* `run`: the totals and the status of a run; there is one for every cell, failed,
  truncated and pending ones included.
"""

from typing import Literal

CELL_COLUMNS = (
    "experiment",  # name in the configuration
    "environment",  # environment id with non-default options
    "family",  # suite, for grouping
    "score_kind",  # what ranks policies: return or success
    "method",  # label in the configuration, e.g. promptpo_no_reflection
    "algorithm",  # registered method name, e.g. promptpo
    "role",  # search, training, online or reference, see llmpo.methods.base.Method
    "seed",
    "run_status",  # finished, truncated, pending or failed
    "mode",  # replay, live, batch, mock or none
)
TOTAL_COLUMNS = (
    "env_steps",
    "calls",
    "prompt_tokens",
    "completion_tokens",
    "tokens_estimated",  # whether any token count is an estimate
    "dollars",  # empty when the price is unknown
    "llm_seconds",  # time the model took; empty when unknown
)
CANDIDATE_COLUMNS = (
    "round",  # from 1
    "candidate",  # from 0
    "attempt",  # 0 = first answer, k = k-th repair
    "status",  # sandbox status of this attempt, or of this episode
    "is_final",  # this attempt is what became of the candidate
    "is_selected",  # the round's winner
    "score",  # mean over the selection episodes; empty unless status is ok
    "mean_return",
    "success_rate",
    "best_score",  # best score of the run so far; empty before the first ok one
    "regret",  # of a training episode: share of the most that can be lost
)
EPISODE_COLUMNS = (
    "policy",  # best or last
    "episode_seed",
    "episode_return",
    "success",  # success at any step; empty without a notion of success
    "final_success",  # success at the last step
    "length",
)
PREDICTION_COLUMNS = (
    "prediction",  # what was predicted: termination, reward, state or action
    "predictions",  # predictions begun
    "failed",  # predictions without any valid completion
    "invalid",  # completions that were not valid
    "truncated",  # invalid completions that were cut off before their end
    "correct",  # predictions that can come true
    "wrong",  # predictions that cannot
    "unclear",  # predictions about something that does not exist
)
RUN_COLUMNS = (
    "reporting_episodes",  # planned for each policy; 0: only the regret counts
    "planned_steps",  # after which an online method begins no further episode
    "changes",  # settings that differ from the method's defaults, as JSON
)

COLUMNS = (
    "kind",
    *CELL_COLUMNS,
    *TOTAL_COLUMNS,
    *CANDIDATE_COLUMNS,
    *EPISODE_COLUMNS,
    *PREDICTION_COLUMNS,
    *RUN_COLUMNS,
)


def product(role: str) -> Literal["best", "last"]:
    """Returns which policy of a run is the result of a method with this role."""
    return "best" if role == "search" else "last"
