"""Who signs in: settings that tap and target share."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

from e3db_connectors.client.config import DEFAULT_API_URL

CREDENTIALS: Final = (
    th.Property("client_id", th.StringType, title="Client id", description="UUID of the E3DB client."),
    th.Property("api_key_id", th.StringType, title="API key id", description="Names the API key."),
    th.Property("api_secret", th.StringType, secret=True, title="API secret", description="Secret of the API key."),
    th.Property("public_key", th.StringType, title="Public key", description="Encryption key, base64url."),
    th.Property(
        "private_key",
        th.StringType,
        secret=True,
        title="Private key",
        description="Encryption key, base64url; it never leaves this machine.",
    ),
    th.Property("public_signing_key", th.StringType, title="Public signing key", description="Ed25519 key, base64url."),
    th.Property(
        "private_signing_key",
        th.StringType,
        secret=True,
        title="Private signing key",
        description="Ed25519 key, base64url.",
    ),
    th.Property("crypto_suite", th.StringType, title="Cipher suite", description="`sodium` (the default) or `nist`."),
    th.Property("client_email", th.StringType, title="Client e-mail", description="Optional; part of a credentials file."),
    th.Property("api_url", th.StringType, title="API URL", description=f"Where the server is; {DEFAULT_API_URL} unless given."),
    th.Property(
        "credentials_file",
        th.StringType,
        title="Credentials file",
        description="A file with the credentials above, instead of them.",
    ),
    th.Property(
        "profile",
        th.StringType,
        title="Profile",
        description="The file ~/.tozny/<profile>/e3db.json, instead of them. "
        "Without any of these the E3DB_* variables count, then ~/.tozny/e3db.json.",
    ),
)
