"""Bytes in, bytes out: encodings, keys, field quads and the blind index. No I/O, no HTTP."""
