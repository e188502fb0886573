"""How databases of older versions become those of this one, by alembic: a file for each step in ``versions``.

A new step: change `store.schema`, write the next file, name it in ``schema.REVISION``; a test compares where both lead to.
A step is never changed once it is released. It runs on SQLite without foreign keys, for tables that are made anew; they are
checked before the commit.
"""
