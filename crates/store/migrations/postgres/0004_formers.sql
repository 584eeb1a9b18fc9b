-- What sites were before they were moved, as far as it is kept. `sqlite/0004_formers.sql` is the same in the other dialect.

-- All of it is in the contexts of sites too: this is for whoever asks by age, or by platform, and not by site.
CREATE TABLE former (
  site     BIGINT NOT NULL REFERENCES site (id),
  name     TEXT COLLATE "C" NOT NULL,
  platform BIGINT REFERENCES platform (id),
  since    BIGINT NOT NULL,
  asked    BIGINT NOT NULL,
  PRIMARY KEY (site, name)
);
CREATE INDEX former_by_age ON former (since, site);
CREATE INDEX former_by_platform ON former (platform);

INSERT INTO former (site, name, platform, since, asked)
SELECT site.id, kept.value ->> 'name', platform.id, (kept.value ->> 'since')::BIGINT * 1000, 0
  FROM site
  JOIN node ON node.id = site.id AND node.status <> 'deleted'
  CROSS JOIN LATERAL jsonb_array_elements(COALESCE(site.context::jsonb -> 'formers', '[]'::jsonb)) AS kept
  LEFT JOIN node AS named
    ON named.name = '@platform_' || (kept.value ->> 'platform') AND named.status <> 'deleted'
  LEFT JOIN platform ON platform.id = named.id
 WHERE site.context IS NOT NULL;
