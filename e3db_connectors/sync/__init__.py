"""The engine under tap and target: names and values of columns, windows, bookmarks, and keyed writes."""
