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
INSERT INTO "access_keys" VALUES('a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','note','Indy_GiyFZ0duIJUrzO9x6tk_MpHtQMgOIHkAifKLtgQGwLOeFBnxo67zNKG74cS.PA6RrB9m_z9gpam3IH50BqvREAYWGRXz','a72f50f9-cbb8-47c8-becb-de524bf08a96');
INSERT INTO "access_keys" VALUES('a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','gone','OFMsHHW02pHDhL55K5eImkgyFgE0zvoVMH0fxlOwehooGOgWkg4WW6tNyeU-aAZH.vZV-5hBczdu6IKD1su5ZwgpX7ljgcf5I','a72f50f9-cbb8-47c8-becb-de524bf08a96');
INSERT INTO "access_keys" VALUES('a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','cbb8df01-d0a9-442e-9148-01f0bdd7e454','note','mad_RhdmbTj3atoDLySXHbe7klPQh4jxCJFYKmpjbwRNs1USea6Ckq8Xmqzh0GxM.b-3puGDkPfVEyvM96h_9zLzu1seG68xO','a72f50f9-cbb8-47c8-becb-de524bf08a96');
CREATE TABLE clients (
	client_id VARCHAR(36) NOT NULL,
	name TEXT NOT NULL,
	type VARCHAR(64) NOT NULL,
	public_key TEXT NOT NULL,
	signing_key TEXT NOT NULL,
	api_key_id VARCHAR(64) NOT NULL,
	secret_hash BLOB NOT NULL,
	PRIMARY KEY (client_id),
	UNIQUE (api_key_id)
);
INSERT INTO "clients" VALUES('b6504123-d78a-41ed-8534-954fcc02b3ff','backup','backup','{"curve25519":"E7WBi4zlPKG4jayAYsKg5Y04hPmrzdODH3kbyn36VFQ"}','{}','b0ddcda5afd70a98879b371696939f37e96d8ba84d0a9414c144424f431fb3ef',X'4BE38C71C282D5B5A15CE83E8C241831B7F869BBE037395FB00003C733660BC0');
INSERT INTO "clients" VALUES('a72f50f9-cbb8-47c8-becb-de524bf08a96','owner','general','{"curve25519":"_oMUVCMkSs2Ji3DLPE5jpG-r26-L9RVqzhmt7xMDDx8"}','{"ed25519":"doF4W-Vnd4_rCaPmsNPwC0GWUeGCaHBt8pd8kIrmESw"}','7d264f7dab0f6d896900ee72ad5480a06afce28edc8afcabe77bc54a02af1874',X'A28326D696FC2A4D8F732F65FD475DA5FC36AC6EC69CB285903ABE9B037DE6A3');
INSERT INTO "clients" VALUES('cbb8df01-d0a9-442e-9148-01f0bdd7e454','reader','general','{"curve25519":"sa2Gx8BPCeN2NHrXNl7CeduQ-_QPZv7BcwtHvsyz-l8"}','{"ed25519":"amjU6InJnItj1kEWpf_9g696k9uwF225jkwlHaCM7Cw"}','5e1d242f44ace5acd8ff3f9c63a75e561fc97735c5c27dc2524e0c1d59af943b',X'D9D5FD254B5A1E4E7919589584155BA296941FB74C070AE1312AF530311B5B5C');
CREATE TABLE nonces (
	public_key VARCHAR(64) NOT NULL,
	nonce VARCHAR(64) NOT NULL,
	seen_at BIGINT NOT NULL,
	PRIMARY KEY (public_key, nonce)
);
CREATE TABLE plain_members (
	seq INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	value TEXT NOT NULL,
	pair_hash BLOB NOT NULL,
	PRIMARY KEY (seq, "key"),
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
INSERT INTO "policies" VALUES('a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','cbb8df01-d0a9-442e-9148-01f0bdd7e454','note','read',1795548510936609,'a72f50f9-cbb8-47c8-becb-de524bf08a96');
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
	UNIQUE (record_id),
	FOREIGN KEY(writer_id) REFERENCES clients (client_id),
	UNIQUE (last_modified)
);
INSERT INTO "records" VALUES(1,'2ccbbb86-eaf2-4327-a2b4-2ba59c190c24','a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','note','{"n":"0","kind":"même"}','{"text":"MiYlfzxNqawUsQPESZUvRfIPn3dHNWx-1gKImESjYEVAs_fR2IE1SNlxf2ggYDcO.OB-MSEZ25YFayQJLTL6W-RPZPoVSOXD0.uWELyQMYH5FIDLP1Qi9tk-prwzzxlDY2.Y0AZOTC21jQCrHCIJ4-_Jmj4DZfvvQ9U"}',NULL,'7a7b8864-6a9a-4f6e-bb29-1ab19e986867',1795548510874344,1795548510874344);
INSERT INTO "records" VALUES(2,'ab1cd42c-de16-4031-a112-feeaef78f0e2','a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','note','{"n":"1","kind":"même"}','{"text":"-pwQCMfhy8ZE_uJA92pAb7fO3a6KwYRwJ4PaXBBOP0pNqXtnWJq6MwzA2p6Zal_Y.5O_243VoBMhJI5eEQwnPRxTvR1IJ1UI7.JbszztIXE_DZiIZ6rwJ3iXoWhoExclw.9CiIJZVX2wFza0Zu4Iw5x1pRCR9C6qfm"}',NULL,'832d852e-fd83-4f68-9732-fb830754d02a',1795548510882913,1795548510916474);
INSERT INTO "records" VALUES(3,'17170def-a247-4aea-acc9-de5d093734be','a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','note','{"n":"2","kind":"même"}','{"text":"JBF1dGJDPcIGMBfX1jNjpxqdiQdLqr343b_2idHCPIr0GzO2nqkM9ajPEPvYl-6k.fNgLZ1bQJEn6kfpsxm5bZ5i4yvOYTFMA.DBh4tD4gGzgrDrFi4y7yy93Oj1Zjbtcj.1B6L6zPasFgRxryAizM3cYyPqB9mtaTa"}',NULL,'0b176098-d73c-434e-8dff-30c2672cc067',1795548510889059,1795548510889059);
INSERT INTO "records" VALUES(4,'a9882de9-8132-42e6-b1f7-a4cf9dc2e2ee','a72f50f9-cbb8-47c8-becb-de524bf08a96','a72f50f9-cbb8-47c8-becb-de524bf08a96','gone','{}','{"text":"BjWAZQalq4UTRjZ2i8wq4-lEdleT_bFmEU_vbxtIX7oRZQ88HaTJkyQyWuc1D_VT.aK9-OlHVLzhJaggcTz9cBMa9o8lHov87.rad8gHJW_44HYLnqrOSphKY.F4fnB5aRKAxCP7FRi7NGmYppCK7c8mBi"}',NULL,'9bc6b598-7521-4461-9288-0e789d9bfb2a',1795548510909201,1795548510909201);
CREATE TABLE settings (
	name VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "settings" VALUES('schema_version','2');
INSERT INTO "settings" VALUES('backup_client_id','b6504123-d78a-41ed-8534-954fcc02b3ff');
CREATE TABLE tokens (
	token_hash BLOB NOT NULL,
	client_id VARCHAR(36) NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (token_hash),
	FOREIGN KEY(client_id) REFERENCES clients (client_id)
);
INSERT INTO "tokens" VALUES(X'982B092553C5C85CC876A524822263368093F0B520324266562783D1CCD108FE','a72f50f9-cbb8-47c8-becb-de524bf08a96',1795549410851082);
CREATE INDEX ix_nonces_seen_at ON nonces (seen_at);
CREATE INDEX ix_tokens_expires_at ON tokens (expires_at);
CREATE INDEX policies_by_reader ON policies (reader_id, "right");
CREATE INDEX records_by_index ON records (writer_id, type, seq);
CREATE INDEX records_by_created ON records (writer_id, type, created, record_id);
CREATE INDEX records_by_modified ON records (writer_id, type, last_modified, record_id);
CREATE INDEX ix_plain_members_pair_hash ON plain_members (pair_hash);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('records',5);
COMMIT;
