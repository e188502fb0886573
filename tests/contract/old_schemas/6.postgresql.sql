CREATE TABLE public.access_keys (
    writer_id character varying(36) NOT NULL,
    user_id character varying(36) NOT NULL,
    reader_id character varying(36) NOT NULL,
    type text NOT NULL,
    eak text NOT NULL,
    authorizer_id character varying(36) NOT NULL
);
CREATE TABLE public.clients (
    client_id character varying(36) NOT NULL,
    name text NOT NULL,
    type character varying(64) NOT NULL,
    public_key text NOT NULL,
    signing_key text NOT NULL,
    api_key_id character varying(64) NOT NULL,
    secret_hash bytea NOT NULL,
    has_backup boolean NOT NULL
);
CREATE TABLE public.clock (
    one integer NOT NULL,
    latest bigint NOT NULL
);
CREATE TABLE public.file_urls (
    token_hash bytea NOT NULL,
    purpose character varying(16) NOT NULL,
    file_id character varying(36) NOT NULL,
    size bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.nonces (
    public_key character varying(64) NOT NULL,
    nonce character varying(64) NOT NULL,
    seen_at bigint NOT NULL
);
CREATE TABLE public.notes (
    note_id character varying(36) NOT NULL,
    id_string text,
    client_id character varying(36),
    mode text NOT NULL,
    recipient_signing_key text NOT NULL,
    writer_signing_key text NOT NULL,
    writer_encryption_key text NOT NULL,
    encrypted_access_key text NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    plain text NOT NULL,
    file_meta text NOT NULL,
    signature text NOT NULL,
    max_views bigint NOT NULL,
    views bigint NOT NULL,
    expiration bigint,
    expires boolean NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.past_plain_members (
    past_id bigint NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    pair_hash bytea NOT NULL
);
CREATE TABLE public.past_records (
    id bigint NOT NULL,
    record_id character varying(36) NOT NULL,
    writer_id character varying(36) NOT NULL,
    user_id character varying(36) NOT NULL,
    type text NOT NULL,
    created bigint NOT NULL,
    last_modified bigint NOT NULL,
    ended bigint NOT NULL
);
CREATE SEQUENCE public.past_records_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.past_records_id_seq OWNED BY public.past_records.id;
CREATE TABLE public.pending_files (
    file_id character varying(36) NOT NULL,
    writer_id character varying(36) NOT NULL,
    upload text NOT NULL,
    checksum character varying(24) NOT NULL,
    body character varying(32),
    expires_at bigint NOT NULL
);
CREATE TABLE public.plain_members (
    seq bigint NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    pair_hash bytea NOT NULL
);
CREATE TABLE public.policies (
    writer_id character varying(36) NOT NULL,
    user_id character varying(36) NOT NULL,
    reader_id character varying(36) NOT NULL,
    type text NOT NULL,
    "right" character varying(16) NOT NULL,
    granted bigint NOT NULL,
    granted_by character varying(36) NOT NULL
);
CREATE TABLE public.records (
    seq bigint NOT NULL,
    record_id character varying(36) NOT NULL,
    writer_id character varying(36) NOT NULL,
    user_id character varying(36) NOT NULL,
    type text NOT NULL,
    plain text NOT NULL,
    data text NOT NULL,
    rec_sig text,
    version character varying(36) NOT NULL,
    created bigint NOT NULL,
    last_modified bigint NOT NULL,
    file_meta text,
    file_body character varying(32)
);
CREATE SEQUENCE public.records_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.records_seq_seq OWNED BY public.records.seq;
CREATE TABLE public.registration_tokens (
    id character varying(16) NOT NULL,
    token_hash bytea NOT NULL,
    uses_left integer,
    expires_at bigint,
    created_at bigint NOT NULL,
    note text NOT NULL,
    revoked boolean NOT NULL
);
CREATE TABLE public.registrations (
    client_id character varying(36) NOT NULL,
    token_id character varying(16) NOT NULL
);
CREATE TABLE public.settings (
    name character varying(64) NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.throttles (
    subject_hash bytea NOT NULL,
    began bigint NOT NULL,
    count bigint NOT NULL
);
CREATE TABLE public.tokens (
    token_hash bytea NOT NULL,
    client_id character varying(36) NOT NULL,
    expires_at bigint NOT NULL
);
ALTER TABLE ONLY public.past_records ALTER COLUMN id SET DEFAULT nextval('public.past_records_id_seq'::regclass);
ALTER TABLE ONLY public.records ALTER COLUMN seq SET DEFAULT nextval('public.records_seq_seq'::regclass);
INSERT INTO public.access_keys VALUES ('cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'note', 'nH-szXeguydnmDrXXY66RZPLFUGwBkzJG-2AIiUu53j6R3kAejgYCVafxOVhcpKr.QnYn_I7M-qz6cBM_42-0UA09VjCV_4mn', 'cc001518-5616-4500-9bd1-0e0599ebd804');
INSERT INTO public.access_keys VALUES ('cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'gone', 'eLgxws-99FPV1cbfPQSmQ_81IYnU8L_yuL1NSDMiW7V1Lx4TL2AjX4G6RjLm4geE.zPRWEqwL_iXri28r3VtOcemNpLpxKNf0', 'cc001518-5616-4500-9bd1-0e0599ebd804');
INSERT INTO public.access_keys VALUES ('cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', '9de4d28d-4b70-41da-ac77-6174d429a05c', 'note', 'M6cE-a1OxPlplIVfr2M4TvQp4fl6ryhNj97HINVnEOvLKQkiyWDUvDmPW0FF9SvK.wSlN6eu-RYK4H3BTysKODPmy1xqDrBoy', 'cc001518-5616-4500-9bd1-0e0599ebd804');
INSERT INTO public.clients VALUES ('eeac54a0-0a4f-47b1-90a0-e9612058baa2', 'backup', 'backup', '{"curve25519":"3E61BFj4eiEqWmYeoAF7Y4hC1LKVXWdMxsKFOgeGQmk"}', '{}', '40700db190e4210ec2bb367eda5f3c6cc5fb9fcc2b046cfc3b4eb86bd04419e5', '\xab22644104c4b8caeb00ccbb0d2d6a59362f3b38b0aa64dad0c9377e22868959', false);
INSERT INTO public.clients VALUES ('cc001518-5616-4500-9bd1-0e0599ebd804', 'owner', 'general', '{"curve25519":"MwCiL3oSLSxXfuSY4dZfD7vD7PwBNS3_ayT4ntNsVXU"}', '{"ed25519":"mEgN16xj4pYgJDUQ1C1z-j7ancCX-bhDdf40QcN11_Q"}', '97295e5a081de84de6f980308536518e67adfb1c7e85ef26067f7706fcb75745', '\x2a73a4b91a6a07099876be1caddb1871115a184acc94045f2551ea1567ee34a0', false);
INSERT INTO public.clients VALUES ('9de4d28d-4b70-41da-ac77-6174d429a05c', 'reader', 'general', '{"curve25519":"L-rUjfAFstIJC4ojCQ61uEPryUiIlpR4XuUHCXzTORs"}', '{"ed25519":"H78FFr0W319sHI27iwIGzbHlt2om_qeMPk5VzqNNxAo"}', 'd8c54fe40e24b93d373984db0058592452d07773ce9a394a58063b4327b9eae8', '\x99e7233b635e9ff061e601a5a379ebd5af72f0c16f4b55ffa60906e27696bbb7', false);
INSERT INTO public.clock VALUES (1, 1795548531480045);
INSERT INTO public.nonces VALUES ('mEgN16xj4pYgJDUQ1C1z-j7ancCX-bhDdf40QcN11_Q', 'f6f9b14b-a6a3-47bf-bab2-ae6a8347f2b7', 1795548531502481);
INSERT INTO public.notes VALUES ('592ce492-816b-4914-bede-7f7fc06d2911', NULL, 'cc001518-5616-4500-9bd1-0e0599ebd804', 'Sodium', 'H78FFr0W319sHI27iwIGzbHlt2om_qeMPk5VzqNNxAo', 'mEgN16xj4pYgJDUQ1C1z-j7ancCX-bhDdf40QcN11_Q', 'MwCiL3oSLSxXfuSY4dZfD7vD7PwBNS3_ayT4ntNsVXU', 'zX7nbH-_Tr4z42w4rOuSuKMHr75zdQF2p183MC7yx4LTmW3mmRzjM9jY78fts8c8.f7OGehHD00YwgMtR8U2hfDAODOP8Vmqc', '', '{"secret":"58HYgsBaLqGcw8p7tIM4H-gH1ZSiQqCTPVq5YRyGisERHRg4_5VQn_2K2LDuM0qT.5T-bDxEV0fl9FVe009PYipVxzb-jIDrK.hxkObitCxezM7AvTd9eT6GIKKEwzF23HCuaQXOkbikpLxwXHxcX07PEDpMFuaf1VyJenXGO1RQj1CZcGw4jb1Iux6Cs26chSBHIIjSzweB8UWFsHXb873wVA-F10Xux3VIRvkCsqJtpGYFCdKRTv-2XsY9eRU35SIO9qZt5n68drvdymRh5ErqcpJZDBn7Eigx5GjFz84nqA3_2o6sigdOm1mAIy5eakUUu4P4JlT-SxwLdwornpJdqvlcI.IavNxG3fL9GRUquCnHZWpIVLoO-tQBAO"}', '{}', '{}', 'e7737e7c-1637-511e-8bab-93c4f3e26fd9;90929a1f-9c32-4810-aba5-475318e609da;86;p3OlIqXx65KCcI_ORs1bl5h2DbhIOhaPJGklBtAK0tA07iPWq_F5j-AJri2wgANIcD6asN9coF9HP3buKSshBw90929a1f-9c32-4810-aba5-475318e609da', -1, 0, NULL, false, 1795548531480045);
INSERT INTO public.plain_members VALUES (1, 'n', '0', '\xc7a74be9890a33c1a1ebd09552e85906');
INSERT INTO public.plain_members VALUES (1, 'kind', 'même', '\xeb3392b5f6f5df493d517ed214294899');
INSERT INTO public.plain_members VALUES (3, 'n', '2', '\x7807444860df33f9de944c779b4c116e');
INSERT INTO public.plain_members VALUES (3, 'kind', 'même', '\xeb3392b5f6f5df493d517ed214294899');
INSERT INTO public.plain_members VALUES (2, 'n', '1', '\x009887953904decbd8583cd5b0a081d5');
INSERT INTO public.plain_members VALUES (2, 'kind', 'même', '\xeb3392b5f6f5df493d517ed214294899');
INSERT INTO public.policies VALUES ('cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', '9de4d28d-4b70-41da-ac77-6174d429a05c', 'note', 'read', 1795548531471018, 'cc001518-5616-4500-9bd1-0e0599ebd804');
INSERT INTO public.records VALUES (1, '1b0b0118-ee6e-482a-adf0-93467e8301e0', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'note', '{"n":"0","kind":"même"}', '{"text":"yalzbV4q1dykGoMD-NIs_Td9DaduoqbAAZIlqR2RaV5Eiq234d6cI4W9IVcJWaOC.1JBPaOp3nU7P7pQxe8joF7mwYJd7v6hh.gW7xYI9jBKATUe8kQiLA5_uSbN0SCSFB.b1ATSSkNuuO2fQ-E9kXdokVoV8VLPSJk"}', NULL, '7df04de3-f641-429f-a952-a30f13534d81', 1795548531375897, 1795548531375897, NULL, NULL);
INSERT INTO public.records VALUES (3, '7ae31630-6b13-4678-b69a-af91fdaf725e', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'note', '{"n":"2","kind":"même"}', '{"text":"9OVEWNG_zTkIy_9IeuhUB9t9omLMM9fRkXNhl3qz4HPuaIGDqxrb2zAkOP4p2WGa.C9CSWaeT2QPNh-eQ8Ydb0p0k6K52ipbo.K9cjgPicaKdDi6aqwuKWoaAJbAgoBQNE.FduBVDE0tyzGIRFUhvFPr9bqcNRePVkX"}', NULL, 'd88e4c43-3f3c-491a-9609-69b99fa8b358', 1795548531401887, 1795548531401887, NULL, NULL);
INSERT INTO public.records VALUES (4, '18b9885e-1ba6-494a-9f28-c91ebf653c28', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'gone', '{}', '{"text":"77wfN8rxLhOyXBrus4E5v2gZ7vqilddZwen8MnRhTq090LCo3v7nFSxk1Dg5lVIM.c3wbVO-Fbg7nRMs7nd35CKVxSkGjDHP0.2Ne6cGF4HTBoDraFWwJbbO0.4Vzvb_k5jv9N60G2X1krXq4L4y4vxFjS"}', NULL, '0f74194d-9ed1-4ccc-afc2-30bc7675955e', 1795548531429727, 1795548531429727, NULL, NULL);
INSERT INTO public.records VALUES (2, '6b821bf5-4606-45a9-afdf-e54cb2b8398b', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'cc001518-5616-4500-9bd1-0e0599ebd804', 'note', '{"n":"1","kind":"même"}', '{"text":"WnPc_ZSSJQHMkjR2gUA42pm87cFA6o9w-3vd-77wgukNaToOhdxSvIl0Wob_GsP-.qAUOba5ipejWa4ifE9trWkYvKHmyLp9f.JGUXymzWT0i0CMmAlqYmfa08aG94E8o.0RIxjh0d6cEa7v6kFV4EX6RWiexGrSgH"}', NULL, '9ca2efd1-5824-463a-a168-35c81ebddb87', 1795548531391065, 1795548531440738, NULL, NULL);
INSERT INTO public.settings VALUES ('schema_version', '6');
INSERT INTO public.settings VALUES ('backup_client_id', 'eeac54a0-0a4f-47b1-90a0-e9612058baa2');
INSERT INTO public.tokens VALUES ('\xb17ee489754b108cfe93ab0cb765393174c12ff87a72a4af5026be6ffc2a9edc', 'cc001518-5616-4500-9bd1-0e0599ebd804', 1795549427333851);
SELECT pg_catalog.setval('public.past_records_id_seq', 1, false);
SELECT pg_catalog.setval('public.records_seq_seq', 5, true);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_pkey PRIMARY KEY (writer_id, user_id, reader_id, type);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_api_key_id_key UNIQUE (api_key_id);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.clock
    ADD CONSTRAINT clock_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.file_urls
    ADD CONSTRAINT file_urls_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.nonces
    ADD CONSTRAINT nonces_pkey PRIMARY KEY (public_key, nonce);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_id_string_key UNIQUE (id_string);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (note_id);
ALTER TABLE ONLY public.past_plain_members
    ADD CONSTRAINT past_plain_members_pkey PRIMARY KEY (past_id, pair_hash);
ALTER TABLE ONLY public.past_records
    ADD CONSTRAINT past_records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pending_files
    ADD CONSTRAINT pending_files_pkey PRIMARY KEY (file_id);
ALTER TABLE ONLY public.plain_members
    ADD CONSTRAINT plain_members_pkey PRIMARY KEY (seq, pair_hash);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_pkey PRIMARY KEY (writer_id, user_id, reader_id, type, "right");
ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_last_modified_key UNIQUE (last_modified);
ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_record_id_key UNIQUE (record_id);
ALTER TABLE ONLY public.registration_tokens
    ADD CONSTRAINT registration_tokens_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registration_tokens
    ADD CONSTRAINT registration_tokens_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.throttles
    ADD CONSTRAINT throttles_pkey PRIMARY KEY (subject_hash);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (token_hash);
CREATE INDEX ix_file_urls_expires_at ON public.file_urls USING btree (expires_at);
CREATE INDEX ix_file_urls_file_id ON public.file_urls USING btree (file_id);
CREATE INDEX ix_nonces_seen_at ON public.nonces USING btree (seen_at);
CREATE INDEX ix_notes_expiration ON public.notes USING btree (expiration);
CREATE INDEX ix_past_records_ended ON public.past_records USING btree (ended);
CREATE INDEX ix_past_records_record_id ON public.past_records USING btree (record_id);
CREATE INDEX ix_pending_files_body ON public.pending_files USING btree (body);
CREATE INDEX ix_pending_files_expires_at ON public.pending_files USING btree (expires_at);
CREATE INDEX ix_plain_members_pair_hash ON public.plain_members USING btree (pair_hash);
CREATE INDEX ix_throttles_began ON public.throttles USING btree (began);
CREATE INDEX ix_tokens_expires_at ON public.tokens USING btree (expires_at);
CREATE INDEX policies_by_reader ON public.policies USING btree (reader_id, "right");
CREATE INDEX records_by_body ON public.records USING btree (file_body) WHERE (file_body IS NOT NULL);
CREATE INDEX records_by_created ON public.records USING btree (writer_id, type, created, record_id);
CREATE INDEX records_by_index ON public.records USING btree (writer_id, type, seq);
CREATE INDEX records_by_modified ON public.records USING btree (writer_id, type, last_modified, record_id);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_authorizer_id_fkey FOREIGN KEY (authorizer_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_reader_id_fkey FOREIGN KEY (reader_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.past_plain_members
    ADD CONSTRAINT past_plain_members_past_id_fkey FOREIGN KEY (past_id) REFERENCES public.past_records(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.pending_files
    ADD CONSTRAINT pending_files_writer_id_fkey FOREIGN KEY (writer_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.plain_members
    ADD CONSTRAINT plain_members_seq_fkey FOREIGN KEY (seq) REFERENCES public.records(seq) ON DELETE CASCADE;
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_reader_id_fkey FOREIGN KEY (reader_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.policies
    ADD CONSTRAINT policies_writer_id_fkey FOREIGN KEY (writer_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_writer_id_fkey FOREIGN KEY (writer_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.clients(client_id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_token_id_fkey FOREIGN KEY (token_id) REFERENCES public.registration_tokens(id);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.clients(client_id);
