-- What a LIMIT tells the scan below it: where about as many rows match as are wanted, all are read, in any order; else codes say which need not
-- be. A scan cut too early shows which of the two it was.

SET client_min_messages = warning;
SET jit = off;
CREATE TABLE items (id int PRIMARY KEY, category int, v vector(32)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT n, n / 70, array_agg(sin(n * (12.9898 + d))::real ORDER BY d)::vector
    FROM generate_series(0, 1399) n, generate_series(1, 32) d GROUP BY n;
CREATE INDEX items_v ON items USING vectors (v vector_l2_ops, category) WITH (options = '[indexing.hnsw.quantization.scalar]
bits = 8');
CREATE FUNCTION query() RETURNS vector IMMUTABLE LANGUAGE sql AS 'SELECT array_fill(0.1::real, ''{32}'')::vector';
CREATE TABLE nearest AS SELECT id, category, row_number() OVER (PARTITION BY category ORDER BY v <-> query()) AS place FROM items;
ANALYZE items, nearest;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;

-- the rows are the nearest, however many are wanted
SELECT k, count(*) AS given, count(*) FILTER (WHERE place <= k) AS nearest
FROM unnest('{1, 10, 57, 58, 60, 69, 70, 100}'::int[]) k, LATERAL (SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT k) s JOIN nearest USING (id)
GROUP BY k ORDER BY k;

CREATE FUNCTION tells(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE given bigint; near bigint; -- of the 60 nearest
BEGIN
    SET LOCAL vectors.max_scan_tuples = 62;
    EXECUTE 'CREATE TEMPORARY TABLE rows ON COMMIT DROP AS ' || query;
    SELECT count(*), count(*) FILTER (WHERE place <= 60) INTO given, near FROM pg_temp.rows JOIN nearest USING (id);
    DROP TABLE pg_temp.rows;
    RETURN given || CASE WHEN near < least(given, 60) THEN ' told' ELSE '' END;
END $$;
-- a constant, with an offset, under other nodes, of each of several scans
SELECT tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 60');
SELECT tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() OFFSET 1 LIMIT 59');
SELECT tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() FETCH FIRST 60 ROWS WITH TIES');
SELECT tells('WITH locked AS (SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 60 FOR UPDATE) SELECT id FROM locked');
SELECT tells('SELECT s.id FROM generate_series(3, 3) c, LATERAL (SELECT id FROM items WHERE category = c ORDER BY v <-> query() LIMIT 60) s');
SELECT tells('(SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 60) UNION ALL (SELECT id FROM items WHERE category = 4 ORDER BY v <-> query() LIMIT 60) LIMIT 60');
-- parameters and variables
SET plan_cache_mode = force_generic_plan;
PREPARE nearest_rows(bigint) AS SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT $1;
SELECT tells('EXECUTE nearest_rows(60)');
SELECT tells('EXECUTE nearest_rows(40)');
SELECT tells('EXECUTE nearest_rows(NULL)');
SELECT tells('EXECUTE nearest_rows(9000000000000000000)');
CREATE FUNCTION nearest_ids(k bigint) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT k;
END $$;
SELECT tells('SELECT nearest_ids(60) AS id');
SELECT tells('SELECT nearest_ids(40) AS id');
RESET plan_cache_mode;
-- fewer, or nobody knows how many: an expression, a condition above the scan
SELECT tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 40');
SELECT tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 60)');
SELECT tells('SELECT id FROM items WHERE category = 3 AND id % 1000 <> 999 ORDER BY v <-> query() LIMIT 60');
-- what a statement that failed, or one around another, wanted is forgotten
SELECT 1 / (id - id) FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 60;
SELECT tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 60)');
SELECT category, tells('SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 60)') FROM items WHERE category = 5 ORDER BY v <-> query() LIMIT 2;

DROP FUNCTION tells(text), nearest_ids(bigint);
DROP TABLE items, nearest;
DROP FUNCTION query();
