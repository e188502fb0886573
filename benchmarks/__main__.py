"""All measurements: ``python -m benchmarks``."""

from benchmarks import fields, files, original, server, tap, target

fields.main()
original.main()
files.rates()
files.memory()
server.main()
tap.main()
target.main()
