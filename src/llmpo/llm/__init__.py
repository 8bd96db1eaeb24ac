"""The LLM boundary: one client, one record, four modes."""
