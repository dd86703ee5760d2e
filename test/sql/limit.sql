-- What a LIMIT tells the scan below it: where about as many rows match as are wanted, the vectors of all are compared; else codes say which need not
-- be. A serializable transaction locks all rows that it compares: these are counted here, of 26 that match.

SET client_min_messages = warning;
SET jit = off;
CREATE TABLE items (id int PRIMARY KEY, category int, v vector(32)) WITH (autovacuum_enabled = off, fillfactor = 10);
INSERT INTO items SELECT n, n % 20, array_agg(sin(n * (12.9898 + d))::real ORDER BY d)::vector
    FROM generate_series(0, 519) n, generate_series(1, 32) d GROUP BY n ORDER BY n;
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
FROM unnest('{1, 10, 13, 14, 20, 25, 26, 100}'::int[]) k, LATERAL (SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT k) s JOIN nearest USING (id)
GROUP BY k ORDER BY k;

CREATE FUNCTION compares(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE given bigint; locked tid[]; compared bigint;
BEGIN
    EXECUTE query;
    GET DIAGNOSTICS given = ROW_COUNT;
    SELECT array_agg(format('(%s,%s)', page, tuple)::tid) INTO locked FROM pg_locks
    WHERE pid = pg_backend_pid() AND mode = 'SIReadLock' AND locktype = 'tuple' AND relation = 'items'::regclass;
    SELECT count(*) INTO compared FROM items WHERE ctid = ANY (locked) AND category = 3;
    RETURN given || CASE compared WHEN 26 THEN ' of all' ELSE '' END;
END $$;
SET default_transaction_isolation = serializable;
-- a constant, with an offset, under other nodes, of each of several scans
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20');
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() OFFSET 10 LIMIT 10');
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() FETCH FIRST 20 ROWS WITH TIES');
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20 FOR UPDATE');
SELECT compares('SELECT FROM (SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 20)) s LIMIT 20');
SELECT compares('SELECT FROM (SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 10) s LIMIT 1000');
SELECT compares('SELECT FROM (SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 1000) s LIMIT 10');
SELECT compares('SELECT FROM generate_series(3, 3) c, LATERAL (SELECT FROM items WHERE category = c ORDER BY v <-> query() LIMIT 20) s');
SELECT compares('(SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20) UNION ALL (SELECT FROM items WHERE category = 4 ORDER BY v <-> query() LIMIT 1)');
SELECT compares('(SELECT FROM items WHERE category = 4 ORDER BY v <-> query() LIMIT 1) UNION ALL (SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20)');
-- parameters and variables
SET plan_cache_mode = force_generic_plan;
PREPARE nearest_rows(bigint) AS SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT $1;
SELECT compares('EXECUTE nearest_rows(20)');
SELECT compares('EXECUTE nearest_rows(10)');
SELECT compares('EXECUTE nearest_rows(9000000000000000000)');
SELECT compares('EXECUTE nearest_rows(NULL)');
CREATE FUNCTION nearest_ids(k bigint, few int) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
    IF k > 0 THEN
        RETURN QUERY SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT k;
    ELSE
        RETURN QUERY SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT few;
    END IF;
END $$;
SELECT compares('SELECT nearest_ids(20, 0)'), compares('SELECT nearest_ids(0, 20)');
SELECT compares('SELECT nearest_ids(10, 0)'), compares('SELECT nearest_ids(0, 10)');
RESET plan_cache_mode;
-- fewer, or nobody knows how many: an expression, a condition above the scan
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 10');
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 20)');
SELECT compares('SELECT FROM items WHERE category = 3 AND id % 1000 <> 999 ORDER BY v <-> query() LIMIT 20');
-- what a statement that failed, or one around another, wanted is forgotten
SELECT 1 / (id - id) FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20;
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 20)');
SELECT category, compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 20)') FROM items WHERE category = 5 ORDER BY v <-> query() LIMIT 1;
-- a cursor's is kept for the cursor
BEGIN;
DECLARE nearest_cursor CURSOR FOR SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20;
SELECT compares('SELECT FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT (SELECT 10)');
FETCH 1 FROM nearest_cursor;
SELECT compares('SELECT');
COMMIT;
RESET default_transaction_isolation;

-- whoever compares only some of the rows has them by their estimates
SET vectors.max_scan_tuples = 22;
SELECT count(*) FROM (SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20) s JOIN nearest USING (id) WHERE place <= 20;
RESET vectors.max_scan_tuples;
SET vectors.sq_rerank_size = 4;
SET vectors.iterative_order = strict;
SELECT count(*) > 15 AS most, count(*) FILTER (WHERE place <= 22) = count(*) AS nearest
FROM (SELECT id FROM items WHERE category = 3 ORDER BY v <-> query() LIMIT 20) s JOIN nearest USING (id);
RESET ALL;

DROP FUNCTION compares(text), nearest_ids(bigint, int);
DROP TABLE items, nearest;
DROP FUNCTION query();
