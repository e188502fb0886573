"""Sizes that both ends of the protocol agree on (protocol sections 9.1, 10.1, 11.1 and 11.6)."""

from typing import Final

PAGE_MAX: Final = 1000
"""Most results that one page of a query or search may hold."""

PAGE_DEFAULT_QUERY: Final = 50
PAGE_DEFAULT_CLIENT: Final = 100
"""What existing clients ask a query for."""

PAGE_DEFAULT_SEARCH: Final = 50

SEARCH_WINDOW: Final = 10_000
"""Results past this offset of a search cannot be fetched; a total of it means *at least*."""

BODY_MAX: Final = 10 * 1024 * 1024
"""Bytes of a request body."""

FILE_MAX: Final = 5 * 1024**3
"""Bytes of a large file's encrypted body."""

TYPE_MAX: Final = 512
"""Characters of a record type."""

NAME_MAX: Final = 255
"""Characters of a client's name."""

KEY_MAX: Final = 4096
"""Characters of a client's public keys of one kind, names included, and of an encrypted access key: each result of a page repeats them."""

NOTE_MAX: Final = 256 * 1024
"""Bytes of a note's body."""
