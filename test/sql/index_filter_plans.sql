-- Which plans queries with filters get, and that these give the rows that a scan of the table gives.

SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET vectors.hnsw_ef_search = 400; -- so wide that all neighbours are found

-- A plan without what only some majors tell, with conditions in one order: each major has its own.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        CONTINUE WHEN line ~ '^ *(Disabled|Index Searches|Storage|Window): ';
        IF line ~ '^ *Index Cond: \(\(' THEN
            SELECT INTO line substring(line FROM '^ *Index Cond: \(\(') || string_agg(condition, ') AND (' ORDER BY condition COLLATE "C") || '))'
                FROM regexp_split_to_table(substring(line FROM 'Cond: \(\((.*)\)\)$'), '\) AND \(') condition;
        END IF;
        RETURN NEXT line;
    END LOOP;
END $$;

-- The rows of a query by the plan that it gets, and whether they are those without any index.
CREATE FUNCTION same_rows(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    by_plan text[];
    by_table text[];
BEGIN
    EXECUTE format('SELECT array_agg(s::text) FROM (%s) s', query) INTO by_plan;
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_bitmapscan = off;
    EXECUTE format('SELECT array_agg(s::text) FROM (%s) s', query) INTO by_table;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_bitmapscan = on;
    RETURN format('%s rows, %s', cardinality(by_plan), CASE WHEN by_plan = by_table THEN 'the same' ELSE 'DIFFERENT' END);
END $$;

CREATE FUNCTION example(i int) RETURNS vector IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY(SELECT ((hashint4(i * 16 + j) & 65535) / 65536.0)::real FROM generate_series(1, 6) j)::vector
$$;
CREATE TABLE items (id int PRIMARY KEY, embedding vector(6), category int, rare int, price float8, sold bool, tags text[], name text);
INSERT INTO items SELECT i, example(i), i % 50, i % 4000, i % 1000 / 10.0, i % 10 = 0, ARRAY['t' || i % 20, 't' || i % 30], 'item ' || i FROM generate_series(1, 20000) i;
CREATE INDEX items_filters ON items USING vectors (embedding vector_l2_ops, category, price, sold, tags);
CREATE INDEX items_category ON items (category);
CREATE INDEX items_rare ON items (rare);
CREATE TABLE shops (id int PRIMARY KEY, likes vector(6), category int);
INSERT INTO shops SELECT i, example(-i), i * 7 % 50 FROM generate_series(1, 20) i;
VACUUM ANALYZE items, shops;

-- filter columns, though there is a btree; all kinds of condition at once
SELECT plan_of($$SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT plan_of($$SELECT id FROM items WHERE category IN (5, 6, 10) AND price < 60 AND tags && '{t5,t6}' AND NOT sold ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE category IN (5, 6, 10) AND price < 60 AND tags && '{t5,t6}' AND NOT sold ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
-- few rows by a btree: sorted exactly; many rows by no index: the index goes on until there are enough
SELECT plan_of($$SELECT id FROM items WHERE rare = 17 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE rare = 17 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT plan_of($$SELECT id FROM items WHERE name LIKE '%7' ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE name LIKE '%7' ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
-- a filter column and another; more rows than match; conditions without an order are for others
SELECT plan_of($$SELECT id FROM items WHERE category = 5 AND name LIKE '%5' ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE category = 5 AND name LIKE '%5' ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE category = 5 AND price > 90 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 100$$);
SELECT plan_of($$SELECT count(*) FROM items WHERE tags @> '{t5}'$$);
-- a range and a filter
SELECT plan_of($$SELECT id FROM items WHERE embedding <<->> sphere('[0,1,0,1,0,1]'::vector, 0.5) AND category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]'$$);
SELECT same_rows($$SELECT id FROM items WHERE embedding <<->> sphere('[0,1,0,1,0,1]'::vector, 0.9) AND category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]'$$);
SELECT same_rows($$SELECT id FROM items WHERE embedding <<->> ANY (ARRAY[sphere('[0,1,0,1,0,1]'::vector, 0.9)]) AND category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]'$$);
-- PostgreSQL 18 makes ANY of OR by itself
SELECT same_rows($$SELECT id FROM items WHERE (embedding <<->> sphere('[0,1,0,1,0,1]'::vector, 0.9) OR embedding <<->> sphere('[1,1,0,1,0,1]'::vector, 0.9)) ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 10$$);
SELECT same_rows($$SELECT id FROM items WHERE (embedding <<->> sphere('[0,1,0,1,0,1]'::vector, 0.9) OR embedding <<->> sphere('[1,1,0,1,0,1]'::vector, 0.9)) AND category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]'$$);

-- generic plans
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(vector, int, text[], int) AS SELECT id FROM items WHERE category = $2 AND tags && $3 ORDER BY embedding <-> $1 LIMIT $4;
SELECT plan_of($$EXECUTE nearest('[0,1,0,1,0,1]', 5, '{t5,t6}', 3)$$);
EXECUTE nearest('[0,1,0,1,0,1]', 5, '{t5,t6}', 3);
SELECT id FROM (SELECT * FROM items WHERE category = 5 AND tags && '{t5,t6}' OFFSET 0) s ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 3;
EXECUTE nearest('[0,1,0,1,0,1]', NULL, '{t5,t6}', 3);
EXECUTE nearest('[0,1,0,1,0,1]', 5, '{}', 3);
SELECT count(*) FROM (SELECT 1) s WHERE EXISTS (SELECT FROM items WHERE category = 5 ORDER BY embedding <-> NULL LIMIT 3);
PREPARE among(vector, int[]) AS SELECT id FROM items WHERE category = ANY ($2) ORDER BY embedding <-> $1 LIMIT 5;
SELECT plan_of($$EXECUTE among('[0,1,0,1,0,1]', '{5,6}')$$);
EXECUTE among('[0,1,0,1,0,1]', '{5,6}');
RESET plan_cache_mode;
EXECUTE among('[0,1,0,1,0,1]', '{5,6}');

-- views, CTEs, LIMIT by an expression, OFFSET
CREATE VIEW unsold AS SELECT id, embedding, category FROM items WHERE NOT sold;
SELECT plan_of($$SELECT id FROM unsold WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 4$$);
SELECT same_rows($$SELECT id FROM unsold WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 4$$);
SELECT plan_of($$WITH q AS MATERIALIZED (SELECT likes, category FROM shops WHERE id = 3), u AS (SELECT * FROM items WHERE category = (SELECT category FROM q))
    SELECT id FROM u ORDER BY embedding <-> (SELECT likes FROM q) LIMIT 4$$);
SELECT same_rows($$WITH q AS MATERIALIZED (SELECT likes, category FROM shops WHERE id = 3), u AS (SELECT * FROM items WHERE category = (SELECT category FROM q))
    SELECT id FROM u ORDER BY embedding <-> (SELECT likes FROM q) LIMIT 4$$);
SELECT plan_of($$SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT (SELECT 2 + 2)$$);
SELECT same_rows($$SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT (SELECT 2 + 2)$$);
SELECT plan_of($$SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' OFFSET 20 LIMIT 4$$);
SELECT same_rows($$SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' OFFSET 20 LIMIT 4$$);

-- the nearest 3 of each row
SELECT plan_of($$SELECT s.id, n.id FROM shops s, LATERAL (SELECT id FROM items i WHERE i.category = s.category ORDER BY i.embedding <-> s.likes LIMIT 3) n$$);
SELECT same_rows($$SELECT s.id, n.id AS item FROM shops s, LATERAL (SELECT id FROM items i WHERE i.category = s.category ORDER BY i.embedding <-> s.likes LIMIT 3) n ORDER BY s.id, n.id$$);
SELECT same_rows($$SELECT s.id, n.id AS item FROM shops s LEFT JOIN LATERAL (SELECT id FROM items i WHERE i.category = nullif(s.category, 7) AND i.price < s.id ORDER BY i.embedding <-> s.likes LIMIT 3) n ON true ORDER BY s.id, n.id$$);

-- partitions, UNION ALL
CREATE TABLE parts (id int, embedding vector(6), category int, sold bool) PARTITION BY LIST (sold);
CREATE TABLE parts_sold PARTITION OF parts FOR VALUES IN (true);
CREATE TABLE parts_unsold PARTITION OF parts FOR VALUES IN (false);
CREATE INDEX ON parts USING vectors (embedding vector_l2_ops, category);
INSERT INTO parts SELECT id, embedding, category, sold FROM items;
VACUUM ANALYZE parts;
SELECT plan_of($$SELECT id FROM parts WHERE category = 10 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 5$$);
SELECT same_rows($$SELECT id FROM parts WHERE category = 10 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 5$$);
SELECT plan_of($$SELECT id FROM parts WHERE category IN (1, 10) ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 5$$);
SELECT same_rows($$SELECT id FROM parts WHERE category IN (1, 10) ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 5$$);
SELECT plan_of($$SELECT id FROM (SELECT id, embedding, category FROM items UNION ALL SELECT id, embedding, category FROM parts_unsold) u WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 5$$);
SELECT same_rows($$SELECT id FROM (SELECT id, embedding, category FROM items UNION ALL SELECT -id, embedding, category FROM parts_unsold) u WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]', id LIMIT 5$$);

-- a cursor, and PL/pgSQL
SELECT plan_of($$DECLARE c CURSOR FOR SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]'$$);
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items WHERE category = 5 ORDER BY embedding <-> '[0,1,0,1,0,1]';
CREATE TEMP TABLE fetched (n int GENERATED ALWAYS AS IDENTITY, id int);
DO $$
DECLARE
    c refcursor := 'c';
    found_id int;
BEGIN
    FOR i IN 1..60 LOOP
        FETCH c INTO found_id;
        INSERT INTO fetched (id) VALUES (found_id);
        IF i = 20 THEN
            DELETE FROM items WHERE category = 5 AND id % 100 = 5;
        END IF;
    END LOOP;
END $$;
SELECT count(*), count(DISTINCT id) FROM fetched;
ROLLBACK;
CREATE FUNCTION nearest_of(query vector, wanted int, number int) RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..7 LOOP -- as often as it takes to get a generic plan
        PERFORM id FROM items WHERE category = wanted ORDER BY embedding <-> query LIMIT number;
    END LOOP;
    RETURN QUERY SELECT id FROM items WHERE category = wanted ORDER BY embedding <-> query LIMIT number;
END $$;
CREATE FUNCTION plan_within(query vector, wanted int, number int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN (COSTS OFF) SELECT id FROM items WHERE category = wanted ORDER BY embedding <-> query LIMIT number LOOP
        IF line !~ '^ *(Disabled|Index Searches): ' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END $$;
SELECT plan_within('[0,1,0,1,0,1]', 7, 5);
SELECT (SELECT array_agg(n) FROM nearest_of('[0,1,0,1,0,1]', 7, 5) n) =
    ARRAY(SELECT id FROM (SELECT * FROM items WHERE category = 7 OFFSET 0) s ORDER BY embedding <-> '[0,1,0,1,0,1]' LIMIT 5) AS same;

DROP VIEW unsold;
DROP TABLE items, shops, parts;
DROP FUNCTION plan_of, same_rows, example, nearest_of, plan_within;
