"""All measurements: ``python -m benchmarks``."""

from benchmarks import fields, files, original, server

fields.main()
original.main()
files.rates()
files.memory()
server.main()
