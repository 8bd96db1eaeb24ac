"""What the gallery shows: the product of every run, analysed and with its score."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmpo.envs.registry import environment
from llmpo.gallery.classify import Analysis, analyse
from llmpo.methods.base import method
from llmpo.records import Assessment, EpisodeResult, PolicyArtifact, RunRecord
from llmpo.sandbox.status import Status
from llmpo.seeds import generator
from llmpo.statistics import Estimate, bootstrap, column, mean
from llmpo.tidy import product


@dataclass(frozen=True)
class Entry:
    """One run in the gallery.

    Attributes:
        environment: Label of the environment.
        score_kind: What counts there: return or success.
        series: The method's label, with the experiment's name where there are several.
        policy: Which policy of the run is its product: best or last.
        artifact: That policy; None when the run left none.
        source: Its program; "" where it is no program.
        analysis: What is known about the program; None where it is none.
        held_out: Mean over reporting episodes with 95% interval over these; None
            without any.
        episodes: How many reporting episodes there are.
        failed_episodes: In how many of them the program failed.
    """

    record: RunRecord
    environment: str
    family: str
    score_kind: str
    series: str
    policy: str
    artifact: PolicyArtifact | None
    source: str = ""
    analysis: Analysis | None = None
    held_out: Estimate | None = None
    episodes: int = 0
    failed_episodes: int = 0

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.record.cell.seed

    @property
    def page(self) -> str:
        """Name of the page of its environment and method."""
        cell = self.record.cell
        options = "".join(f"+{k}-{v}" for k, v in sorted(cell.options.items()))
        series = self.series.replace(": ", ".")
        return f"{cell.environment}{options}.{series}.md"


def make_entries(
    records: Sequence[RunRecord], assessments: Sequence[Assessment]
) -> list[Entry]:
    """Returns an entry for every run, by environment, method and seed."""
    several = len({record.cell.experiment for record in records}) > 1
    reports = {(a.cell.id, a.policy): a for a in assessments}
    known: dict[str, Analysis] = {}
    entries = []
    for record in records:
        cell = record.cell
        spec = environment(cell.environment, cell.options)
        policy = product(method(cell.algorithm).role)
        artifact = record.policies.get(policy)
        source, analysis = "", None
        if artifact is not None and artifact.kind == "python":
            source = record.programs[artifact.program]
            # Runs may share a program, and a large one takes a second.
            if artifact.program not in known:
                known[artifact.program] = analyse(source)
            analysis = known[artifact.program]
        report = reports.get((cell.id, policy))
        episodes = report.episodes if report else ()
        scores = list(_scores(episodes, spec.score))
        rng = generator("bootstrap", "gallery", cell.id, policy)
        entries.append(
            Entry(
                record=record,
                environment=spec.label,
                family=spec.family,
                score_kind=spec.score,
                series=f"{cell.experiment}: {cell.method}" if several else cell.method,
                policy=policy,
                artifact=artifact,
                source=source,
                analysis=analysis,
                held_out=bootstrap(column(scores), mean, rng) if scores else None,
                episodes=len(scores),
                failed_episodes=sum(e.status != Status.OK for e in episodes),
            )
        )
    return sorted(entries, key=lambda e: (e.family, e.environment, e.series, e.seed))


def shown(entries: Iterable[Entry]) -> list[Entry]:
    """Returns the entries with a page: the best run of each environment and method.

    The best is the one with the highest selection score, never the one that happened
    to do best on the reporting seeds; of equals, the one with the lowest seed.
    """
    best: dict[str, Entry] = {}
    for entry in entries:
        if entry.analysis is None:
            continue
        if entry.page not in best or _rank(entry) > _rank(best[entry.page]):
            best[entry.page] = entry
    return list(best.values())


def _rank(entry: Entry) -> tuple[bool, float]:
    score = entry.artifact.selection_score if entry.artifact else None
    return score is not None, score if score is not None else 0.0


def _scores(episodes: Sequence[EpisodeResult], score_kind: str) -> Iterable[float]:
    for episode in episodes:
        value = episode.success if score_kind == "success" else episode.value
        if value is not None:
            yield value
