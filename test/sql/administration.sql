-- vectors_prewarm, vectors_recall, vectors_explain, pg_vector_index_progress: what they say, and with whose rights.
SET client_min_messages = warning;
CREATE TABLE items (id bigint, embedding vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, (SELECT array_agg(sin(i * 0.37 + d * 1.3) + cos(i * 0.011 * d)) FROM generate_series(1, 16) d)::real[]::vector FROM generate_series(1, 3000) i;
INSERT INTO items SELECT 3000 + i, NULL FROM generate_series(1, 10) i;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = E'optimizing.sealing_secs = 86400\noptimizing.optimizing_secs = 86400');
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;

-- all bytes of the index
SELECT vectors_prewarm('items_embedding') = idx_size AS all_of_it, idx_size > 3000 * 16 * 4 AS enough FROM pg_vector_index_stat WHERE indexname = 'items_embedding';

SELECT queries_made, recall BETWEEN 0.95 AND 1 AS recall, worst BETWEEN 0 AND recall AS worst, index_ms > 0 AND exact_ms > 0 AS times FROM vectors_recall('items_embedding', 10, 50);
SELECT queries_made FROM vectors_recall('items_embedding');
-- it is the recall of the settings in force: a search that ends after one narrow round misses rows
BEGIN;
SET LOCAL vectors.search_mode = basic;
SET LOCAL vectors.hnsw_ef_search = 1;
SELECT recall < 0.2 AS poor FROM vectors_recall('items_embedding', 10, 50);
COMMIT;
-- rows that wait for a segment, and dead ones
INSERT INTO items SELECT 5000 + id, embedding FROM items WHERE id <= 300 AND embedding IS NOT NULL;
DELETE FROM items WHERE id BETWEEN 100 AND 200;
VACUUM items;
SELECT queries_made, recall > 0.95 AS recall FROM vectors_recall('items_embedding', 100, 20);
-- fewer rows than asked for
CREATE TABLE few (embedding vector(2));
CREATE INDEX few_embedding ON few USING vectors (embedding vector_cos_ops);
SELECT * FROM vectors_recall('few_embedding');
INSERT INTO few VALUES (NULL);
SELECT * FROM vectors_recall('few_embedding');
INSERT INTO few VALUES ('[1,2]'), ('[NaN,1]'), ('[0,0]'), ('[2,1]');
SELECT queries_made, recall, worst FROM vectors_recall('few_embedding', 10, 10);
-- every type
CREATE TABLE kinds AS SELECT embedding::vecf16(16) AS h, embedding::svector(16) AS s, binarize(embedding)::bvector(16) AS b, embedding::veci8(16) AS q FROM items WHERE embedding IS NOT NULL;
CREATE INDEX kinds_h ON kinds USING vectors (h vecf16_cos_ops);
CREATE INDEX kinds_s ON kinds USING vectors (s svector_dot_ops);
CREATE INDEX kinds_b ON kinds USING vectors (b bvector_hamming_ops);
CREATE INDEX kinds_q ON kinds USING vectors (q veci8_l2_ops);
SELECT indexname, queries_made, recall > 0.9 AS recall FROM pg_vector_index_stat, vectors_recall(indexrelid, 10, 20) WHERE tablename = 'kinds' ORDER BY 1;

-- one search
SELECT rows, nearest, furthest > 0 AS furthest, segments, tail_rows, distances > 50 AS distances, hops > 5 AS hops, rounds, candidates BETWEEN 5 AND distances AS candidates, ms > 0 AS ms
    FROM vectors_explain('items_embedding', (SELECT embedding FROM items WHERE id = 7), 5);
SELECT e.rows, e.rounds > one.rounds AS more_rounds, e.candidates > one.candidates AS more_candidates
    FROM vectors_explain('items_embedding', (SELECT embedding FROM items WHERE id = 7), 3000) e, vectors_explain('items_embedding', (SELECT embedding FROM items WHERE id = 7), 5) one;
SELECT rows, nearest, furthest, segments, tail_rows, distances FROM vectors_explain('few_embedding', '[1,2]', 2);
SELECT rows FROM vectors_explain('few_embedding', '[1,2]'::text);
SELECT rows, nearest FROM vectors_explain('kinds_b', binarize('[1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0]'::vector));

-- nothing is being built; that it shows what is, t/ tests
SELECT * FROM pg_vector_index_progress;

-- what is refused
SELECT attempt($$ SELECT vectors_recall('items_embedding', 0, 1) $$), attempt($$ SELECT vectors_recall('items_embedding', 1, 10001) $$);
SELECT attempt($$ SELECT vectors_explain('items_embedding', '[1,2]') $$), attempt($$ SELECT vectors_explain('items_embedding', 3) $$);
SELECT attempt($$ SELECT vectors_explain('items_embedding', '[1,2', 3) $$), attempt($$ SELECT vectors_explain('items_embedding', '[1]', -1) $$);
SELECT attempt($$ SELECT vectors_prewarm('items') $$), attempt($$ SELECT vectors_recall('pg_class_oid_index') $$);
-- an index that was dropped since its number was read
SELECT attempt($$ SELECT vectors_prewarm(4294967295) $$), attempt($$ SELECT vectors_index_options(4294967295) $$);
-- the caller's rights: SELECT on the table, and all of its rows
CREATE ROLE administration_stranger;
SET ROLE administration_stranger;
SELECT attempt($$ SELECT vectors_prewarm('items_embedding') $$);
SELECT attempt($$ SELECT vectors_recall('items_embedding') $$);
SELECT attempt($$ SELECT vectors_explain('items_embedding', '[1]') $$);
SELECT count(*) FROM pg_vector_index_progress;
RESET ROLE;
GRANT SELECT ON items TO administration_stranger;
SET ROLE administration_stranger;
SELECT vectors_prewarm('items_embedding') > 0 AS prewarm, queries_made FROM vectors_recall('items_embedding', 1, 3);
RESET ROLE;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
SET ROLE administration_stranger;
SELECT attempt($$ SELECT vectors_recall('items_embedding') $$);
RESET ROLE;
REVOKE SELECT ON items FROM administration_stranger;
DROP ROLE administration_stranger;
DROP TABLE items, few, kinds;
DROP FUNCTION attempt;
