-- A photo library as its users filter it: assets and what their cameras say, beside which a table smart_search has the embeddings.
-- Made of numbers 0 .. photos.rows - 1; the same every time. Shares: owners 60, 30 and 10 %; archived 5 %, hidden 20 %, deleted 2 %;
-- taken over ten years; of 70 % the city is known, one of 500, the most frequent about 8 % and the rarest 0.02 % of all.

CREATE FUNCTION photos_share(number int, what int) RETURNS float8 IMMUTABLE LANGUAGE sql AS
$$ SELECT (hashint4extended(number, what) & 1048575) / 1048576.0 $$;

CREATE TABLE assets (
    id uuid PRIMARY KEY,
    number int NOT NULL,
    "ownerId" uuid NOT NULL,
    "isArchived" boolean NOT NULL,
    "isVisible" boolean NOT NULL,
    "fileCreatedAt" timestamptz NOT NULL,
    "deletedAt" timestamptz
);
INSERT INTO assets
SELECT md5('asset ' || n)::uuid, n,
    md5('owner ' || CASE WHEN photos_share(n, 1) < 0.6 THEN 1 WHEN photos_share(n, 1) < 0.9 THEN 2 ELSE 3 END)::uuid,
    photos_share(n, 2) < 0.05, photos_share(n, 3) >= 0.2,
    timestamptz '2014-01-01 00:00:00Z' + photos_share(n, 4) * interval '3650 days',
    CASE WHEN photos_share(n, 5) < 0.02 THEN timestamptz '2024-01-01 00:00:00Z' END
FROM generate_series(0, current_setting('photos.rows')::int - 1) n;
CREATE INDEX ON assets ("ownerId");
CREATE INDEX ON assets ("fileCreatedAt");

CREATE TABLE exif ("assetId" uuid PRIMARY KEY REFERENCES assets ON DELETE CASCADE, city text, country text);
INSERT INTO exif
SELECT id, CASE WHEN known THEN 'city ' || city END, CASE WHEN known THEN 'country ' || city % 40 END
FROM (SELECT id, photos_share(number, 6) < 0.7 AS known, floor(exp(photos_share(number, 7) * ln(500)))::int AS city FROM assets) a;
CREATE INDEX ON exif (city);
