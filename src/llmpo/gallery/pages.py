"""The gallery's pages as Markdown."""

import re

from llmpo.analysis.text import environment_name
from llmpo.gallery.entries import Entry
from llmpo.gallery.label import UNCLASSIFIED
from llmpo.gallery.metrics import Metrics
from llmpo.gallery.program import source_lines

_LONGEST_LINE = 160
# Shown as a mark: they could change how a terminal or a browser shows the page.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_HEADINGS = (
    *("Environment", "Method", "Seed", "Held-out score", "Episodes"),
    *("Statements", "Kind of controller", "Program"),
)
_KEY = """\
Held-out scores are means over episodes on seeds that the method never saw, with a 95%
bootstrap interval over the episodes of that one run. Each page shows the run with the
highest selection score of its environment and method (in bold), whatever its held-out
score. Labels come from static analysis of the source, which is never run for it;
`docs/gallery.md` defines them and says how often they are right.

‡ In some reporting episodes the program failed; they are in the mean.
"""


def index_page(entries: list[Entry], chosen: list[Entry]) -> str:
    """Returns the index: one row for each run."""
    programs = [e for e in entries if e.analysis is not None or e.artifact is None]
    lines = ["# Policy gallery", "", _line(_HEADINGS), _line(["---"] * len(_HEADINGS))]
    lines += [_line(_row(entry, entry in chosen)) for entry in programs]
    text = "\n".join(lines) + "\n\n" + _KEY
    others = [entry for entry in entries if entry not in programs]
    if others:
        text += "\n## Policies that are no programs\n\n"
        text += "\n".join(f"- {_other(entry)}" for entry in others) + "\n"
    return text


def program_page(entry: Entry, others: list[Entry]) -> str:
    """Returns the page of a program.

    Args:
        entry: The run that is shown.
        others: Further runs of the same environment and method.
    """
    assert entry.analysis is not None
    assert entry.artifact is not None
    cell, analysis = entry.record.cell, entry.analysis
    parts = [
        f"# {environment_name(entry.environment)}: {entry.series}",
        "\n".join(
            [
                f"- Run: `{cell.id}`, seed {entry.seed}, {entry.record.status}",
                f"- Policy: {entry.policy}, from round {entry.artifact.round}, "
                f"program `{entry.artifact.program}`",
                f"- Held-out {entry.score_kind}: {_score(entry)}, "
                f"{entry.episodes} episodes",
                f"- Selection score: {_number(entry.artifact.selection_score)} "
                "(optimistic, no result)",
            ]
        ),
        "## Kind of controller",
        _labels(entry),
        "## Size",
        _metrics(analysis.metrics),
    ]
    if others:
        parts += ["## Other seeds", "\n".join(_other_seed(other) for other in others)]
    parts += ["## Program", _code(entry.source), "## Provenance", _origin(entry)]
    return "\n\n".join(parts) + "\n"


def _row(entry: Entry, is_shown: bool) -> list[str]:
    name = environment_name(entry.environment)
    seed = f"**{entry.seed}**" if is_shown else str(entry.seed)
    if entry.analysis is None:
        status = f"no policy ({entry.record.status})"
        return [name, entry.series, seed, status, "", "", "", ""]
    return [
        name,
        entry.series,
        seed,
        _score(entry),
        str(entry.episodes),
        str(entry.analysis.metrics.logical_lines),
        ", ".join(entry.analysis.names),
        f"[page]({_url(entry.page)})" if is_shown else "",
    ]


def _labels(entry: Entry) -> str:
    assert entry.analysis is not None
    if entry.analysis.problem:
        return f"{UNCLASSIFIED}: {_safe(entry.analysis.problem)}."
    if not entry.analysis.labels:
        return f"{UNCLASSIFIED}: no rule holds."
    blocks = []
    for label in entry.analysis.labels:
        lines = [f"**{label.name}** (rule: {label.rule})", ""]
        lines += [
            f"- line {e.line}, {e.shows}: {_inline(e.text)}" for e in label.evidence
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _metrics(metrics: Metrics) -> str:
    rows = {
        "Lines": metrics.lines,
        "Statements": metrics.logical_lines,
        "Functions": metrics.functions,
        "Cyclomatic complexity": metrics.cyclomatic,
        "Numeric constants": metrics.constants,
        "Keeps state between steps": "yes" if metrics.keeps_state else "no",
        "Observation attributes read": _names(metrics.observed),
        "numpy functions called": _names(metrics.numpy),
    }
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows.items()),
        ]
    )


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(_inline(name) for name in names) or "none"


def _other_seed(entry: Entry) -> str:
    if entry.analysis is None:
        return f"- seed {entry.seed}: no policy ({entry.record.status})"
    labels = ", ".join(entry.analysis.names)
    return f"- seed {entry.seed}: {_score(entry)}, {labels}"


def _code(source: str) -> str:
    lines = source_lines(source.rstrip())
    width = len(str(len(lines)))
    longest = max((len(run) for run in re.findall("`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    body = "\n".join(
        f"{number:{width}d}  {_safe(line)}".rstrip()
        for number, line in enumerate(lines, start=1)
    )
    return f"{fence}text\n{body}\n{fence}"


def _origin(entry: Entry) -> str:
    record = entry.record
    facts = {
        "experiment": record.cell.experiment,
        "method": f"{record.cell.algorithm}, version {record.method_version}",
        "environment version": record.env_version,
        "mode": record.provenance.get("mode", "none"),
        "model": record.provenance.get("model", "none"),
        "LLM calls": record.totals.calls,
        "environment steps": record.totals.env_steps,
    }
    return "\n".join(f"- {name}: {_safe(str(fact))}" for name, fact in facts.items())


def _other(entry: Entry) -> str:
    assert entry.artifact is not None
    name = environment_name(entry.environment)
    return (
        f"{name}, {entry.series}, seed {entry.seed}: {entry.artifact.kind}, "
        f"held-out {_score(entry)}"
    )


def _score(entry: Entry) -> str:
    if entry.held_out is None:
        return "none"
    estimate, mark = entry.held_out, " ‡" if entry.failed_episodes else ""
    if not estimate.has_interval:
        return _number(estimate.value) + mark
    ends = f"[{_number(estimate.low)}, {_number(estimate.high)}]"
    return f"{_number(estimate.value)} {ends}{mark}"


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def _inline(text: str) -> str:
    """Returns text as inline code, whatever it holds."""
    text = _safe(text)
    if len(text) > _LONGEST_LINE:
        text = text[: _LONGEST_LINE - 1] + "…"
    if not text.strip():
        return "(empty)"
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _safe(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _url(page: str) -> str:
    return page.replace(" ", "%20").replace("(", "%28").replace(")", "%29")


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
