-- How far a scan goes: by default as far as the query asks, under any condition, join or subquery; less by search_mode,
-- iterative_order, max_scan_tuples.

SET client_min_messages = warning;
SET jit = off; -- compiling would take most of the time
CREATE TABLE items (id int PRIMARY KEY, category int, owner int, v vector(4)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT n, n % 100, n % 7, array_agg(round((sin(n * (12.9898 + d)) * 1000)::numeric, 3)::real ORDER BY d)::vector
    FROM generate_series(1, 2000) n, generate_series(1, 4) d GROUP BY n;
CREATE INDEX items_v ON items USING vectors (v vector_l2_ops);
INSERT INTO items SELECT id + 2000, category, owner, CASE WHEN id % 20 <> 3 THEN v END FROM items WHERE id <= 200;
CREATE TABLE owners (owner int PRIMARY KEY, name text);
INSERT INTO owners SELECT n, 'owner ' || n FROM generate_series(0, 6) n;
ANALYZE items, owners;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SET vectors.hnsw_ef_search = 10;

-- rows that come, of k, whatever the condition lets through; and by the index each time
CREATE FUNCTION rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
    n bigint;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    EXECUTE 'SELECT count(*) FROM (' || query || ') q' INTO n;
    RETURN n || CASE WHEN plan ~ 'items_v' THEN '' ELSE E' not by the index:\n' || plan END;
END $$;
SELECT category, rows_of(format('SELECT id FROM items WHERE category < %s ORDER BY v <-> ''[1,2,3,4]'' LIMIT 50', category)) FROM unnest('{100, 50, 10, 1}'::int[]) category;
SELECT rows_of('SELECT id FROM items WHERE category = 7 AND owner = 3 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 50') AS few, count(*) FROM items WHERE category = 7 AND owner = 3;
SELECT rows_of('SELECT id FROM items WHERE category = 1000 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 50') AS none;
SELECT rows_of('SELECT id FROM items WHERE v IS NULL ORDER BY v <-> ''[1,2,3,4]'' LIMIT 5') AS nulls;
SELECT rows_of('SELECT i.id FROM items i JOIN owners o USING (owner) WHERE o.name = ''owner 3'' ORDER BY i.v <-> ''[1,2,3,4]'' LIMIT 300') AS joined, count(*) FROM items WHERE owner = 3;
SELECT rows_of('SELECT id FROM items i WHERE EXISTS (SELECT FROM owners o WHERE o.owner = i.owner AND o.name ~ ''[13]'') ORDER BY v <-> ''[1,2,3,4]'' LIMIT 700') AS semijoined, count(*) FROM items WHERE owner IN (1, 3);
SELECT rows_of('SELECT id FROM (SELECT id, category FROM items ORDER BY v <-> ''[1,2,3,4]'' OFFSET 0) s WHERE category = 7 LIMIT 20') AS subquery;
SELECT rows_of('WITH nearest AS MATERIALIZED (SELECT id, category FROM items ORDER BY v <-> ''[1,2,3,4]'') SELECT id FROM nearest WHERE category = 7 LIMIT 20') AS cte;
SELECT rows_of('SELECT id FROM items WHERE category = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT (SELECT 20)') AS limit_by_expression;
SELECT rows_of('SELECT id FROM items WHERE category = 7 ORDER BY v <-> ''[1,2,3,4]'' OFFSET 15 LIMIT 20') AS offset;
SELECT rows_of('SELECT o.owner, n.id FROM owners o, LATERAL (SELECT id FROM items i WHERE i.owner = o.owner ORDER BY i.v <-> array_fill(o.owner::real, ''{4}'')::vector LIMIT 3) n') AS lateral;
SELECT rows_of('(SELECT id FROM items WHERE category = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 15) UNION ALL (SELECT id FROM items WHERE category = 8 ORDER BY v <-> ''[4,3,2,1]'' LIMIT 15)') AS union_all;
SELECT rows_of('SELECT id FROM items WHERE id IN (SELECT id FROM items WHERE v <<->> sphere(''[1,2,3,4]''::vector, 1000000)) ORDER BY v <-> ''[1,2,3,4]'' LIMIT 40') AS self_joined;
-- every row once, distances exact
SELECT count(*), count(DISTINCT id), count(distance) FROM (SELECT id, v <-> '[1,2,3,4]' AS distance FROM items ORDER BY v <-> '[1,2,3,4]') s;
-- a prepared statement's generic plan, a function, a cursor
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(vector, int, int) AS SELECT id FROM items WHERE category = $2 ORDER BY v <-> $1 LIMIT $3;
EXPLAIN (COSTS OFF) EXECUTE nearest('[1,2,3,4]', 7, 3);
PREPARE nearest_count(vector, int, int) AS SELECT count(*) FROM (SELECT id FROM items WHERE category = $2 ORDER BY v <-> $1 LIMIT $3) s;
EXECUTE nearest_count('[1,2,3,4]', 7, 3);
EXECUTE nearest_count('[1,2,3,4]', 7, 300);
EXECUTE nearest_count(NULL, 7, 300);
PREPARE within(vector, real) AS SELECT id FROM items WHERE v <<->> sphere($1, $2);
EXPLAIN (COSTS OFF) EXECUTE within('[1,2,3,4]', 7);
RESET plan_cache_mode;
CREATE FUNCTION nearest_of(query vector, wanted_category int, k int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r record; n bigint := 0;
BEGIN
    FOR r IN SELECT id FROM items WHERE category = wanted_category ORDER BY v <-> query LIMIT k LOOP n := n + 1; END LOOP;
    RETURN n;
END $$;
SELECT nearest_of('[1,2,3,4]', 7, 15), nearest_of('[1,2,3,4]', 7, 100);
CREATE FUNCTION fetched(piece int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c CURSOR FOR SELECT id FROM items WHERE category = 7 ORDER BY v <-> '[1,2,3,4]';
    pieces text := '';
    moved bigint;
BEGIN
    OPEN c;
    LOOP
        MOVE FORWARD piece FROM c;
        GET DIAGNOSTICS moved = ROW_COUNT;
        pieces := pieces || ' ' || moved;
        EXIT WHEN moved = 0;
    END LOOP;
    RETURN pieces;
END $$;
SELECT fetched(5);

-- strict: what is given never descends, and only what came late is missing; relaxed: nothing is missing
CREATE FUNCTION descents(query text) RETURNS TABLE (n bigint, descents bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT count(*), count(*) FILTER (WHERE distance < before) FROM (SELECT distance, lag(distance) OVER (ORDER BY rank) AS before FROM (SELECT distance, row_number() OVER () AS rank FROM (' || query || ') a) b) c';
END $$;
SET vectors.hnsw_ef_search = 1;
CREATE TABLE hard (id int, v vector(24));
INSERT INTO hard SELECT n, array_agg((sin(n * (12.9898 + d)) * (1 + n % 13))::real ORDER BY d)::vector FROM generate_series(1, 3000) n, generate_series(1, 24) d GROUP BY n;
CREATE INDEX ON hard USING vectors (v vector_dot_ops) WITH (m = 4, ef_construction = 10);
CREATE FUNCTION hard_query() RETURNS vector IMMUTABLE LANGUAGE sql AS $$ SELECT array_agg(cos(d)) ::real[]::vector FROM generate_series(1, 24) d $$;
SELECT n = 3000 AS complete, descents > 0 AS has_descents FROM descents('SELECT v <#> hard_query() AS distance FROM hard ORDER BY v <#> hard_query()');
SET vectors.iterative_order = strict;
SELECT n > 20 AND n < 3000 AS less, descents FROM descents('SELECT v <#> hard_query() AS distance FROM hard ORDER BY v <#> hard_query()');
RESET vectors.iterative_order;
DROP TABLE hard;

-- basic: ef_search rows of the segment and as many of those that no segment has, NULLs included
SET vectors.search_mode = basic;
SET vectors.hnsw_ef_search = 30;
SELECT rows_of('SELECT id FROM items ORDER BY v <-> ''[1,2,3,4]''') AS basic, rows_of('SELECT id FROM items WHERE category = 7 ORDER BY v <-> ''[1,2,3,4]'' LIMIT 10') <> '10' AS runs_dry;
SELECT rows_of('SELECT id FROM items WHERE v <<->> sphere(''[1,2,3,4]''::vector, 1e9)') AS in_a_range;
SET vectors.hnsw_ef_search = 5000;
SELECT rows_of('SELECT id FROM items ORDER BY v <-> ''[1,2,3,4]''') AS wide_enough;
RESET vectors.search_mode;
RESET vectors.hnsw_ef_search;

-- max_scan_tuples: a notice where it cut a scan, once a statement, and none where it did not
SET client_min_messages = notice;
SET vectors.max_scan_tuples = 500;
SELECT count(*) FROM (SELECT id FROM items WHERE id <= 2000 ORDER BY v <-> '[1,2,3,4]') s;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3,4]' LIMIT 10) s;
SELECT count(*) FROM owners o, LATERAL (SELECT id FROM items i WHERE i.category = 1000 AND id <> o.owner ORDER BY i.v <-> array_fill(o.owner::real, '{4}')::vector LIMIT 3) n;
SET vectors.max_scan_tuples = 2000;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3,4]') s;
RESET vectors.max_scan_tuples;

-- *_rerank_size, of the index's own codes alone: a row is given when so many are compared; full precision has nothing to rerank
CREATE TABLE coded (id int, v vector(64)) WITH (autovacuum_enabled = off);
INSERT INTO coded SELECT n, array_agg(round((sin(n * (12.9898 + d)) * 1000)::numeric, 3)::real ORDER BY d)::vector
    FROM generate_series(1, 1000) n, generate_series(1, 64) d GROUP BY n;
CREATE FUNCTION reranked(setting text, size int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vectors.' || setting || '_rerank_size', size::text, true);
    RETURN candidates FROM vectors_explain('coded_v', (SELECT v FROM coded WHERE id = 7), 10);
END $$;
CREATE FUNCTION reranked_by(quantization text, own text) RETURNS TABLE (automatic bool, sq bigint, pq bigint, rq bigint, one bool, every_row bool) LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('CREATE INDEX coded_v ON coded USING vectors (v vector_l2_ops) WITH (quantization = %s)', quantization);
    n := reranked('sq', 0);
    automatic := n BETWEEN 10 AND 300;
    sq := nullif(reranked('sq', 400), n); PERFORM reranked('sq', 0);
    pq := nullif(reranked('pq', 400), n); PERFORM reranked('pq', 0);
    rq := nullif(reranked('rq', 400), n); PERFORM reranked('rq', 0);
    IF own IS NOT NULL THEN
        one := reranked(own, 1) = 10;
        PERFORM reranked(own, 65535);
        -- every row once, in order of its distance
        SELECT count(DISTINCT id) = 1000 AND bool_and(d >= before) INTO every_row FROM
            (SELECT id, d, lag(d, 1, 0::real) OVER () AS before FROM (SELECT id, v <-> (SELECT v FROM coded WHERE id = 8) AS d FROM coded ORDER BY v <-> (SELECT v FROM coded WHERE id = 8)) s) s;
        PERFORM reranked(own, 0);
    END IF;
    DROP INDEX coded_v;
    RETURN NEXT;
END $$;
SELECT quantization, r.* FROM unnest('{scalar8, product, rabitq3, binary, trivial}'::text[], '{sq, pq, rq, rq, NULL}'::text[]) AS u (quantization, own),
    reranked_by(quantization, own) r;
DROP FUNCTION reranked, reranked_by;
DROP TABLE coded;

-- names and ranges; what has no effect any more is accepted
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;
SELECT name, setting, enumvals, min_val, max_val, context FROM pg_settings WHERE name ~ '^vectors\.(search_mode|iterative_order|max_scan_tuples|ivf_nprobe|.q_rerank_size|.q_fast_scan|enable_prefilter|internal_transport)$' ORDER BY name;
SELECT attempt(format('SET vectors.%s', s)) FROM unnest(ARRAY['search_mode = vbase', 'search_mode = fast', 'iterative_order = off', 'max_scan_tuples = -1', 'ivf_nprobe = 0', 'ivf_nprobe = 65535', 'sq_rerank_size = 65536', 'enable_prefilter = on', 'internal_transport = unix', 'rq_fast_scan = off']) s;

-- spheres: errors of the operator; what is NULL or empty scans nothing
SELECT attempt('SELECT id FROM items WHERE v <<->> sphere(''[1,2]''::vector, 1)');
SELECT rows_of($$SELECT id FROM items WHERE v <<->> ROW('[1,2,3,4]', NULL)::sphere_vector$$), rows_of($$SELECT id FROM items WHERE v <<->> ROW(NULL, 1)::sphere_vector ORDER BY v <-> '[1,2,3,4]'$$),
    rows_of($$SELECT id FROM items WHERE v <<->> (SELECT NULL::sphere_vector)$$), rows_of($$SELECT id FROM items WHERE v <<->> sphere('[1,2,3,4]'::vector, 'inf') AND v <<->> sphere('[4,3,2,1]'::vector, -1)$$);
SELECT rows_of($$SELECT id FROM items WHERE v <<->> sphere('[1,2,3,4]'::vector, 'inf') ORDER BY v <-> NULL$$) AS null_order, count(v) FROM items;
-- as an inner side: each row's neighbourhood, by runtime keys and rescans
SET enable_nestloop = on;
SET enable_mergejoin = off;
SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM owners o JOIN items i ON i.v <<->> sphere(array_fill(o.owner::real, '{4}')::vector, 40000);
SELECT count(*) > 0 AS some, count(*) = (SELECT count(*) FROM owners o, items i WHERE (i.v <-> array_fill(o.owner::real, '{4}')::vector) < 40000) AS same FROM owners o JOIN items i ON i.v <<->> sphere(array_fill(o.owner::real, '{4}')::vector, 40000);
-- neither an order nor a range: never the index, whatever else is off
RESET enable_seqscan;
EXPLAIN (COSTS OFF) SELECT count(v) FROM items;
DROP TABLE items, owners;
DROP FUNCTION rows_of, nearest_of, fetched, descents, hard_query, attempt;
