"""The paper: its numbers from the results, then the PDF."""


rule macros:
    input:
        tidy="results/tidy.csv",
        tables=rules.tables.output,
    output:
        "results/paper/macros.json",
    log:
        "logs/macros.log",
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        configuration=configuration_digest,
        recorded=recorded_digest,
    shell:
        "llmpo paper macros {input.tidy} --plan results/plan.json"
        " --tables results/tables --out {output} > {log} 2>&1"


rule paper:
    input:
        macros="results/paper/macros.json",
        figures=rules.figures.output,
        manuscript="paper/llmpo.typ",
        parts=["paper/layout.typ", "paper/references.bib"],
    output:
        pdf=report(
            "results/paper.pdf",
            caption="../report/paper.rst",
            category="Paper",
            labels={"paper": "manuscript"},
        ),
        provenance="results/paper.provenance.json",
    log:
        "logs/paper.log",
    resources:
        mem_mb=1000,
        runtime=15,
    shell:
        "llmpo paper build {input.manuscript} --data results --out {output.pdf}"
        " > {log} 2>&1"
