"""Operators: one task each; what they return are ids and counts."""
