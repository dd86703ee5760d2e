-- Options are changed online: ALTER INDEX … SET, alter_vector_index(); the segments follow, searches go on, only the owner may.
SET client_min_messages = warning;
CREATE TABLE items (id bigint, embedding vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO items SELECT i, (SELECT array_agg(sin(i * 0.37 + d * 1.3) + cos(i * 0.011 * d)) FROM generate_series(1, 16) d)::real[]::vector FROM generate_series(1, 3000) i;
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (m = 8, options = E'optimizing.sealing_secs = 86400\noptimizing.optimizing_secs = 86400');
CREATE VIEW state AS SELECT idx_status, idx_indexing, idx_sealed, idx_growing, idx_write FROM pg_vector_index_stat WHERE indexname = 'items_embedding';
CREATE FUNCTION given() RETURNS text LANGUAGE sql AS $$ SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE relname = 'items_embedding' $$;
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$;
-- the ten nearest by the index are those of the table
CREATE FUNCTION searches() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE found bigint := 0;
BEGIN
    FOR q IN 1 .. 20 LOOP
        found := found + (SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = q * 100) LIMIT 10) a
            JOIN (SELECT id FROM items ORDER BY (embedding <-> (SELECT embedding FROM items WHERE id = q * 100)) + 0 LIMIT 10) b USING (id));
    END LOOP;
    RETURN found;
END $$;
SET enable_seqscan = off;
SELECT searches() > 190 AS right;
SELECT idx_segments_size AS size_of_m_8 FROM pg_vector_index_stat \gset

-- m: nothing is built yet, and searches go on
SELECT alter_vector_index('items_embedding', 'm', '32');
SELECT given(), state.*, searches() > 190 AS right FROM state;
SELECT vectors_merge('items_embedding');
SELECT state.*, searches() > 190 AS right FROM state;
SELECT idx_segments_size > :size_of_m_8 + 3000 * 4 * 40 AS larger FROM pg_vector_index_stat;
SELECT * FROM vectors_verify('items_embedding');
-- the same by PostgreSQL's own command, and back
ALTER INDEX items_embedding SET (options = E'indexing.hnsw.m = 8\noptimizing.sealing_secs = 86400\noptimizing.optimizing_secs = 86400');
SELECT state.*, searches() > 190 AS right FROM state;
SELECT fence_vector_index('items_embedding');
SELECT state.*, searches() > 190 AS right FROM state;
SELECT idx_segments_size BETWEEN :size_of_m_8 * 0.95 AND :size_of_m_8 * 1.05 AS as_before FROM pg_vector_index_stat;
-- ef_construction, bits, another quantization
SELECT alter_vector_index('items_embedding', 'indexing.hnsw.ef_construction', '40');
SELECT given(), idx_indexing FROM state;
SELECT vectors_merge('items_embedding');
SELECT idx_indexing, searches() > 190 AS right FROM state;
SELECT alter_vector_index('items_embedding', 'quantization', 'scalar4');
SELECT given(), idx_indexing FROM state;
SELECT vectors_merge('items_embedding');
SELECT state.*, searches() > 180 AS right FROM state;
SELECT alter_vector_index('items_embedding', 'indexing.hnsw.quantization.trivial', '{}');
SELECT given(), idx_indexing FROM state;
SELECT vectors_merge('items_embedding');
SELECT state.*, searches() > 190 AS right FROM state;
SELECT idx_segments_size > :size_of_m_8 + 3000 * 16 * 2 AS larger FROM pg_vector_index_stat;
-- without a graph, and with one again; the quantization comes along
SELECT alter_vector_index('items_embedding', 'indexing.flat', '{}');
SELECT given(), idx_indexing FROM state;
SELECT vectors_merge('items_embedding');
SELECT state.*, searches() AS right FROM state;
SELECT * FROM vectors_verify('items_embedding');
SELECT alter_vector_index('items_embedding', 'indexing.hnsw.m', '12');
SELECT given(), idx_indexing FROM state;
SELECT vectors_merge('items_embedding');
SELECT state.*, searches() > 190 AS right FROM state;
SELECT * FROM vectors_verify('items_embedding');
SELECT alter_vector_index('items_embedding', 'quantization', 'scalar8');
SELECT given();
-- lists around centroids, and back
SELECT alter_vector_index('items_embedding', 'lists', '30');
SELECT given(), idx_indexing FROM state;
SELECT vectors_merge('items_embedding');
SELECT state.*, searches() > 150 AS right FROM state;
SELECT * FROM vectors_verify('items_embedding');
SELECT alter_vector_index('items_embedding', 'indexing.hnsw.m', '12');
SELECT vectors_merge('items_embedding');
SELECT state.* FROM state;
-- sizes and times, old spellings
SELECT alter_vector_index('items_embedding', 'segment.max_growing_segment_size', '1600');
SELECT alter_vector_index('items_embedding', 'optimizing.delete_threshold', '0.5');
SELECT alter_vector_index('items_embedding', 'algorithm.vamana.ef', '50');
SELECT alter_vector_index('items_embedding', 'optimizing.optimizing_threads', '2');
SELECT alter_vector_index('items_embedding', 'optimizing.build_threads', '1');
SELECT given();
SELECT jsonb_pretty(vectors_index_options('items_embedding')::jsonb);

-- a transaction that is rolled back leaves nothing
SELECT vectors_merge('items_embedding');
SELECT given() AS before \gset
BEGIN;
SELECT alter_vector_index('items_embedding', 'm', '20');
SELECT given() = :'before' AS same, idx_indexing FROM state;
ROLLBACK;
SELECT given() = :'before' AS same, state.* FROM state;
BEGIN;
SAVEPOINT one;
ALTER INDEX items_embedding SET (options = 'indexing.flat = {}');
ROLLBACK TO one;
COMMIT;
SELECT given() = :'before' AS same, idx_indexing FROM state;
ALTER INDEX items_embedding RESET (options);
SELECT given() IS NULL AS nothing;

-- what is refused, and changes nothing
SELECT attempt(format('SELECT alter_vector_index(%L, %L, %L)', 'items_embedding', key, value)) FROM (VALUES
    ('indexing.hnsw.m', '3'), ('indexing.hnsw.m', 'many'), ('m', '129'), ('indexing.hnsw.n', '3'), ('nothing', '1'), ('', '1'), ('m', ''), (E'm = 3\nx', '1'), ('m', E'16\nx = 1'),
    ('quantization', 'none'), ('quantization', 'scalar9'), ('indexing.nothing', '{}'), ('segment', '3'), ('"', '1'), ('optimizing.delete_threshold', '2'),
    ('# m', '16'), ('[indexing.flat]#', '16'), ('indexing . hnsw . m', '16'), ('"indexing".hnsw.m', '16'), ('m', '16 # or more'), ('quantization', 'product = {} # '), ('indexing.inverted_index', '{}')) AS t(key, value);
SELECT attempt($$ SELECT alter_vector_index('items', 'm', '16') $$);
SELECT attempt($$ SELECT alter_vector_index('pg_class_oid_index', 'm', '16') $$);
SELECT attempt($$ ALTER INDEX items_embedding SET (m = 3) $$), attempt($$ ALTER INDEX items_embedding SET (options = 'x = 1') $$);
SELECT given() IS NULL AS nothing, alter_vector_index('items_embedding', 'm', NULL) IS NULL AS null_does_nothing;

-- an algorithm that does not suit the column: ALTER INDEX cannot know; hnsw is in force, the view tells, and whoever builds the index anew gets it
ALTER INDEX items_embedding SET (options = 'indexing.inverted_index = {}');
SELECT vectors_index_options('items_embedding')::jsonb -> 'indexing' ? 'hnsw' AS in_force, idx_status, idx_last_error FROM pg_vector_index_stat;
SET client_min_messages = notice;
REINDEX INDEX items_embedding;
SET client_min_messages = warning;
SELECT searches() > 190 AS right, (SELECT count(*) FROM vectors_verify('items_embedding')) AS problems;
SELECT attempt('CREATE TABLE items_like (LIKE items INCLUDING INDEXES)');
SELECT alter_vector_index('items_embedding', 'indexing.flat', '{ }');
SELECT given(), idx_status, idx_last_error FROM pg_vector_index_stat;
ALTER INDEX items_embedding RESET (options);
-- the table is locked as for a query: VACUUM goes on
BEGIN;
SELECT alter_vector_index('items_embedding', 'm', '16');
SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() AND c.relname ~ '^items' ORDER BY 1, 2;
ROLLBACK;

BEGIN READ ONLY;
SELECT attempt($$ SELECT alter_vector_index('items_embedding', 'm', '16') $$);
COMMIT;
CREATE ROLE alter_stranger;
GRANT ALL ON items TO alter_stranger;
SET ROLE alter_stranger;
SELECT attempt($$ SELECT alter_vector_index('items_embedding', 'm', '16') $$);
SELECT attempt($$ ALTER INDEX items_embedding SET (m = 16) $$);
RESET ROLE;
REVOKE ALL ON items FROM alter_stranger;
DROP ROLE alter_stranger;

-- values that have no effect any more are kept as they are
ALTER INDEX items_embedding SET (options = E'storage = "a\\n\\"b\\""');
SELECT alter_vector_index('items_embedding', 'm', '16');
SELECT given();
ALTER INDEX items_embedding RESET (options);

-- the threads where the first generation had them, alone in naming the algorithm, or not
ALTER INDEX items_embedding SET (options = 'algorithm.ivf.build_threads = 2');
SELECT alter_vector_index('items_embedding', 'optimizing.optimizing_threads', '3');
SELECT given();
ALTER INDEX items_embedding SET (options = E'[algorithm.hnsw]\nbuild_threads = 2\nm = 20');
SELECT alter_vector_index('items_embedding', 'indexing.hnsw.build_threads', '1');
SELECT given();
ALTER INDEX items_embedding RESET (options);

-- it is a command: event triggers are told, also where another command calls it
CREATE TABLE alter_seen (tag text, object text);
CREATE FUNCTION alter_see() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO alter_seen SELECT command_tag, object_identity FROM pg_event_trigger_ddl_commands(); END $$;
CREATE EVENT TRIGGER alter_event ON ddl_command_end EXECUTE FUNCTION alter_see();
SELECT alter_vector_index('items_embedding', 'm', '16');
CREATE TABLE alter_made AS SELECT alter_vector_index('items_embedding', 'm', '17') IS NULL AS nothing;
DROP EVENT TRIGGER alter_event;
SELECT * FROM alter_seen;
SELECT given();
DROP TABLE alter_seen, alter_made;
DROP FUNCTION alter_see;

-- it survives a rebuild and a dump's text
SELECT alter_vector_index('items_embedding', 'indexing.hnsw.m', '10');
REINDEX INDEX items_embedding;
SELECT given(), pg_get_indexdef('items_embedding'::regclass), state.* FROM state;
SELECT pgvectors_upgrade();
-- a comment that is not UTF-8 costs no option
CREATE DATABASE alter_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
\set database :DBNAME
\c alter_latin1
SET client_min_messages = warning;
CREATE EXTENSION vectors;
CREATE TABLE items (embedding vector(2));
CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = E'# gr\u00f6\u00dfer\nindexing.hnsw.m = 20\n');
SELECT alter_vector_index('items_embedding', 'optimizing.sealing_secs', '5');
SELECT options->'indexing'->'hnsw'->'m' AS m, options->'optimizing'->'sealing_secs' AS secs FROM CAST(vectors_index_options('items_embedding') AS json) AS options;
\c :database
DROP DATABASE alter_latin1;
DROP VIEW state;
DROP TABLE items;
DROP FUNCTION given, searches, attempt;
