"""Registration, tokens and what is public of a client (protocol sections 3, 5 and 6)."""

import msgspec

from e3db_connectors.wire.records import Discreet, KeyMap


class NewClient(msgspec.Struct, frozen=True, omit_defaults=True):
    """The client that a registration asks for."""

    name: str
    public_key: KeyMap
    type: str | None = None
    signing_key: KeyMap | None = None


class Registration(Discreet, msgspec.Struct, frozen=True):
    """Body of ``POST /v1/account/e3db/clients/register``."""

    token: str
    client: NewClient

    def __repr__(self) -> str:
        """Without the token."""
        return f"Registration(client={self.client!r})"


class RegisteredClient(Discreet, msgspec.Struct, frozen=True):
    """Its answer. `signing_key` is ``{}`` where there is none."""

    client_id: str
    api_key_id: str
    api_secret: str
    name: str
    public_key: KeyMap
    signing_key: KeyMap
    type: str = "general"
    enabled: bool = True
    has_backup: bool = False
    meta: dict[str, str] = {}

    def __repr__(self) -> str:
        """Without the secret."""
        return f"RegisteredClient(client_id={self.client_id!r}, name={self.name!r})"


class ClientInfo(msgspec.Struct, frozen=True):
    """What any client may know of another. `signing_key` is null where there is none."""

    client_id: str
    public_key: KeyMap
    signing_key: KeyMap | None = None
    validated: bool = False


class PublicInfo(msgspec.Struct, frozen=True):
    """The keys of a client alone (section 6.2)."""

    client_id: str
    public_key: KeyMap
    signing_key: KeyMap | None = None


class PublicInfoRequest(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/client/public``."""

    client_ids: list[str] | None = None


class PublicInfos(msgspec.Struct, frozen=True):
    """Its answer: those of the clients that exist, by id."""

    clients: dict[str, PublicInfo]


class Token(Discreet, msgspec.Struct, frozen=True):
    """Answer of ``POST /v1/auth/token``; lives for `expires_in` seconds."""

    access_token: str
    token_type: str
    expires_in: int
    expires_at: str = ""

    def __repr__(self) -> str:
        """Without the token itself."""
        return f"Token(expires_at={self.expires_at!r})"
