"""The protocol's shapes, free of crypto and I/O: bodies, times, paths and limits."""
