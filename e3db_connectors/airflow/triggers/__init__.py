"""Triggers: what waits for records in the triggerer."""
