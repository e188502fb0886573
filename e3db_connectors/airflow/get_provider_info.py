"""What Airflow's provider discovery reads: the connection type and its form."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe the provider (keys as in Airflow's provider.yaml.schema.json)."""
    return {
        "package-name": "e3db-connectors",
        "name": "E3DB",
        "description": "End-to-end encrypted E3DB records.",
        "integrations": [{"integration-name": "E3DB", "external-doc-url": "https://docs.tozny.com", "tags": ["service"]}],
        "hooks": [{"integration-name": "E3DB", "python-modules": ["e3db_connectors.airflow.hooks.e3db"]}],
        "connection-types": [
            {
                "connection-type": "e3db",
                "hook-class-name": "e3db_connectors.airflow.hooks.e3db.E3DBHook",
                "hook-name": "E3DB",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {"host": "API URL", "login": "API key id", "password": "API secret"},
                    "placeholders": {"host": "https://api.e3db.com"},
                },
                "conn-fields": {
                    "client_id": _text("Client id", "UUID of the E3DB client."),
                    "public_key": _text("Public key", "Encryption key, base64url."),
                    "private_key": _secret("Private key", "Encryption key, base64url; it is used on the workers only."),
                    "signing_public_key": _text("Public signing key", "Ed25519 key, base64url; optional."),
                    # Airflow masks names with `private_key` in them; it would show `private_signing_key` in clear.
                    "signing_private_key": _secret("Private signing key", "Ed25519 key, base64url; optional."),
                },
            },
        ],
    }


def _text(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "schema": {"type": ["string", "null"]}, "description": description}


def _secret(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "schema": {"type": ["string", "null"], "format": "password"}, "description": description}
