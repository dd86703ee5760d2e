-- Distances, comparison, hashing, arithmetic, spheres and named functions of every type.
\i data/raises.sql

-- distances: <-> is squared
SELECT '[1,2,3]'::vector <-> '[4,6,3]' AS l2, '[1,2,3]'::vector <#> '[4,6,3]' AS dot, round(('[1,2,3]'::vector <=> '[4,6,3]')::numeric, 6) AS cos, pg_typeof('[1]'::vector <-> '[1]');
SELECT '[1,2,3]'::vecf16 <-> '[4,6,3]' AS l2, '[1,2,3]'::vecf16 <#> '[4,6,3]' AS dot, round(('[1,2,3]'::vecf16 <=> '[4,6,3]')::numeric, 6) AS cos;
SELECT '[1,2,3]'::svector <-> '[4,6,3]' AS l2, '[1,2,3]'::svector <#> '[4,6,3]' AS dot, round(('[1,2,3]'::svector <=> '[4,6,3]')::numeric, 6) AS cos;
SELECT '[1,2,3]'::veci8 <-> '[4,5,6]' AS l2, '[1,2,3]'::veci8 <#> '[4,5,6]' AS dot, round(('[1,2,3]'::veci8 <=> '[4,5,6]')::numeric, 6) AS cos;
SELECT '[1,0,1,1]'::bvector <-> '[1,1,0,0]' AS hamming, '[1,0,1,1]'::bvector <#> '[1,1,0,0]' AS dot, round(('[1,0,1,1]'::bvector <=> '[1,1,0,0]')::numeric, 6) AS cos, '[1,0,1,1]'::bvector <~> '[1,1,0,0]' AS jaccard;
-- the clamp, zero vectors, NaN and infinities
SELECT '[1,1e-3]'::vector <=> '[1,1e-3]' AS same, '[3,4]'::vector <=> '[-3,-4]' AS opposite, '[0,0]'::vector <=> '[1,2]' AS zero, '[0]'::vector <#> '[0]' AS dot;
SELECT '[0,0]'::vecf16 <=> '[1,2]', '{}/2'::svector <=> '[1,2]', '[0,0]'::veci8 <=> '[1,2]', '[0,0]'::bvector <=> '[1,0]', '[0,0]'::bvector <~> '[0,0]', '[0,0]'::bvector <~> '[1,0]';
SELECT '[inf,1]'::vector <-> '[1,1]', '[nan,1]'::vector <-> '[1,1]', '[inf,1]'::vector <-> '[inf,1]', '[inf,1]'::vector <=> '[1,1]', '[3e38,3e38]'::vector <-> '[-3e38,3e38]';
SELECT '[1e-30,2e-30]'::vector <=> '[2e30,1e30]' BETWEEN 0.199 AND 0.201 AS no_overflow;
-- sorted as float4: NaN after infinity, then NULL
SELECT v, v <-> '[0]' AS d FROM (VALUES ('[nan]'::vector), (NULL), ('[inf]'), ('[1]'), ('[-2]')) t(v) ORDER BY v <-> '[0]';

-- by name: l2_distance is a root
SELECT l2_distance('[0,0]'::vector, '[3,4]'), inner_product('[1,2]'::vector, '[3,4]'), cosine_distance('[1,0]'::vector, '[0,1]'), l1_distance('[1,2]'::vector, '[3,-4]'), vector_norm('[3,4]'::vector), vector_dims('[3,4]'::vector);
SELECT l2_distance('[0,0]'::vecf16, '[3,4]'), inner_product('[1,2]'::vecf16, '[3,4]'), cosine_distance('[1,0]'::vecf16, '[0,1]'), l1_distance('[1,2]'::vecf16, '[3,-4]'), vector_norm('[3,4]'::vecf16), vector_dims('[3,4]'::vecf16);
SELECT l2_distance('[0,0]'::svector, '[3,4]'), inner_product('[1,2]'::svector, '[3,4]'), cosine_distance('[1,0]'::svector, '[0,1]'), l1_distance('[1,2]'::svector, '[3,-4]'), vector_norm('[3,4]'::svector), vector_dims('[3,4]'::svector);
SELECT l2_distance('[0,0]'::veci8, '[3,4]'), inner_product('[1,2]'::veci8, '[3,4]'), cosine_distance('[1,0]'::veci8, '[0,1]'), l1_distance('[1,2]'::veci8, '[3,-4]'), vector_norm('[3,4]'::veci8), vector_dims('[3,4]'::veci8);
SELECT hamming_distance('[1,0,1]', '[0,0,0]'), jaccard_distance('[1,0,1]', '[1,0,0]'), vector_norm('[1,1,1,1]'::bvector), vector_dims('[1,1,1,1]'::bvector);
SELECT vector_norm('[3e38,3e38]'::vector), vector_norm('[1e-40,0]'::vector), vector_norm('[0]'::vector);
SELECT vector_normalize('[3,4]'::vector), vector_normalize('[0,0]'::vector), vector_normalize('[2e38,2e38]'::vector), vector_normalize('[3,4]'::vecf16), vector_normalize('{1:-5}/3'::svector), vector_normalize('{}/3'::svector), vector_normalize('[0,0]'::veci8);
SELECT vector_norm(vector_normalize('[1,2,3,4,5]'::veci8));
-- a step that no element uses, as great beside them as can be
SELECT vector_normalize(to_veci8(2, 1e38, 1e-40, '{0,0}'));
SELECT binarize('[-2,-1,0,1,2,nan,inf,-inf,-0]'::vector), binarize('[-2,-1,0,1,2,nan,inf,-inf,6e-8]'::vecf16);

-- arrays
SELECT ARRAY[1,2,3] <-> ARRAY[3,2,1], ARRAY[1,2,3] <#> ARRAY[3,2,1], ARRAY[1,0] <=> ARRAY[0,1];
SELECT ARRAY[1.5,2] <-> ARRAY[1,2], ARRAY[1,2]::real[] <-> ARRAY[1,2]::float8[], '{1,2}'::numeric[] <-> '{1,4}'::numeric[], '{1,2}'::float8[] <#> '{1,2}'::float8[], '{1,2}'::real[] <=> '{1,2}'::real[];
SELECT '[1,2]'::vector <-> ARRAY[3,4], ARRAY[3,4] <-> '[1,2]'::vector, '[1,2]'::vector <-> '{3,4}'::real[];
SELECT pg_typeof(ARRAY[1,2] <-> ARRAY[3,4]);

-- dimensions that differ
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['[1,2,3]', '[1,2,3,4]']) a, unnest(ARRAY['[1,2,3,4]']) b,
    LATERAL (SELECT format('%L::%s %s %L', a, type, operator, b) FROM unnest(ARRAY['vector', 'vecf16', 'svector', 'veci8']) type, unnest(ARRAY['<->', '<#>', '<=>', '+', '-', '*']) operator
        WHERE type <> 'veci8' OR operator LIKE '<%') t(statement) WHERE a <> b;
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['<->', '<#>', '<=>', '<~>', '&', '|', '^']) operator, LATERAL (SELECT format('%L::bvector %s %L', '[1,0]', operator, '[1]')) t(statement);
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['ARRAY[1,2] <-> ARRAY[1]', 'ARRAY[1,2] <-> ARRAY[1,NULL]', 'ARRAY[1,2] <-> ARRAY[[1,2]]', 'ARRAY[1,2] <-> ARRAY[]::int[]', '''{1,1e300}''::float8[] <-> ''{1,1}''::float8[]',
    'l2_distance(''[1,2]''::vector, ''[1]'')', 'l1_distance(''[1,2]''::vector, ''[1]'')', 'inner_product(''[1,2]''::vecf16, ''[1]'')', 'cosine_distance(''[1,2]''::svector, ''[1]'')', 'l1_distance(''[1,2]''::veci8, ''[1]'')', 'hamming_distance(''[1,0]'', ''[1]'')', 'jaccard_distance(''[1,0]'', ''[1]'')']) statement;

-- a total order: element by element, NaN last, the shorter first
SELECT array_agg(v ORDER BY v) FROM unnest(ARRAY['[1,2]', '[1]', '[0,5,5]', '[nan]', '[inf]', '[-inf,0]', '[1,2,-1]', '[1,nan]', '[0]', '[1,1.5]']::vector[]) v;
SELECT array_agg(v ORDER BY v) FROM unnest(ARRAY['[1,2]', '[1]', '[0,5,5]', '[nan]', '[inf]', '[-inf,0]', '[1,2,-1]', '[1,nan]', '[0]', '[1,1.5]']::vecf16[]) v;
SELECT array_agg(v ORDER BY v) FROM unnest(ARRAY['[1,2]', '[1]', '[0,5,5]', '[nan]', '[inf]', '[-inf,0]', '[1,2,-1]', '[1,nan]', '[0]', '[1,1.5]', '[0,-1]', '[0,0,0]']::svector[]) v;
SELECT array_agg(v ORDER BY v) FROM unnest(ARRAY['[1,2]', '[1]', '[0,5,5]', '[1,2,-1]', '[0]', '[1,1.5]', '[-3]']::veci8[]) v;
SELECT array_agg(v ORDER BY v) FROM unnest(ARRAY['[1]', '[0]', '[1,0]', '[0,1]', '[1,0,0,0,0,0,0,0]', '[1,0,0,0,0,0,0,0,0]', '[1,0,0,0,0,0,0,0,1]', '[0,1,1,1,1,1,1,1,1]', '[1,0,0,0,0,0,0,1]']::bvector[]) v;
SELECT a, b, a < b, a <= b, a = b, a <> b, a >= b, a > b FROM (VALUES ('[1,2]'::vector, '[1,3]'::vector), ('[1,2]', '[1,2]'), ('[1,2,0]', '[1,2]'), ('[nan]', '[nan]'), ('[0]', '[-0]')) t(a, b);
-- the order of each type is the order of its vectors
SELECT count(*) FILTER (WHERE sign(vector_cmp(a, b)) <> sign(vecf16_cmp(a::vecf16, b::vecf16)) OR sign(vector_cmp(a, b)) <> sign(svector_cmp(a::svector, b::svector))
    OR sign(bvector_cmp(binarize(a), binarize(b))) <> sign(vector_cmp(binarize(a)::vector, binarize(b)::vector)) OR sign(veci8_cmp(a::veci8, b::veci8)) <> sign(vector_cmp(a::veci8::vector, b::veci8::vector))) AS differ, count(*)
    FROM (SELECT array_agg((k * i * 31 / 7) % 3 - 1)::vector FROM generate_series(1, 60) i, LATERAL generate_series(1, 1 + i % 11) k GROUP BY i) x(a),
         (SELECT array_agg((k * i * 31 / 7) % 3 - 1)::vector FROM generate_series(1, 60) i, LATERAL generate_series(1, 1 + i % 11) k GROUP BY i) y(b);

-- btree and hash: indexes, DISTINCT, GROUP BY, UNIQUE, hash and merge joins
CREATE TABLE keyed (v vector UNIQUE, h vecf16 UNIQUE, s svector UNIQUE, b bvector, i veci8 UNIQUE);
INSERT INTO keyed SELECT a, a, a, binarize(a::vector), a::vector::veci8 FROM (SELECT ARRAY[k, k % 7, -k] FROM generate_series(1, 500) k) t(a);
SELECT pg_temp.raises($$INSERT INTO keyed(v) VALUES ('[1,1,-1]')$$), pg_temp.raises($$INSERT INTO keyed(s) VALUES ('[2,2,-2]')$$);
INSERT INTO keyed(v) VALUES ('[0]');
SELECT pg_temp.raises($$INSERT INTO keyed(v) VALUES ('[-0]')$$);
CREATE INDEX ON keyed USING hash (v);
CREATE INDEX ON keyed USING hash (h);
CREATE INDEX ON keyed USING hash (s);
CREATE INDEX ON keyed USING hash (b);
CREATE INDEX ON keyed USING hash (i);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM keyed WHERE b = '[1,0,0]';
SELECT count(*) FROM keyed WHERE b = '[1,0,0]';
SELECT count(*) FROM keyed WHERE v = '[77,0,-77]';
SELECT count(*) FROM keyed WHERE v < '[100]';
RESET enable_seqscan;
SELECT b, count(*) FROM keyed GROUP BY b ORDER BY b;
SELECT count(DISTINCT v), count(DISTINCT h), count(DISTINCT s), count(DISTINCT b), count(DISTINCT i) FROM keyed;
CREATE TABLE other AS TABLE keyed;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM keyed a JOIN other b ON a.h = b.h;
SELECT count(*) FROM keyed a JOIN other b ON a.h = b.h AND a.v = b.v AND a.s = b.s AND a.i = b.i;
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT count(*) FROM keyed a JOIN other b ON a.h = b.h AND a.v = b.v AND a.s = b.s AND a.i = b.i;
RESET enable_hashjoin;
RESET enable_nestloop;
DROP TABLE keyed, other;
-- what is equal hashes alike, plain and extended
SELECT vector_hash('[0,nan]') = vector_hash('[-0,nan]'), vecf16_hash('[0,nan]') = vecf16_hash('[-0,nan]'), vector_hash_extended('[0]', 5) = vector_hash_extended('[-0]', 5), vector_hash('[1]') <> vector_hash('[1,0]');
SELECT veci8_hash(a) = veci8_hash(b), a = b FROM (VALUES (to_veci8(2, 1, 0, '{2,4}'), to_veci8(2, 2, 0, '{1,2}'))) t(a, b);
SELECT bool_and(hash::bigint & 4294967295 = extended & 4294967295) FROM (SELECT vector_hash(a), vector_hash_extended(a, 0) FROM (VALUES ('[1,2]'::vector), ('[5]')) t(a) UNION ALL SELECT svector_hash('{1:2}/9'), svector_hash_extended('{1:2}/9', 0)
    UNION ALL SELECT bvector_hash('[1]'), bvector_hash_extended('[1]', 0) UNION ALL SELECT vecf16_hash('[1]'), vecf16_hash_extended('[1]', 0) UNION ALL SELECT veci8_hash('[1,2]'), veci8_hash_extended('[1,2]', 0)) t(hash, extended);

-- arithmetic
SELECT '[1,2]'::vector + '[3,5]', '[1,2]'::vector - '[3,5]', '[1,2]'::vector * '[3,5]', '[1]'::vector || '[2,3]';
SELECT '[1,2]'::vecf16 + '[3,5]', '[1,2]'::vecf16 - '[3,5]', '[1,2]'::vecf16 * '[3,5]', '[1]'::vecf16 || '[2,3]';
SELECT '{0:1,2:3}/4'::svector + '{1:5,2:-3}/4', '{0:1,2:3}/4'::svector - '{1:5,2:3}/4', '{0:1,2:3}/4'::svector * '{1:5,2:4}/4', '{0:1}/2'::svector || '{1:2}/3';
SELECT '[1,1,0,0]'::bvector & '[1,0,1,0]', '[1,1,0,0]'::bvector | '[1,0,1,0]', '[1,1,0,0]'::bvector ^ '[1,0,1,0]', '[1,0,1]'::bvector || '[1,1]', '[1,0,0,0,0,0,0,1]'::bvector || '[1,1]';
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['''[3e38]''::vector + ''[3e38]''', '''[3e38]''::vector - ''[-3e38]''', '''[3e38]''::vector * ''[10]''', '''[6e4]''::vecf16 + ''[6e4]''', '''{0:3e38}/1''::svector * ''{0:3e38}/1''', '''[inf]''::vector + ''[1]''', '''[1e-38]''::vector * ''[1e-38]''']) statement;
SELECT '[inf,1]'::vector + '[-inf,1]', '[1e-38]'::vector * '[1e-38]', '{0:1e-38}/1'::svector * '{0:1e-38}/1', '[inf]'::vecf16 * '[2]';
SELECT pg_temp.raises(format('SELECT vector_dims(v || v) FROM (SELECT array_agg(1)::%s FROM generate_series(1, 40000)) t(v)', type)) FROM unnest(ARRAY['vector', 'vecf16', 'vector::bvector', 'svector']) type;
SELECT pg_temp.raises($$SELECT '{}/1048575'::svector || '{}/1'$$);

-- spheres: nearer than the radius, not as near
SELECT '[1,2]'::vector <<->> sphere('[1,4]'::vector, 4) AS edge, '[1,2]'::vector <<->> sphere('[1,4]'::vector, 4.001) AS inside, '[1,2]'::vector <<#>> sphere('[1,4]'::vector, -8.9) AS dot, '[1,2]'::vector <<=>> sphere('[2,4]'::vector, 0.001) AS cos;
SELECT '[1,2]'::vecf16 <<->> sphere('[1,4]'::vecf16, 4) AS edge, '[1,2]'::vecf16 <<->> sphere('[1,4]'::vecf16, 4.001) AS inside, '[1,2]'::vecf16 <<#>> sphere('[1,4]'::vecf16, -8.9) AS dot, '[1,2]'::vecf16 <<=>> sphere('[2,4]'::vecf16, 0.001) AS cos;
SELECT '[1,2]'::svector <<->> sphere('[1,4]'::svector, 4) AS edge, '[1,2]'::svector <<->> sphere('[1,4]'::svector, 4.001) AS inside, '[1,2]'::svector <<#>> sphere('[1,4]'::svector, -8.9) AS dot, '[1,2]'::svector <<=>> sphere('[2,4]'::svector, 0.001) AS cos;
SELECT '[1,2]'::veci8 <<->> sphere('[1,4]'::veci8, 4) AS edge, '[1,2]'::veci8 <<->> sphere('[1,4]'::veci8, 4.001) AS inside, '[1,2]'::veci8 <<#>> sphere('[1,4]'::veci8, -8.9) AS dot, '[1,2]'::veci8 <<=>> sphere('[2,4]'::veci8, 0.001) AS cos;
SELECT '[1,0,1]'::bvector <<->> sphere('[1,1,1]'::bvector, 1) AS edge, '[1,0,1]'::bvector <<->> sphere('[1,1,1]'::bvector, 2) AS inside, '[1,0,1]'::bvector <<#>> sphere('[1,1,1]'::bvector, -1) AS dot, '[1,0,1]'::bvector <<=>> sphere('[1,1,1]'::bvector, 0.2) AS cos, '[1,0,1]'::bvector <<~>> sphere('[1,1,1]'::bvector, 0.4) AS jaccard;
SELECT sphere('[1,2]'::vector, 0.5), (sphere('[1,2]'::vector, 0.5)).radius, ('[1,2]', 3)::sphere_vector, '[1,2]'::vector <<->> ('[1,2]', 3)::sphere_vector;
-- as (v <-> center) < radius: NULL and NaN too
SELECT '[1]'::vector <<->> sphere(NULL::vector, 1), '[1]'::vector <<->> sphere('[1]'::vector, NULL), '[1]'::vector <<->> ROW(NULL, 1)::sphere_vector, NULL::vector <<->> sphere('[1]'::vector, 1);
SELECT v, r, v <<->> sphere('[0]'::vector, r) AS sphere, (v <-> '[0]') < r AS less FROM unnest(ARRAY['[1]', '[inf]', '[nan]']::vector[]) v, unnest(ARRAY[2, 'inf', 'nan', -1]::real[]) r;
SELECT pg_temp.raises($$SELECT '[1]'::vector <<->> sphere('[1,2]'::vector, 1)$$);
-- a center that is TOASTed
CREATE TABLE spheres (s sphere_vector);
INSERT INTO spheres SELECT sphere(array_agg(i)::vector, 1) FROM generate_series(1, 20000) i;
SELECT (SELECT array_agg(i)::vector FROM generate_series(1, 20000) i) <<->> s AS same, vector_dims((s).center) FROM spheres;
DROP TABLE spheres;

-- constructors
SELECT to_svector(5, '{3,1}', '{7,5}'), to_svector(3, '{0,1}', '{0,2}'), to_svector(2, '{}', '{}'), to_veci8(4, 0.5, 1, '{0,1,-128,127}');
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['to_svector(0, ''{}'', ''{}'')', 'to_svector(1048576, ''{}'', ''{}'')', 'to_svector(5, ''{1,2,3}'', ''{1,2}'')', 'to_svector(5, ''{1,1}'', ''{1,2}'')', 'to_svector(5, ''{5}'', ''{1}'')', 'to_svector(5, ''{-1}'', ''{1}'')',
    'to_svector(5, ''{NULL}'', ''{1}'')', 'to_svector(5, ''{1}'', ''{NULL}'')', 'to_svector(5, ''{{1,2}}'', ''{1,2}'')', 'to_svector(5, ''{2147483647}'', ''{1}'')',
    'to_veci8(2, 1, 0, ''{1}'')', 'to_veci8(1, 1, 0, ''{128}'')', 'to_veci8(1, 1, 0, ''{-129}'')', 'to_veci8(1, ''nan'', 0, ''{1}'')', 'to_veci8(1, 1, ''inf'', ''{1}'')', 'to_veci8(1, 1e38, 0, ''{1}'')', 'to_veci8(1, 1, 0, ''{NULL}'')', 'to_veci8(0, 1, 0, ''{}'')', 'to_veci8(65536, 1, 0, ''{}'')']) statement;
SELECT vector_dims(to_svector(200000, array_agg(k), array_agg(k)::real[])) FROM generate_series(1, 100000) k;

-- what a veci8 prints reads back as the same vector, so that a dump restores what it saved
SELECT count(*), count(*) FILTER (WHERE v::text::veci8 = v AND v::real[] = (v::text::veci8)::real[]) FROM (SELECT array_agg((sin(k * i * 7919) * span + middle)::real)::vector::veci8
    FROM generate_series(1, 40) i, generate_series(1, 50) k, (VALUES (1, 0), (1, 1), (1, 10), (1, 10000), (1e-5, 1), (1e30, -1e31)) t(span, middle) GROUP BY i, span, middle) t(v);
-- and is off by half a step at most
SELECT bool_and(abs(x - y) <= (greatest - least) / 508 + 1e-6 * greatest(abs(least), abs(greatest))) FROM (SELECT a, array_agg(x) OVER () IS NULL, x, y, min(x) OVER (PARTITION BY a) AS least, max(x) OVER (PARTITION BY a) AS greatest
    FROM (SELECT array_agg((sin(k * i * 7919) * 3)::real) FROM generate_series(1, 40) i, generate_series(1, 50) k GROUP BY i) t(a), unnest(a, a::vector::veci8::real[]) u(x, y)) t;
SELECT '[3.4028235e38,-3.4028235e38]'::veci8;
