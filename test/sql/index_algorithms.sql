-- Every algorithm gives the rows that the table gives; changed online.

SET max_parallel_workers_per_gather = 0;
SET client_min_messages = warning;

CREATE FUNCTION embedding_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(sin(i * (j + 1) * 0.1)::real ORDER BY j)::vector FROM generate_series(1, 24) j $$;
CREATE TABLE items (id int, embedding vector(24), words svector(1000));
INSERT INTO items SELECT i, embedding_of(i),
    (SELECT to_svector(1000, array_agg(d ORDER BY d), array_agg((1 + d % 3)::real ORDER BY d))
     FROM (SELECT DISTINCT abs(hashint4(i * 100 + j)) % 1000 AS d FROM generate_series(1, 1 + i % 20) j) s)
FROM generate_series(1, 3000) i;
INSERT INTO items VALUES (3001, NULL, NULL), (3002, embedding_of(7), '{}/1000');

-- The nearest ten of some rows, and the whole order: what the index has that the table has not, and the other way round.
CREATE FUNCTION index_against_table(operator text, of_column text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    expression text := format('%I %s (SELECT %1$I FROM items WHERE id = 77)', of_column, operator);
    result text;
BEGIN
    SET LOCAL enable_indexscan = off;
    EXECUTE format('CREATE TEMP TABLE by_table AS SELECT id, %s AS distance FROM items', expression);
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off;
    EXECUTE format('CREATE TEMP TABLE by_index AS SELECT id, %1$s AS distance FROM items ORDER BY %1$s', expression);
    SELECT format('%s rows, %s missing, %s too many', (SELECT count(*) FROM by_index),
        (SELECT count(*) FROM (SELECT * FROM by_table EXCEPT ALL SELECT * FROM by_index) e),
        (SELECT count(*) FROM (SELECT * FROM by_index EXCEPT ALL SELECT * FROM by_table) e)) INTO result;
    DROP TABLE by_table, by_index;
    RETURN result;
END $$;

CREATE INDEX by_lists ON items USING vectors (embedding vector_l2_ops) WITH (lists = 50);
SELECT vectors_index_options('by_lists')::json -> 'indexing';
SELECT index_against_table('<->', 'embedding');
ALTER INDEX by_lists RESET (lists);
ALTER INDEX by_lists SET (options = '[indexing.ivf]
nlist = 20
nprobe = 5
spherical_centroids = true
quantization.rabitq.bits = 2');
SELECT vectors_merge('by_lists');
SELECT index_against_table('<->', 'embedding');
ALTER INDEX by_lists SET (options = '[indexing.ivf]
nlist = 20
residual_quantization = true
quantization.rabitq.bits = 1');
SELECT vectors_index_options('by_lists')::json -> 'indexing';
SELECT vectors_merge('by_lists');
SELECT index_against_table('<->', 'embedding');
DELETE FROM items WHERE id % 3 = 0;
VACUUM items;
INSERT INTO items SELECT i, embedding_of(i), NULL FROM generate_series(4001, 5000) i;
VACUUM items;
SELECT index_against_table('<->', 'embedding');
SELECT vectors_merge('by_lists');
SELECT index_against_table('<->', 'embedding');
SELECT vectors_verify('by_lists');
ALTER INDEX by_lists SET (options = 'indexing.flat.quantization.trivial = {}');
SELECT vectors_merge('by_lists');
SELECT index_against_table('<->', 'embedding');
ALTER INDEX by_lists SET (options = 'indexing.hnsw = {}');
SELECT vectors_merge('by_lists');
SELECT index_against_table('<->', 'embedding');

-- Best first, the worst last: upstream's gave the worst rows first.
CREATE INDEX by_words ON items USING vectors (words svector_dot_ops) WITH (options = 'indexing.inverted_index = {}');
SELECT index_against_table('<#>', 'words');
SET enable_seqscan = off;
SELECT id, words <#> (SELECT words FROM items WHERE id = 77) AS distance FROM items
ORDER BY words <#> (SELECT words FROM items WHERE id = 77) LIMIT 3;
RESET enable_seqscan;
VACUUM items;
SELECT vectors_merge('by_words');
SELECT index_against_table('<#>', 'words');

-- What does not suit a column is refused, at creation.
CREATE INDEX ON items USING vectors (words svector_dot_ops) WITH (lists = 10);
CREATE INDEX ON items USING vectors (words svector_l2_ops) WITH (options = 'indexing.inverted_index = {}');
DROP TABLE items;
DROP FUNCTION index_against_table(text, text), embedding_of;

-- Lists, and a filter that follows the vectors: the lists around a query have few of the rows that match, or none.
SET client_min_messages = warning;
SET jit = off; -- compiling would take most of the time
CREATE TABLE clustered (id int, v vector(16), part int);
INSERT INTO clustered SELECT n, (SELECT array_agg((3 * sin((n % 100) * (12.9898 + d) * 7) + sin(n * (78.233 + d) * 3))::real ORDER BY d) FROM generate_series(1, 16) d)::vector, (n % 100) / 25
    FROM generate_series(1, 8000) n;
CREATE INDEX clustered_v ON clustered USING vectors (v vector_l2_ops, part) WITH (options = 'indexing.ivf.nlist = 200');
SET enable_seqscan = off;
SET vectors.hnsw_ef_search = 10;
CREATE FUNCTION found(condition text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE hits bigint := 0; query text; n bigint;
BEGIN
    FOR i IN 1 .. 50 LOOP
        query := (SELECT v::text FROM clustered WHERE id = i * 7);
        EXECUTE format('SELECT count(*) FROM (SELECT id FROM clustered WHERE %1$s ORDER BY v <-> %2$L LIMIT 10) a
            JOIN (SELECT id FROM clustered WHERE %1$s ORDER BY (v <-> %2$L) + 0 LIMIT 10) b USING (id)', condition, query) INTO n;
        hits := hits + n;
    END LOOP;
    RETURN hits / 500.0;
END $$;
SELECT condition, found(condition) >= 0.99 AS right FROM unnest(ARRAY['TRUE', 'part = 0', 'part = 1', 'part = 3', 'part < 2', 'part >= 2', 'id % 2 = 0']) condition;
-- Codes of residuals, which are read list by list, by scans of what matches, and as they grow.
DROP INDEX clustered_v;
CREATE INDEX clustered_v ON clustered USING vectors (v vector_l2_ops, part) WITH (options = '[indexing.ivf]
nlist = 200
residual_quantization = true
quantization.rabitq.bits = 1');
SELECT condition, found(condition) >= 0.99 AS right FROM unnest(ARRAY['TRUE', 'part = 0', 'part < 2', 'id % 2 = 0', 'part = 1 AND id < 400']) condition;
UPDATE clustered SET part = part WHERE id % 4 = 0;
VACUUM clustered;
SELECT vectors_merge('clustered_v');
SELECT condition, found(condition) >= 0.99 AS right FROM unnest(ARRAY['TRUE', 'part = 0', 'part < 2', 'id % 2 = 0', 'part = 1 AND id < 400']) condition;
SELECT vectors_verify('clustered_v');
DROP FUNCTION found;
DROP TABLE clustered;
RESET vectors.hnsw_ef_search;
RESET enable_seqscan;
RESET jit;
RESET client_min_messages;
