-- The distance by which the index put rows in order is not computed once more where nobody reads it, and is where somebody does.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vectors;
RESET client_min_messages;

CREATE TABLE items (id int, embedding vector(600)); -- 2,400 bytes: out of line
INSERT INTO items SELECT i, (SELECT array_agg(sin(i * j)) FROM generate_series(1, 600) AS j)::vector FROM generate_series(1, 300) AS i;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops);
VACUUM ANALYZE items;
CREATE TABLE expected AS SELECT id, embedding <-> (SELECT embedding FROM items WHERE id = 7) AS distance FROM items;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT embedding AS query FROM items WHERE id = 7 \gset

CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
        RETURN NEXT regexp_replace(line, '''\[[^]]*\]''(::vector)?', 'query', 'g');
    END LOOP;
END $$;

-- nobody reads it
SELECT plan_of($$SELECT id FROM items ORDER BY embedding <-> '$$ || :'query' || $$' LIMIT 3$$);
SELECT plan_of($$SELECT id FROM items ORDER BY embedding <-> '$$ || :'query' || $$'$$);
SELECT plan_of($$SELECT id FROM items ORDER BY '$$ || :'query' || $$' <-> embedding LIMIT 3$$);
-- somebody does: the query, WITH TIES, a query around it
SELECT plan_of($$SELECT id, embedding <-> '$$ || :'query' || $$' FROM items ORDER BY 2 LIMIT 3$$);
SELECT plan_of($$SELECT id FROM items ORDER BY embedding <-> '$$ || :'query' || $$' FETCH FIRST 3 ROWS WITH TIES$$);
SELECT plan_of($$SELECT * FROM (SELECT id, embedding <-> '$$ || :'query' || $$' AS d FROM items ORDER BY 2 LIMIT 3) AS t WHERE d > 1$$);
-- not ours
CREATE TABLE points (n int, p point);
CREATE INDEX ON points USING gist (p);
SELECT plan_of('SELECT n FROM points ORDER BY p <-> ''(1,1)'' LIMIT 3');

-- the rows are the same, however they are asked for
CREATE TABLE found (way text, id int, place serial);
INSERT INTO found SELECT 'insert', id FROM items ORDER BY embedding <-> :'query' LIMIT 10;
CREATE TABLE made AS SELECT id FROM items ORDER BY embedding <-> :'query' LIMIT 10;
INSERT INTO found SELECT 'table', id FROM made;
PREPARE nearest(vector) AS SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 10;
SET plan_cache_mode = force_generic_plan;
CREATE TABLE prepared AS EXECUTE nearest(:'query');
INSERT INTO found SELECT 'prepared', id FROM prepared;
RESET plan_cache_mode;
INSERT INTO found SELECT 'ties', id FROM (SELECT id FROM items ORDER BY embedding <-> :'query' FETCH FIRST 10 ROWS WITH TIES) AS t;
DO $$
DECLARE
    nearest CURSOR (query vector) FOR SELECT id FROM items ORDER BY embedding <-> query;
    n int := 0;
BEGIN
    FOR row IN nearest((SELECT embedding FROM items WHERE id = 7)) LOOP
        INSERT INTO found VALUES ('cursor', row.id);
        n := n + 1;
        EXIT WHEN n = 10;
    END LOOP;
END $$;
SELECT way, array_agg(id ORDER BY place) = (SELECT array_agg(id) FROM (SELECT id FROM expected ORDER BY distance LIMIT 10) AS e) AS right FROM found GROUP BY way ORDER BY way;

-- and no vector is fetched from the TOAST table, unless somebody reads it
CREATE VIEW reads AS SELECT toast_blks_read + toast_blks_hit AS toast FROM pg_statio_user_tables WHERE relname = 'items';
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT toast AS before FROM reads \gset
EXECUTE nearest(:'query');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT toast - :before AS reads FROM reads;
SELECT id FROM items ORDER BY embedding <-> :'query' FETCH FIRST 3 ROWS WITH TIES;
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT toast - :before > 0 AS reads FROM reads;

-- EXPLAIN ANALYZE counts the search, where PostgreSQL shows that: from 18 on
CREATE FUNCTION searches(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE) ' || statement LOOP
        IF line ~ 'Index Searches: ' THEN
            RETURN substring(line FROM '\d+');
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
SELECT searches($$SELECT id FROM items ORDER BY embedding <-> '$$ || :'query' || $$' LIMIT 3$$)
    IS NOT DISTINCT FROM CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 1 END AS counted;

DROP VIEW reads;
DROP TABLE items, expected, points, found, made, prepared;
DROP FUNCTION plan_of, searches;
