-- The access method: what it indexes, what it refuses, what the planner makes of it.

SET client_min_messages = warning;
CREATE TABLE items (id int PRIMARY KEY, category int, embedding vector(3));
INSERT INTO items SELECT i, i % 100, format('[%s,%s,%s]', i % 17, i % 5, i % 29)::vector FROM generate_series(1, 3000) i;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops);
CREATE INDEX items_category ON items (category);
ANALYZE items;

-- A plan without what only some majors tell.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line !~ '^ *Disabled: ' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END $$;

-- index for ORDER BY ... LIMIT, never without ORDER BY, exact plan for a very selective filter
SELECT plan_of($$SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 10$$);
SELECT plan_of($$SELECT id FROM items WHERE id = 5 ORDER BY embedding <-> '[1,2,3]' LIMIT 10$$);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT plan_of($$SELECT id FROM items ORDER BY embedding <#> '[1,2,3]' LIMIT 10$$);
SELECT plan_of($$SELECT count(embedding) FROM items$$);
SET vectors.enable_index = off;
SELECT plan_of($$SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 10$$);
RESET vectors.enable_index;
RESET enable_bitmapscan;

-- exact distances, ascending, of the operator's own type
SELECT embedding <-> '[1,2,3]' AS distance, pg_typeof(embedding <-> '[1,2,3]') FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 3;

-- resumable: more rows than ef_search, and all of them
SET vectors.hnsw_ef_search = 10;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 1000) s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY embedding <-> '[1,2,3]') s;
RESET vectors.hnsw_ef_search;
SELECT count(*) FROM (SELECT id FROM items WHERE category = 42 ORDER BY embedding <-> '[1,2,3]' LIMIT 20) s;

-- the scan's answers beside the table's
CREATE FUNCTION compare_with_table(query vector) RETURNS TABLE (missing bigint, too_many bigint, inversions bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL enable_indexscan = off;
    CREATE TEMP TABLE by_table ON COMMIT DROP AS SELECT id, embedding <-> query AS distance FROM items;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_seqscan = off;
    CREATE TEMP TABLE by_index ON COMMIT DROP AS
        SELECT row_number() OVER () AS rank, * FROM (SELECT id, embedding <-> query AS distance FROM items ORDER BY embedding <-> query) s;
    RETURN QUERY SELECT
        (SELECT count(*) FROM (SELECT id, distance FROM by_table EXCEPT SELECT id, distance FROM by_index) e),
        (SELECT count(*) FROM by_index) - (SELECT count(*) FROM by_table),
        (SELECT count(*) FROM by_index a JOIN by_index b ON b.rank = a.rank + 1 WHERE a.rank < 100 AND b.distance < a.distance);
END $$;
SELECT * FROM compare_with_table('[3,3,3]');

-- NULLs come last, NaN after infinity; a NULL query gives every row
INSERT INTO items VALUES (5001, 0, NULL), (5002, 0, '[NaN,0,0]'), (5003, 0, '[Infinity,0,0]'), (5004, 0, '[1,2,3]');
SELECT id, distance FROM (
    SELECT id, embedding <-> '[1,2,3]' AS distance, row_number() OVER () AS rank FROM (SELECT * FROM items ORDER BY embedding <-> '[1,2,3]') s
) r WHERE rank > 3001 ORDER BY rank;
SELECT count(*), count(embedding <-> NULL) FROM (SELECT * FROM items ORDER BY embedding <-> NULL) s;
SELECT * FROM compare_with_table('[3,3,3]');
SELECT * FROM compare_with_table('[NaN,3,3]');
SELECT vectors_merge('items_embedding');
SELECT * FROM compare_with_table('[3,3,3]');
SELECT * FROM compare_with_table('[Infinity,3,3]');
SELECT id FROM items WHERE id > 5000 ORDER BY embedding <-> '[1,2,3]' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> NULL) s;

-- DELETE, VACUUM, INSERT: the next VACUUM builds a segment for a long tail
DELETE FROM items WHERE id % 3 = 0;
VACUUM items;
SELECT * FROM compare_with_table('[3,3,3]');
INSERT INTO items SELECT 10000 + i, i % 100, format('[%s,%s,%s]', i % 19, i % 7, i % 31)::vector FROM generate_series(1, 2000) i;
SELECT * FROM compare_with_table('[3,3,3]');
ALTER INDEX items_embedding SET (options = 'segment.max_growing_segment_size = 1000');
VACUUM items;
SELECT * FROM compare_with_table('[3,3,3]');

-- the other metrics
CREATE INDEX items_dot ON items USING vectors (embedding vector_dot_ops);
CREATE INDEX items_cos ON items USING vectors (embedding vector_cos_ops);
INSERT INTO items VALUES (5005, 0, '[0,0,0]');
SELECT embedding <#> '[1,2,3]' AS distance FROM items WHERE id < 5000 ORDER BY embedding <#> '[1,2,3]' LIMIT 3;
SELECT distance FROM (SELECT embedding <=> '[1,2,3]' AS distance FROM items ORDER BY embedding <=> '[1,2,3]' LIMIT 3) s;
SELECT vectors_merge('items_cos');
SELECT count(*), count(*) FILTER (WHERE distance = 'NaN') AS nans FROM (SELECT embedding <=> '[1,2,3]' AS distance FROM items ORDER BY embedding <=> '[1,2,3]') s;
SELECT count(*), count(*) FILTER (WHERE distance = 'NaN') AS nans FROM (SELECT embedding <=> '[0,0,0]' AS distance FROM items ORDER BY embedding <=> '[0,0,0]') s;
DROP INDEX items_dot, items_cos;

-- REINDEX, CONCURRENTLY, TRUNCATE and its rollback, savepoints
REINDEX INDEX items_embedding;
SELECT * FROM compare_with_table('[3,3,3]');
REINDEX INDEX CONCURRENTLY items_embedding;
SELECT * FROM compare_with_table('[3,3,3]');
BEGIN;
TRUNCATE items;
INSERT INTO items VALUES (1, 1, '[1,2,3]');
SELECT id FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 2;
ROLLBACK;
SELECT * FROM compare_with_table('[3,3,3]');
BEGIN;
SAVEPOINT a;
INSERT INTO items VALUES (20001, 1, '[1,2,3]');
ROLLBACK TO a;
SAVEPOINT b;
INSERT INTO items VALUES (20002, 1, '[1,2,3]');
RELEASE b;
COMMIT;
SELECT * FROM compare_with_table('[1,2,3]');
BEGIN;
REINDEX INDEX items_embedding;
ROLLBACK;
SELECT * FROM compare_with_table('[1,2,3]');
BEGIN;
CREATE TABLE made_here (id int, embedding vector(2));
CREATE INDEX made_here_embedding ON made_here USING vectors (embedding vector_l2_ops);
INSERT INTO made_here VALUES (1, '[1,2]');
TRUNCATE made_here;
INSERT INTO made_here VALUES (2, '[1,2]'), (3, '[2,2]');
SELECT id FROM made_here ORDER BY embedding <-> '[2,2]' LIMIT 5;
COMMIT;
SELECT id FROM made_here ORDER BY embedding <-> '[2,2]' LIMIT 5;

-- CREATE INDEX CONCURRENTLY, unlogged, temporary, partitioned, partial, expression, domain
CREATE INDEX CONCURRENTLY made_here_concurrently ON made_here USING vectors (embedding vector_cos_ops);
SELECT id FROM made_here ORDER BY embedding <=> '[2,2]' LIMIT 5;
CREATE UNLOGGED TABLE not_logged (id int, embedding vector(2));
CREATE INDEX ON not_logged USING vectors (embedding vector_l2_ops);
INSERT INTO not_logged SELECT i, format('[%s,1]', i)::vector FROM generate_series(1, 500) i;
SELECT id FROM not_logged ORDER BY embedding <-> '[7.2,1]' LIMIT 2;
SELECT count(*) FROM (SELECT id FROM not_logged ORDER BY embedding <-> '[7,1]') s;
CREATE TEMP TABLE own (id int, embedding vector(2));
CREATE INDEX own_embedding ON own USING vectors (embedding vector_l2_ops);
INSERT INTO own SELECT i, format('[%s,1]', i)::vector FROM generate_series(1, 500) i;
SELECT id FROM own ORDER BY embedding <-> '[7.2,1]' LIMIT 2;
VACUUM own;
SELECT count(*) FROM (SELECT id FROM own ORDER BY embedding <-> '[7,1]') s;
CREATE TABLE parts (id int, embedding vector(2)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (250);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (250) TO (1000);
INSERT INTO parts SELECT i, format('[%s,1]', i)::vector FROM generate_series(1, 500) i;
CREATE INDEX ON parts USING vectors (embedding vector_l2_ops);
SELECT plan_of($$SELECT id FROM parts ORDER BY embedding <-> '[249.4,1]' LIMIT 4$$);
SELECT id FROM parts ORDER BY embedding <-> '[249.4,1]' LIMIT 4;
CREATE INDEX items_partial ON items USING vectors (embedding vector_cos_ops) WHERE category = 7;
SELECT plan_of($$SELECT id FROM items WHERE category = 7 ORDER BY embedding <=> '[1,2,3]' LIMIT 3$$);
SELECT count(*) FROM (SELECT id FROM items WHERE category = 7 ORDER BY embedding <=> '[1,2,3]') s;
CREATE TABLE texts (id int, t text);
INSERT INTO texts SELECT i, format('[%s,1]', i) FROM generate_series(1, 500) i;
CREATE INDEX ON texts USING vectors ((t::vector(2)) vector_l2_ops);
SELECT id FROM texts ORDER BY t::vector(2) <-> '[42.2,1]' LIMIT 2;
CREATE DOMAIN plane AS vector(2) CHECK (vector_norm(value) < 1000);
CREATE DOMAIN unbounded AS vector;
CREATE TABLE points (id int, embedding plane, other unbounded);
INSERT INTO points SELECT i, format('[%s,1]', i)::plane FROM generate_series(1, 500) i;
CREATE INDEX points_embedding ON points USING vectors (embedding vector_l2_ops);
SELECT plan_of($$SELECT id FROM points ORDER BY embedding <-> '[42.2,1]' LIMIT 2$$);
SELECT id FROM points ORDER BY embedding <-> '[42.2,1]' LIMIT 2;
SELECT vectors_merge('points_embedding');
SELECT * FROM vectors_verify('points_embedding');
SELECT vectors_index_options('points_embedding')::json #> '{indexing,hnsw,quantization}' AS quantization;
CREATE INDEX ON points USING vectors (other vector_l2_ops);

-- what is refused
CREATE TABLE refused (id int, a vector(3), b vector(3), c vector);
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;
SELECT attempt('CREATE INDEX ON refused USING vectors (c vector_l2_ops)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, b vector_l2_ops)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a)');
SELECT attempt('CREATE INDEX ON refused USING vectors (id)');
SELECT attempt('CREATE UNIQUE INDEX ON refused USING vectors (a vector_l2_ops)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops) INCLUDE (id)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops) WITH (unknown = 1)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops) WITH (options = ''segment.unknown = 1'')');
CREATE INDEX refused_a ON refused USING vectors (a vector_l2_ops);
SELECT attempt('INSERT INTO refused (a) VALUES (''[1,2]'')');
INSERT INTO refused (a) VALUES ('[1,2,3]');
SELECT attempt('SELECT id FROM refused ORDER BY a <-> ''[1,2]'' LIMIT 1');
SELECT attempt('SET vectors.hnsw_ef_search = 0');
SELECT attempt('SET vectors.no_such_setting = 1');
SELECT attempt('SELECT vectors_merge(''refused'')');
SELECT attempt('SELECT vectors_merge(''items_category'')');
SELECT attempt('SELECT vectors_merge(0)');
CREATE ROLE regress_stranger;
SET ROLE regress_stranger;
SELECT attempt('SELECT vectors_merge(''refused_a'')');
RESET ROLE;
DROP ROLE regress_stranger;

SELECT attempt('SELECT vectors_merge(''parts_embedding_idx'')');

-- never without the order of exactly one distance, whatever else is off
CREATE TABLE two_keys (id int, embedding vector(2));
INSERT INTO two_keys VALUES (1, '[1,0]'), (2, '[-1,0]'), (3, '[0,1]'), (4, '[0,-1]');
CREATE INDEX two_keys_embedding ON two_keys USING vectors (embedding vector_l2_ops) WHERE id > 0;
SELECT plan_of($$SELECT id FROM two_keys WHERE id > 0 ORDER BY embedding <-> '[0,0]', embedding <-> '[0,-5]'$$);
SELECT id FROM two_keys WHERE id > 0 ORDER BY embedding <-> '[0,0]', embedding <-> '[0,-5]' LIMIT 1;
SELECT count(*) FROM two_keys WHERE id > 0;
DROP TABLE two_keys;

SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'vectors') ORDER BY opcname;

DROP TABLE items, made_here, not_logged, own, parts, texts, points, refused;
DROP DOMAIN plane, unbounded;
DROP FUNCTION compare_with_table, attempt, plan_of;
