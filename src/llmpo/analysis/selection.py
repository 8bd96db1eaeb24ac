"""What choosing the best of many candidates did: promised and kept scores, by run."""

from typing import TYPE_CHECKING

from llmpo.analysis.table import TidyTable

if TYPE_CHECKING:
    import pandas as pd

_RUN = ["environment", "series", "seed"]


def chosen_policies(table: TidyTable) -> "pd.DataFrame":
    """Returns a row for each run of a search that has a best policy.

    Columns: `environment`, `series`, `seed`; `selection`, the score by which the policy
    was chosen; `held_out`, its mean score on seeds that the method never saw; `round`,
    in which it was found; `rounds`, how many were made.
    """
    candidates = table.candidates[table.candidates.role == "search"]
    made = candidates.groupby(_RUN, observed=True)
    tried = made.agg(rounds=("round", "max"), selection=("score", "max"))
    best = table.episodes[table.episodes.policy == "best"]
    kept = best.groupby(_RUN, observed=True).agg(held_out=("episode_score", "mean"))
    # The round is the policy's own: several candidates may share the highest score.
    kept["round"] = best.groupby(_RUN, observed=True)["round"].first()
    first = candidates[candidates.score == made.score.transform("max")]
    rows = tried.join(kept, how="inner").dropna(subset=["selection", "held_out"])
    rows["round"] = rows["round"].fillna(
        first.groupby(_RUN, observed=True)["round"].min()
    )
    return rows.reset_index()
