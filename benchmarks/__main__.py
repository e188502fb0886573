"""All measurements: ``python -m benchmarks``."""

from benchmarks import fields, files, original

fields.main()
original.main()
files.rates()
files.memory()
