# `make check` is exactly what CI runs.
.PHONY: install format lint type test check reproduce smoke bench

bin := .venv/bin
workflow_files := Snakefile workflow/rules

install:
	python3 -m venv .venv
	$(bin)/pip install -c constraints.txt -e '.[sims,realworld,workflow,paper,baselines,live,dev]'

format:
	$(bin)/ruff check --fix-only
	$(bin)/ruff format
	$(bin)/snakefmt $(workflow_files)

lint:
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/snakefmt --check $(workflow_files)
	$(bin)/codespell
	$(bin)/llmpo schema --check

type:
	$(bin)/mypy

test:
	$(bin)/python -m pytest

check:
	.ci/run

reproduce:
	$(bin)/snakemake --cores all

smoke:
	$(bin)/snakemake --cores all --configfile workflow/config/smoke.yaml

bench:
	for file in tests/benchmarks/bench_*.py; do $(bin)/python $$file || exit 1; done
