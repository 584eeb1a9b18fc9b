-- Whether a task has letters already is asked as each install ends. `postgres/0007_letters.sql` is the same in the other
-- dialect.
CREATE INDEX outbox_task ON outbox (task, channel) WHERE task IS NOT NULL;
