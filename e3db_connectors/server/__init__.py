"""An E3DB-compatible server. It knows the wire format, never a key, never the client."""
