// Drives the original JavaScript SDK as a black box, in an environment of its own: a JSON command a line in, a JSON answer a line out.
// `node js_driver.cjs [credentials.json]`; a command is {"do": name, ...}, an answer {"ok": value} or {"error": text}; see python_driver.py.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const Tozny = require("@toznysecure/sdk/node");

console.log = console.error; // whatever the SDK prints

const credentials = process.argv[2] ? JSON.parse(fs.readFileSync(process.argv[2], "utf8")) : null;
const client = credentials && new Tozny.storage.Client(Tozny.storage.Config.fromObject(credentials));

const text = (value) => (typeof value === "string" ? value : value.toString());

const asJson = ({ meta, data }) => ({
  record_id: meta.recordId,
  version: meta.version,
  writer_id: text(meta.writerId),
  type: meta.type,
  plain: meta.plain,
  data: { ...data },
});

async function pages(result) {
  const records = [];
  for (;;) {
    const page = await result.next();
    if (page.length === 0) return records;
    records.push(...page.map(asJson));
  }
}

// The Python SDK's names of search terms, in this one's words.
const WORDS = { record_types: "type", writers: "writers", records: "records", keys: "keys", values: "values", plain: "plain" };

function terms({ condition = "OR", strategy = "EXACT", ...given }) {
  return [Object.fromEntries(Object.entries(given).map(([name, value]) => [WORDS[name], value])), condition, strategy];
}

const noteOptions = ({ note_type: type = "", ...options }) => ({ max_views: -1, expires: false, type, ...options });

const noteData = (note) => ({ data: { ...note.data }, plain: note.options.plain, type: note.options.type });

const commands = {
  async register({ token, name, api_url, backup = false }) {
    const keys = await Tozny.crypto.generateKeypair();
    const signing = await Tozny.crypto.generateSigningKeypair();
    const made = await Tozny.storage.register(token, name, keys, signing, backup, api_url);
    return {
      version: "2",
      client_id: made.clientId,
      api_key_id: made.apiKeyId,
      api_secret: made.apiSecret,
      public_key: keys.publicKey,
      private_key: keys.privateKey,
      public_signing_key: signing.publicKey,
      private_signing_key: signing.privateKey,
      api_url,
    };
  },
  async write({ record_type, data, plain }) {
    const { meta } = await client.writeRecord(record_type, data, plain || {});
    return { record_id: meta.recordId, version: meta.version };
  },
  read: async ({ record_id, fields = null }) => asJson(await client.readRecord(record_id, fields)),
  async verifies({ record_id, signing_key }) {
    const { meta, data, signature } = await client.readRecord(record_id);
    return Tozny.crypto.verifyDocumentSignature(new Tozny.types.RecordInfo(meta, data), signature, signing_key);
  },
  async update({ record_id, data, plain }) {
    const record = await client.readRecord(record_id);
    for (const name of Object.keys(record.data)) delete record.data[name];
    Object.assign(record.data, data);
    if (plain) record.meta.plain = plain;
    return asJson(await client.updateRecord(record));
  },
  delete: async ({ record_id, version }) => void (await client.deleteRecord(record_id, version)),
  query: async ({ record_type, plain = null, page_size = 100 }) => pages(await client.query(true, null, null, record_type, plain, page_size)),
  async search({ match, exclude, everybody = false, count = 50 }) {
    const request = new Tozny.types.Search(true, everybody, count);
    request.match(...terms(match));
    if (exclude) request.exclude(...terms(exclude));
    const result = await client.search(request);
    const records = await pages(result);
    return { records, total: result.totalResults };
  },
  share: async ({ record_type, reader_id }) => void (await client.share(record_type, reader_id)),
  revoke: async ({ record_type, reader_id }) => void (await client.revoke(record_type, reader_id)),
  add_authorizer: async ({ record_type, authorizer_id }) => void (await client.addAuthorizer(record_type, authorizer_id)),
  remove_authorizer: async ({ record_type, authorizer_id }) => void (await client.removeAuthorizer(record_type, authorizer_id)),
  share_on_behalf_of: async ({ writer_id, record_type, reader_id }) => void (await client.shareOnBehalfOf(writer_id, record_type, reader_id)),
  revoke_on_behalf_of: async ({ writer_id, record_type, reader_id }) => void (await client.revokeOnBehalfOf(writer_id, record_type, reader_id)),
  outgoing: async () => (await client.outgoingSharing()).map((share) => [share.readerId, share.readerName, share.recordType]),
  incoming: async () => (await client.incomingSharing()).map((share) => [share.writerId, share.writerName, share.recordType]),
  authorizers: async () => (await client.getAuthorizers()).map((policy) => [policy.authorizerId, policy.writerId, policy.recordType]),
  authorized_by: async () => (await client.getAuthorizedBy()).map((policy) => [policy.authorizerId, policy.writerId, policy.recordType]),
  async write_file({ record_type, path, plain }) {
    const file = await client.writeFile(record_type, fs.createReadStream(path), plain);
    return { record_id: (await file.record()).meta.recordId };
  },
  async read_file({ record_id, path }) {
    await Tozny.helpers.saveFile(await client.getFile(record_id), path); // this file object has no record any more
    return { plain: (await client.readRecord(record_id)).meta.plain };
  },
  write_note: async ({ data, encryption_key, signing_key, options }) => ({
    note_id: (await client.writeNote(data, encryption_key, signing_key, noteOptions(options))).noteId,
  }),
  replace_note: async ({ data, encryption_key, signing_key, options }) => ({
    note_id: (await client.replaceNoteByName(data, encryption_key, signing_key, noteOptions(options))).noteId,
  }),
  async write_anonymous_note({ data, encryption_key, signing_key, options, api_url }) {
    const keys = await Tozny.crypto.generateKeypair();
    const signing = await Tozny.crypto.generateSigningKeypair();
    const note = await Tozny.storage.writeNote(data, encryption_key, signing_key, keys, signing, noteOptions(options), api_url);
    return { note_id: note.noteId };
  },
  async read_anonymous_note({ note_id, public_key, private_key, public_signing_key, private_signing_key, api_url }) {
    const keys = { publicKey: public_key, privateKey: private_key };
    const signing = { publicKey: public_signing_key, privateKey: private_signing_key };
    return noteData(await Tozny.storage.readNote(note_id, keys, signing, {}, {}, api_url));
  },
  read_note: async ({ note_id }) => noteData(await client.readNote(note_id)),
  read_note_by_name: async ({ name }) => noteData(await client.readNoteByName(name)),
  delete_note: async ({ note_id }) => void (await client.deleteNote(note_id)),
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: name, ...command } = JSON.parse(line);
    let answer;
    try {
      answer = { ok: (await commands[name](command)) ?? null };
    } catch (error) {
      answer = { error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
