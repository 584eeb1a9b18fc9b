-- What sites were before they were moved, as far as it is kept. `postgres/0004_formers.sql` is the same in the other dialect.

-- All of it is in the contexts of sites too: this is for whoever asks by age, or by platform, and not by site.
CREATE TABLE former (
  site     BIGINT NOT NULL REFERENCES site (id),
  name     TEXT NOT NULL,
  platform BIGINT REFERENCES platform (id),
  since    BIGINT NOT NULL,
  asked    BIGINT NOT NULL,
  PRIMARY KEY (site, name)
);
CREATE INDEX former_by_age ON former (since, site);
CREATE INDEX former_by_platform ON former (platform);

INSERT INTO former (site, name, platform, since, asked)
SELECT site.id, json_extract(kept.value, '$.name'), platform.id, json_extract(kept.value, '$.since') * 1000, 0
  FROM site
  JOIN node ON node.id = site.id AND node.status <> 'deleted'
  JOIN json_each(site.context, '$.formers') AS kept
  LEFT JOIN node AS named
    ON named.name = '@platform_' || json_extract(kept.value, '$.platform') AND named.status <> 'deleted'
  LEFT JOIN platform ON platform.id = named.id
 WHERE site.context IS NOT NULL;
