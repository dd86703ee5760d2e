-- Vectors that are read from the table's rows where these hold them, and from the log where not: the same rows, the same distances.
SET max_parallel_maintenance_workers = 0;
SELECT setseed(0.7);
CREATE FUNCTION random_vector(dimensions int, i int) RETURNS real[] LANGUAGE sql
RETURN (SELECT array_agg(random() - 0.5) FROM generate_series(1, dimensions) WHERE i IS NOT NULL);
-- Rows, told by id and distance, of which a scan by the index and a sequential scan tell differently, for three vectors.
CREATE FUNCTION differences(items regclass, expression text = 'embedding', condition text = 'true') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    query text;
    form text;
    plan text;
    bad bigint = 0;
    more bigint;
BEGIN
    FOR query IN EXECUTE format('SELECT %s FROM %s WHERE id IN (7, 77, 777)', expression, items) LOOP
        form = format('SELECT id, %s <-> %L AS distance FROM %s WHERE %s', expression, query, items, condition);
        PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
        form = form || format(' ORDER BY %s <-> %L', expression, query);
        FOR plan IN EXECUTE 'EXPLAIN (FORMAT json) ' || form LOOP
            IF plan !~ '"Order By"' OR plan ~ '"Sort"' THEN
                RAISE 'not by the index: %', plan;
            END IF;
        END LOOP;
        EXECUTE 'CREATE TEMPORARY TABLE by_index AS ' || form;
        PERFORM set_config('vectors.enable_index', 'off', true);
        EXECUTE 'CREATE TEMPORARY TABLE by_table AS ' || form;
        PERFORM set_config('vectors.enable_index', 'on', true);
        SELECT count(*) INTO more FROM ((TABLE by_table EXCEPT ALL TABLE by_index) UNION ALL (TABLE by_index EXCEPT ALL TABLE by_table)) d;
        bad = bad + more;
        DROP TABLE by_index, by_table;
    END LOOP;
    RETURN bad;
END $$;
-- Pages of an index, each time one is asked for, that a search for 100 rows takes.
CREATE FUNCTION index_pages(items regclass) RETURNS bigint LANGUAGE plpgsql
SET enable_seqscan = off SET vectors.hnsw_ef_search = 200 AS $$
DECLARE
    index regclass = items || '_embedding';
    query text;
    before bigint = pg_stat_get_xact_blocks_fetched(index);
BEGIN
    EXECUTE format('SELECT embedding FROM %s WHERE id = 77', items) INTO query;
    before = pg_stat_get_xact_blocks_fetched(index);
    EXECUTE format('SELECT count(*) FROM (SELECT FROM %s ORDER BY embedding <-> %L LIMIT 100) s', items, query);
    RETURN pg_stat_get_xact_blocks_fetched(index) - before;
END $$;

-- In the rows: the log is asked only whether they are dead. Moved out of the rows by a large neighbour: read from the log.
CREATE TABLE inside (id int, note text, embedding vector(64)) WITH (fillfactor = 60, autovacuum_enabled = off);
INSERT INTO inside SELECT i, 'note', random_vector(64, i)::vector FROM generate_series(1, 3000) i;
CREATE INDEX inside_embedding ON inside USING vectors (embedding vector_l2_ops);
CREATE TABLE outside (id int, note text, embedding vector(64)) WITH (toast_tuple_target = 128, autovacuum_enabled = off);
ALTER TABLE outside ALTER COLUMN note SET STORAGE external;
INSERT INTO outside SELECT id, repeat('x', 2100), embedding FROM inside;
CREATE INDEX outside_embedding ON outside USING vectors (embedding vector_l2_ops);
SELECT index_pages('inside') < 0.75 * index_pages('outside') AS log_is_left_alone;
SELECT differences('inside') AS inside, differences('outside') AS outside;
UPDATE outside SET note = '' WHERE id % 3 = 0;
SELECT differences('outside') AS some_of_each;

-- Versions: some that only this transaction sees, some that it does not see any more, and chains of versions on one page.
BEGIN;
DELETE FROM inside WHERE id % 10 = 1;
UPDATE inside SET note = 'other' WHERE id % 10 = 2;
UPDATE inside SET note = 'third' WHERE id % 20 = 2;
UPDATE inside SET embedding = embedding + embedding WHERE id % 10 = 3;
SELECT differences('inside') AS under_way;
SAVEPOINT s;
DELETE FROM inside WHERE id % 10 = 4;
SELECT differences('inside') AS in_savepoint;
ROLLBACK TO s;
SELECT differences('inside') AS rolled_back_in_part;
COMMIT;
SELECT differences('inside') AS committed;
SELECT recall > 0.98 AS recall FROM vectors_recall('inside_embedding', 10, 100); -- of the index's rows, also of those that are deleted
VACUUM inside;
INSERT INTO inside SELECT 10000 + i, 'new', random_vector(64, i)::vector FROM generate_series(1, 300) i; -- their TIDs were others'
SELECT differences('inside') AS vacuumed;
SELECT vectors_merge('inside_embedding');
SELECT differences('inside') AS merged;
SELECT recall > 0.98 AS recall FROM vectors_recall('inside_embedding', 10, 100);
SELECT * FROM vectors_verify('inside_embedding');

-- A NULL vector to order by, in a range; a range around another vector.
SET enable_seqscan = off;
SELECT count(*), count(embedding <-> NULL::vector) FROM (SELECT embedding FROM inside
    WHERE embedding <<->> sphere((SELECT embedding FROM inside WHERE id = 77), 6) ORDER BY embedding <-> NULL::vector OFFSET 0) s;
RESET enable_seqscan;
SELECT count(*) FROM inside WHERE embedding <-> (SELECT embedding FROM inside WHERE id = 77) < 6;
SELECT differences('inside', condition => 'embedding <<->> sphere((SELECT embedding FROM inside WHERE id = 5), 8)') AS range;

-- Columns: one before it dropped, a value that stands in the catalog alone, an expression, parts whose columns have other numbers.
CREATE TABLE columns (gone int, also_gone text, id int);
INSERT INTO columns SELECT i, 'x', i FROM generate_series(1, 1000) i;
ALTER TABLE columns DROP COLUMN gone;
SELECT random_vector(40, 1)::vector AS standard \gset
ALTER TABLE columns ADD COLUMN embedding vector(40) NOT NULL DEFAULT :'standard';
ALTER TABLE columns DROP COLUMN also_gone;
INSERT INTO columns SELECT 1000 + i, random_vector(40, i)::vector FROM generate_series(1, 1000) i;
CREATE INDEX columns_embedding ON columns USING vectors (embedding vector_l2_ops);
CREATE INDEX columns_expression ON columns USING vectors (((embedding + embedding)::vector(40)) vector_l2_ops);
SELECT differences('columns') AS "column", differences('columns', '(embedding + embedding)::vector(40)') AS expression;
CREATE TABLE parts (id int, embedding vector(48)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 (embedding vector(48), note text, id int);
ALTER TABLE parts_1 DROP COLUMN note;
ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (1) TO (1000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (3000);
INSERT INTO parts SELECT i, random_vector(48, i)::vector FROM generate_series(1, 2999) i;
CREATE INDEX parts_embedding ON parts USING vectors (embedding vector_l2_ops);
SELECT differences('parts') AS parts;

-- Vectors of a few bytes have short headers; those that PostgreSQL compressed, or keeps in the row however large they are.
CREATE TABLE short (id int, embedding vector(3));
INSERT INTO short SELECT i, random_vector(3, i)::vector FROM generate_series(1, 3000) i;
CREATE INDEX short_embedding ON short USING vectors (embedding vector_l2_ops);
CREATE TABLE long (id int, embedding vector(700));
ALTER TABLE long ALTER COLUMN embedding SET STORAGE main;
INSERT INTO long SELECT i, CASE i % 3 WHEN 0 THEN array_fill(i::real, ARRAY[700]) ELSE random_vector(700, i) END::vector FROM generate_series(1, 900) i;
ALTER TABLE long ALTER COLUMN embedding SET STORAGE plain;
INSERT INTO long SELECT i, random_vector(700, i)::vector FROM generate_series(901, 1200) i;
CREATE INDEX long_embedding ON long USING vectors (embedding vector_l2_ops);
SELECT differences('short') AS short, differences('long') AS long;

-- The other types, and filter columns.
CREATE TABLE types (id int, category int, embedding vecf16(80), bits bvector(1100), small veci8(200), sparse svector(500));
INSERT INTO types SELECT i, i % 7, h, binarize(random_vector(1100, i)::vector), to_veci8(200, 0.01, 0, b), to_svector(500, ARRAY[i % 100, 100 + i % 300, 450], ARRAY[i % 13, 1, i % 17 + 0.5])
    FROM (SELECT i, random_vector(80, i)::vector::vecf16 AS h, (SELECT array_agg(floor(random() * 255) - 127) FROM generate_series(1, 200) WHERE i > 0)::int[] AS b FROM generate_series(1, 2000) i) s;
CREATE INDEX ON types USING vectors (embedding vecf16_l2_ops, category);
CREATE INDEX ON types USING vectors (bits bvector_l2_ops);
CREATE INDEX ON types USING vectors (small veci8_l2_ops);
CREATE INDEX ON types USING vectors (sparse svector_l2_ops);
SELECT differences('types') AS vecf16, differences('types', condition => 'category IN (3, 5)') AS filtered, differences('types', 'bits') AS bvector,
    differences('types', 'small') AS veci8, differences('types', 'sparse') AS svector;

-- Pages that no other process sees; the inner side of a join, begun once for each row.
CREATE TEMPORARY TABLE private AS SELECT id, embedding FROM inside;
CREATE INDEX private_embedding ON private USING vectors (embedding vector_l2_ops);
SELECT differences('private') AS temporary;
SET enable_seqscan = off;
SELECT count(*), bool_and(nearest = id) FROM outside o, LATERAL (SELECT i.id AS nearest FROM inside i ORDER BY i.embedding <-> o.embedding LIMIT 1) s WHERE id % 10 > 4;

RESET enable_seqscan;
DROP TABLE inside, outside, columns, parts, short, long, types, private;
DROP FUNCTION random_vector, differences(regclass, text, text), index_pages;
