"""Runs the `llmpo` command as `python -m llmpo`."""

from llmpo.cli import main

if __name__ == "__main__":
    main()
