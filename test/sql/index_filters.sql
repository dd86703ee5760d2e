-- Filter columns: every type and operator beside a sequential scan, NULLs and extremes, changes of rows, what is refused.

SET client_min_messages = warning;
SET timezone = 'America/New_York';
SET jit = off;

-- Runs a condition by the index and by the table. index: whether the index is asked a condition; NULL: it is not used.
CREATE FUNCTION compare(condition text, query text DEFAULT '[1,2,3]', relation text DEFAULT 'items')
RETURNS TABLE (rows bigint, same bool, sorted bool, index bool) LANGUAGE plpgsql AS $$
DECLARE
    ordered text := format('SELECT id, embedding <-> (SELECT %L::vector) AS distance FROM %I WHERE %s ORDER BY embedding <-> (SELECT %1$L::vector)', query, relation, condition);
    by_table int[];
    by_index int[];
    distances real[];
    line text;
BEGIN
    SET LOCAL enable_indexscan = off;
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM %I WHERE %s', relation, condition) INTO by_table;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_bitmapscan = off;
    SET LOCAL enable_sort = off;
    EXECUTE format('SELECT array_agg(id), array_agg(distance) FROM (%s) s', ordered) INTO by_index, distances;
    index := NULL;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || ordered LOOP
        IF line ~ 'Index Scan using items_filters' THEN
            index := false;
        ELSIF line ~ 'Index Cond' THEN
            index := true;
        END IF;
    END LOOP;
    RESET enable_seqscan;
    RESET enable_bitmapscan;
    RESET enable_sort;
    rows := coalesce(cardinality(by_index), 0);
    same := by_table IS NOT DISTINCT FROM (SELECT array_agg(i ORDER BY i) FROM unnest(by_index) i);
    sorted := NOT EXISTS (SELECT FROM generate_subscripts(distances, 1) i WHERE distances[i] > distances[i + 1] OR distances[i] IS NULL AND distances[i + 1] IS NOT NULL);
    RETURN NEXT;
END $$;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE items (
    id int PRIMARY KEY, embedding vector(3), small int2, medium int4, big int8, single float4, double float8, price numeric,
    flag bool, owner uuid, name text COLLATE "C", title varchar(40) COLLATE "C.utf8", made date, local timestamp, moment timestamptz,
    hour time, feeling mood, counts int4[], tags text[], bigs int8[], smalls int2[]);
CREATE FUNCTION fill(first int, last int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO items SELECT i, CASE WHEN i % 97 <> 0 THEN format('[%s,%s,%s]', i % 17, i % 5, i % 29)::vector END,
        i % 7 - 3, i % 11 - 5, i % 13 - 6, (i % 9 - 4) / 2.0, (i % 19 - 9) / 3.0, (i % 23 - 11) / 7.0,
        i % 3 = 0, md5((i % 31)::text)::uuid, 'name ' || i % 37, CASE WHEN i % 41 = 0 THEN '' ELSE repeat('x', i % 12) || i % 3 END,
        date '2024-01-01' + i % 43, timestamp '2024-01-01' + i % 47 * interval '7 hours', timestamptz '2024-01-01' + i % 53 * interval '5 hours',
        time '00:00' + i % 24 * interval '59 minutes', (ARRAY['sad', 'ok', 'happy'])[i % 3 + 1]::mood,
        ARRAY(SELECT j * i % 61 FROM generate_series(1, i % 6) j), ARRAY(SELECT 't' || j * i % 29 FROM generate_series(1, i % 4) j),
        ARRAY[i % 10, NULL], ARRAY[[i % 5, 1], [2, i % 3]]
    FROM generate_series(first, last) i
$$;
SELECT fill(1, 800);
INSERT INTO items (id) VALUES (10001);
INSERT INTO items (id, embedding) VALUES (10002, '[1,2,3]');
INSERT INTO items VALUES (10003, '[1,2,3]', -32768, -2147483648, -9223372036854775808, '-infinity', '-infinity', '-infinity', false,
    '00000000-0000-0000-0000-000000000000', '', '', '-infinity', '-infinity', '-infinity', '00:00', 'sad', '{}', '{}', '{}', '{}');
INSERT INTO items VALUES (10004, '[2,2,3]', 32767, 2147483647, 9223372036854775807, 'infinity', 'infinity', 'infinity', true,
    'ffffffff-ffff-ffff-ffff-ffffffffffff', repeat('z', 5000), repeat('z', 40), 'infinity', 'infinity', 'infinity', '24:00', 'happy',
    '{NULL}', '{NULL}', '{NULL}', '{NULL}');
INSERT INTO items VALUES (10005, '[3,2,3]', 0, 0, 0, '-0', '-0', 'NaN', true,
    'ffffffff-ffff-ffff-0000-000000000000', 'name 12345678', E'name 1234567\u00e9', '5874897-12-31', '294276-12-31', '294276-12-31', '12:34:56.789', 'ok',
    '{1,NULL,3}', '{a,NULL}', '{{1,2},{3,4}}', '{1}');
INSERT INTO items VALUES (10006, '[3,2,4]', 1, 1, 1, 'NaN', 'NaN', '1e300', true,
    'ffffffff-ffff-ffff-0000-000000000001', 'name 12345679', 'Name', '4713-11-24 BC', '4713-11-24 BC', '4713-11-24 BC', '12:34:56.789001', 'ok',
    '{2147483647,-2147483648}', ARRAY['', 'a', 'B'], '{9223372036854775807}', '{32767}');
CREATE INDEX items_filters ON items USING vectors (embedding vector_l2_ops, small, medium, big, single, double, price, flag, owner, name, title,
    made, local, moment, hour, feeling, counts, tags, bigs, smalls);
SELECT fill(801, 1000);
INSERT INTO items (id, medium, tags) VALUES (10007, 3, '{a}');
INSERT INTO items (id, embedding, medium, tags) VALUES (10008, '[3,3,3]', 3, '{a}');
ANALYZE items;

CREATE TABLE conditions (id int GENERATED ALWAYS AS IDENTITY, condition text);
-- every scalar type with every operator and argument type of its family
INSERT INTO conditions (condition)
SELECT format('%I %s %s', c, o, a) FROM (VALUES
    ('small', ARRAY['2::int2', '2', '2::int8', '(-32768)', '32767', '40000', '(-9223372036854775808)', '(SELECT NULL::int4)']),
    ('medium', ARRAY['2::int2', '2', '2::int8', '(-2147483648)', '2147483647', '3000000000', '(SELECT NULL::int8)']),
    ('big', ARRAY['2::int2', '2', '2::int8', '(-9223372036854775808)', '9223372036854775807']),
    ('single', ARRAY['0.5::float4', '0.5::float8', '''-0''::float4', '0::float8', '0.1::float8', '''NaN''::float4', '''infinity''::float4', '''-infinity''::float8', '1e300::float8']),
    ('double', ARRAY['1::float8', '0::float4', '(1/3.0)::float8', '''NaN''::float8', '''-infinity''::float8', '''infinity''::float4']),
    ('price', ARRAY['1', '0', '(1/7.0)', '0.142857142857142857142857142857', '''NaN''::numeric', '''infinity''::numeric', '1e300', '1e-400', '''1e400''::numeric']),
    ('flag', ARRAY['true', 'false', '(SELECT NULL::bool)']),
    ('owner', ARRAY['md5(''7'')::uuid', '''ffffffff-ffff-ffff-0000-000000000000''::uuid', '''00000000-0000-0000-0000-000000000000''::uuid']),
    ('name', ARRAY['''name 7''', '''name 12345678''', '''''', '''n''', '''zzzzzzzzz''', 'repeat(''z'', 5000)']),
    ('title', ARRAY['''xx1''', '''''', '''Name''', '''name''']),
    ('made', ARRAY['''2024-01-20''::date', '''2024-01-20''::timestamp', '''2024-01-20 00:00:01''::timestamp', '''2024-01-20''::timestamptz', '''infinity''::date', '''-infinity''::timestamp', '''infinity''::timestamptz', '''5874897-12-31''::date']),
    ('local', ARRAY['''2024-01-05''::date', '''2024-01-05 06:00''::timestamp', '''2024-01-05 06:00''::timestamptz', '''infinity''::timestamp', '''5874897-12-31''::date', '''-infinity''::date']),
    ('moment', ARRAY['''2024-01-05''::date', '''2024-01-05 06:00''::timestamp', '''2024-01-05 06:00''::timestamptz', '''-infinity''::timestamptz', '''5874897-12-31''::date', '''294276-12-31''::timestamp']),
    ('hour', ARRAY['''05:54''::time', '''24:00''::time', '''00:00''::time', '''12:34:56.789''::time'])
) v(c, arguments), unnest(arguments) a, unnest(ARRAY['<', '<=', '=', '>=', '>']) o;
-- NULLs, IN and ANY, enums, booleans
INSERT INTO conditions (condition)
SELECT format('%I IS %s', attname, n) FROM pg_attribute, unnest(ARRAY['NULL', 'NOT NULL']) n
WHERE attrelid = 'items'::regclass AND attnum > 1 ORDER BY attnum, n;
INSERT INTO conditions (condition) VALUES
    ('small IN (1, 2, 70000)'), ('medium IN (1, 1, 3, NULL)'), ('medium = ANY (ARRAY[1, 2]::int8[])'), ('medium = ANY (ARRAY[]::int4[])'), ('medium = ANY (ARRAY[NULL]::int4[])'),
    ('medium = ANY (NULL::int4[])'), ('big < ANY (ARRAY[-5, -3, NULL]::int4[])'), ('big > ANY (ARRAY[5, 4])'), ('big <= ANY (ARRAY[-7, -6])'), ('single IN (0, 0.5, ''NaN'')'),
    ('double >= ANY (ARRAY[2.5, 3]::float4[])'), ('price IN (1, 0, ''NaN'')'), ('flag'), ('NOT flag'), ('flag IS TRUE'), ('flag IS FALSE'), ('flag IS NOT TRUE'), ('flag IN (true, NULL)'),
    ('owner IN (md5(''1'')::uuid, md5(''2'')::uuid)'), ('name IN (''name 1'', ''name 2'', ''name 12345678'')'), ('title IN (''xx1'', ''Name'')'), ('title >= ANY (ARRAY[''xx1'', ''y''])'),
    ('made IN (''2024-01-02'', ''2024-01-03'')'), ('made = ANY (ARRAY[''2024-01-02'', ''2024-01-03'']::timestamptz[])'), ('moment = ANY (ARRAY[''2024-01-02'', ''2024-01-03'']::date[])'),
    ('local < ANY (ARRAY[''2024-01-02'', ''2024-01-03'']::timestamptz[])'), ('local > ANY (ARRAY[''infinity'', ''5000000-01-01'']::date[])'), ('local > ANY (ARRAY[''5000000-01-01'', ''infinity'']::date[])'),
    ('hour IN (''05:54'', ''24:00'')'), ('feeling = ''ok'''), ('feeling IN (''ok'', ''sad'')'), ('feeling > ''sad'''),
    ('name LIKE ''name 1%'''), ('name COLLATE "C.utf8" = ''name 1'''), ('medium <> 3'), ('medium = 1 OR big = 2'), ('medium BETWEEN -1 AND 2'), ('medium > 2 AND medium < 2'), ('medium > 3 AND medium IS NULL'),
    ('medium IS NULL AND medium IS NOT NULL'), ('medium = 3 AND medium IN (3, 4)'), ('medium IN (1, 2, 3) AND medium IN (2, 3, 4) AND medium > 2'), ('medium IN (1, 2) AND medium IN (3, 4)'),
    ('embedding IS NULL AND medium = 3'), ('embedding IS NOT NULL AND medium = 3'), ('embedding IS NULL AND embedding IS NOT NULL'), ('medium = 3 AND id % 2 = 0'),
    ('medium = 3 AND big > 2 AND flag AND name < ''name 2'' AND tags && ''{t1,t5}'''), ('medium = (SELECT 3)'), ('medium = (SELECT NULL::int)'), ('medium = small'), ('medium = big AND flag');
-- arrays
INSERT INTO conditions (condition)
SELECT format('%I %s %s', c, o, quote_literal(a)) FROM (VALUES
    ('counts', ARRAY['{}', '{NULL}', '{3}', '{3,6}', '{1,NULL}', '{2147483647}', '{{3,6},{9,12}}', '{-1}']), ('tags', ARRAY['{}', '{NULL}', '{t3}', '{t3,t6}', '{a,NULL}', '{""}', '{b}', '{B,a}']),
    ('bigs', ARRAY['{}', '{7}', '{1,4}', '{9223372036854775807}']), ('smalls', ARRAY['{}', '{2}', '{1,4}', '{32767,NULL}'])
) v(c, arguments), unnest(arguments) a, unnest(ARRAY['&&', '@>']) o;
INSERT INTO conditions (condition) VALUES ('counts = ''{3}'''), ('counts <@ ''{1,2,3}'''), ('tags && (SELECT NULL::text[])'), ('counts @> ''{3}'' AND counts && ''{6,9}'' AND tags IS NOT NULL'), ('counts && ''{3}'' AND counts IS NULL');

SELECT c.condition, r.* FROM conditions c, compare(c.condition) r ORDER BY c.id;
-- the same with a NULL query, and after all of it is in one segment
SELECT count(*), count(*) FILTER (WHERE NOT same OR NOT sorted OR index IS NULL) AS wrong FROM conditions c, compare(c.condition, NULL) r;
SELECT vectors_merge('items_filters');
SELECT count(*), count(*) FILTER (WHERE NOT same OR NOT sorted OR index IS NULL) AS wrong FROM conditions c, compare(c.condition) r;

-- rows that are changed, deleted, vacuumed, merged; an index that is built anew
CREATE FUNCTION wrong() RETURNS TABLE (compared bigint, wrong bigint, rows numeric) LANGUAGE sql AS $$
    SELECT count(*), count(*) FILTER (WHERE NOT same OR NOT sorted OR index IS NULL), sum(r.rows) FROM conditions c, compare(c.condition) r WHERE c.id % 4 = 0
$$;
UPDATE items SET medium = medium + 1, tags = tags || 'new'::text, flag = NOT flag WHERE id % 5 = 0 AND id < 10000;
UPDATE items SET name = NULL, counts = NULL WHERE id % 11 = 0;
DELETE FROM items WHERE id % 7 = 0;
SELECT * FROM wrong();
VACUUM items;
SELECT fill(20001, 20700);
SELECT * FROM wrong();
ALTER INDEX items_filters SET (options = 'segment.max_growing_segment_size = 100');
VACUUM items;
SELECT * FROM wrong();
DELETE FROM items WHERE id % 3 = 0;
VACUUM items;
SELECT fill(30001, 30050);
SELECT * FROM wrong();
SELECT vectors_merge('items_filters');
SELECT * FROM wrong();
SELECT * FROM vectors_verify('items_filters');
REINDEX INDEX items_filters;
SELECT * FROM wrong();
BEGIN;
DELETE FROM items WHERE id % 2 = 0;
SELECT fill(40001, 40050);
SELECT * FROM wrong();
ROLLBACK;
SELECT * FROM wrong();

-- under a collation that does not tell case from case the index is asked only what it can answer
DO $$
BEGIN
    CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE words (id int, embedding vector(3), word text COLLATE no_case, words text[] COLLATE no_case);
EXCEPTION WHEN feature_not_supported THEN -- a server without ICU
    CREATE TABLE words (id int, embedding vector(3), word text, words text[]);
END $$;
INSERT INTO words SELECT i, format('[%s,1,1]', i)::vector, (ARRAY['Word', 'word', 'WORD', 'other', NULL])[i % 5 + 1], ARRAY[(ARRAY['Word', 'word', 'WORD', 'other', NULL])[i % 5 + 1]]
FROM generate_series(1, 500) i;
CREATE INDEX items_filters_words ON words USING vectors (embedding vector_l2_ops, word, words);
SELECT condition, same, sorted, index
FROM unnest(ARRAY[$$word = 'word'$$, $$word IN ('word', 'Other')$$, $$word < 'other'$$, $$words && '{WORD}'$$, $$words @> '{WORD}'$$, $$word IS NULL$$]) condition,
    compare(condition, relation => 'words');
DROP TABLE words;
DROP COLLATION IF EXISTS no_case;

-- ANY of arrays: there are no arrays of arrays, but of domains over them
CREATE DOMAIN numbers AS int4[];
SELECT condition, rows, same, sorted, index
FROM unnest(ARRAY[$$counts && ANY (ARRAY['{3}', '{5}']::numbers[])$$, $$counts @> ANY (ARRAY['{NULL}', '{3}', '{5,10}']::numbers[])$$,
    $$counts && ANY (ARRAY['{}', '{3}', NULL]::numbers[])$$, $$counts && ANY (ARRAY['{3}', NULL]::numbers[])$$, $$counts @> ANY (ARRAY['{}', NULL]::numbers[])$$,
    $$counts && ANY (ARRAY[NULL]::numbers[])$$, $$counts && ANY (ARRAY[]::numbers[])$$]) condition, compare(condition);
DROP DOMAIN numbers;

-- the other types of vector; domains, expressions, partial and temporary indexes
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE others (id int, h vecf16(4), s svector(4), b bvector(64), i veci8(4), kind positive, words text);
INSERT INTO others SELECT i, v::vecf16, v::svector, (SELECT array_agg((i * j * 7919 / 64) % 2) FROM generate_series(1, 64) j)::vector::bvector, v::veci8, i % 20 + 1, 'Word ' || i % 30
FROM generate_series(1, 2000) i, LATERAL (SELECT ARRAY[i % 7, i % 11, i % 13, 1]::vector AS v) v;
CREATE INDEX others_h ON others USING vectors (h vecf16_l2_ops, kind, lower(words));
CREATE INDEX others_s ON others USING vectors (s svector_dot_ops, kind);
CREATE INDEX others_b ON others USING vectors (b bvector_hamming_ops, kind);
CREATE INDEX others_i ON others USING vectors (i veci8_cos_ops, kind) WHERE id % 2 = 0;
ANALYZE others;
CREATE FUNCTION same_distances(query text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    statement text := format('SELECT array_agg(d ORDER BY d), count(*) FROM (SELECT %s AS d FROM others WHERE %s ORDER BY d LIMIT 20) s', query, condition);
    by_index real[];
    by_table real[];
    number int;
    line text;
    plan text := '';
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off;
    EXECUTE statement INTO by_index, number;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        IF line ~ 'Index (Scan|Cond)' THEN
            plan := plan || ' ' || regexp_replace(line, '^[ >-]*', '');
        END IF;
    END LOOP;
    SET LOCAL enable_indexscan = off;
    EXECUTE statement INTO by_table;
    SET LOCAL enable_indexscan = on;
    RETURN format('%s rows, %s:%s', number, CASE WHEN by_index = by_table THEN 'the same' ELSE 'DIFFERENT' END, plan);
END $$;
SELECT same_distances($$h <-> '[1,2,3,1]'$$, $$kind = 7 AND lower(words) = 'word 6'$$);
SELECT same_distances($$s <#> '{0:1,1:2}/4'$$, $$kind < 3$$);
SELECT same_distances($$b <-> (SELECT b FROM others WHERE id = 77)$$, $$kind IN (3, 5)$$);
SELECT same_distances($$i <=> '[1,2,3,1]'::vector::veci8$$, $$kind = 7 AND id % 2 = 0$$);
CREATE TEMP TABLE own AS SELECT id, ARRAY[id]::vector::vector(1) AS v, kind::int FROM others;
CREATE INDEX own_v ON own USING vectors (v vector_l2_ops, kind);
SET enable_seqscan = off;
SELECT id FROM own WHERE kind = 7 ORDER BY v <-> '[100]' LIMIT 3;
RESET enable_seqscan;

-- what is refused
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
CREATE TABLE refused (a vector(3), b vector(3), n int, t text, p point, j jsonb, c char(3), ps point[], arrays text[]);
SELECT attempt('CREATE INDEX ON refused USING vectors (n, a vector_l2_ops)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, b vector_l2_ops)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, p)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, c)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, ps)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, n DESC)');
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops) INCLUDE (n)');
SELECT attempt('CREATE INDEX too_wide ON refused USING vectors (a vector_l2_ops, ' || string_agg('arrays', ', ') || ')') FROM generate_series(1, 17);
SELECT attempt('CREATE INDEX too_wide ON refused USING vectors (a vector_l2_ops, ' || string_agg('t', ', ') || ')') FROM generate_series(1, 32);
SELECT attempt('ALTER TABLE refused ADD EXCLUDE USING vectors (n WITH =)');
CREATE OPERATOR CLASS other_ops FOR TYPE int4 USING vectors AS OPERATOR 5 = (int4, int4);
SELECT attempt('CREATE INDEX ON refused USING vectors (a vector_l2_ops, n other_ops)');
DROP OPERATOR FAMILY other_ops USING vectors;
-- the widest that is possible
SELECT attempt('CREATE INDEX widest ON refused USING vectors (a vector_l2_ops, ' || string_agg('arrays', ', ') || ')') FROM generate_series(1, 16);
INSERT INTO refused (a, arrays) VALUES ('[1,2,3]', '{a}'), ('[1,2,4]', '{b}'), (NULL, '{b}');
SET enable_seqscan = off;
SELECT a FROM refused WHERE arrays && '{b}' ORDER BY a <-> '[1,2,3]' LIMIT 3;
-- operators that do not mean what their strategy says
SELECT count(*) FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'vectors') AND NOT amvalidate(oid);
CREATE OPERATOR CLASS wrong_ops FOR TYPE int4 USING vectors AS OPERATOR 3 > (int4, int4);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'wrong_ops';
DROP OPERATOR FAMILY wrong_ops USING vectors;
-- a catalog that tells of other columns than the index was built for
CREATE TABLE changed (id int, a vector(2), n int);
CREATE INDEX changed_a ON changed USING vectors (a vector_l2_ops, n);
UPDATE pg_index SET indclass = (split_part(indclass::text, ' ', 1) || ' ' ||
    (SELECT c.oid FROM pg_opclass c JOIN pg_am m ON m.oid = opcmethod WHERE opcname = 'float4_ops' AND amname = 'vectors'))::oidvector
WHERE indexrelid = 'changed_a'::regclass;
\c
SELECT attempt($$INSERT INTO changed VALUES (1, '[1,2]', 3)$$);
SET enable_seqscan = off;
SELECT attempt($$SELECT id FROM changed ORDER BY a <-> '[1,2]' LIMIT 1$$);
SELECT * FROM vectors_verify('changed_a');
DROP TABLE changed, others, refused;
DROP DOMAIN positive;
DROP FUNCTION wrong, same_distances, attempt;

DROP TABLE items, conditions;
DROP TYPE mood;
DROP FUNCTION compare, fill;
