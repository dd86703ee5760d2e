-- pg_vector_index_stat: living rows by where they are, sizes, options and states; for everybody.
SET client_min_messages = warning;
CREATE TABLE items (id bigint, embedding vector(8)) WITH (autovacuum_enabled = off);
CREATE TABLE vectors_of AS SELECT ARRAY[sin(i), cos(i), i % 7, i % 11, 0, 1, sin(i * 2), cos(i * 3)]::real[]::vector(8) AS embedding, i FROM generate_series(1, 5000) i;
INSERT INTO items SELECT i, embedding FROM vectors_of WHERE i <= 3000;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
    WITH (options = E'optimizing.sealing_secs = 86400\noptimizing.optimizing_secs = 86400');

CREATE FUNCTION shown(name text) RETURNS TABLE (status text, indexing boolean, tuples bigint, sealed bigint[], growing bigint[], write bigint, dead bigint,
    adds_up boolean, sizes_add_up boolean) LANGUAGE sql AS $$
    SELECT idx_status, idx_indexing, idx_tuples, idx_sealed, idx_growing, idx_write, idx_dead,
           idx_tuples = (SELECT coalesce(sum(n), 0) FROM unnest(idx_sealed || idx_growing || idx_write) n),
           idx_size = idx_log_size + idx_segments_size AND idx_log_size = pg_relation_size(indexrelid)
    FROM pg_vector_index_stat WHERE indexname = name $$;

SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'pg_vector_index_stat' ORDER BY ordinal_position;
SELECT tablerelid = 'items'::regclass AS table, indexrelid = 'items_embedding'::regclass AS index, tablename, indexname, idx_options::jsonb #> '{segment}' AS segment,
    idx_options = vectors_index_options(indexrelid) AS options, idx_last_merge, idx_last_error FROM pg_vector_index_stat;

SELECT * FROM shown('items_embedding');
-- rows wait for a segment: they are counted, and so are their bytes
SELECT idx_size AS size_before FROM pg_vector_index_stat \gset
INSERT INTO items SELECT i, embedding FROM vectors_of WHERE i > 3000 AND i <= 3050;
SELECT * FROM shown('items_embedding');
INSERT INTO items SELECT i, embedding FROM vectors_of WHERE i > 3050 AND i <= 4000;
SELECT * FROM shown('items_embedding');
SELECT idx_size - :size_before > 1000 * 8 * 4 AS grew FROM pg_vector_index_stat;
-- NULLs are rows; dead rows are counted until their room is given back
INSERT INTO items SELECT i, NULL FROM generate_series(1, 10) i;
DELETE FROM items WHERE id % 10 = 0;
SELECT tuples, write, dead FROM shown('items_embedding');
VACUUM items;
SELECT tuples, dead, adds_up FROM shown('items_embedding');
-- one segment, and when that was
SELECT vectors_merge('items_embedding');
SELECT * FROM shown('items_embedding');
SELECT idx_last_merge BETWEEN now() - interval '1 hour' AND clock_timestamp() AS merged FROM pg_vector_index_stat;
DELETE FROM items;
VACUUM items;
SELECT status, tuples, write, adds_up, sizes_add_up FROM shown('items_embedding');
TRUNCATE items;
SELECT * FROM shown('items_embedding');

-- an index without graphs is sealed as it is
CREATE INDEX items_flat ON items USING vectors (embedding vector_l2_ops) WITH (options = E'indexing.flat = {}\noptimizing.sealing_secs = 86400');
INSERT INTO items SELECT i, embedding FROM vectors_of WHERE i <= 2000;
SELECT vectors_merge('items_flat');
SELECT * FROM shown('items_flat');
DROP TABLE items;

-- of all kinds
CREATE TABLE kinds (id bigint, embedding vector(8)) PARTITION BY RANGE (id);
CREATE TABLE kinds_1 PARTITION OF kinds FOR VALUES FROM (0) TO (100);
CREATE TABLE kinds_2 PARTITION OF kinds FOR VALUES FROM (100) TO (200);
CREATE INDEX kinds_embedding ON kinds USING vectors (embedding vector_l2_ops) WITH (options = 'optimizing.sealing_secs = 86400');
INSERT INTO kinds SELECT i, embedding FROM vectors_of WHERE i < 150;
CREATE TEMPORARY TABLE temporary_items AS SELECT i AS id, embedding FROM vectors_of WHERE i < 20;
CREATE INDEX temporary_items_embedding ON temporary_items USING vectors (embedding vector_l2_ops);
CREATE UNLOGGED TABLE unlogged_items AS SELECT i AS id, embedding FROM vectors_of WHERE i < 30;
CREATE INDEX unlogged_items_embedding ON unlogged_items USING vectors (embedding vector_l2_ops);
CREATE TABLE "Odd "" Name" AS SELECT i AS id, embedding FROM vectors_of WHERE i < 40;
CREATE INDEX "Odd "" Index" ON "Odd "" Name" USING vectors (embedding vector_l2_ops);
SELECT tablename, indexname, idx_status, idx_indexing, idx_tuples, idx_sealed, idx_write FROM pg_vector_index_stat ORDER BY indexname COLLATE "C";

-- what did not end: neither valid nor being built
CREATE TABLE broken (id bigint, embedding vector(8));
INSERT INTO broken SELECT i, embedding FROM vectors_of WHERE i < 40;
CREATE INDEX broken_embedding ON broken USING vectors (embedding vector_l2_ops);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_embedding'::regclass;
SELECT idx_status, idx_tuples, idx_last_error FROM pg_vector_index_stat WHERE indexname = 'broken_embedding';
DROP TABLE broken;

-- for everybody; other relations have no row
CREATE ROLE stat_stranger;
SET ROLE stat_stranger;
SELECT count(*), count(idx_tuples) FROM pg_vector_index_stat;
SELECT vectors_index_stat('pg_class'::regclass) IS NULL AS a_table, vectors_index_stat('pg_class_oid_index'::regclass) IS NULL AS btree, vectors_index_stat(1) IS NULL AS nothing;
RESET ROLE;
DROP ROLE stat_stranger;
DROP TABLE kinds, temporary_items, unlogged_items, "Odd "" Name", vectors_of;
DROP FUNCTION shown;
