"""Transfers: records into tables and files, rows of tables and files into records; what they return are counts and cursors."""
