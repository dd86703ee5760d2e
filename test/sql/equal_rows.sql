-- Rows whose vectors are the same, or nearly so: they must not keep a search from the other rows, nor be lost themselves.
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

-- Thirty of each: the places of a search are for rows that differ. Ranges around other vectors that hold one of them, ten, and a tenth of
-- all rows, of few and of many that a filter lets through, and rows by distance: what part is found.
DROP INDEX items_embedding;
CREATE TABLE copies (id int, part int, embedding vector(32));
INSERT INTO copies SELECT row_number() OVER (ORDER BY random()), floor(random() * 10), embedding FROM (SELECT embedding FROM items ORDER BY id LIMIT 1000) s, generate_series(1, 30);
CREATE TABLE queries AS SELECT embedding FROM items WHERE id BETWEEN 2001 AND 2008;
CREATE INDEX copies_embedding ON copies USING vectors (embedding vector_l2_ops, part);
CREATE FUNCTION found(condition text) RETURNS TABLE (copies text, part_found numeric) LANGUAGE plpgsql AS $$
DECLARE
    query vector;
    size int;
    within bigint;
    got bigint;
    radius real;
    form text;
BEGIN
    CREATE TEMPORARY TABLE counts (copies text, within bigint, got bigint);
    SET LOCAL vectors.hnsw_ef_search = 40;
    FOR query IN SELECT embedding FROM queries LOOP
        PERFORM set_config('enable_seqscan', 'on', true), set_config('vectors.enable_index', 'off', true);
        EXECUTE format('CREATE TEMPORARY TABLE exact AS SELECT embedding <-> %L AS distance FROM copies WHERE %s', query, condition);
        PERFORM set_config('enable_seqscan', 'off', true), set_config('vectors.enable_index', 'on', true);
        FOREACH size IN ARRAY ARRAY[1, 300, (SELECT count(*) / 10 FROM exact)] LOOP
            SELECT distance * 1.00001 INTO radius FROM exact ORDER BY distance LIMIT 1 OFFSET size - 1;
            SELECT count(*) INTO within FROM exact WHERE distance < radius;
            FOREACH form IN ARRAY ARRAY['', format('ORDER BY embedding <-> %L', query)] LOOP
                EXECUTE format('SELECT count(*) FROM (SELECT FROM copies WHERE embedding <<->> sphere(%L::vector, %L::real) AND %s %s OFFSET 0) s', query, radius, condition, form) INTO got;
                INSERT INTO counts VALUES ('within', within, got);
            END LOOP;
        END LOOP;
        SELECT distance * 1.00001 INTO radius FROM exact ORDER BY distance LIMIT 1 OFFSET 9;
        EXECUTE format('SELECT count(*) FROM (SELECT embedding <-> %1$L AS distance FROM copies WHERE %2$s ORDER BY embedding <-> %1$L LIMIT 10) s WHERE distance < %3$L', query, condition, radius) INTO got;
        INSERT INTO counts VALUES ('nearest', 10, got);
        DROP TABLE exact;
    END LOOP;
    RETURN QUERY SELECT c.copies, CASE WHEN avg(c.got::numeric / c.within) > 0.98 THEN 1 ELSE round(avg(c.got::numeric / c.within), 3) END FROM counts c GROUP BY 1;
    DROP TABLE counts;
END $$;
SELECT condition, f.* FROM unnest('{true, part < 8, part < 3, part = 0}'::text[]) condition, found(condition) f ORDER BY 1, 2;
-- of many the row that lists named died, of some all: the others are still found, and so are rows that come
DELETE FROM copies WHERE id % 5 < 2 OR embedding IN (SELECT embedding FROM items WHERE id < 50);
VACUUM copies;
SELECT vectors_merge('copies_embedding');
SELECT condition, f.* FROM unnest('{true, part < 3}'::text[]) condition, found(condition) f ORDER BY 1, 2;
INSERT INTO copies SELECT 100000 + row_number() OVER (), floor(random() * 10), embedding FROM (SELECT embedding FROM items WHERE id <= 1500 ORDER BY id) s, generate_series(1, 5);
SELECT vectors_merge('copies_embedding');
SELECT condition, f.* FROM unnest('{true, part < 3}'::text[]) condition, found(condition) f ORDER BY 1, 2;
SELECT * FROM vectors_verify('copies_embedding');

-- the same where no two are equal, but thirty are nearly so
TRUNCATE copies;
INSERT INTO copies SELECT row_number() OVER (ORDER BY random()), floor(random() * 10), embedding + (SELECT array_agg((random() - 0.5) / 50) FROM generate_series(1, 32) WHERE i IS NOT NULL)::vector(32)
    FROM (SELECT embedding FROM items ORDER BY id LIMIT 1000) s, generate_series(1, 30) i;
REINDEX INDEX copies_embedding;
SELECT condition, f.* FROM unnest('{true, part < 8, part < 3, part = 0}'::text[]) condition, found(condition) f ORDER BY 1, 2;
DELETE FROM copies WHERE id % 5 < 2;
VACUUM copies;
SELECT vectors_merge('copies_embedding');
SELECT condition, f.* FROM unnest('{true, part < 3}'::text[]) condition, found(condition) f ORDER BY 1, 2;
SELECT * FROM vectors_verify('copies_embedding');
DROP TABLE items, copies, queries;
DROP FUNCTION found;

-- where every row is one of ten, a query that is none of them finds those around it
CREATE TABLE items (id int, embedding vector(32));
CREATE TABLE queries AS SELECT i AS number, (SELECT array_agg(random() - 0.5) FROM generate_series(1, 32) WHERE i IS NOT NULL)::vector(32) AS query
    FROM generate_series(1, 100) i;
INSERT INTO items SELECT i, (SELECT array_agg(random() - 0.5) FROM generate_series(1, 32) WHERE i IS NOT NULL)::vector(32)
    FROM generate_series(1, 500) i;
INSERT INTO items SELECT i * 1000 + id, embedding FROM items, generate_series(1, 9) i;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops);
CREATE VIEW nearest AS SELECT number, id FROM queries, LATERAL (SELECT id FROM items ORDER BY embedding <-> query LIMIT 20) s;
SET vectors.enable_index = off;
CREATE TEMP TABLE exact AS SELECT number, id % 1000 AS original FROM nearest;
RESET vectors.enable_index;
SELECT count(*) > 0.97 * 2000 AS recall FROM nearest WHERE (number, id % 1000) IN (SELECT number, original FROM exact);
-- no more than was asked for all the same
SET vectors.search_mode = basic;
SELECT max(count) FROM (SELECT count(*) FROM queries, LATERAL (SELECT id FROM items ORDER BY embedding <-> query) s GROUP BY number) s;
RESET vectors.search_mode;

DROP VIEW nearest;
DROP TABLE items, queries;
