-- vectors_verify(): clean after all that happens to an index; who may ask; what it refuses. Damage is tested by t/.
SET client_min_messages = warning;
CREATE TABLE items (id bigint, embedding vector(8));
INSERT INTO items SELECT i, ARRAY[sin(i), cos(i), i % 7, i % 11, 0, 1, sin(i * 2), cos(i * 3)]::real[]::vector FROM generate_series(1, 3000) i;
INSERT INTO items SELECT 3000 + i, NULL FROM generate_series(1, 40) i;
INSERT INTO items VALUES (4001, '[NaN, 0, 0, 0, 0, 0, 0, 0]'), (4002, '[Infinity, 0, 0, 0, 0, 0, 0, 0]');
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_growing_segment_size = 500');

-- a segment with a graph, NULLs and what no code can represent
SELECT * FROM vectors_verify('items_embedding');
-- a tail, aborted and deleted rows
INSERT INTO items SELECT 5000 + i, ARRAY[sin(i), 0, 0, 0, 0, 1, 2, i]::real[]::vector FROM generate_series(1, 700) i;
BEGIN; INSERT INTO items SELECT 6000 + i, ARRAY[sin(i), 0, 0, 0, 0, 1, 2, i]::real[]::vector FROM generate_series(1, 300) i; ROLLBACK;
DELETE FROM items WHERE id % 3 = 1;
SELECT * FROM vectors_verify('items_embedding');
-- dead bits, flat segments, merges
VACUUM items;
SELECT * FROM vectors_verify('items_embedding');
-- pages retired, the free list, blocks that are used again
DELETE FROM items WHERE id < 2500;
VACUUM items;
SELECT * FROM vectors_verify('items_embedding');
INSERT INTO items SELECT 7000 + i, ARRAY[sin(i), 0, 0, 0, 0, 1, 2, i]::real[]::vector FROM generate_series(1, 2000) i;
SELECT * FROM vectors_verify('items_embedding');
DELETE FROM items;
VACUUM items;
SELECT * FROM vectors_verify('items_embedding');
TRUNCATE items;
SELECT * FROM vectors_verify('items_embedding');
INSERT INTO items VALUES (1, '[1,2,3,4,5,6,7,8]');
SELECT vectors_merge('items_embedding');
SELECT * FROM vectors_verify('items_embedding');

-- entries that run over many pages, dead ones among them
CREATE TABLE long_items (id bigint, embedding vector(6000));
CREATE INDEX long_items_embedding ON long_items USING vectors (embedding vector_l2_ops);
INSERT INTO long_items SELECT i, (SELECT array_agg(sin(i * d)::real) FROM generate_series(1, 6000) d)::vector FROM generate_series(1, 60) i;
DELETE FROM long_items WHERE id % 4 < 2;
VACUUM long_items;
INSERT INTO long_items SELECT i, NULL FROM generate_series(1, 50) i;
SELECT * FROM vectors_verify('long_items_embedding');
DELETE FROM long_items WHERE id < 40;
VACUUM long_items;
SELECT * FROM vectors_verify('long_items_embedding');

-- sparse rows differ in length
CREATE TABLE sparse_items (id bigint, embedding svector(100000));
INSERT INTO sparse_items SELECT i, to_svector(100000, ARRAY[i, i * 7, 90000 + i], ARRAY[1, sin(i), 2]::real[]) FROM generate_series(1, 1500) i;
INSERT INTO sparse_items SELECT 2000 + i, to_svector(100000, (SELECT array_agg(d * 20 + i) FROM generate_series(1, 4000) d), (SELECT array_agg(d::real) FROM generate_series(1, 4000) d)) FROM generate_series(1, 5) i;
CREATE INDEX sparse_items_embedding ON sparse_items USING vectors (embedding svector_dot_ops);
DELETE FROM sparse_items WHERE id % 2 = 0;
VACUUM sparse_items;
SELECT * FROM vectors_verify('sparse_items_embedding');

-- the same vector again and again: islands in the graph are no fault
CREATE TABLE same_items AS SELECT i AS id, '[1,2,3]'::vector(3) AS embedding FROM generate_series(1, 3000) i;
ALTER TABLE same_items ALTER embedding TYPE vector(3);
CREATE INDEX same_items_embedding ON same_items USING vectors (embedding vector_l2_ops);
SELECT * FROM vectors_verify('same_items_embedding');

-- empty, unlogged, temporary
CREATE TABLE empty_items (embedding vector(3));
CREATE INDEX empty_items_embedding ON empty_items USING vectors (embedding vector_l2_ops);
SELECT * FROM vectors_verify('empty_items_embedding');
CREATE UNLOGGED TABLE unlogged_items AS SELECT * FROM same_items LIMIT 100;
CREATE INDEX unlogged_items_embedding ON unlogged_items USING vectors ((embedding::vector(3)) vector_l2_ops);
SELECT * FROM vectors_verify('unlogged_items_embedding');
CREATE TEMPORARY TABLE temporary_items AS SELECT * FROM same_items LIMIT 100;
CREATE INDEX temporary_items_embedding ON temporary_items USING vectors ((embedding::vector(3)) vector_l2_ops);
SELECT * FROM vectors_verify('temporary_items_embedding');

-- a column whose dimensions were taken away: the index keeps its own, and what is compared with the catalogs is the rest
CREATE TABLE loose_items AS SELECT n AS id, array_fill(n::real, '{8}')::vector(8) AS embedding FROM generate_series(1, 50) n;
ALTER TABLE loose_items ALTER embedding TYPE vector(8);
CREATE INDEX loose_items_embedding ON loose_items USING vectors (embedding vector_l2_ops);
ALTER TABLE loose_items ALTER embedding TYPE vector;
SELECT * FROM vectors_verify('loose_items_embedding');
SELECT array_agg(id) FROM (SELECT id FROM loose_items ORDER BY embedding <-> array_fill(7, '{8}')::vector LIMIT 1) s;
DROP TABLE loose_items;

-- in a transaction that goes on, and one that another error ends
BEGIN;
INSERT INTO same_items VALUES (0, '[1,2,3]');
SELECT count(*) FROM vectors_verify('same_items_embedding');
SAVEPOINT one;
SELECT count(*) FROM vectors_verify('same_items');
ROLLBACK TO one;
SELECT count(*) FROM vectors_verify('same_items_embedding');
COMMIT;
SELECT count(*) FROM same_items;

-- what it refuses
SELECT * FROM vectors_verify('pg_class_oid_index');
SELECT * FROM vectors_verify(1::regclass);
CREATE ROLE verify_stranger;
SET ROLE verify_stranger;
SELECT * FROM vectors_verify('items_embedding');
RESET ROLE;
DROP ROLE verify_stranger;
DROP TABLE items, long_items, sparse_items, same_items, empty_items, unlogged_items, temporary_items;
