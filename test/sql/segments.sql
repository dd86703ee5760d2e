-- segment.max_sealed_segment_size in CREATE INDEX and REINDEX: several segments, with the same codes, and searches over all of them.

-- In the order of one element: the first segment alone would not show what the rows are like.
CREATE TABLE items (id bigint PRIMARY KEY, embedding vector(16));
INSERT INTO items SELECT i, CASE WHEN i % 100 <> 0 THEN (SELECT array_agg(sin(i * 0.37 + d) + CASE d WHEN 1 THEN i / 100.0 ELSE 0 END)
	FROM generate_series(1, 16) d)::real[]::vector END FROM generate_series(1, 2000) i;
CREATE FUNCTION segments() RETURNS TABLE (sealed bigint[], growing bigint[], write bigint, tuples bigint, indexing bool) LANGUAGE sql
RETURN (SELECT (idx_sealed, idx_growing, idx_write, idx_tuples, idx_indexing) FROM pg_vector_index_stat WHERE tablename = 'items');
-- Rows of which a scan by the index and a sequential scan tell differently.
CREATE FUNCTION differences() RETURNS bigint LANGUAGE sql
SET enable_seqscan = off SET enable_sort = off AS $$
	WITH q AS (SELECT embedding AS q FROM items WHERE id = 777),
		by_index AS MATERIALIZED (SELECT id, embedding <-> (SELECT q FROM q) AS distance FROM items ORDER BY embedding <-> (SELECT q FROM q)),
		by_table AS MATERIALIZED (SELECT id, embedding <-> (SELECT q FROM q) AS distance FROM items)
	SELECT count(*) FROM ((SELECT * FROM by_table EXCEPT ALL SELECT * FROM by_index) UNION ALL (SELECT * FROM by_index EXCEPT ALL SELECT * FROM by_table)) d $$;

CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_sealed_segment_size = 600');
SELECT * FROM segments();
SELECT differences();
SELECT * FROM vectors_verify('items_embedding');
-- Each search asks all of them.
SELECT rows, segments FROM vectors_explain('items_embedding', (SELECT embedding FROM items WHERE id = 777), 10);
SELECT recall >= 0.99 AS recall FROM vectors_recall('items_embedding', 10, 50);

-- REINDEX does the same, by the options of now.
ALTER INDEX items_embedding SET (options = 'segment.max_sealed_segment_size = 1000');
REINDEX INDEX items_embedding;
SELECT * FROM segments();
SELECT differences();
DELETE FROM items WHERE id % 2 = 0;
REINDEX INDEX CONCURRENTLY items_embedding;
SELECT * FROM segments();
SELECT differences();

-- No merge joins them. Once one may, it can: they have the same codes, and so large a segment would not be encoded anew for that.
ALTER INDEX items_embedding SET (options = E'segment.max_sealed_segment_size = 900\nsegment.max_growing_segment_size = 50');
REINDEX INDEX items_embedding;
SELECT vectors_merge('items_embedding');
SELECT * FROM segments();
ALTER INDEX items_embedding SET (options = E'segment.max_sealed_segment_size = 1000\nsegment.max_growing_segment_size = 50');
SELECT fence_vector_index('items_embedding');
SELECT * FROM segments();
SELECT differences();
SELECT * FROM vectors_verify('items_embedding');
DROP INDEX items_embedding;

-- Without graphs, and with lists.
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
	WITH (options = E'segment.max_sealed_segment_size = 400\nindexing.flat = {}');
SELECT * FROM segments();
SELECT differences();
DROP INDEX items_embedding;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
	WITH (options = E'segment.max_sealed_segment_size = 400\nindexing.ivf.nlist = 8');
SELECT * FROM segments();
SELECT differences();
SELECT * FROM vectors_verify('items_embedding');
DROP INDEX items_embedding;

-- There are never more than 256.
INSERT INTO items SELECT i, NULL FROM generate_series(2001, 2500) i;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_sealed_segment_size = 1');
SELECT array_length(sealed, 1), sealed[1], tuples FROM segments();
SELECT differences();
DROP TABLE items;

-- TRUNCATE within the transaction that made the table shortens the file in place: where this session saw a page of the directory is not there any more.
BEGIN;
CREATE TABLE short (id int, v vector(900)) WITH (autovacuum_enabled = off);
ALTER TABLE short ALTER v SET STORAGE external;
CREATE INDEX short_v ON short USING vectors (v vector_l2_ops);
INSERT INTO short SELECT n, array_fill(n::real, '{900}')::vector FROM generate_series(1, 2000) n;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM short ORDER BY v <-> (SELECT v FROM short LIMIT 1) OFFSET 0) s;
TRUNCATE short;
COMMIT;
INSERT INTO short SELECT 1, array_fill(1, '{900}')::vector;
\set ECHO none
SELECT statement FROM generate_series(1, 40) n, unnest(ARRAY[
    'INSERT INTO short SELECT n, array_fill(n::real, ''{900}'')::vector FROM generate_series(2, 61) n', 'DELETE FROM short WHERE id > 1', 'VACUUM short']) WITH ORDINALITY AS s (statement, step)
    ORDER BY n, step \gexec
\set ECHO all
INSERT INTO short SELECT n, array_fill(n::real, '{900}')::vector FROM generate_series(2, 7) n;
SELECT count(*) FROM (SELECT id FROM short ORDER BY v <-> (SELECT v FROM short LIMIT 1) OFFSET 0) s;
SELECT * FROM vectors_verify('short_v');
DROP TABLE short;
