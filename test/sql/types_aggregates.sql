-- avg and sum of vector, vecf16 and svector: NULLs, no rows, types' ranges, partial aggregation in parallel, windows.
\i data/raises.sql

SELECT avg(v), sum(v), avg(v::vecf16), sum(v::vecf16), avg(v::svector), sum(v::svector) FROM (VALUES ('[1,2,3]'::vector), (NULL), ('[3,5,-3]')) t(v);
SELECT avg(v), sum(v), avg(v::vecf16), sum(v::vecf16), avg(v::svector), sum(v::svector) FROM (VALUES ('[1,2,3]'::vector)) t(v) WHERE false;
SELECT avg(v), sum(v), avg(v::vecf16), sum(v::vecf16), avg(v::svector), sum(v::svector) FROM (VALUES (NULL::vector), (NULL)) t(v);
SELECT avg(v), sum(v) FROM (VALUES ('{0:1,2:2}/4'::svector), ('{0:-1,3:5}/4'), ('{}/4')) t(v);
-- the state is in double precision
SELECT sum(v), avg(v) FROM (VALUES ('[1e30,3e38]'::vector), ('[1,3e38]'), ('[-1e30,-3e38]')) t(v);
SELECT avg(v), avg(v::svector) FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t(v);
SELECT sum(v), avg(v) FROM (VALUES ('[inf,1]'::vector), ('[1,nan]')) t(v);
SELECT statement, pg_temp.raises(statement) FROM unnest(ARRAY[$$SELECT sum(v) FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t(v)$$, $$SELECT sum(v) FROM (VALUES ('{0:3e38}/1'::svector), ('{0:3e38}/1')) t(v)$$, $$SELECT sum(v) FROM (VALUES ('[4e4]'::vecf16), ('[4e4]')) t(v)$$,
    $$SELECT avg(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) t(v)$$, $$SELECT avg(v) FROM (VALUES ('[1,2]'::vecf16), ('[1]')) t(v)$$, $$SELECT sum(v) FROM (VALUES ('{}/2'::svector), ('{}/3')) t(v)$$]) statement;

-- as float8 computes it, and in parallel
CREATE TABLE aggregated AS SELECT i, i % 10 AS g, CASE WHEN i % 50 = 0 THEN NULL ELSE ARRAY[i % 17, i / 7.0, -i, sin(i)]::real[] END AS a FROM generate_series(1, 20000) i;
ALTER TABLE aggregated SET (parallel_workers = 2);
ALTER TABLE aggregated ADD v vector, ADD h vecf16, ADD s svector;
UPDATE aggregated SET v = a, h = ARRAY[a[4]], s = to_svector(1048575, ARRAY[0, i % 1000 + 1, 1048574], ARRAY[a[1], a[2], a[4]]) WHERE a IS NOT NULL;
VACUUM ANALYZE aggregated;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(h), sum(s) FROM aggregated;
EXPLAIN (COSTS OFF) SELECT g, avg(v) FROM aggregated GROUP BY g;
CREATE TEMP TABLE in_parallel AS SELECT avg(v) AS av, sum(v) AS sv, avg(h) AS ah, sum(h) AS sh, avg(s) AS a_s, sum(s) AS ss FROM aggregated;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE alone AS SELECT avg(v) AS av, sum(v) AS sv, avg(h) AS ah, sum(h) AS sh, avg(s) AS a_s, sum(s) AS ss FROM aggregated;
RESET max_parallel_workers_per_gather;
-- doubles added in another order may differ in the last place of a float4, not more
SELECT l1_distance(p.av, a.av) <= 1e-6 * l1_distance(a.av, a.av - a.av) AS avg_vector, l1_distance(p.sv, a.sv) <= 1e-6 * l1_distance(a.sv, a.sv - a.sv) AS sum_vector, p.ah = a.ah AS avg_vecf16, p.sh = a.sh AS sum_vecf16,
    l1_distance(p.a_s, a.a_s) <= 1e-6 * l1_distance(a.a_s, a.a_s - a.a_s) AS avg_svector, l1_distance(p.ss, a.ss) <= 1e-6 * l1_distance(a.ss, a.ss - a.ss) AS sum_svector FROM in_parallel p, alone a;
SET max_parallel_workers_per_gather = 0;
SELECT (SELECT sum(v)::real[] FROM aggregated) = (SELECT ARRAY[sum(a[1]::float8), sum(a[2]::float8), sum(a[3]::float8), sum(a[4]::float8)]::real[] FROM aggregated) AS sum,
    (SELECT avg(v)::real[] FROM aggregated) = (SELECT ARRAY[avg(a[1]::float8), avg(a[2]::float8), avg(a[3]::float8), avg(a[4]::float8)]::real[] FROM aggregated) AS avg,
    (SELECT sum(s) FROM aggregated) = (SELECT to_svector(1048575, array_agg(index), array_agg(x::real)) FROM (SELECT index, sum(x::float8) FROM (SELECT 0, a[1] FROM aggregated UNION ALL SELECT i % 1000 + 1, a[2] FROM aggregated UNION ALL SELECT 1048574, a[4] FROM aggregated) u(index, x) WHERE x IS NOT NULL GROUP BY index) g(index, x)) AS sum_svector;
-- groups, by hash and by sort, and states that grow
SELECT g, vector_norm(avg(v)) > 0 AS any, vector_dims(avg(s)) FROM aggregated GROUP BY g ORDER BY g LIMIT 3;
-- windows call the final function again and again on one state
SELECT i, sum(v) OVER w, sum(s) OVER w FROM (SELECT i, to_svector(9, ARRAY[i, i + 1], ARRAY[1, i]), ARRAY[i, 1]::vector FROM generate_series(1, 5) i) t(i, s, v) WINDOW w AS (ORDER BY i);
SELECT i, avg(s) OVER w FROM (SELECT i, to_svector(9, ARRAY[i], ARRAY[i]::real[]) FROM generate_series(1, 5) i) t(i, s) WINDOW w AS (ORDER BY i ROWS 1 PRECEDING);
-- many elements, merged in several rounds
SELECT sum(s) = (SELECT to_svector(1000000, array_agg(i), array_agg(i + 1)::real[]) FROM generate_series(0, 99999) i) AS merged FROM (SELECT i, to_svector(1000000, ARRAY[i % 100000], ARRAY[(i % 100000 + 1) / 2.0]::real[]) FROM generate_series(0, 199999) i) t(i, s);
RESET max_parallel_workers_per_gather;
DROP TABLE aggregated;
