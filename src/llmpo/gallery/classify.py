"""What kind of controller a program is, told from its source alone."""

from dataclasses import dataclass

from llmpo.gallery.collect import gather
from llmpo.gallery.flow import SEEN, Flow, Origin
from llmpo.gallery.label import LABELS, UNCLASSIFIED, Label, make_label
from llmpo.gallery.learning import find_learning
from llmpo.gallery.metrics import Metrics, measure
from llmpo.gallery.motion import find_feedback, find_rhythm
from llmpo.gallery.phases import find_phases
from llmpo.gallery.planning import (
    find_dynamic_programming,
    find_optimisation,
    find_search,
)
from llmpo.gallery.program import Program, UnreadableProgram, parse_program
from llmpo.gallery.slicing import Slice


@dataclass(frozen=True)
class Analysis:
    """What is known about a program without running it.

    Attributes:
        labels: In the order of `LABELS`; empty where no rule holds.
        metrics: Its size; only the lines are counted in an unreadable program.
        problem: Why it could not be analysed; "" otherwise.
    """

    labels: tuple[Label, ...]
    metrics: Metrics
    problem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names; `unclassified` where there is none."""
        return tuple(label.name for label in self.labels) or (UNCLASSIFIED,)


def analyse(source: str) -> Analysis:
    """Returns labels and size of a program; never fails, never runs it."""
    try:
        program = parse_program(source)
        flow = Flow(gather(program))
        return Analysis(_labels(program, flow), measure(source, program, flow))
    except UnreadableProgram as error:
        return Analysis((), measure(source), str(error))
    except (RecursionError, MemoryError):
        return Analysis((), measure(source), "the program is nested too deeply")


def _labels(program: Program, flow: Flow) -> tuple[Label, ...]:
    if "act" not in program.functions:
        return ()
    slices = Slice(flow.facts)
    found = [
        find_phases(flow, slices),
        find_feedback(flow, slices),
        find_rhythm(flow, slices),
        find_search(flow),
        find_dynamic_programming(flow),
        find_optimisation(flow),
        find_learning(flow),
    ]
    labels = [label for label in found if label is not None]
    if not labels and (simple := _simple(program, flow)):
        labels = [simple]
    return tuple(sorted(labels, key=lambda label: LABELS.index(label.name)))


def _simple(program: Program, flow: Flow) -> Label | None:
    """Returns a label for what none of the other rules describes."""
    returns = [site for site in flow.facts.returns if site.function == "act"]
    if not returns:
        return None
    if not flow.action & (SEEN | Origin.TIME):
        name = "random" if flow.action & Origin.RANDOM else "constant"
        lines = [(site.node, "depends on nothing seen") for site in returns]
        return make_label(program, name, "no observation, no time", lines)
    tests = [
        (site.node, "asks for what is observed")
        for _, site in flow.facts.branches
        if site.function in flow.acting and flow.of(site.node, site.function) & SEEN
    ]
    if tests:
        rule = "conditions on observations"
        return make_label(program, "rule-based", rule, tests)
    return None
