-- Those who come through the panel. `postgres/0002_people.sql` is the same in the other dialect.

-- No password: nobody has used a link yet. The factor is sealed with the control database's key; one that is only
-- offered has no time since when it holds.
CREATE TABLE account (
  id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name          TEXT NOT NULL,
  password      TEXT,
  factor_key    TEXT,
  factor_nonce  BLOB,
  factor_sealed BLOB,
  factor_since  BIGINT,
  factor_step   BIGINT,
  created       BIGINT NOT NULL,
  blocked       BIGINT
);
CREATE UNIQUE INDEX account_name ON account (name);

CREATE TABLE recovery_code (
  account BIGINT NOT NULL REFERENCES account (id),
  hash    BLOB NOT NULL,
  used    BIGINT,
  PRIMARY KEY (account, hash)
);

CREATE TABLE one_time_link (
  id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  hash    BLOB NOT NULL,
  account BIGINT NOT NULL REFERENCES account (id),
  created BIGINT NOT NULL,
  until   BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  used    BIGINT
);
CREATE UNIQUE INDEX one_time_link_hash ON one_time_link (hash);
CREATE INDEX one_time_link_by_account ON one_time_link (account, id);
CREATE INDEX one_time_link_by_end ON one_time_link (until, id);

CREATE TABLE session (
  id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  hash      BLOB NOT NULL,
  account   BIGINT NOT NULL REFERENCES account (id),
  opened    BIGINT NOT NULL,
  last_used BIGINT NOT NULL,
  until     BIGINT NOT NULL,
  browser   TEXT NOT NULL,
  ended     BIGINT
);
CREATE UNIQUE INDEX session_hash ON session (hash);
CREATE INDEX session_by_account ON session (account, id);
CREATE INDEX session_by_end ON session (until, id);

-- What was wrong lately, of whom: an account by its name, whether there is one or not; a session; all together.
CREATE TABLE wrong_try (
  who    TEXT NOT NULL PRIMARY KEY,
  tries  BIGINT NOT NULL,
  last   BIGINT NOT NULL,
  closed BIGINT NOT NULL
);
CREATE INDEX wrong_try_by_time ON wrong_try (last);

CREATE TABLE saved_view (
  id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  account  BIGINT NOT NULL REFERENCES account (id),
  section  TEXT NOT NULL,
  name     TEXT NOT NULL,
  query    TEXT NOT NULL,
  position BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_view_name ON saved_view (account, section, name);
