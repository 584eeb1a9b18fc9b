-- When cron of each site runs next, and what it came to last. `sqlite/0005_cron.sql` is the same in the other dialect.

-- `every` is what was said of the site; NULL: the setting holds. `next_run` in milliseconds since 1970; 0: its time is still
-- to be chosen; NULL: it does not run by itself. The rest is of the last run that ended.
CREATE TABLE cron (
  site     BIGINT NOT NULL PRIMARY KEY REFERENCES site (id),
  every    TEXT COLLATE "C",
  next_run BIGINT,
  began    BIGINT,
  took     BIGINT,
  result   TEXT COLLATE "C",
  said     TEXT COLLATE "C",
  failures BIGINT NOT NULL
);
CREATE INDEX cron_by_next_run ON cron (next_run, site);
CREATE INDEX cron_by_result ON cron (result, site);

INSERT INTO cron (site, every, next_run, failures)
SELECT site.id,
       CASE WHEN (site.context::jsonb #>> '{quiet,cron}') = 'true' THEN 'off' END,
       CASE WHEN (site.context::jsonb #>> '{quiet,cron}') = 'true' OR (site.context::jsonb ->> 'awaits_installer') = 'true' THEN NULL ELSE 0 END,
       0
  FROM site JOIN node ON node.id = site.id
 WHERE site.context IS NOT NULL AND node.status <> 'deleted';
