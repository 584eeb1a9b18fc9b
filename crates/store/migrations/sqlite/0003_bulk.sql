-- One operation asked of many objects. `postgres/0003_bulk.sql` is the same in the other dialect.

-- Who asked is kept whole, since objects are asked one after the other, and by whichever front end then runs.
CREATE TABLE bulk (
  id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  operation  TEXT NOT NULL,
  parameters TEXT NOT NULL,
  chosen     TEXT NOT NULL,
  actor      TEXT NOT NULL,
  asker      TEXT NOT NULL,
  door       TEXT NOT NULL,
  may        TEXT NOT NULL,
  started    BIGINT NOT NULL,
  asked      BIGINT
);
CREATE INDEX bulk_open ON bulk (id) WHERE asked IS NULL;

-- A task that is let go of as old leaves its number here, and nothing else.
CREATE TABLE bulk_entry (
  bulk    BIGINT NOT NULL REFERENCES bulk (id),
  place   BIGINT NOT NULL,
  name    TEXT NOT NULL,
  task    BIGINT,
  refused TEXT,
  PRIMARY KEY (bulk, place)
);
CREATE INDEX bulk_entry_open ON bulk_entry (bulk, place) WHERE task IS NULL AND refused IS NULL;
