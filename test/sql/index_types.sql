-- Every type with every metric that an operator class has: the index gives what the table gives.

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;

SELECT opcname, opcintype::regtype, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE amname = 'vectors' ORDER BY opcintype::regtype::text, opcname COLLATE "C";

-- All rows in the order of the index against all rows by the operator alone. The order is exact where ef_search spans all rows.
CREATE FUNCTION index_against_table(relation regclass, operator text, query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    of_type text := (SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = relation AND attname = 'v');
    expression text := format('v %s (SELECT %s::%s)', operator, quote_nullable(query), of_type);
    plan text;
    result text;
BEGIN
    EXECUTE format('CREATE TEMP TABLE by_table AS SELECT id, %s AS distance FROM %s', expression, relation);
    SET LOCAL enable_seqscan = off;
    EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM %s ORDER BY %s', relation, expression) INTO plan;
    EXECUTE format('CREATE TEMP TABLE by_index AS SELECT row_number() OVER () AS rank, * FROM
        (SELECT id, %1$s AS distance FROM %2$s ORDER BY %1$s) s', expression, relation);
    SET LOCAL enable_seqscan = on;
    SELECT concat_ws(', ',
        CASE WHEN plan NOT LIKE 'Index Scan%' THEN plan END,
        (SELECT nullif(count(*), 0) || ' missing' FROM (SELECT * FROM by_table EXCEPT ALL SELECT id, distance FROM by_index) e),
        (SELECT nullif(count(*), 0) || ' too many' FROM (SELECT id, distance FROM by_index EXCEPT ALL SELECT * FROM by_table) e),
        (SELECT nullif(count(*), 0) || ' out of order' FROM by_index a JOIN by_index b ON b.rank = a.rank + 1
         WHERE (SELECT count(*) FROM by_index) <= current_setting('vectors.hnsw_ef_search')::int AND (b.distance < a.distance OR (a.distance IS NULL AND b.distance IS NOT NULL)))) INTO result;
    DROP TABLE by_table, by_index;
    RETURN CASE WHEN result = '' THEN 'same' ELSE result END;
END $$;

-- A row of small numbers with many zeros and some equal rows; 0 and 1 for bits. Row 7 is all zero.
CREATE FUNCTION row_text(i int, dimensions int, of_type text) RETURNS text LANGUAGE sql AS $$
    SELECT format('[%s]', string_agg(CASE
        WHEN i = 7 THEN 0
        WHEN of_type = 'bvector' THEN hashint4(i * 1000 + j) & 1
        ELSE greatest(0, hashint4((i % 900) * 1000 + j) % 9) / 4.0 END::text, ',' ORDER BY j))
    FROM generate_series(1, dimensions) j
$$;

CREATE TABLE classes (of_type text, class text, operator text);
INSERT INTO classes
    SELECT t, t || '_' || m || '_ops', o FROM unnest(ARRAY['vector', 'vecf16', 'svector', 'veci8']) t,
        (VALUES ('l2', '<->'), ('dot', '<#>'), ('cos', '<=>')) x(m, o)
    UNION ALL SELECT 'bvector', 'bvector_' || m || '_ops', o
        FROM (VALUES ('l2', '<->'), ('hamming', '<->'), ('dot', '<#>'), ('cos', '<=>'), ('jaccard', '<~>')) x(m, o)
    UNION ALL VALUES ('vector', 'l2_ops', '<->'), ('vector', 'dot_ops', '<#>'), ('vector', 'cosine_ops', '<=>');

-- Rows in the table before CREATE INDEX, after it, deleted, and in segments merged; NULLs and zero vectors among them.
CREATE FUNCTION life_of_an_index(of_type text, class text, operator text, dimensions int, row_count int) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    queries text[] := ARRAY[row_text(5, dimensions, of_type), row_text(5000, dimensions, of_type), row_text(7, dimensions, of_type), NULL];
    results text[] := '{}';
BEGIN
    EXECUTE format('CREATE TABLE life (id int, v %s(%s))', of_type, dimensions);
    EXECUTE format('INSERT INTO life SELECT i, CASE WHEN i %% 50 <> 3 THEN row_text(i, %s, %L)::%s END
        FROM generate_series(1, %s) i', dimensions, of_type, of_type, row_count);
    EXECUTE format('CREATE INDEX life_v ON life USING vectors (v %s)', class);
    results := results || (SELECT array_agg(index_against_table('life', operator, q)) FROM unnest(queries) q);
    EXECUTE format('INSERT INTO life SELECT i, row_text(i, %s, %L)::%s FROM generate_series(%s + 1, %s + 30) i',
                   dimensions, of_type, of_type, row_count, row_count);
    DELETE FROM life WHERE id % 4 = 1;
    results := results || (SELECT array_agg(index_against_table('life', operator, q)) FROM unnest(queries) q);
    PERFORM vectors_merge('life_v');
    results := results || (SELECT array_agg(index_against_table('life', operator, q)) FROM unnest(queries) q);
    DROP TABLE life;
    RETURN (SELECT string_agg(DISTINCT r, '; ') FROM unnest(results) r);
END $$;

SELECT class, life_of_an_index(of_type, class, operator, 12, 250) FROM classes;
SELECT of_type, string_agg(DISTINCT dimensions || ': ' || life_of_an_index(of_type, class, operator, dimensions, 70), '; ')
FROM classes, unnest(ARRAY[1, 63, 64, 65]) dimensions GROUP BY of_type ORDER BY of_type;

-- the most dimensions of each type
CREATE TABLE longest (id int, x vector(65535));
INSERT INTO longest SELECT i, (SELECT array_agg((hashint4(i * 70000 + j) % 100)::real ORDER BY j)::vector FROM generate_series(1, 65535) j)
FROM generate_series(1, 12) i;
CREATE FUNCTION longest_of(of_type text, class text, operator text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('CREATE TABLE life AS SELECT id, %s::%s(65535) AS v FROM longest',
                   CASE of_type WHEN 'bvector' THEN 'binarize(x)' ELSE 'x' END, of_type);
    EXECUTE format('CREATE INDEX life_v ON life USING vectors (v %s)', class);
    SELECT string_agg(DISTINCT index_against_table('life', operator, v::text), '; ') INTO result FROM life WHERE id IN (3, 9);
    DROP TABLE life;
    RETURN result;
END $$;
SELECT class, longest_of(of_type, class, operator) FROM classes WHERE class LIKE '%\_l2\_ops' OR class LIKE '%jaccard%';

CREATE TABLE life (id int, v svector(1048575));
INSERT INTO life SELECT i, to_svector(1048575, array_agg(hashint4(i * 1000 + j) & 1048574 ORDER BY hashint4(i * 1000 + j) & 1048574), array_agg(j::real))
FROM generate_series(1, 60) i, generate_series(1, 2 + i % 40) j
WHERE NOT EXISTS (SELECT FROM generate_series(1, j - 1) k WHERE (hashint4(i * 1000 + k) & 1048574) = (hashint4(i * 1000 + j) & 1048574))
GROUP BY i;
INSERT INTO life SELECT 100 + i, to_svector(1048575, ARRAY[0, 1048574 - i], ARRAY[1, i]::real[]) FROM generate_series(0, 3) i;
INSERT INTO life VALUES (200, (SELECT to_svector(1048575, array_agg(j ORDER BY j), array_agg(1 + j % 7 ORDER BY j)::real[]) FROM generate_series(0, 1048574) j));
INSERT INTO life VALUES (201, '{}/1048575'), (202, NULL);
CREATE INDEX life_l2 ON life USING vectors (v svector_l2_ops);
SELECT id, index_against_table('life', '<->', v::text) FROM life WHERE id IN (3, 102, 200, 201) ORDER BY id;
DROP INDEX life_l2;
CREATE INDEX life_dot ON life USING vectors (v svector_dot_ops);
CREATE INDEX life_cos ON life USING vectors (v svector_cos_ops);
SELECT id, operator, index_against_table('life', operator, v::text) FROM life, unnest(ARRAY['<#>', '<=>']) operator
WHERE id IN (3, 102, 200, 201) ORDER BY 1, 2;
DROP TABLE life;

-- what does not fit the column
CREATE TABLE shapes (b bvector(8), s svector(8), h vecf16(8), q veci8(8), any_s svector);
CREATE INDEX ON shapes USING vectors (b bvector_jaccard_ops);
CREATE INDEX ON shapes USING vectors (s svector_l2_ops);
CREATE INDEX ON shapes USING vectors (h vecf16_cos_ops);
CREATE INDEX ON shapes USING vectors (q veci8_dot_ops);
CREATE INDEX ON shapes USING vectors (any_s svector_l2_ops);
CREATE INDEX ON shapes USING vectors (b vector_l2_ops);
SET enable_seqscan = off;
SELECT * FROM shapes ORDER BY b <~> '[1,0,1]';
SELECT * FROM shapes ORDER BY s <-> '{1:1}/9';
SELECT * FROM shapes ORDER BY h <=> '[1,0,1]';
SELECT * FROM shapes ORDER BY q <#> '[1,0,1]';
DROP TABLE shapes, classes, longest;
DROP FUNCTION longest_of, life_of_an_index, row_text, index_against_table;
