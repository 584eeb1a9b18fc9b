-- The first schema. `postgres/0001_first.sql` is the same in the other dialect: the same tables,
-- columns, keys and indices in the same order. Times are milliseconds since 1970.

-- Every object, task and package has its number here. Of tasks, status and owner are in `task`.
CREATE TABLE node (
  id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  kind     TEXT NOT NULL,
  name     TEXT,
  title    TEXT NOT NULL,
  status   TEXT,
  owner    BIGINT REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
  created  BIGINT NOT NULL,
  changed  BIGINT NOT NULL,
  verified BIGINT
);
-- A name is free again when its object is deleted.
CREATE UNIQUE INDEX node_name ON node (name) WHERE status <> 'deleted';
-- For lists of objects; tasks and packages, which are many more, have no status here.
CREATE INDEX node_by_name ON node (kind, name, id) WHERE status IS NOT NULL;
CREATE INDEX node_by_status ON node (kind, status, name, id) WHERE status IS NOT NULL;
CREATE INDEX node_by_owner ON node (owner, kind, name, id) WHERE owner IS NOT NULL;
CREATE INDEX node_by_number ON node (kind, id) WHERE status IS NOT NULL;
CREATE INDEX node_by_change ON node (kind, changed, id) WHERE status IS NOT NULL;
CREATE INDEX node_by_verify ON node (kind, COALESCE(verified, 0), id) WHERE status IS NOT NULL;

CREATE TABLE history (
  id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  node   BIGINT NOT NULL REFERENCES node (id),
  at     BIGINT NOT NULL,
  actor  TEXT NOT NULL,
  what   TEXT NOT NULL,
  detail TEXT
);
CREATE INDEX history_by_node ON history (node, id);

CREATE TABLE client (
  id           INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  machine_name TEXT NOT NULL
);
CREATE UNIQUE INDEX client_name ON client (machine_name);

-- No limit of its own: the queue's for servers.
CREATE TABLE server (
  id         INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  transport  TEXT NOT NULL,
  address    TEXT,
  task_limit BIGINT,
  paused     BOOLEAN NOT NULL,
  revision   BIGINT NOT NULL,
  context    TEXT NOT NULL
);

CREATE TABLE service (
  server       BIGINT NOT NULL REFERENCES server (id),
  kind         TEXT NOT NULL,
  service_type TEXT NOT NULL,
  port         BIGINT,
  PRIMARY KEY (server, kind)
);

CREATE TABLE server_ip (
  server BIGINT NOT NULL REFERENCES server (id),
  ip     TEXT NOT NULL,
  PRIMARY KEY (server, ip)
);

CREATE TABLE platform (
  id              INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  server          BIGINT NOT NULL REFERENCES server (id),
  root            TEXT,
  source          TEXT,
  core            TEXT,
  php             TEXT,
  default_profile TEXT,
  locked          BOOLEAN NOT NULL,
  live            BOOLEAN NOT NULL,
  surveyed        BOOLEAN NOT NULL,
  revision        BIGINT NOT NULL,
  context         TEXT
);
CREATE UNIQUE INDEX platform_root ON platform (server, root) WHERE live;
CREATE INDEX platform_by_server ON platform (server);

-- What its last verify found of a platform that is `surveyed`: the engines of databases that its PHP and its core
-- speak, and the languages that are at hand for each profile.
CREATE TABLE platform_engine (
  platform BIGINT NOT NULL REFERENCES platform (id),
  engine   TEXT NOT NULL,
  PRIMARY KEY (platform, engine)
);

CREATE TABLE platform_language (
  platform BIGINT NOT NULL REFERENCES platform (id),
  profile  TEXT NOT NULL,
  language TEXT NOT NULL,
  PRIMARY KEY (platform, profile, language)
);

CREATE TABLE site (
  id        INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  platform  BIGINT NOT NULL REFERENCES platform (id),
  db_server BIGINT NOT NULL REFERENCES server (id),
  profile   TEXT,
  language  TEXT,
  core      TEXT,
  revision  BIGINT NOT NULL,
  context   TEXT
);
CREATE INDEX site_by_platform ON site (platform, id);
CREATE INDEX site_by_db_server ON site (db_server, id);

-- Names that are taken: those of sites that are not deleted.
CREATE TABLE domain (
  name        TEXT NOT NULL PRIMARY KEY,
  site        BIGINT NOT NULL REFERENCES site (id),
  kind        TEXT NOT NULL,
  target      TEXT,
  tls_mode    TEXT NOT NULL,
  certificate TEXT
);
CREATE INDEX domain_by_site ON domain (site);

CREATE TABLE package (
  id   INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  kind TEXT NOT NULL,
  name TEXT NOT NULL
);
CREATE UNIQUE INDEX package_name ON package (kind, name);
CREATE INDEX package_by_name ON package (name, id);

CREATE TABLE release (
  id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  package BIGINT NOT NULL REFERENCES package (id),
  version TEXT NOT NULL
);
CREATE UNIQUE INDEX release_version ON release (package, version);

CREATE TABLE instance (
  id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  node    BIGINT NOT NULL REFERENCES node (id),
  package BIGINT NOT NULL REFERENCES package (id),
  release BIGINT NOT NULL REFERENCES release (id),
  scope   TEXT NOT NULL,
  enabled BOOLEAN NOT NULL,
  loaded  BOOLEAN NOT NULL,
  schema  BIGINT,
  path    TEXT
);
CREATE INDEX instance_by_node ON instance (node, id);
CREATE INDEX instance_by_package ON instance (package, node, enabled);
CREATE INDEX instance_by_release ON instance (release, node, enabled);

CREATE TABLE task (
  id           INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  operation    TEXT NOT NULL,
  object       BIGINT NOT NULL REFERENCES node (id),
  object_name  TEXT NOT NULL,
  parameters   TEXT NOT NULL,
  state        TEXT NOT NULL,
  priority     BIGINT NOT NULL,
  actor        TEXT NOT NULL,
  asker        TEXT NOT NULL DEFAULT '',
  parent       BIGINT REFERENCES task (id) DEFERRABLE INITIALLY DEFERRED,
  owner        BIGINT NOT NULL REFERENCES node (id),
  server       BIGINT NOT NULL REFERENCES server (id),
  needs        BIGINT REFERENCES platform (id),
  attempts     BIGINT NOT NULL,
  queued       BIGINT NOT NULL,
  started      BIGINT,
  ended        BIGINT,
  cancel_asked BIGINT,
  cancel_actor TEXT
);
-- The last guards of the queue: the same is not queued twice, and one task at a time is on an object.
CREATE UNIQUE INDEX task_waiting_once ON task (object, operation) WHERE state = 'waiting';
CREATE UNIQUE INDEX task_active_once ON task (object) WHERE state IN ('running', 'out-of-contact');
CREATE INDEX task_to_claim ON task (server, priority, queued, id) WHERE state = 'waiting';
CREATE INDEX task_active ON task (owner, server) WHERE state IN ('running', 'out-of-contact');
CREATE INDEX task_by_state ON task (state, id);
CREATE INDEX task_by_object ON task (object, id);
CREATE INDEX task_by_owner ON task (owner, id);
CREATE INDEX task_by_owner_and_state ON task (owner, state, id);
CREATE INDEX task_by_actor ON task (actor, id);
CREATE INDEX task_by_server ON task (server, id);
CREATE INDEX task_by_operation ON task (operation, id);
CREATE INDEX task_by_end ON task (ended, id) WHERE ended IS NOT NULL;
CREATE INDEX task_by_parent ON task (parent, id) WHERE parent IS NOT NULL;

-- Of tasks that wait or run; `held` while it runs. A task that has ended has none.
CREATE TABLE task_lock (
  task      BIGINT NOT NULL REFERENCES task (id),
  name      TEXT NOT NULL,
  exclusive BOOLEAN NOT NULL,
  held      BOOLEAN NOT NULL,
  PRIMARY KEY (task, name)
);
CREATE INDEX task_lock_held ON task_lock (name) WHERE held;

CREATE TABLE attempt (
  id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  uuid        TEXT NOT NULL,
  task        BIGINT NOT NULL REFERENCES task (id),
  number      BIGINT NOT NULL,
  server      BIGINT NOT NULL REFERENCES server (id),
  state       TEXT NOT NULL,
  next_line   BIGINT NOT NULL,
  outcome     TEXT,
  fault       TEXT,
  left_behind TEXT,
  answer      TEXT,
  changed     BOOLEAN NOT NULL,
  recovered   BOOLEAN NOT NULL,
  lost        BIGINT,
  started     BIGINT NOT NULL,
  ended       BIGINT
);
CREATE UNIQUE INDEX attempt_uuid ON attempt (uuid);
CREATE UNIQUE INDEX attempt_number ON attempt (task, number);
CREATE INDEX attempt_active ON attempt (server, id) WHERE state <> 'ended';
CREATE INDEX attempt_by_end ON attempt (ended, id) WHERE ended IS NOT NULL;

CREATE TABLE line (
  attempt      BIGINT NOT NULL REFERENCES attempt (id),
  n            BIGINT NOT NULL,
  at           BIGINT NOT NULL,
  kind         TEXT NOT NULL,
  level        TEXT,
  text         TEXT NOT NULL,
  text_bytes   BIGINT NOT NULL,
  output       TEXT,
  output_bytes BIGINT NOT NULL,
  PRIMARY KEY (attempt, n)
) WITHOUT ROWID;

CREATE TABLE step (
  attempt BIGINT NOT NULL REFERENCES attempt (id),
  line    BIGINT NOT NULL,
  name    TEXT NOT NULL,
  phase   TEXT NOT NULL,
  at      BIGINT NOT NULL,
  took    BIGINT,
  PRIMARY KEY (attempt, line)
);

-- Limits of tasks that run at once: of all, and of a server that has none of its own.
CREATE TABLE queue (
  name         TEXT NOT NULL PRIMARY KEY,
  paused       BOOLEAN NOT NULL,
  task_limit   BIGINT NOT NULL,
  server_limit BIGINT NOT NULL
);

CREATE TABLE lease (
  name   TEXT NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  fence  BIGINT NOT NULL,
  until  BIGINT NOT NULL
);

CREATE TABLE field (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  label      TEXT NOT NULL,
  field_type TEXT NOT NULL,
  required   BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX field_name ON field (kind, name);

CREATE TABLE field_value (
  node  BIGINT NOT NULL REFERENCES node (id),
  field BIGINT NOT NULL REFERENCES field (id),
  value TEXT NOT NULL,
  PRIMARY KEY (node, field)
);
CREATE INDEX field_value_by_value ON field_value (field, value, node);

CREATE TABLE setting (
  name    TEXT NOT NULL PRIMARY KEY,
  value   TEXT NOT NULL,
  changed BIGINT NOT NULL,
  actor   TEXT NOT NULL
);

CREATE TABLE audit (
  id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at        BIGINT NOT NULL,
  actor     TEXT NOT NULL,
  face      TEXT NOT NULL,
  operation TEXT NOT NULL,
  object    BIGINT,
  name      TEXT,
  answer    TEXT NOT NULL,
  detail    TEXT
);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_object ON audit (object, id) WHERE object IS NOT NULL;

CREATE TABLE secret (
  owner   BIGINT NOT NULL REFERENCES node (id),
  name    TEXT NOT NULL,
  key_id  TEXT NOT NULL,
  nonce   BLOB NOT NULL,
  sealed  BLOB NOT NULL,
  changed BIGINT NOT NULL,
  PRIMARY KEY (owner, name)
);

CREATE TABLE token (
  id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name      TEXT NOT NULL,
  hash      BLOB NOT NULL,
  scopes    TEXT NOT NULL,
  actor     TEXT NOT NULL,
  created   BIGINT NOT NULL,
  expires   BIGINT,
  last_used BIGINT,
  revoked   BIGINT
);
CREATE UNIQUE INDEX token_hash ON token (hash);
CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked IS NULL;

CREATE TABLE idempotency (
  actor   TEXT NOT NULL,
  key     TEXT NOT NULL,
  request BLOB NOT NULL,
  at      BIGINT NOT NULL,
  status  BIGINT,
  answer  TEXT,
  PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_by_time ON idempotency (at);

-- A backup outlives its site, whose row stays too.
CREATE TABLE backup (
  id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  site        BIGINT NOT NULL REFERENCES site (id),
  server      BIGINT NOT NULL REFERENCES server (id),
  task        BIGINT,
  kind        TEXT NOT NULL,
  description TEXT NOT NULL,
  file        TEXT NOT NULL,
  size        BIGINT NOT NULL,
  checksum    TEXT NOT NULL,
  core        TEXT NOT NULL,
  source_db   TEXT NOT NULL,
  made        BIGINT NOT NULL
);
CREATE UNIQUE INDEX backup_file ON backup (server, file);
CREATE INDEX backup_of_site ON backup (site, made, id);

CREATE TABLE drift (
  node   INTEGER NOT NULL PRIMARY KEY REFERENCES node (id),
  found  BIGINT NOT NULL,
  ours   TEXT NOT NULL,
  theirs TEXT NOT NULL
);

CREATE TABLE found_site (
  platform BIGINT NOT NULL REFERENCES platform (id),
  name     TEXT NOT NULL,
  first    BIGINT NOT NULL,
  last     BIGINT NOT NULL,
  PRIMARY KEY (platform, name)
);

CREATE TABLE change (
  number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at     BIGINT NOT NULL,
  node   BIGINT NOT NULL,
  kind   TEXT NOT NULL,
  what   TEXT NOT NULL
);

CREATE TABLE outbox (
  id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  channel  TEXT NOT NULL,
  task     BIGINT,
  body     TEXT NOT NULL,
  created  BIGINT NOT NULL,
  tries    BIGINT NOT NULL,
  next_try BIGINT,
  sent     BIGINT,
  fault    TEXT
);
CREATE INDEX outbox_due ON outbox (next_try, id) WHERE next_try IS NOT NULL;

-- What every installation begins with: the client that owns everything, and the queue.
INSERT INTO node (id, kind, title, status, created, changed) VALUES (1, 'client', 'admin', 'enabled', 0, 0);
INSERT INTO client (id, machine_name) VALUES (1, 'admin');
INSERT INTO queue (name, paused, task_limit, server_limit) VALUES ('tasks', FALSE, 16, 4);
