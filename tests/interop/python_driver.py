"""Drives the original Python SDK as a black box, in an environment of its own: a JSON command a line in, a JSON answer a line out.

``python python_driver.py [credentials.json]``; a command is ``{"do": name, ...}``, an answer ``{"ok": value}`` or ``{"error": text}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import e3db
from e3db.types import EncryptionKeyPair, NoteOptions, Search, SigningKeyPair


class Driver:
    """The commands, by name; `js_driver.cjs` knows the same ones."""

    def __init__(self, credentials):
        self.credentials = credentials
        self.client = e3db.Client(credentials) if credentials else None

    def register(self, token, name, api_url, *, backup=False):
        public_key, private_key = e3db.Client.generate_keypair()
        public_signing_key, private_signing_key = e3db.Client.generate_signing_keypair()
        keys = {"public_signing_key": public_signing_key, "private_signing_key": private_signing_key}
        made = e3db.Client.register(token, name, public_key, private_key=private_key, backup=backup, api_url=api_url, **keys)
        return e3db.Config(made.client_id, made.api_key_id, made.api_secret, public_key, private_key, api_url=api_url, **keys)()

    def load_profile(self, profile=""):
        self.client = e3db.Client(e3db.Config.load(profile))

    def write_profile(self, profile=""):
        config = {name: value for name, value in self.credentials.items() if name in CONFIG_NAMES}
        e3db.Config(**config).write(profile)

    def write(self, record_type, data, plain=None, *, as_bytes=False):
        if as_bytes:
            data = {name: text.encode() for name, text in data.items()}
        record = self.client.write(record_type, data, plain)
        return {"record_id": record.meta.record_id, "version": record.meta.version}

    def read(self, record_id):
        return as_json(self.client.read(record_id))

    def update(self, record_id, data, plain=None):
        record = self.client.read(record_id)
        return as_json(self.client.update(e3db.types.Record(meta=with_plain(record.meta, plain), data=data)))

    def delete(self, record_id, version):
        self.client.delete(record_id, version)

    def query(self, record_type, plain=None, page_size=100):
        found, after = [], 0
        while True:
            page = self.client.query(record_type=[record_type], plain=plain, page_size=page_size, last_index=after)
            records = [as_json(record) for record in page]
            if not records:
                return found
            found += records
            after = page.after_index

    def search(self, match, exclude=None, *, everybody=False, count=50):
        query = Search(include_data=True, include_all_writers=everybody, count=count)
        query.match(**match)
        if exclude:
            query.exclude(**exclude)
        found = []
        while True:
            page = self.client.search(query)
            found += [as_json(record) for record in page.records]
            if not page.next_token:
                return {"records": found, "total": page.total_results}
            query.next_token = page.next_token

    def share(self, record_type, reader_id):
        self.client.share(record_type, reader_id)

    def revoke(self, record_type, reader_id):
        self.client.revoke(record_type, reader_id)

    def add_authorizer(self, record_type, authorizer_id):
        self.client.add_authorizer(record_type, authorizer_id)

    def remove_authorizer(self, record_type, authorizer_id):
        self.client.remove_authorizer(record_type, authorizer_id)

    def share_on_behalf_of(self, writer_id, record_type, reader_id):
        self.client.share_on_behalf_of(writer_id, reader_id, record_type)

    def revoke_on_behalf_of(self, writer_id, record_type, reader_id):
        self.client.revoke_on_behalf_of(writer_id, reader_id, record_type)

    def outgoing(self):
        return [[share.reader_id, share.reader_name, share.record_type] for share in self.client.outgoing_sharing()]

    def incoming(self):
        return [[share.writer_id, share.writer_name, share.record_type] for share in self.client.incoming_sharing()]

    def authorizers(self):
        return [[policy.authorizer_id, policy.writer_id, policy.record_type] for policy in self.client.get_authorizers()]

    def authorized_by(self):
        return [[policy.authorizer_id, policy.writer_id, policy.record_type] for policy in self.client.get_authorized_by()]

    def write_file(self, record_type, path, plain):
        return {"record_id": self.client.write_file(record_type, path, plain).record_id}

    def read_file(self, record_id, path):
        return {"plain": self.client.read_file(record_id, path).plain}

    def write_note(self, data, encryption_key, signing_key, options):
        note = self.client.write_note(data, encryption_key, signing_key, self.note_options(**options))
        return {"note_id": note.note_id}

    def read_note(self, note_id):
        note = self.client.read_note(note_id)
        return {"data": note.get_data(), "plain": note.get_plain(), "type": note.get_type()}

    def read_note_by_name(self, name):
        return {"data": self.client.read_note_by_name(name).get_data()}

    def write_anonymous_note(self, data, encryption_key, signing_key, options, api_url):
        keys = EncryptionKeyPair(*e3db.Client.generate_keypair())
        signing_keys = SigningKeyPair(*e3db.Client.generate_signing_keypair())
        options = self.note_options(**options)
        note = e3db.Client.write_anonymous_note(data, encryption_key, signing_key, keys, signing_keys, options, api_url)
        return {"note_id": note.note_id}

    def read_anonymous_note(self, note_id, private_key, private_signing_key, api_url, **_public_keys):
        note = e3db.Client.read_anonymous_note_by_id(note_id, private_key, private_signing_key, api_url=api_url)
        return {"data": note.get_data(), "plain": note.get_plain(), "type": note.get_type()}

    def note_options(self, id_string="", max_views=-1, note_type="", plain=None):
        never = "0001-01-01T00:00:00Z"
        writer_id = self.credentials["client_id"] if self.credentials else ""
        return NoteOptions(writer_id, max_views, id_string, never, False, note_type, plain or {}, {})


CONFIG_NAMES = (
    "client_id",
    "api_key_id",
    "api_secret",
    "public_key",
    "private_key",
    "client_email",
    "version",
    "api_url",
    "public_signing_key",
    "private_signing_key",
)


def with_plain(meta, plain):
    if plain is not None:
        meta.plain.clear()
        meta.plain.update(plain)
    return meta


def as_json(record):
    meta = record.meta
    return {
        "record_id": meta.record_id,
        "version": meta.version,
        "writer_id": meta.writer_id,
        "type": meta.record_type,
        "plain": meta.plain,
        "data": record.data,
    }


def main():
    credentials = None
    if sys.argv[1:]:
        credentials = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    driver, answers = Driver(credentials), sys.stdout
    sys.stdout = sys.stderr  # whatever the SDK prints
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"ok": getattr(driver, command.pop("do"))(**command)}
        except Exception as exc:  # noqa: BLE001 - whatever the SDK raises is an answer
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        print(json.dumps(answer, default=str), file=answers, flush=True)


if __name__ == "__main__":
    main()
