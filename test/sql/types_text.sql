-- Text input and output of every type: what is read, what is printed, what is refused and where.
\i data/raises.sql

-- numbers in every spelling that float4 knows
SELECT '[1,2.5,3]'::vector, '[-0.5e-3, +1e2, .5, 5.]'::vector, '[0x1p-2, 1E+05]'::vector;
SELECT '[NaN, nan, Infinity, -inf, +INFINITY]'::vector;
-- the smallest and the largest, and the shortest digits that read back
SELECT '[1e-45, 1.17549435e-38, 3.4028235e38, 0.1, 16777217, 123456789, 0.30000001192092896]'::vector;
SELECT '[-0, 0.0]'::vector;
-- white space anywhere between tokens
SELECT E' \t[\n1 \r, \f2\x0b] '::vector, E' [ 1 , 0 ] '::bvector, E' { 3 : 1.5 , 0 : -2 } / 5 '::svector;

SELECT '[0.1, 65504, 6e-8, 1e-9, -2, inf]'::vecf16;
SELECT '[1,0,1,1,0,0,1,1,1]'::bvector;
SELECT '{3:1,1:2.5}/5'::svector, '{}/1'::svector, '[0.1,0,0,-3]'::svector, '{0:0,2:7,1:-0}/3'::svector, '{1048574:1}/1048575'::svector;
SELECT '[0,0,0]'::svector, '{0:nan,1:inf}/2'::svector;
-- veci8: exact at both ends and, off by half a step at most, between; constant vectors exactly
SELECT '[-1,1]'::veci8, '[3,3,3]'::veci8, '[0,254]'::veci8, '[0,1,127,128,254]'::veci8, '[1e38,-1e38]'::veci8;

-- dimensions 1 and 65535
SELECT vector_dims(v), left(v::text, 12), right(v::text, 12) FROM (SELECT ('[' || string_agg(i::text, ',') || ']')::vector FROM generate_series(1, 65535) i) t(v);
SELECT vector_dims(v), right(v::text, 5) FROM (SELECT ('[' || string_agg((i % 2)::text, ',') || ']')::bvector FROM generate_series(1, 65535) i) t(v);
SELECT vector_dims(v), right(v::text, 5) FROM (SELECT ('[' || string_agg((i % 2)::text, ',') || ']')::vecf16 FROM generate_series(1, 65535) i) t(v);
SELECT vector_dims(v), right(v::text, 5) FROM (SELECT ('[' || string_agg((i % 2)::text, ',') || ']')::veci8 FROM generate_series(1, 65535) i) t(v);
SELECT vector_dims(v), v FROM (SELECT ('[' || string_agg((i / 1048575)::text, ',') || ']')::svector FROM generate_series(1, 1048575) i) t(v);

SELECT '[7]'::vector, '[7]'::vecf16, '[1]'::bvector, '[7]'::veci8, '[7]'::svector;

-- dimensions out of range
SELECT type, pg_temp.raises(format('SELECT %L::%s', text, type)) FROM
    (VALUES ('vector'), ('vecf16'), ('bvector'), ('veci8')) types(type),
    (VALUES ('[]'), ((SELECT '[' || string_agg('1', ',') || ']' FROM generate_series(1, 65536)))) texts(text) ORDER BY 1, 2;
SELECT text, pg_temp.raises(format('SELECT %L::svector', text)) FROM
    (VALUES ('[]'), ('{}/0'), ('{}/1048576'), ('{}/99999999999999999999999'), ('{1:1}/0')) texts(text) ORDER BY 1;
SELECT pg_temp.raises(format('SELECT %L::svector', '[' || string_agg('1', ',') || ']')) FROM generate_series(1, 1048576);

-- a text broken at every position: each prefix, each with one character replaced, each with one more
SELECT left('[1, -2.5]', n) AS text, pg_temp.raises(format('SELECT %L::vector', left('[1, -2.5]', n))) FROM generate_series(0, 8) n;
SELECT overlay('[1, -2.5]' PLACING 'x' FROM n FOR 1) AS text, pg_temp.raises(format('SELECT %L::vector', overlay('[1, -2.5]' PLACING 'x' FROM n FOR 1))) FROM generate_series(1, 9) n;
SELECT overlay('[1, -2.5]' PLACING ']' FROM n FOR 0) AS text, pg_temp.raises(format('SELECT %L::vector', overlay('[1, -2.5]' PLACING ']' FROM n FOR 0))) FROM generate_series(1, 10) n;
SELECT left('{0:1, 12:-3}/20', n) AS text, pg_temp.raises(format('SELECT %L::svector', left('{0:1, 12:-3}/20', n))) FROM generate_series(0, 14) n;
SELECT overlay('{0:1, 12:-3}/20' PLACING 'x' FROM n FOR 1) AS text, pg_temp.raises(format('SELECT %L::svector', overlay('{0:1, 12:-3}/20' PLACING 'x' FROM n FOR 1))) FROM generate_series(1, 15) n;
SELECT left('[1, 0]', n) AS text, pg_temp.raises(format('SELECT %L::bvector', left('[1, 0]', n))) FROM generate_series(0, 5) n;
SELECT overlay('[1, 0]' PLACING '2' FROM n FOR 1) AS text, pg_temp.raises(format('SELECT %L::bvector', overlay('[1, 0]' PLACING '2' FROM n FOR 1))) FROM generate_series(1, 6) n;

-- other things that are no vector
SELECT text, pg_temp.raises(format('SELECT %L::vector', text)) FROM unnest(ARRAY['1,2,3', '{1,2,3}', '[1 2]', '[1,,2]', '[1, ,2]', '[,1]', '[1,]',
    '[1a]', '[1e]', '[1.2.3]', '[--1]', '[+-1]', '[null]', '[NULL]', '["1"]', '[1;2]', '[1]9', '[1]]', '[[1]]', '[1é]', 'é[1]', '[ñññ 1]', '[0x]', '[infinitely]', '[nano]', '[.]', '[e5]', '[١]']) text;
SELECT text, pg_temp.raises(format('SELECT %L::svector', text)) FROM unnest(ARRAY['{0:1}', '{0:1}/', '{0:1}/3x', '{0:1}/-3', '{-1:1}/3', '{+1:1}/3', '{1.0:1}/3', '{3:1}/3', '{0:1,3:2,1:1}/3',
    '{4294967296:1}/3', '{18446744073709551616:1}/3', '{0:1,0:2}/3', '{1:0,1:0}/3', '{2:1,0:1,2:1}/3', '{0:}/3', '{:1}/3', '{0}/3', '{0:1,}/3', '{0:1 1:2}/3', '[1,2}', '{0:1]/3', '{0:x}/3', '{0:1}/3/3']) text;
SELECT text, pg_temp.raises(format('SELECT %L::bvector', text)) FROM unnest(ARRAY['[2]', '[-1]', '[1.0]', '[01]', '[10]', '[true]', '[1e0]', '101', '[1,]']) text;
-- numbers out of range
SELECT text, pg_temp.raises(format('SELECT %L::vector', text)) FROM unnest(ARRAY['[1e39]', '[1, -3.5e38]', '[1e-46]', '[1e400]', '[0, 1e-400]', '[3.4028236e38]', '[1e99999999999]']) text;
SELECT text, pg_temp.raises(format('SELECT %L::vecf16', text)) FROM unnest(ARRAY['[65519]', '[65520]', '[1, -1e5]', '[1e39]']) text;
SELECT text, pg_temp.raises(format('SELECT %L::veci8', text)) FROM unnest(ARRAY['[1,inf]', '[nan,1]', '[-inf]', '[3.4028235e38,-3.4028235e38]']) text;
SELECT text, pg_temp.raises(format('SELECT %L::svector', text)) FROM unnest(ARRAY['{0:1e39}/1', '[1e39]', '{1:1e-60}/2']) text;
-- long texts are cut in messages, between characters
SELECT pg_temp.raises(format('SELECT %L::vector', repeat('é', 100)));
SELECT pg_temp.raises(format('SELECT %L::vector', '[1,' || repeat('é', 100)));

-- modifiers
CREATE TEMP TABLE t (v vector(3), h vecf16(3), b bvector(3), s svector(3), i veci8(3));
INSERT INTO t VALUES ('[1,2,3]', '[1,2,3]', '[1,0,1]', '{1:1}/3', '[1,2,3]'), (NULL, NULL, NULL, NULL, NULL);
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum;
SELECT statement, pg_temp.raises(statement) FROM unnest(ARRAY[
    $$INSERT INTO t(v) VALUES ('[1,2,3,4]')$$, $$INSERT INTO t(v) SELECT '[1,2]'::vector$$, $$UPDATE t SET v = '[1]'::text::vector$$, $$SELECT '[1,2]'::vector(3)$$, $$SELECT '[1,2]'::vector::vector(3)$$,
    $$INSERT INTO t(h) VALUES ('[1,2,3,4]')$$, $$INSERT INTO t(h) SELECT '[1,2]'::vecf16$$, $$INSERT INTO t(b) VALUES ('[1,0]')$$, $$INSERT INTO t(b) SELECT '[1,0]'::bvector$$,
    $$INSERT INTO t(s) VALUES ('{}/4')$$, $$INSERT INTO t(s) SELECT '{}/2'::svector$$, $$INSERT INTO t(i) VALUES ('[1,0]')$$, $$INSERT INTO t(i) SELECT '[1,0]'::veci8$$,
    $$SELECT '[1]'::vector(0)$$, $$SELECT '[1]'::vector(-1)$$, $$SELECT '[1]'::vector(65536)$$, $$SELECT '[1]'::vecf16(65536)$$, $$SELECT '[1]'::bvector(65536)$$, $$SELECT '[1]'::veci8(65536)$$,
    $$SELECT '[1]'::svector(1048576)$$, $$SELECT '[1]'::vector(1, 2)$$, $$SELECT '[1]'::vector(a)$$, $$ALTER TABLE t ALTER v TYPE vector(4)$$]) statement;
SELECT '{}/1048575'::svector(1048575), '{"[1,2]","[3,4]"}'::vector(2)[], pg_temp.raises($$SELECT '{"[1,2]","[3]"}'::vector(2)[]$$);

-- storage is external; a column may be given another
SELECT typname, typstorage, typalign, typlen FROM pg_type WHERE typname IN ('vector', 'vecf16', 'svector', 'bvector', 'veci8') ORDER BY 1;
CREATE TABLE stored (n int, v vector, h vecf16, b bvector, s svector, i veci8);
DO $$
DECLARE
    storage text;
    dims int;
    number int := 0;
BEGIN
    FOREACH storage IN ARRAY ARRAY['plain', 'external', 'extended', 'main'] LOOP
        EXECUTE format('ALTER TABLE stored ALTER v SET STORAGE %s, ALTER h SET STORAGE %1$s, ALTER b SET STORAGE %1$s, ALTER s SET STORAGE %1$s, ALTER i SET STORAGE %1$s', storage);
        FOREACH dims IN ARRAY ARRAY[1, 3, 64, CASE WHEN storage = 'plain' THEN 300 ELSE 5000 END] LOOP
            number := number + 1;
            INSERT INTO stored SELECT number, a::vector, a::vecf16, binarize(a::vector), a::svector, a::vector::veci8
                FROM (SELECT array_agg(k % 7 - 3) FROM generate_series(1, dims) k) t(a);
        END LOOP;
    END LOOP;
END $$;
SELECT count(*), bool_and(v = v::text::vector AND h = h::text::vecf16 AND b = b::text::bvector AND s = s::text::svector AND i = i::text::veci8
    AND h::vector = v AND s::vector = v AND binarize(v) = b), min(vector_dims(v)), max(vector_dims(i)) FROM stored;
SELECT count(DISTINCT v), count(DISTINCT h), count(DISTINCT b), count(DISTINCT s), count(DISTINCT i) FROM stored;
DROP TABLE stored;
