BEGIN TRANSACTION;
CREATE TABLE access_keys (
	writer_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	reader_id VARCHAR(36) NOT NULL,
	type TEXT NOT NULL,
	eak TEXT NOT NULL,
	authorizer_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (writer_id, user_id, reader_id, type),
	FOREIGN KEY(reader_id) REFERENCES clients (client_id),
	FOREIGN KEY(authorizer_id) REFERENCES clients (client_id)
);
INSERT INTO "access_keys" VALUES('49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','note','4GiOKj-9E54a8hbsQWEeevO5niNUSxvZUdB7tnI9w_kiv7vNED-Y8Y-TzhrbOwov.cXhUMEjYQ0erMytKyXcHrnuN1SVNChE8','49885255-d9a0-4b99-9aed-8ae693f88a75');
INSERT INTO "access_keys" VALUES('49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','gone','M6tGJUTCZSmgvgbLD0Lz70AqUBWMM0aSJJbAXP8yCujHFS4DN78I24lT_WW6U29T.iz55SH5FlcBtwAA3NNcp8Xw9DfGgNur5','49885255-d9a0-4b99-9aed-8ae693f88a75');
INSERT INTO "access_keys" VALUES('49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','6edada96-d593-498d-852b-0424ca898788','note','Du6gSMKkGRcYvKzQLBjilrDb-ZJmwmmV4r1Acp7ywu5G265dEz5FQeGfssUz80r_.tNng20vAUrqqLfPKIqwx881jR-WkQ9Pe','49885255-d9a0-4b99-9aed-8ae693f88a75');
CREATE TABLE clients (
	client_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	type VARCHAR(64) NOT NULL,
	public_key TEXT NOT NULL,
	signing_key TEXT NOT NULL,
	api_key_id VARCHAR(64) NOT NULL,
	secret_hash BLOB NOT NULL,
	has_backup BOOLEAN NOT NULL,
	PRIMARY KEY (client_id),
	UNIQUE (api_key_id)
);
INSERT INTO "clients" VALUES('e5090542-80d7-4891-875f-1a47c665353e','backup','backup','{"curve25519":"HfvMHeh4xjlkWX4i8in1hhWsZnA2l_vpcomnhUlY4Zo"}','{}','d04dc85d17c8cf6b9343f8dee976922c1768ea1e1225c7ac2a210609bf4c72b0',X'E228FDB04C6CACBCABD0DC03709E5A8C8E8EDDB7D50DB3EC93B39720A934181F',0);
INSERT INTO "clients" VALUES('49885255-d9a0-4b99-9aed-8ae693f88a75','owner','general','{"curve25519":"altPlQoGBQhLD_XJtxlFsGXoX0hQsEfrAuUhl0yBTFA"}','{"ed25519":"0vQT4UMYMFJ0Yy-G5-hwNOgI6WFrserGY1Mqh13EfhQ"}','8c596ed3450bad7d5e843fa0e4a6b9b9019bae72b29ac5bb62c81b98658ec851',X'869E795FD0496C35192BAB6559527E557A47342E26F0EBC3BD45CB68BBA19BB6',0);
INSERT INTO "clients" VALUES('6edada96-d593-498d-852b-0424ca898788','reader','general','{"curve25519":"ACvjWWx0a3dr_CDJbmdGAweMD8yxf2a-7tM8IkXexn0"}','{"ed25519":"f5gHUhrJzfxejjDCZbBZ8cOAt61PYuwqFizHxfMXNxw"}','66dc0a23b1b63ba82652d618cc6428b0d8cf4beb3de70ad26e9650ad036e775c',X'26B04ACFE072916F084F9987FD33EE8F1288E1640049A3C43DD27F256BDBD22A',0);
CREATE TABLE clock (
	one INTEGER NOT NULL,
	latest BIGINT NOT NULL,
	PRIMARY KEY (one)
);
INSERT INTO "clock" VALUES(1,0);
CREATE TABLE file_urls (
	token_hash BLOB NOT NULL,
	purpose VARCHAR(16) NOT NULL,
	file_id VARCHAR(36) NOT NULL,
	size BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (token_hash)
);
CREATE TABLE nonces (
	public_key VARCHAR(64) NOT NULL,
	nonce VARCHAR(64) NOT NULL,
	seen_at BIGINT NOT NULL,
	PRIMARY KEY (public_key, nonce)
);
INSERT INTO "nonces" VALUES('0vQT4UMYMFJ0Yy-G5-hwNOgI6WFrserGY1Mqh13EfhQ','ccc663a6-39ac-432e-ab4c-1acbfb784590',1795548512593510);
CREATE TABLE notes (
	note_id VARCHAR(36) NOT NULL,
	id_string TEXT,
	client_id VARCHAR(36),
	mode TEXT NOT NULL,
	recipient_signing_key TEXT NOT NULL,
	writer_signing_key TEXT NOT NULL,
	writer_encryption_key TEXT NOT NULL,
	encrypted_access_key TEXT NOT NULL,
	type TEXT NOT NULL,
	data TEXT NOT NULL,
	plain TEXT NOT NULL,
	file_meta TEXT NOT NULL,
	signature TEXT NOT NULL,
	max_views BIGINT NOT NULL,
	views BIGINT NOT NULL,
	expiration BIGINT,
	expires BOOLEAN NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (note_id),
	UNIQUE (id_string),
	FOREIGN KEY(client_id) REFERENCES clients (client_id)
);
INSERT INTO "notes" VALUES('83acc4a7-5ebf-4d36-b258-cfaa366b032d',NULL,'49885255-d9a0-4b99-9aed-8ae693f88a75','Sodium','f5gHUhrJzfxejjDCZbBZ8cOAt61PYuwqFizHxfMXNxw','0vQT4UMYMFJ0Yy-G5-hwNOgI6WFrserGY1Mqh13EfhQ','altPlQoGBQhLD_XJtxlFsGXoX0hQsEfrAuUhl0yBTFA','k5Q0J6zbUIn4i5YqoGwbExfQKt7rd5wCDPjGD7PLs7G8sKUfNLjZRNyQSnUaQMPS.ctuKhuRDDHvxWrlnKSqqvnoe7JZQ3Zih','','{"secret":"vi-ipM9QjEw3s-WjPR0ryFipoTJ12lOhiHbmzfltgyNDgmcxjyzpsV-Gw5tpuUti.A84Iv48ayVKLlFUOGc8I6pXxjf_RMW3v.x7qRkWTLyPW7fFiMq1Eey8wIbR-HDMvLaxUFtd73ys2LleiobxXsvOxC1VHjjEexD2DszbWYs_Y-6ptIyPfeIWRut1YeML-rxPeN9RNdvnvjrDClm4waLVdNSKjCsUbUrYb8zDcGvlQGoBGHaHc6qdzO79hc1zJa6J_clPrv8-dW0Xm2lrkM8yHUxWhBjwkBenDMuy5kem2eWmkNtucUqsybj7_QLO_STWFvXnfFQOUIECqIs1LyuyOI5OA.A9mwTGD2-q5wGhdz91ZTM6i0gFyDasH2"}','{}','{}','e7737e7c-1637-511e-8bab-93c4f3e26fd9;cbb2a4f5-95a7-45e6-bfcf-94efba7c87d8;86;EnMUR1PiUqhkLw1gWBTYLmIW1iz26UU8QoW-4HJ4HA1B-pc0h_JJJrZRHQzHEXjcS4ipjzIHrGAPo6GdgShkBwcbb2a4f5-95a7-45e6-bfcf-94efba7c87d8',-1,0,NULL,0,1795548512597595);
CREATE TABLE past_plain_members (
	past_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	pair_hash BLOB NOT NULL,
	PRIMARY KEY (past_id, pair_hash),
	FOREIGN KEY(past_id) REFERENCES past_records (id) ON DELETE CASCADE
);
CREATE TABLE past_records (
	id INTEGER NOT NULL,
	record_id VARCHAR(36) NOT NULL,
	writer_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	type TEXT NOT NULL,
	created BIGINT NOT NULL,
	last_modified BIGINT NOT NULL,
	ended BIGINT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE pending_files (
	file_id VARCHAR(36) NOT NULL,
	writer_id VARCHAR(36) NOT NULL,
	upload TEXT NOT NULL,
	checksum VARCHAR(24) NOT NULL,
	body VARCHAR(32),
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (file_id),
	FOREIGN KEY(writer_id) REFERENCES clients (client_id)
);
CREATE TABLE plain_members (
	seq INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	pair_hash BLOB NOT NULL,
	PRIMARY KEY (seq, pair_hash),
	FOREIGN KEY(seq) REFERENCES records (seq) ON DELETE CASCADE
);
INSERT INTO "plain_members" VALUES(1,'n','0',X'C7A74BE9890A33C1A1EBD09552E85906');
INSERT INTO "plain_members" VALUES(1,'kind','même',X'EB3392B5F6F5DF493D517ED214294899');
INSERT INTO "plain_members" VALUES(3,'n','2',X'7807444860DF33F9DE944C779B4C116E');
INSERT INTO "plain_members" VALUES(3,'kind','même',X'EB3392B5F6F5DF493D517ED214294899');
INSERT INTO "plain_members" VALUES(2,'n','1',X'009887953904DECBD8583CD5B0A081D5');
INSERT INTO "plain_members" VALUES(2,'kind','même',X'EB3392B5F6F5DF493D517ED214294899');
CREATE TABLE policies (
	writer_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	reader_id VARCHAR(36) NOT NULL,
	type TEXT NOT NULL,
	"right" VARCHAR(16) NOT NULL,
	granted BIGINT NOT NULL,
	granted_by VARCHAR(36) NOT NULL,
	PRIMARY KEY (writer_id, user_id, reader_id, type, "right"),
	FOREIGN KEY(writer_id) REFERENCES clients (client_id),
	FOREIGN KEY(reader_id) REFERENCES clients (client_id)
);
INSERT INTO "policies" VALUES('49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','6edada96-d593-498d-852b-0424ca898788','note','read',1795548512576499,'49885255-d9a0-4b99-9aed-8ae693f88a75');
CREATE TABLE records (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	record_id VARCHAR(36) NOT NULL,
	writer_id VARCHAR(36) NOT NULL,
	user_id VARCHAR(36) NOT NULL,
	type TEXT NOT NULL,
	plain TEXT NOT NULL,
	data TEXT NOT NULL,
	rec_sig TEXT,
	version VARCHAR(36) NOT NULL,
	created BIGINT NOT NULL,
	last_modified BIGINT NOT NULL,
	file_meta TEXT,
	file_body VARCHAR(32),
	UNIQUE (record_id),
	FOREIGN KEY(writer_id) REFERENCES clients (client_id),
	UNIQUE (last_modified)
);
INSERT INTO "records" VALUES(1,'e6e8e155-4a93-41e5-8710-fe8ebe176ddf','49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','note','{"n":"0","kind":"même"}','{"text":"bzwBgFdJ3MV3CHcgT3y6DqqnNlekMXRmPep-naACHRqOjvnw3ROHHrBQVf8tiwIy.2E5wfzAa9upuNjTTwrtXfQeWhGHUPs-N.n2562UPq8grLDkHROYguJBzHg4qFPv7v.2q5npAX1oHYXS4KlwV9h1hBX-HLP2Q4h"}',NULL,'de384943-ecd5-4576-bb6a-93b44bc672a8',1795548512523624,1795548512523624,NULL,NULL);
INSERT INTO "records" VALUES(2,'5bc4d75e-a092-42e4-8849-2b642b1ab178','49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','note','{"n":"1","kind":"même"}','{"text":"-7b8DA0Q-8aUk81dtbi38q8i1j8ZoRstVaNkwf2T7YdZ-LAaLyatPd0FKoEF1EzW.5yp9Klej0ILNRzM98SCgw6IkV2omWWKt.zjHz8Qd0pcokH3h-23DjbenPDoD0ylw.4cROMgxk3022aNR5XpU3UU7e3_vJDVvB"}',NULL,'d921931b-648a-42dc-91b5-be4324b419a9',1795548512531454,1795548512557966,NULL,NULL);
INSERT INTO "records" VALUES(3,'e33d8470-8d0a-42af-8823-eacd98b60926','49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','note','{"n":"2","kind":"même"}','{"text":"aQzOT1Wnig_wSjCJVyIiQgdWW2Rxweb4xr9pwHyI7flvMKRS-jsbVizZDmyWuWO3.ijBfa9AVZ3Sc-CpdwttI6PrKWfoQbL2J.won82iS-3gT86AiyHcam2goEYeyPZE3p.3CYbEHdhly8BQQN1hm0Ui2Q5xjZebcpz"}',NULL,'dc8dc8ba-8eea-4650-8869-d42d740ae074',1795548512536325,1795548512536325,NULL,NULL);
INSERT INTO "records" VALUES(4,'bb02f442-1b0f-4221-86c1-e3272964573f','49885255-d9a0-4b99-9aed-8ae693f88a75','49885255-d9a0-4b99-9aed-8ae693f88a75','gone','{}','{"text":"XvmrSP4Xm--lFnS37UKF176j2yF4n8aJ8QKvREfUPHzhiVlbEzvJD1ccfAvWlEwc.X9-q-lLFCudHczw0UnP210VL5B6Sa6nI.hsBv9du5FdmrI8mFLmL--H0.4G8k7bZpZpeEH5bF17G44UEocqWwRsEG"}',NULL,'31584cac-e650-472d-a04c-112832647f47',1795548512551513,1795548512551513,NULL,NULL);
CREATE TABLE registration_tokens (
	id VARCHAR(16) NOT NULL,
	token_hash BLOB NOT NULL,
	uses_left INTEGER,
	expires_at BIGINT,
	created_at BIGINT NOT NULL,
	note TEXT NOT NULL,
	revoked BOOLEAN NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (token_hash)
);
CREATE TABLE registrations (
	client_id VARCHAR(36) NOT NULL,
	token_id VARCHAR(16) NOT NULL,
	PRIMARY KEY (client_id),
	FOREIGN KEY(client_id) REFERENCES clients (client_id),
	FOREIGN KEY(token_id) REFERENCES registration_tokens (id)
);
CREATE TABLE settings (
	name VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "settings" VALUES('schema_version','6');
INSERT INTO "settings" VALUES('backup_client_id','e5090542-80d7-4891-875f-1a47c665353e');
CREATE TABLE throttles (
	subject_hash BLOB NOT NULL,
	began BIGINT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (subject_hash)
);
CREATE TABLE tokens (
	token_hash BLOB NOT NULL,
	client_id VARCHAR(36) NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (token_hash),
	FOREIGN KEY(client_id) REFERENCES clients (client_id)
);
INSERT INTO "tokens" VALUES(X'B63736E05063BCFC9412A7C5C7D55876A920AE7ABA2EA6F945B5D7ED4667A66E','49885255-d9a0-4b99-9aed-8ae693f88a75',1795549412499097);
CREATE INDEX ix_nonces_seen_at ON nonces (seen_at);
CREATE INDEX ix_file_urls_file_id ON file_urls (file_id);
CREATE INDEX ix_file_urls_expires_at ON file_urls (expires_at);
CREATE INDEX ix_throttles_began ON throttles (began);
CREATE INDEX ix_past_records_record_id ON past_records (record_id);
CREATE INDEX ix_past_records_ended ON past_records (ended);
CREATE INDEX ix_tokens_expires_at ON tokens (expires_at);
CREATE INDEX policies_by_reader ON policies (reader_id, "right");
CREATE INDEX records_by_index ON records (writer_id, type, seq);
CREATE INDEX records_by_created ON records (writer_id, type, created, record_id);
CREATE INDEX records_by_body ON records (file_body) WHERE file_body IS NOT NULL;
CREATE INDEX records_by_modified ON records (writer_id, type, last_modified, record_id);
CREATE INDEX ix_pending_files_expires_at ON pending_files (expires_at);
CREATE INDEX ix_pending_files_body ON pending_files (body);
CREATE INDEX ix_notes_expiration ON notes (expiration);
CREATE INDEX ix_plain_members_pair_hash ON plain_members (pair_hash);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('records',5);
COMMIT;
