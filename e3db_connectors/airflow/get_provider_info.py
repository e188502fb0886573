"""What Airflow's provider discovery reads: the connection type and its form, and which modules hold what."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe the provider (keys as in Airflow's provider.yaml.schema.json)."""
    return {
        "package-name": "e3db-connectors",
        "name": "E3DB",
        "description": "End-to-end encrypted E3DB records.",
        "integrations": [{"integration-name": "E3DB", "external-doc-url": "https://docs.tozny.com", "tags": ["service"]}],
        "hooks": [_modules("hooks.e3db")],
        "operators": [
            _modules(
                "operators.delete", "operators.files", "operators.meltano", "operators.search", "operators.sharing", "operators.write"
            ),
            _modules("transfers.plan_windows", "transfers.verify_window"),  # they check and divide, and move nothing
        ],
        "sensors": [_modules("sensors.record")],
        "triggers": [_modules("triggers.record")],
        "config": _config(),
        "asset-uris": [
            {
                "schemes": ["e3db"],
                "handler": "e3db_connectors.airflow.assets.sanitize_uri",
                "factory": "e3db_connectors.airflow.assets.create_asset",
                "to_openlineage_converter": "e3db_connectors.airflow.assets.convert_asset_to_openlineage",
            }
        ],
        "transfers": [
            _transfer("E3DB", "Common SQL", "e3db_to_sql"),
            _transfer("Common SQL", "E3DB", "sql_to_e3db"),
            _transfer("E3DB", "Common IO", "e3db_to_object_storage"),
            _transfer("Common IO", "E3DB", "object_storage_to_e3db"),
        ],
        "connection-types": [
            {
                "connection-type": "e3db",
                "hook-class-name": "e3db_connectors.airflow.hooks.e3db.E3DBHook",
                "hook-name": "E3DB",
                # The port is shown since the test button of Airflow 3.3 refuses a connection without one (mended by its pull request 73298).
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {"host": "API URL", "login": "API key id", "password": "API secret"},
                    "placeholders": {"host": "https://api.e3db.com", "port": "443"},
                },
                "conn-fields": _fields(),
            },
        ],
    }


def _fields() -> dict[str, Any]:
    """The form's own fields. Airflow masks what has `private_key` or `secret` in its name; `private_signing_key` it would show."""
    return {
        "client_id": _text("Client id", "UUID of the E3DB client."),
        "public_key": _text("Public key", "Encryption key, base64url."),
        "private_key": _secret("Private key", "Encryption key, base64url; it is used on the workers only."),
        "signing_public_key": _text("Public signing key", "Ed25519 key, base64url; optional."),
        "signing_private_key": _secret("Private signing key", "Ed25519 key, base64url; optional."),
        "credentials_secret": _secret(
            "Credentials (JSON)", "The content of a credentials file, pasted whole, instead of all fields above."
        ),
        "credentials_file": _text("Credentials file", "Path of a credentials file on the workers, instead of all fields above."),
        "crypto_suite": _text("Cipher suite", "sodium (the default) or nist, for the single fields."),
        "trusted_authorizers": _text("Trusted authorizers", "Public keys; if given, only what one of these has shared is read. Optional."),
    }


def _config() -> dict[str, Any]:
    """Options of airflow.cfg; a default has to be a text here."""
    threads = {
        "description": "Threads of a triggerer that look for records, for all deferred sensors together.",
        "version_added": "0.1.0",
        "type": "integer",
        "example": None,
        "default": "16",
    }
    return {"e3db": {"description": "E3DB connectors.", "options": {"trigger_threads": threads}}}


def _text(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "schema": {"type": ["string", "null"]}, "description": description}


def _secret(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "schema": {"type": ["string", "null"], "format": "password"}, "description": description}


def _modules(*names: str) -> dict[str, Any]:
    return {"integration-name": "E3DB", "python-modules": [f"e3db_connectors.airflow.{name}" for name in names]}


def _transfer(source: str, target: str, module: str) -> dict[str, Any]:
    path = f"e3db_connectors.airflow.transfers.{module}"
    return {"source-integration-name": source, "target-integration-name": target, "python-module": path}
