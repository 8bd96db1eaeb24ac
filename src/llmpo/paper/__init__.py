"""The paper: numbers for its macros, checks on its text, and its compilation."""
