"""Environments: one `EnvSpec` value each, found through entry points."""
