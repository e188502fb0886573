"""The names of the original Python SDK, where they differ from ours: all of them are here, and nothing else is.

A program that was written for it changes its import to ``import e3db_connectors as e3db``. What has the same name and shape
in both needs no alias; the rest is a thin call of the method that does the work. `e3db_connectors.types` and
`e3db_connectors.exceptions` name the classes.
"""
