-- Storage parameters: every option text of all generations, the short forms, and the words and SQLSTATE of every error.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vectors;
RESET client_min_messages;

CREATE TABLE items (embedding vector(3));

CREATE INDEX plain ON items USING vectors (embedding vector_l2_ops);
SELECT jsonb_pretty(vectors_index_options('plain')::jsonb);

-- {"a": {"b": 1}} as (a.b, 1).
CREATE FUNCTION flattened(tree jsonb) RETURNS TABLE (key text, value text) LANGUAGE sql AS $$
    WITH RECURSIVE nodes(path, node) AS (
        SELECT j.key, j.value FROM jsonb_each(tree) AS j
        UNION ALL
        SELECT path || '.' || j.key, j.value FROM nodes, jsonb_each(node) AS j WHERE jsonb_typeof(node) = 'object'
    )
    SELECT path, node #>> '{}' FROM nodes WHERE jsonb_typeof(node) <> 'object' OR node = '{}'
$$;

-- What becomes of an index definition: what it changes, or SQLSTATE, message, detail and hint. Nothing is left behind.
CREATE FUNCTION tried_with(parameters text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said_detail text;
    said_hint text;
    differences text;
BEGIN
    EXECUTE format('CREATE INDEX tried ON items USING vectors (embedding vector_l2_ops) WITH (%s)', parameters);
    differences := (SELECT coalesce(string_agg(key || ' ' || value, ', ' ORDER BY key), 'the defaults')
                    FROM flattened(vectors_index_options('tried')::jsonb) AS given
                    WHERE NOT EXISTS (SELECT FROM flattened(vectors_index_options('plain')::jsonb) AS usual
                                      WHERE usual = given));
    DROP INDEX tried;
    RETURN 'accepted: ' || differences;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said_detail = PG_EXCEPTION_DETAIL, said_hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, nullif(said_detail, ''), nullif(said_hint, ''));
END $$;
CREATE FUNCTION tried(options text) RETURNS text LANGUAGE sql AS $$ SELECT tried_with(format('options = %L', $1)) $$;

\pset format unaligned
\pset tuples_only on

-- The options of today.
SELECT tried('');
SELECT tried('
# everything at once
[segment]
max_growing_segment_size = 2_001
max_sealed_segment_size = 3_999_999_999
[optimizing]
sealing_secs = 11
sealing_size = 2
optimizing_secs = 61
optimizing_threads = 3
delete_threshold = 0.25
[indexing.hnsw]
m = 17
ef_construction = 129
quantization.scalar.bits = 4
');
SELECT tried('segment.max_growing_segment_size = 200000');
SELECT tried('indexing.hnsw = { m = 4, ef_construction = 10, quantization = { scalar = { bits = 4 } } }');
SELECT tried('[indexing.hnsw]');
SELECT tried('[indexing.hnsw.quantization.scalar]');
SELECT tried('[indexing.flat]');
SELECT tried('indexing.flat.quantization.scalar.bits = 4');
SELECT tried('[indexing]' || E'\n' || '[optimizing]');
SELECT tried('optimizing.delete_threshold = 1');
SELECT tried('optimizing.delete_threshold = 1e-4');

-- The first generation.
SELECT tried('
capacity = 2097152
size_ram = 4294967296
storage_vectors = "ram"
[algorithm.hnsw]
storage = "ram"
m = 32
ef = 256
');
SELECT tried('
capacity = 2097152
size_disk = 1
[vectors]
memmap = "ram"
[algorithm.hnsw]
memmap = "disk"
build_threads = 4
max_threads = 8
');
SELECT tried('
segment.min_sealed_segment_size = 1000
[indexing.vamana]
m = 8
');
SELECT tried('
[algorithm.vamana]
r = 50
alpha = 1.2
l = 70
memmap = "ram"
build_threads = 2
');

-- The short forms.
SELECT tried_with('m = 32');
SELECT tried_with('ef_construction = 200, m = 16');
SELECT tried_with('quantization = scalar');
SELECT tried_with('quantization = scalar4');
SELECT tried_with('m = 24, options = ''indexing.hnsw.ef_construction = 200''');

-- Unknown keys.
SELECT tried('size = 1');
SELECT tried('[indexing.hnsw]' || E'\n' || 'mm = 16');
SELECT tried('[indexing.hnsw]' || E'\n' || 'r = 50');
SELECT tried('[indexing.tree]');
SELECT tried('[hnsw]');
SELECT tried('"indexing.hnsw" = {}');
SELECT tried('indexing.hnsw.quantization.scalar.ratio = 4');
SELECT tried('indexing.hnsw.quantization.ternary = {}');
SELECT tried('indexing.hnsw.nlist = 4');
SELECT tried('indexing.inverted_index.quantization.scalar = {}');
SELECT tried_with('mm = 16');

-- Values out of range.
SELECT tried('indexing.hnsw.m = 3');
SELECT tried('indexing.hnsw.m = 129');
SELECT tried('indexing.hnsw.m = -9223372036854775808');
SELECT tried('algorithm.hnsw.ef = 9');
SELECT tried('indexing.hnsw.ef_construction = 2001');
SELECT tried('segment.max_growing_segment_size = 0');
SELECT tried('segment.max_sealed_segment_size = 4_000_000_001');
SELECT tried('optimizing.sealing_secs = 86401');
SELECT tried('optimizing.sealing_size = 0');
SELECT tried('optimizing.optimizing_secs = 0');
SELECT tried('optimizing.optimizing_threads = 65536');
SELECT tried('optimizing.delete_threshold = 0');
SELECT tried('optimizing.delete_threshold = 1.01');
SELECT tried('optimizing.delete_threshold = nan');
SELECT tried('indexing.ivf.nlist = 1000001');
SELECT tried('indexing.ivf.nprobe = 0');
SELECT tried('indexing.hnsw.quantization.scalar.bits = 2');
SELECT tried('indexing.hnsw.quantization.scalar.bits = 12');
SELECT tried('indexing.hnsw.quantization.product.bits = 3');
SELECT tried('indexing.hnsw.quantization.product.ratio = 17');
SELECT tried('indexing.hnsw.quantization.product.ratio = "x5"');
SELECT tried('indexing.hnsw.quantization.rabitq.bits = 9');
SELECT tried_with('m = 3');
SELECT tried_with('ef_construction = 2001');
SELECT tried_with('lists = 0');
SELECT tried_with('quantization = scalar5');
SELECT tried_with('quantization = scalar16');
SELECT tried_with('quantization = sq8');

-- Every range, from both sides: its ends are taken, and what lies beyond is refused with key, value and range.
CREATE TABLE ranges (key text, least numeric, most numeric, step numeric);
INSERT INTO ranges VALUES
    ('segment.max_growing_segment_size', 1, 4e9, 1),
    ('segment.max_sealed_segment_size', 1, 4e9, 1),
    ('optimizing.sealing_secs', 1, 86400, 1),
    ('optimizing.sealing_size', 1, 4e9, 1),
    ('optimizing.optimizing_secs', 1, 86400, 1),
    ('optimizing.optimizing_threads', 1, 65535, 1),
    ('optimizing.delete_threshold', 0.0001, 1, 0.0001),
    ('indexing.hnsw.m', 4, 128, 1),
    ('indexing.hnsw.ef_construction', 10, 2000, 1),
    ('indexing.ivf.nlist', 1, 1000000, 1),
    ('indexing.ivf.nprobe', 1, 1000000, 1);
INSERT INTO ranges SELECT format('indexing.%s.quantization.%s', algorithm, key), least, most, 1
    FROM unnest(ARRAY['hnsw', 'ivf', 'flat']) AS algorithm, (VALUES ('rabitq.bits', 1, 8), ('product.ratio', 1, 16)) AS kept(key, least, most);
SELECT key, value, tried(text) FROM ranges, unnest(ARRAY[least, most, least - step, most + step]) AS value, format('%s = %s', key, trim_scale(value)) AS text
    WHERE tried(text) NOT LIKE CASE WHEN value BETWEEN least AND most THEN 'accepted: %'
        ELSE format(E'22023: invalid value for option "%s": %s\nAllowed are %% from %s to %s%%', key, trim_scale(value), trim_scale(least), trim_scale(most)) END;
-- Where the values are few: all that there might be.
SELECT algorithm, key, string_agg(value::text, ' ' ORDER BY value) FILTER (WHERE said LIKE 'accepted: %') AS taken,
       bool_and(said LIKE 'accepted: %' OR said LIKE format('22023: invalid value for option "indexing.%s.quantization.%s": %s%%Allowed are%%', algorithm, key, value)) AS else_refused
    FROM unnest(ARRAY['hnsw', 'ivf', 'flat']) AS algorithm, unnest(ARRAY['scalar.bits', 'product.bits']) AS key, generate_series(-1, 17) AS value,
         tried(format('indexing.%s.quantization.%s = %s', algorithm, key, value)) AS said
    GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE ranges;

-- Values of another type.
SELECT tried('indexing.hnsw.m = "16"');
SELECT tried('indexing.hnsw.m = 16.0');
SELECT tried('indexing.hnsw.m = true');
SELECT tried('indexing.hnsw.m = {}');
SELECT tried('indexing.hnsw = 16');
SELECT tried('segment = "large"');
SELECT tried('indexing.ivf.spherical_centroids = 1');
SELECT tried('indexing.hnsw.quantization = "scalar"');
SELECT tried('optimizing.delete_threshold = "0.2"');
SELECT tried_with('m = many');

-- Said twice.
SELECT tried('[indexing.hnsw]' || E'\n' || '[indexing.ivf]');
SELECT tried('algorithm.hnsw.m = 16' || E'\n' || '[indexing.flat]');
SELECT tried('indexing.hnsw = { ef = 100, ef_construction = 100 }');
SELECT tried('algorithm.hnsw.m = 16' || E'\n' || 'indexing.hnsw.m = 16');
SELECT tried('optimizing.optimizing_threads = 1' || E'\n' || 'indexing.hnsw.build_threads = 2');
SELECT tried('indexing.hnsw.quantization = { scalar = {}, product = {} }');
SELECT tried_with('m = 16, options = ''indexing.hnsw.m = 16''');
SELECT tried_with('ef_construction = 64, options = ''algorithm.hnsw.ef = 64''');
SELECT tried_with('quantization = scalar, options = ''indexing.hnsw.quantization.scalar.bits = 4''');
SELECT tried_with('m = 16, lists = 100');
SELECT tried_with('m = 16, options = ''indexing.ivf = {}''');
SELECT tried_with('lists = 100, options = ''indexing.hnsw = {}''');
SELECT tried_with('quantization = scalar, options = ''indexing.inverted_index = {}''');

-- Not TOML.
SELECT tried('indexing');
SELECT tried('[indexing.hnsw] m = 16');
SELECT tried('indexing.hnsw.m = [16]');
SELECT tried('indexing.hnsw = {' || E'\n' || 'm = 16 }');
SELECT tried('indexing.hnsw.m = 16' || E'\n' || 'indexing.hnsw.m = 16');
SELECT tried(repeat('[', 100));
SELECT tried(repeat('a = {', 10000));
SELECT tried(repeat(' ', 65537));

-- What can be written and not be built.
SELECT tried('indexing.ivf = {}');
SELECT tried('[algorithm.ivf]' || E'\n' || 'nlist = 1000' || E'\n' || 'nprobe = 10');
SELECT tried('[indexing.ivf]' || E'\n' || 'spherical_centroids = true' || E'\n' || 'residual_quantization = false');
SELECT tried('indexing.ivf = { residual_quantization = true }');
SELECT tried('indexing.ivf = { residual_quantization = 1 }');
SELECT tried('indexing.ivf = { nsample = 1, least_iterations = 1, iterations = 1 }');
SELECT tried_with('lists = 100');
SELECT tried('[indexing.flat]' || E'\n' || 'quantization.product.ratio = "x16"');
SELECT tried('[indexing.inverted_index]');
SELECT tried('[indexing.sparse_inverted_index]');
SELECT tried('indexing.hnsw.quantization.trivial = {}');
SELECT tried('indexing.hnsw.quantization.product = { ratio = 4, bits = 4, sample = 65536 }');
SELECT tried('indexing.hnsw.quantization.rabitq = {}');
SELECT tried('indexing.hnsw.quantization.binary = {}');
SELECT tried_with('quantization = trivial');
SELECT tried_with('quantization = rabitq4');

-- Changed online: checked as at creation, and a mistake changes nothing.
CREATE INDEX chosen ON items USING vectors (embedding vector_l2_ops) WITH (m = 24);
ALTER INDEX chosen SET (options = 'optimizing.sealing_secs = 0');
ALTER INDEX chosen SET (options = 'indexing.hnsw.m = 12');
ALTER INDEX chosen SET (options = 'indexing.hnsw.ef_construction = 200', quantization = scalar4);
SELECT reloptions FROM pg_class WHERE relname = 'chosen';
ALTER INDEX chosen RESET (quantization, m);
SELECT reloptions FROM pg_class WHERE relname = 'chosen';

-- A notice is given once, not by every session that opens the index; copies of the table have the options, too.
ALTER INDEX chosen SET (options = 'capacity = 1');
SELECT relpages >= 0 FROM pg_class WHERE relname = 'chosen';
\c
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT FROM items ORDER BY embedding <-> '[1,2,3]' LIMIT 1) AS nearest;
RESET enable_seqscan;
CREATE TABLE twins (LIKE items INCLUDING INDEXES);
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'twins'::regclass;
REINDEX INDEX chosen;
SELECT reloptions FROM pg_class WHERE relname = 'chosen';

DROP TABLE twins;

-- The definition that a dump holds makes the same index, quotes and lines included.
CREATE INDEX quoted ON items USING vectors (embedding vector_l2_ops) WITH (ef_construction = 99, options = '
[indexing."hnsw"] # it''s "quoted"
m = 9
');
SELECT pg_get_indexdef('quoted'::regclass) AS definition, vectors_index_options('quoted') AS options \gset
DROP INDEX quoted;
:definition;
SELECT vectors_index_options('quoted') = :'options' AS same;
DROP INDEX quoted;

-- What gets past the check (a catalog written by hand, another version) is passed over in silence where the index is used.
CREATE INDEX unchecked ON items USING vectors (embedding vector_l2_ops) WITH (m = 9);
UPDATE pg_class SET reloptions = ARRAY['m=9', E'options=indexing.hnsw.m = 10\noptimizing.sealing_secs = 0\nsealing = 1\noptimizing.sealing_size = 7\n[']
    WHERE relname = 'unchecked';
SELECT * FROM flattened(vectors_index_options('unchecked')::jsonb)
    EXCEPT SELECT * FROM flattened(vectors_index_options('plain')::jsonb) ORDER BY 1;
DROP INDEX unchecked;

SELECT vectors_index_options('pg_class_oid_index');
SELECT vectors_index_options('items');

-- A flat segment answers as the table does.
DROP INDEX plain, chosen;
INSERT INTO items SELECT format('[%s,%s,%s]', i % 31, i % 7, i % 13)::vector FROM generate_series(1, 2000) AS i;
CREATE INDEX flat ON items USING vectors (embedding vector_l2_ops) WITH (options = '[indexing.flat]');
SET enable_seqscan = off;
CREATE TABLE by_index AS SELECT embedding <-> '[3,4,5]' AS distance FROM items ORDER BY embedding <-> '[3,4,5]' LIMIT 100;
RESET enable_seqscan;
DROP INDEX flat;
CREATE TABLE by_table AS SELECT embedding <-> '[3,4,5]' AS distance FROM items ORDER BY embedding <-> '[3,4,5]' LIMIT 100;
SELECT count(*) FROM (TABLE by_index EXCEPT ALL TABLE by_table) AS wrong;

DROP TABLE items, by_index, by_table;
DROP FUNCTION tried, tried_with, flattened;
