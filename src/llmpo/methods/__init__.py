"""Methods: replicated systems, baselines and hybrids, found through entry points."""
