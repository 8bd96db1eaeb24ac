"""Running LLM-written programs in confined processes."""
