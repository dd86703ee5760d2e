-- Casts between arrays and vectors and between the vector types; slices and subvector.
\i data/raises.sql

-- what casts there are and how willingly they are made (i implicit, a in assignments, e explicit)
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast WHERE EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_cast'::regclass AND objid = pg_cast.oid AND deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vectors'))
    ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";

-- arrays to vectors
CREATE TEMP TABLE t (v vector(3), h vecf16(3), s svector(3));
INSERT INTO t VALUES (ARRAY[1, 0, 3], ARRAY[1, 0, 3], ARRAY[1, 0, 3]), ('{1,0,2.5}'::real[], '{1,0,2.5}'::real[], '{1,0,2.5}'::real[]), ('{1,0,2.5}'::float8[], '{1,0,2.5}'::float8[], '{1,0,2.5}'::float8[]),
    (ARRAY[1, 0, 2.5], ARRAY[1, 0, 2.5], ARRAY[1, 0, 2.5]), (NULL::int[], NULL::int[], NULL::int[]);
SELECT * FROM t;
SELECT '{NaN,Infinity,-Infinity}'::real[]::vector, '{NaN,Infinity,-Infinity}'::float8[]::vector, '{NaN,1}'::numeric[]::vector, '{2147483647,-2147483648}'::int[]::vector, '{1e-300}'::float8[]::vector, '[5:6]={1,2}'::int[]::vector;
SELECT ARRAY[1,2]::vector(2), ARRAY[1,2]::vecf16(2), ARRAY[1,2]::svector(2), vector_dims(array_agg(i)::vector) FROM generate_series(1, 65535) i;
SELECT statement, pg_temp.raises(statement) FROM unnest(ARRAY[$$SELECT '{1,NULL}'::real[]::vector$$, $$SELECT '{1,NULL}'::int[]::vecf16$$, $$SELECT '{1,NULL}'::numeric[]::svector$$, $$SELECT '{NULL}'::float8[]::vector$$, $$SELECT '{}'::real[]::vector$$, $$SELECT '{}'::int[]::svector$$,
    $$SELECT '{{1,2},{3,4}}'::int[]::vector$$, $$SELECT '{1e39}'::float8[]::vector$$, $$SELECT '{1e39}'::numeric[]::vector$$, $$SELECT '{1e5}'::real[]::vecf16$$, $$SELECT ARRAY[1,2]::vector(3)$$, $$SELECT ARRAY[1,2]::vecf16(3)$$, $$SELECT ARRAY[1,2]::svector(3)$$,
    $$INSERT INTO t(v) VALUES (ARRAY[1,2])$$, $$INSERT INTO t(v) VALUES (ARRAY[1,NULL,2])$$, $$SELECT array_agg(i)::vector FROM generate_series(1, 65536) i$$, $$SELECT array_agg(i)::svector FROM generate_series(1, 1048576) i$$]) statement;
-- vectors to arrays
SELECT '[1,2.5]'::vector::real[], '[1,2.5]'::vecf16::real[], '{1:2.5}/3'::svector::real[], '[1,0,1]'::bvector::real[], '[0,254]'::veci8::real[], '[nan,inf]'::vector::real[];
CREATE TEMP TABLE a (x real[]);
INSERT INTO a SELECT '[1,2]'::vector;
SELECT pg_temp.raises($$INSERT INTO a SELECT '[1,2]'::vecf16$$);
SELECT array_ndims(x), array_lower(x, 1), array_upper(x, 1) FROM a;
-- between the types
SELECT '[1,0.1,70000]'::vector::svector, '[1,0.1,-3]'::vector::vecf16, '[1,0,1]'::vector::bvector, '[0,2,254]'::vector::veci8;
SELECT '[1,0.1]'::vecf16::vector, '{2:5}/4'::svector::vector, '[1,0,1]'::bvector::vector, '[0,2,254]'::veci8::vector;
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['''[1,2]''::vector::vecf16(3)', '''[1,2]''::vecf16::vector(3)', '''[1,2]''::vector::svector(3)', '''{}/2''::svector::vector(3)', '''[1,0]''::vector::bvector(3)', '''[1,0]''::bvector::vector(3)', '''[1,0]''::vector::veci8(3)', '''[1,0]''::veci8::vector(3)',
    '''[1,2]''::vector::bvector', '''[0.5]''::vector::bvector', '''[nan]''::vector::bvector', '''[-1]''::vector::bvector', '''[1e5]''::vector::vecf16', '''[inf]''::vector::veci8', '''{}/65536''::svector::vector', '''{}/65536''::svector::real[]', '''[inf]''::vector::vecf16', '''[1,0]''::bvector::vecf16', '''[1]''::vecf16::svector']) statement;
-- halves round to nearest, ties to even, and keep what is below 2^-14
SELECT '[2049,2051,2048.5,65519.99,1e-7,3e-8,2.9e-8,6.1e-5,-2049,0.33325195]'::vector::vecf16;
SELECT count(*), count(*) FILTER (WHERE (x::real[]::vector::vecf16)::real[] = x::real[]) FROM (SELECT ARRAY[(k::float8 * 2.0 ^ -24)::real] FROM generate_series(0, 2047) k UNION ALL SELECT ARRAY[((1024 + k) * 2.0 ^ e)::real] FROM generate_series(0, 1023, 31) k, generate_series(-24, 5) e) t(x);

-- the operators of arrays are still those of arrays, with the extension in the search path
SELECT ARRAY[1,2] = ARRAY[1,2], '{1,2}'::real[] = '{1,2}', '{1}'::float8[] < '{2}'::float8[], ARRAY[1.5] <> ARRAY[2.5], ARRAY[1,2] || ARRAY[3], '{1}'::real[] || '{2}'::real[], ARRAY[1] || 2, ARRAY[1.5] || NULL, ARRAY[1,2] && ARRAY[2], ARRAY[1,2] @> ARRAY[2];
SELECT ROW(ARRAY[1,2]) < ROW(ARRAY[1,3]), ARRAY[1] IN (ARRAY[1], ARRAY[2]), ARRAY[1] IS DISTINCT FROM ARRAY[1], greatest(ARRAY[1], ARRAY[2]), coalesce(NULL, '{1}'::real[]);
-- a vector beside an array: the array as a vector, inlined, so that an index would be used
SELECT '[1,2]'::vector <-> ARRAY[3,4], '{3,4}'::real[] <-> '[1,2]'::vector, '[1,2]'::vector <#> ARRAY[1.5,2], '{1,0}'::float8[] <=> '[0,1]'::vector, '[1,2]'::vector <-> '[3,4]', ARRAY[1,2] <-> '{3,4}';
EXPLAIN (COSTS OFF, VERBOSE) SELECT v <-> ARRAY[1,2,3], '{1,2,3}'::numeric[] <=> v FROM t;
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['''[1,2]''::vector <-> ARRAY[1]', 'ARRAY[1,NULL] <-> ''[1,2]''::vector']) statement;

-- slices: from 0, half-open; NULL where there is nothing or not all
SELECT v[2:4], v[:2], v[2:], v[:], v[0:5], v[4:5], (v[1:4])[1:2] FROM (VALUES ('[0,1,2,3,4]'::vector)) t(v);
SELECT v[2:4], v[:2], v[2:], v[:], v[0:5], v[4:5], (v[1:4])[1:2] FROM (VALUES ('[0,1,2,3,4]'::vecf16)) t(v);
SELECT v[2:4], v[:2], v[2:], v[:], v[0:5], v[4:5], (v[1:4])[1:2] FROM (VALUES ('{1:1,2:2,4:4}/5'::svector)) t(v);
SELECT v[2:4], v[:2], v[2:], v[:], v[0:5], v[4:5], (v[1:4])[1:2] FROM (VALUES ('[0,1,1,0,1]'::bvector)) t(v);
SELECT v[2:4], v[:2], v[2:], v[:], v[0:5], v[4:5], (v[1:4])[1:2] FROM (VALUES ('[0,1,2,127,254]'::veci8)) t(v);
SELECT a, b, v[a:b], h[a:b], s[a:b], x[a:b], i[a:b] FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vecf16, '[1,2,3]'::svector, '[1,0,1]'::bvector, '[1,2,3]'::veci8)) t(v, h, s, x, i),
    (VALUES (1, 1), (2, 1), (3, 3), (3, 4), (0, 4), (-1, 2), (0, -1), (NULL, 2), (1, NULL), (NULL, NULL), (2147483647, 2147483647), (0, 3)) u(a, b);
SELECT v[3:], v[:0], v[:-1], v[-1:], v[NULL:], v[:NULL] FROM (VALUES ('[1,2,3]'::vector)) t(v);
SELECT v[1:3] FROM (VALUES (NULL::vector)) t(v);
SELECT vector_dims(v[100:65000]), vector_dims(b[3:65535]), vector_dims(s[7:1048575]) FROM (SELECT array_agg(i)::vector, binarize(array_agg(i)::vector), '{1048574:1}/1048575'::svector FROM generate_series(1, 65535) i) t(v, b, s);
-- a slice of a column with a modifier has none; a cast gives it one
SELECT pg_typeof(v[:2]), (v[:2])::vector(2) FROM t LIMIT 1;
SELECT pg_temp.raises('SELECT (v[:2])::vector(3) FROM t');
-- bits at every offset
SELECT count(*) FILTER (WHERE slice <> expected) AS wrong, count(*) FROM (SELECT (b[i:j])::real[], a[i + 1:j] FROM (SELECT array_agg(k * k % 3 % 2)::real[], array_agg(k * k % 3 % 2)::vector::bvector FROM generate_series(1, 40) k) t(a, b), generate_series(0, 20) i, generate_series(21, 40) j) t(slice, expected);
CREATE TEMP VIEW sliced AS SELECT v[1:2] AS v FROM t;
SELECT pg_get_viewdef('sliced'::regclass) LIKE '%v[1:2]%' AS shown, (SELECT v FROM sliced LIMIT 1);
DROP VIEW sliced;
-- arrays of vectors have ordinary subscripts
SELECT (ARRAY['[1,2]', '[3,4]']::vector[])[2], ((ARRAY['[1,2]', '[3,4]']::vector[])[2])[:1], (ARRAY['[1,2]', '[3,4]']::vector[])[2:2];
SELECT statement, pg_temp.raises(statement) FROM unnest(ARRAY['SELECT v[1] FROM t', 'SELECT v[1:2][1:2] FROM t', 'SELECT v[1:2][1] FROM t', 'SELECT v[''a'':2] FROM t', 'SELECT v[now():2] FROM t', 'UPDATE t SET v[1:2] = ''[1]''', 'UPDATE t SET v[1] = 5', 'SELECT b[1] FROM (VALUES (''[1]''::bvector)) u(b)']) statement;

-- subvector: from 1, as far as there are elements
SELECT subvector(v, 2, 3), subvector(v, 4, 10), subvector(v, -1, 3), subvector(v, 1, 2147483647) FROM (VALUES ('[1,2,3,4,5]'::vector)) t(v);
SELECT subvector('[1,2,3]'::vecf16, 2, 1), subvector('{1:5}/3'::svector, 2, 2), subvector('[1,0,1]'::bvector, 2, 2), subvector('[0,127,254]'::veci8, 2, 2);
SELECT statement, pg_temp.raises('SELECT ' || statement) FROM unnest(ARRAY['subvector(''[1,2]''::vector, 3, 1)', 'subvector(''[1,2]''::vector, 1, 0)', 'subvector(''[1,2]''::vector, 1, -5)', 'subvector(''[1,2]''::vector, -2147483648, 3)', 'subvector(''[1,2]''::vector, 2147483647, 2147483647)', 'subvector(''{}/2''::svector, 3, 1)', 'subvector(''[1]''::bvector, 0, 1)']) statement;
