"""The gallery, all figures in one job, which loads the plotting library once; tables."""

from llmpo.figures import FIGURES, GALLERY
from llmpo.tables import TABLES

# What a report shows of each figure; the caption is workflow/report/NAME.rst.
FIGURE_LABELS = {
    "learning_curves": "score against environment steps",
    "cost_calls": "score against LLM calls",
    "cost_tokens": "score against tokens",
    "cost_dollars": "score against dollars",
    "cost_seconds": "score against the model's time",
    "summary": "normalised scores of families",
    "performance_profiles": "performance profiles",
    "improvement": "probability of improvement",
    "sample_efficiency": "steps to a threshold",
    "outcomes": "outcomes of candidates",
    "selection_effect": "selection against held-out scores",
    "rounds_to_best": "rounds to the best policy",
    "ablations": "ablations",
    "regret": "regret against environment steps",
    "regret_without_llm": "regret without a language model",
    "regret_models": "regret by model",
    "regret_context": "regret against context budget",
    "regret_ablations": "regret of ablations",
    "world_model": "predictions of the world model",
    GALLERY: "kinds of controllers",
}
TABLE_LABELS = {
    "results": "results by environment",
    "summary": "summary by family",
    "efficiency": "steps to a threshold",
    "regret": "regret while learning",
    "world_model": "predictions of world models",
    "settings": "settings and budgets",
    "claims": "claims and verdicts",
}


rule gallery:
    input:
        runs=expand("results/runs/{job}.jsonl", job=PLAN.jobs),
        assessments=expand("results/assessments/{job}.jsonl", job=PLAN.jobs),
    output:
        report(
            directory("results/gallery"),
            patterns=["{name}.md"],
            caption="../report/gallery_pages.rst",
            category="Policies",
            labels={"policy": "{name}"},
        ),
    log:
        "logs/gallery.log",
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        grid=grid_digest,
    shell:
        "llmpo gallery results/plan.json --runs results/runs"
        " --assessments results/assessments --out {output} > {log} 2>&1"


rule figures:
    input:
        tidy="results/tidy.csv",
        gallery="results/gallery",
    output:
        [
            report(
                f"results/figures/{name}.png",
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": FIGURE_LABELS[name]},
            )
            for name in (*FIGURES, GALLERY)
        ],
        expand(
            "results/figures/{name}.{suffix}",
            name=(*FIGURES, GALLERY),
            suffix=["svg", "provenance.json"],
        ),
    log:
        "logs/figures.log",
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "llmpo figures {input.tidy} --gallery {input.gallery}/gallery.csv"
        " --out results/figures > {log} 2>&1"


rule tables:
    input:
        tidy="results/tidy.csv",
        runs=expand("results/runs/{job}.jsonl", job=PLAN.jobs),
    output:
        [
            report(
                f"results/tables/{name}.csv",
                caption=f"../report/{name}_table.rst",
                category="Tables",
                labels={"table": TABLE_LABELS[name]},
            )
            for name in TABLES
        ],
        expand(
            "results/tables/{name}.{suffix}",
            name=TABLES,
            suffix=["md", "provenance.json"],
        ),
    log:
        "logs/tables.log",
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        claims=claims_digest,
    shell:
        "llmpo tables {input.tidy} --plan results/plan.json --runs results/runs"
        " --out results/tables > {log} 2>&1"
