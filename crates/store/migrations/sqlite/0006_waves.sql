-- How a bulk run is asked: in waves, so many at once, until so many failed. `postgres/0006_waves.sql` is the same in the
-- other dialect.

-- Without `at_once` all objects are asked one after the other, and the queue alone decides when each begins. `halted`
-- is when it was paused or stopped, `forgiven` how many failures it was resumed with, `passed` the last wave that was.
ALTER TABLE bulk ADD COLUMN at_once    BIGINT;
ALTER TABLE bulk ADD COLUMN stop_after BIGINT;
ALTER TABLE bulk ADD COLUMN rehearse   BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE bulk ADD COLUMN halted     BIGINT;
ALTER TABLE bulk ADD COLUMN halted_by  TEXT;
ALTER TABLE bulk ADD COLUMN halted_why TEXT;
ALTER TABLE bulk ADD COLUMN stopped    BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE bulk ADD COLUMN forgiven   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bulk ADD COLUMN passed     BIGINT NOT NULL DEFAULT 0;

-- `given` is what is given for this object alone, `rehearsal` the task that tries it out before.
ALTER TABLE bulk_entry ADD COLUMN wave      BIGINT NOT NULL DEFAULT 1;
ALTER TABLE bulk_entry ADD COLUMN given     TEXT;
ALTER TABLE bulk_entry ADD COLUMN rehearsal BIGINT;
