-- Statements from the articles and manuals of pgvecto.rs that make an index, as they stand: the plan uses it, and the rows are those of the table.
SET max_parallel_workers_per_gather = 0;
SET client_min_messages = warning;
-- The plan of a statement without what differs from one run to the next, and whether its answer is that of a scan of the table.
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        IF line ~ 'Scan|Limit|Sort$' THEN
            RETURN NEXT regexp_replace(line, '''.*', '...');
        END IF;
    END LOOP;
END $$;
-- How many of the rows that the statement gives by a scan of the table it gives by the index too.
CREATE FUNCTION same_rows(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    by_index text[];
    by_table text[];
BEGIN
    EXECUTE format('SELECT array_agg(r::text) FROM (%s) r', statement) INTO by_index;
    PERFORM set_config('enable_indexscan', 'off', true);
    EXECUTE format('SELECT array_agg(r::text) FROM (%s) r', statement) INTO by_table;
    PERFORM set_config('enable_indexscan', 'on', true);
    RETURN format('%s of %s', (SELECT count(*) FROM unnest(by_index) r WHERE r = ANY (by_table)), array_length(by_table, 1));
END $$;
-- Vectors with neighbours: waves of the row's number; of small numbers' quarters where text is to be short.
CREATE FUNCTION wave(i int, dimensions int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((sin(i * 0.37 + d * 1.3) + cos(i * 0.011 * d) + sin(i * 0.71 * d))::real ORDER BY d) FROM generate_series(1, dimensions) d
$$;

-- the manual's first example
CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3) NOT NULL);
INSERT INTO items (embedding) SELECT wave(i, 3) FROM generate_series(1, 2000) i;
CREATE INDEX ON items USING vectors (embedding vector_l2_ops);
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY embedding <-> ''[3,2,1]'' LIMIT 5');
SELECT same_rows('SELECT id, embedding <-> ''[3,2,1]'' FROM items ORDER BY embedding <-> ''[3,2,1]'' LIMIT 5');
SELECT same_rows('SELECT id FROM items WHERE embedding <-> ''[3,2,1]'' < 10');
DROP INDEX items_embedding_idx;
-- the options of later generations
CREATE INDEX ON items USING vectors (embedding vector_dot_ops) WITH (options = $$
[indexing.hnsw]
m = 30
ef_construction = 500
$$);
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY embedding <#> ''[3,2,1]'' LIMIT 5');
SELECT same_rows('SELECT id FROM items ORDER BY embedding <#> ''[3,2,1]'' LIMIT 5');
DROP INDEX items_embedding_idx;
CREATE INDEX ON items USING vectors (embedding vector_cos_ops) WITH (options = "[indexing.flat]");
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY embedding <=> ''[3,2,1]'' LIMIT 5');
SELECT same_rows('SELECT id FROM items ORDER BY embedding <=> ''[3,2,1]'' LIMIT 5');
DROP TABLE items;

-- the first generation's operator class and options, filled from and asked with arrays
CREATE TABLE items (id bigserial PRIMARY KEY, emb vector(4) NOT NULL);
INSERT INTO items (emb) SELECT wave(i, 4)::numeric[] FROM generate_series(1, 2000) i;
CREATE INDEX ON items USING vectors (emb l2_ops)
WITH (options = $$
capacity = 2097152
size_ram = 4294967296
storage_vectors = "ram"
[algorithm.hnsw]
storage = "ram"
m = 32
ef = 256
$$);
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY emb <-> ARRAY[3,2,1,0] LIMIT 5');
SELECT same_rows('SELECT id, emb <-> ARRAY[3,2,1,0] FROM items ORDER BY emb <-> ARRAY[3,2,1,0] LIMIT 5');
SELECT plan_of('SELECT * FROM items ORDER BY emb <-> ''{3,2,1,0}''::real[] LIMIT 5');
SELECT same_rows('SELECT id FROM items WHERE emb <-> ARRAY[3,2,1,0] < 5');
DROP TABLE items;
-- numeric[] columns: an index of the vectors that they are
CREATE TABLE items (id bigserial PRIMARY KEY, emb numeric[] NOT NULL);
INSERT INTO items (emb) SELECT wave(i, 3)::numeric[] FROM generate_series(1, 2000) i;
CREATE INDEX ON items USING vectors ((emb::vector(3)) l2_ops);
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY emb::vector(3) <-> ARRAY[3,2,1] LIMIT 5');
SELECT same_rows('SELECT id FROM items ORDER BY emb::vector(3) <-> ARRAY[3,2,1] LIMIT 5');
-- the articles' statements compare the arrays: right, and by reading the table
SELECT plan_of('SELECT * FROM items ORDER BY emb <-> array[3,2,1] LIMIT 5');
SELECT (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY emb <-> array[3,2,1] LIMIT 5) a) = (SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY emb::vector(3) <-> ARRAY[3,2,1] LIMIT 5) b) AS same;
SELECT count(*) FROM items WHERE emb <-> ARRAY[3,2,1] < 5;
DROP TABLE items;

-- bits, and sparse vectors given as dense text
CREATE TABLE items (id bigserial PRIMARY KEY, embedding bvector(64) NOT NULL);
INSERT INTO items (embedding) SELECT binarize(wave(i, 64)::vector) FROM generate_series(1, 2000) i;
CREATE INDEX your_index_name ON items USING vectors (embedding bvector_l2_ops);
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY embedding <-> binarize(wave(5000, 64)::vector) LIMIT 10');
SELECT same_rows('SELECT embedding <-> binarize(wave(5000, 64)::vector) FROM items ORDER BY embedding <-> binarize(wave(5000, 64)::vector) LIMIT 10');
DROP TABLE items;
CREATE TABLE items (id bigserial PRIMARY KEY, embedding svector(10) NOT NULL);
INSERT INTO items (embedding) SELECT format('[%s]', (SELECT string_agg(CASE WHEN (i * 7 + d * 3) % 4 = 0 THEN (i * d % 97)::text ELSE '0' END, ',' ORDER BY d) FROM generate_series(1, 10) d))::svector FROM generate_series(1, 2000) i;
INSERT INTO items (embedding) VALUES ('[0.1,0,0,0,0,0,0,0,0,0]'), ('[0,0,0.1,0,0,0,0,0,0,0]');
CREATE INDEX your_index_name ON items USING vectors (embedding svector_l2_ops);
ANALYZE items;
SELECT plan_of('SELECT * FROM items ORDER BY embedding <-> ''[0.3,0,0,0,0,0.5,0,0,0,0]'' LIMIT 3');
SELECT * FROM items ORDER BY embedding <-> '[0.3,0,0,0,0,0.5,0,0,0,0]' LIMIT 1;
SELECT same_rows('SELECT embedding <-> ''[3,0,20,0,0,5,0,40,0,0]'' FROM items ORDER BY embedding <-> ''[3,0,20,0,0,5,0,40,0,0]'' LIMIT 10');
DROP TABLE items;

-- 3,072 dimensions, as they are and as bits, each with an index; the function searches the bits and compares with what it found
CREATE TABLE documents (id bigserial PRIMARY KEY, content text, embedding vector(3072), binarized bvector(3072) GENERATED ALWAYS AS (binarize(embedding)) STORED);
INSERT INTO documents (content, embedding) SELECT 'document ' || i, wave(i, 3072) FROM generate_series(1, 400) i;
CREATE INDEX ON documents USING vectors (embedding vector_l2_ops);
CREATE INDEX ON documents USING vectors (binarized bvector_l2_ops);
CREATE FUNCTION match_documents_adaptive(query_embedding vector(3072), match_count int) RETURNS SETOF documents LANGUAGE SQL AS $$
WITH shortlist AS (
    SELECT * FROM documents ORDER BY binarized <-> binarize(query_embedding) LIMIT match_count * 8
)
SELECT * FROM shortlist ORDER BY embedding <-> query_embedding LIMIT match_count;
$$;
INSERT INTO documents (content, embedding) SELECT 'document ' || i, wave(i, 3072) FROM generate_series(401, 420) i;
ANALYZE documents;
CREATE TEMP TABLE asked AS SELECT i AS n, wave(i, 3072)::vector(3072) AS q FROM unnest(ARRAY[7, 300, 410, 1000, 5000]) i;
SET enable_seqscan = off;
SELECT plan_of('WITH shortlist AS (SELECT * FROM documents ORDER BY binarized <-> binarize((SELECT q FROM asked LIMIT 1)) LIMIT 80) SELECT * FROM shortlist ORDER BY embedding <-> (SELECT q FROM asked LIMIT 1) LIMIT 10');
SELECT plan_of('SELECT * FROM documents ORDER BY embedding <-> (SELECT q FROM asked LIMIT 1) LIMIT 10');
-- of itself it knows, the others' neighbours it finds nearly all
SELECT n, (SELECT array_agg(id) FROM match_documents_adaptive(q, 1)) FROM asked WHERE n < 500 ORDER BY n;
SELECT count(*) FILTER (WHERE found) >= 45 AS enough, count(*) FROM asked, LATERAL (SELECT id IN (SELECT id FROM match_documents_adaptive(q, 10)) AS found FROM (SELECT id FROM documents ORDER BY (embedding <-> q) + 0 LIMIT 10) e) f;
SELECT n, same_rows(format('SELECT id, embedding <-> (SELECT q FROM asked WHERE n = %s) FROM documents ORDER BY embedding <-> (SELECT q FROM asked WHERE n = %s) LIMIT 20', n, n)) FROM asked ORDER BY n;
RESET enable_seqscan;

-- shortened vectors: an index of the first 256 elements, adaptive retrieval on top
CREATE INDEX documents_short ON documents USING vectors (((embedding[:256])::vector(256)) vector_l2_ops);
CREATE FUNCTION match_documents_shortened(query_embedding vector(3072), match_count int) RETURNS SETOF documents LANGUAGE SQL AS $$
WITH shortlist AS (
    SELECT * FROM documents ORDER BY (embedding[:256])::vector(256) <-> query_embedding[:256] LIMIT match_count * 8
)
SELECT * FROM shortlist ORDER BY embedding <-> query_embedding LIMIT match_count;
$$;
ANALYZE documents;
SET enable_seqscan = off;
SELECT plan_of('SELECT * FROM documents ORDER BY (embedding[:256])::vector(256) <-> (SELECT q[:256] FROM asked LIMIT 1) LIMIT 80');
SELECT n, (SELECT array_agg(id) FROM match_documents_shortened(q, 1)) FROM asked WHERE n < 500 ORDER BY n;
SELECT count(*) FILTER (WHERE found) >= 45 AS enough, count(*) FROM asked, LATERAL (SELECT id IN (SELECT id FROM match_documents_shortened(q, 10)) AS found FROM (SELECT id FROM documents ORDER BY (embedding <-> q) + 0 LIMIT 10) e) f;
RESET enable_seqscan;
DROP FUNCTION match_documents_adaptive, match_documents_shortened;
DROP TABLE documents;
DROP FUNCTION wave, same_rows, plan_of;
