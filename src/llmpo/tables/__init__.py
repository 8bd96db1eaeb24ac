"""Tables as CSV and Markdown, made from the tidy table.

Settings also need the run records, and claims the configuration in the plan.
"""

from pathlib import Path

TABLES = (
    *("results", "summary", "efficiency", "regret", "world_model"),
    *("settings", "claims"),
)
"""Names of all tables."""


def write_all(
    tidy: Path, out: Path, *, runs: Path | None = None, plan: Path | None = None
) -> list[Path]:
    """Writes every table as CSV and Markdown with a provenance file beside them.

    Args:
        tidy: The tidy table, as written by `llmpo aggregate`.
        out: Folder for the tables; created if needed.
        runs: Folder of the run records, one file a job. Without it and the plan there
            is no table of settings.
        plan: The plan of the configuration. Without it there is no table of claims.

    Returns:
        The paths written.

    Raises:
        ConfigError: The plan was made by another version of llmpo.
        DataError: An input is missing, damaged or of another version.
        PrerequisiteError: pandas is not installed.
    """
    from llmpo.analysis.table import read_tidy
    from llmpo.plan import read_plan
    from llmpo.storage import digest
    from llmpo.tables.claims import claims_table
    from llmpo.tables.efficiency import efficiency_table
    from llmpo.tables.layout import write_table
    from llmpo.tables.regret import regret_table
    from llmpo.tables.results import results_table
    from llmpo.tables.settings import read_heads, settings_table
    from llmpo.tables.summary import summary_table
    from llmpo.tables.world_model import world_model_table

    table = read_tidy(tidy)
    made = [
        results_table(table),
        summary_table(table),
        efficiency_table(table),
        regret_table(table),
        world_model_table(table),
    ]
    provenance = table.provenance()
    if plan is not None:
        plan_, config = read_plan(plan)
        made.append(claims_table(table, config.claims))
        claims = [claim.model_dump(mode="json") for claim in config.claims]
        provenance = provenance | {"claims": digest(claims)}
        if runs is not None:
            heads = read_heads(runs, plan_.jobs)
            made.append(settings_table(table, plan_, heads))
    return [path for one in made for path in write_table(one, out, provenance)]
