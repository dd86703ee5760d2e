-- Rows that a search finds late come after more distant ones; what takes rows of equal distances for neighbours is not given such an order.

SET client_min_messages = warning;
SET jit = off;
CREATE TABLE items (id int, bits bvector(64), category int) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT n, array_agg((hashint4extended(n, d) & 1)::int ORDER BY d)::vector(64)::bvector, n % 10
    FROM generate_series(1, 5000) n, generate_series(1, 64) d GROUP BY n;
CREATE INDEX items_bits ON items USING vectors (bits bvector_l2_ops, category);
CREATE TABLE others AS SELECT * FROM items WHERE id % 10 = 7;
CREATE INDEX others_bits ON others USING vectors (bits bvector_l2_ops);
CREATE TABLE parts (id int, bits bvector(64)) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, bits FROM items;
CREATE INDEX ON parts USING vectors (bits bvector_l2_ops);
CREATE TABLE distances AS SELECT n::real AS d FROM generate_series(0, 64) n;
ANALYZE items, others, parts, distances;
SELECT format('bits <-> %L', bits) AS d, quote_literal(bits) AS q FROM items WHERE id = 77 \gset
SET vectors.hnsw_ef_search = 10;
SET enable_seqscan = off;
SET enable_hashagg = off;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_material = off;
-- the distances do come out of order
SELECT bool_and(d >= before) AS in_order FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s) s;

-- at its own level: by a sort, or a scan of all
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT :d AS d FROM items GROUP BY 1 ORDER BY 1 LIMIT 12) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT DISTINCT :d AS d FROM items ORDER BY 1 LIMIT 12) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT DISTINCT ON (:d) id, :d AS d FROM items ORDER BY :d LIMIT 12) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT DISTINCT :d AS d FROM parts ORDER BY 1 LIMIT 12) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT :d AS d FROM items INTERSECT SELECT :d FROM others) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT :d AS d FROM items UNION SELECT :d FROM others ORDER BY 1 LIMIT 12) s;
SELECT count(*) FROM (SELECT a.id FROM items a JOIN others b ON (a.bits <-> :q) = (b.bits <-> :q) ORDER BY a.bits <-> :q LIMIT 300) s;
SELECT count(*) FROM (SELECT a.id FROM items a LEFT JOIN distances t ON (a.bits <-> :q) = t.d ORDER BY a.bits <-> :q LIMIT 1000) s;
SELECT count(DISTINCT :d) = count(DISTINCT (:d)::text) AS each_once FROM items WHERE category = 3;
-- a range is found by the index all the same
EXPLAIN (COSTS OFF) SELECT bits <-> '[1]' FROM items WHERE bits <<->> sphere('[1]'::bvector, 2) GROUP BY 1;

-- out of a subquery: by a sort of what it gives
EXPLAIN (COSTS OFF) SELECT d, count(*) FROM (SELECT bits <-> '[1]' AS d FROM items ORDER BY bits <-> '[1]' LIMIT 300) s GROUP BY d;
EXPLAIN (COSTS OFF) SELECT count(*) FROM (SELECT bits <-> '[1]' AS d FROM items ORDER BY bits <-> '[1]' LIMIT 300) s JOIN (SELECT DISTINCT n::real AS d FROM generate_series(1, 30) n) t USING (d);
SELECT count(*) = count(DISTINCT d::text) AS each_once, sum(n) FROM (SELECT d, count(*) AS n FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s GROUP BY d) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT DISTINCT d FROM (SELECT :d AS d FROM items WHERE category < 5 ORDER BY :d LIMIT 1000) s) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT DISTINCT d FROM (SELECT :d AS d FROM parts ORDER BY :d LIMIT 1000) s) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (WITH a AS MATERIALIZED (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) SELECT DISTINCT d FROM a) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT d, row_number() OVER (PARTITION BY d) AS n FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s) s WHERE n = 1;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM ((SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) INTERSECT (SELECT :d FROM others ORDER BY :d LIMIT 300)) s;
SELECT count(*) = count(DISTINCT (d, category)::text) AS each_once, bool_and((d, -category) > before) AS in_order FROM
    (SELECT d, category, lag((d, -category)) OVER () AS before FROM (SELECT d, category FROM (SELECT :d AS d, category FROM items ORDER BY :d, category DESC LIMIT 1000) s GROUP BY d, category ORDER BY d, category DESC) s) s;
SELECT count(*) FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s JOIN (SELECT DISTINCT d FROM distances) t USING (d);
SELECT count(s.d) FROM (SELECT DISTINCT d FROM distances) t LEFT JOIN (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s USING (d);

SELECT count(DISTINCT d) = count(DISTINCT d::text) AS each_once FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s;
SELECT bool_and(given = counted) AS each_once FROM
    (SELECT d, count(DISTINCT category) AS given, count(DISTINCT category::text) AS counted FROM (SELECT :d AS d, category FROM items ORDER BY :d LIMIT 1000) s GROUP BY d) s;
SELECT count(*) FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 300) s FULL JOIN (SELECT id FROM others LIMIT 3) o ON true;
-- whatever the rows were sorted by behind the distance, they still are
SELECT bool_and(id = least) AS first FROM (SELECT DISTINCT ON (d) d, id FROM (SELECT :d AS d, id FROM items ORDER BY :d LIMIT 1000) s ORDER BY d, id) a
    JOIN (SELECT d::text, min(id) AS least FROM (SELECT :d AS d, id FROM items ORDER BY :d LIMIT 1000) s GROUP BY d::text) b ON a.d::text = b.d;
SELECT bool_and((d, id) > before) AS in_order, max(n) > 0 AS counted FROM (SELECT d, id, n, lag((d, id)) OVER () AS before FROM
    (SELECT d, id, count(*) OVER (PARTITION BY d) AS n FROM (SELECT :d AS d, id FROM items ORDER BY :d LIMIT 1000) s ORDER BY d, id OFFSET 0) s) s;
CREATE TABLE named AS SELECT d, n::varchar AS name FROM distances, generate_series(0, 9) n;
ANALYZE named;
SELECT count(*) FROM (SELECT :d AS d, category::varchar AS name FROM items ORDER BY :d, category::varchar LIMIT 1000) s JOIN named USING (d, name);
SET enable_hashagg = on;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM
    (SELECT d, category, count(*) FROM (SELECT :d AS d, category FROM items ORDER BY :d LIMIT 1000) s GROUP BY GROUPING SETS ((d), (category)) ORDER BY d) s WHERE d IS NOT NULL;
SET enable_hashagg = off;

-- over joins: the distance is computed above them, a group's column may be the other side's, and so may what it was sorted by next
CREATE TABLE keys AS SELECT id FROM items;
CREATE UNIQUE INDEX ON keys (id);
CREATE UNIQUE INDEX ON distances (d);
VACUUM ANALYZE keys, distances;
SET enable_nestloop = on;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT d, count(*) FROM (SELECT a.bits <-> '[1]' AS d FROM items a JOIN keys k USING (id) ORDER BY a.bits <-> '[1]' LIMIT 1000) s GROUP BY d;
SELECT count(*) = count(DISTINCT d::text) AS each_once, sum(n) FROM (SELECT d, count(*) AS n FROM (SELECT a.bits <-> :q AS d FROM items a JOIN keys k USING (id) ORDER BY a.bits <-> :q LIMIT 1000) s GROUP BY d) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once, sum(n) FROM (SELECT t.d, count(*) AS n FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s JOIN distances t ON s.d = t.d GROUP BY t.d) s;
SELECT count(*) = count(DISTINCT (d, id)::text) AS each_once FROM
    (SELECT s.d, o.id, count(*) FROM (SELECT :d AS d, id FROM items ORDER BY :d, id LIMIT 1000) s JOIN (SELECT id FROM keys, generate_series(1, 3)) o ON o.id = s.id GROUP BY s.d, o.id) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT d2 AS d, count(*) FROM (SELECT :d AS d1, :d AS d2 FROM items ORDER BY :d LIMIT 1000) s GROUP BY d2) s;
SELECT bool_and(n = m) AS counted FROM (SELECT a.bits <-> :q AS d, count(*) OVER (PARTITION BY a.bits <-> :q) AS n FROM items a JOIN keys k USING (id)) w
    JOIN (SELECT d::text AS text, count(*) AS m FROM (SELECT :d AS d FROM items OFFSET 0) x GROUP BY d::text) g ON w.d::text = g.text;
-- out of a CTE, by columns that are not the ones by which it is in order
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM
    (WITH a AS MATERIALIZED (SELECT :d AS d1, :d AS d2 FROM items ORDER BY :d LIMIT 1000) SELECT DISTINCT d2 AS d FROM a) s;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM
    (WITH a AS MATERIALIZED (SELECT t.d FROM (SELECT :d AS d FROM items ORDER BY :d LIMIT 1000) s JOIN distances t ON s.d = t.d ORDER BY t.d) SELECT DISTINCT d FROM a) s;
SET enable_mergejoin = on;
SET enable_nestloop = off;

-- the column on the right, a domain over distances
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT d, count(*) FROM (SELECT :q <-> bits AS d FROM items ORDER BY 1 LIMIT 1000) s GROUP BY d) s;
SELECT count(*) FROM (SELECT :q <-> bits AS d FROM items ORDER BY 1 LIMIT 1000) s JOIN (SELECT DISTINCT d FROM distances) t USING (d);
CREATE DOMAIN distance AS real;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM (SELECT d, count(*) FROM (SELECT (:d)::distance AS d FROM items ORDER BY 1 LIMIT 1000) s GROUP BY d) s;
DROP DOMAIN distance;

-- what needs no neighbours streams as before
CREATE FUNCTION sorts(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE plan text;
BEGIN EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan; RETURN plan ~ '"Sort"'; END $$;
SELECT sorts('SELECT id, row_number() OVER (ORDER BY bits <-> ''[1]'') FROM items LIMIT 5') AS windows, sorts('SELECT count(*) FROM (SELECT FROM items ORDER BY bits <-> ''[1]'' LIMIT 50) s') AS aggregates;
SELECT sorts('(SELECT id FROM items ORDER BY bits <-> ''[1]'' LIMIT 10) UNION ALL (SELECT id FROM others ORDER BY bits <-> ''[1]'' LIMIT 10)') AS union_all;
DROP FUNCTION sorts;
CREATE FUNCTION scans(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE plan text;
BEGIN EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan; RETURN plan ~ 'items_bits'; END $$;
SELECT scans('(SELECT id FROM items ORDER BY bits <-> ''[1]'' LIMIT 10) UNION (SELECT id FROM others ORDER BY id LIMIT 10)') AS a_union,
    scans('(SELECT id FROM items ORDER BY bits <-> ''[1]'' LIMIT 10) INTERSECT (SELECT id FROM others ORDER BY id LIMIT 10)') AS intersect,
    scans('SELECT i.id FROM items i LEFT JOIN others o USING (id) ORDER BY i.bits <-> ''[1]'' LIMIT 10') AS left_join;
DROP FUNCTION scans;
EXPLAIN (COSTS OFF) SELECT id FROM parts ORDER BY bits <-> '[1]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT category, count(*) FROM (SELECT category FROM items ORDER BY bits <-> '[1]' LIMIT 50) s GROUP BY category;
-- the first statement of a session, whose planning loads the library
\c
SET jit = off;
SET enable_seqscan = off;
SET enable_hashagg = off;
SELECT count(*) = count(DISTINCT d::text) AS each_once FROM
    (SELECT d, count(*) FROM (SELECT bits <-> (SELECT bits FROM items WHERE id = 77) AS d FROM items ORDER BY 1 LIMIT 3000) s GROUP BY d) s;
DROP TABLE items, others, parts, distances, named, keys;
