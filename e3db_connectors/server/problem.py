"""A request that cannot be served."""


class Problem(Exception):
    """Ends a request with a status and a text for the caller, sent as ``{"error": text}``."""

    def __init__(self, status: int, text: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.status, self.text = status, text
