"""A request that cannot be served."""


class Problem(Exception):
    """Ends a request with a status and a text for the caller, sent as ``{"error": text}``, and seconds until it may succeed."""

    def __init__(self, status: int, text: str, retry_after: int = 0) -> None:
        """Keep them."""
        super().__init__(text)
        self.status, self.text, self.retry_after = status, text, retry_after
