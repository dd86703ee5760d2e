-- Rows whose vectors are the same: they must not keep a search from the other rows, nor be lost themselves.
SET max_parallel_maintenance_workers = 0;
SELECT setseed(0.3);
CREATE TABLE items (id int, embedding vector(32));
INSERT INTO items SELECT i, (SELECT array_agg(random() - 0.5) FROM generate_series(1, 32) WHERE i IS NOT NULL)::vector(32)
    FROM generate_series(1, 3000) i;
-- one vector 2,000 times, and a hundred vectors eleven times each
INSERT INTO items SELECT 10000 + i, (SELECT embedding FROM items WHERE id = 1) FROM generate_series(1, 1999) i;
INSERT INTO items SELECT 20000 + i, embedding FROM items, generate_series(1, 10) i WHERE id BETWEEN 101 AND 200;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops);

-- the index's own rows, equal ones or not
SELECT recall > 0.98 AS recall FROM vectors_recall('items_embedding', 10, 500);

-- every one of them is found: 2000, 2000, 100
SELECT embedding AS often FROM items WHERE id = 1 \gset
SET enable_seqscan = off;
SELECT count(*) FROM items WHERE embedding <<->> sphere(:'often'::vector, 0.001);
SELECT count(*) FROM (SELECT embedding <-> :'often' AS distance FROM items ORDER BY embedding <-> :'often' LIMIT 2000) s WHERE distance = 0;
SELECT count(*) FROM (SELECT embedding <-> :'often' AS distance FROM items ORDER BY embedding <-> :'often' LIMIT 100) s WHERE distance = 0;

-- also when some of them died and others came
DELETE FROM items WHERE id % 3 = 0;
VACUUM items;
INSERT INTO items SELECT 30000 + i, :'often' FROM generate_series(1, 500) i;
SELECT vectors_merge('items_embedding');
SELECT count(*) FROM items WHERE embedding = :'often';
SELECT count(*) FROM items WHERE embedding <<->> sphere(:'often'::vector, 0.001);
SELECT * FROM vectors_verify('items_embedding');

DROP TABLE items;
