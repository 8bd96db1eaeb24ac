"""The code that runs inside the confined process.

These modules import nothing but the standard library, numpy and each other: the
child starts them from this folder alone, without llmpo on its path. The trusted side
imports `wire`, `seccomp` and `landlock` too.
"""
