-- Bits of codes where nobody says how many: few for many dimensions; and what was built with others is left as it is.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vectors;
RESET client_min_messages;

CREATE TABLE short (embedding vector(255));
CREATE TABLE long (embedding vector(256));
CREATE INDEX short_index ON short USING vectors (embedding vector_l2_ops);
CREATE INDEX long_index ON long USING vectors (embedding vector_l2_ops);
CREATE INDEX long_scalar ON long USING vectors (embedding vector_l2_ops) WITH (quantization = scalar);
CREATE INDEX long_scalar8 ON long USING vectors (embedding vector_l2_ops) WITH (quantization = scalar8);
SELECT index, vectors_index_options(index)::jsonb #>> '{indexing, hnsw, quantization, scalar, bits}' AS bits
    FROM unnest('{short_index, long_index, long_scalar, long_scalar8}'::regclass[]) AS index;
DROP INDEX long_index, long_scalar, long_scalar8;

-- Half the bits, and that is what the file holds: codes of 256 dimensions are 128 bytes longer with 8 bits.
CREATE FUNCTION segments(index regclass) RETURNS TABLE (name text, bytes bigint) LANGUAGE sql AS $$
    SELECT file, (pg_stat_file(directory || '/' || file)).size
    FROM pg_database d,
         format('pg_vectors/%s/%s_%s', d.oid, d.dattablespace, pg_relation_filenode(index)) AS directory,
         pg_ls_dir(directory) AS file
    WHERE d.datname = current_database() AND file LIKE 'segment%'
$$;
INSERT INTO long SELECT array_agg(hashint8(j * 1000 + i) / 2147483648.0)::real[]::vector
    FROM generate_series(1, 1000) AS j, generate_series(1, 256) AS i GROUP BY j;
CREATE INDEX long_index ON long USING vectors (embedding vector_l2_ops);
CREATE INDEX long_scalar8 ON long USING vectors (embedding vector_l2_ops) WITH (quantization = scalar8);
SELECT ((SELECT sum(bytes) FROM segments('long_scalar8')) - (SELECT sum(bytes) FROM segments('long_index'))) / 1000 BETWEEN 126 AND 130
    AS bytes_saved_a_row;

-- Left to us from now on, 8 bits are no reason to build anew, and later rows get as many. Said that they be 4, it is built anew.
CREATE TEMPORARY TABLE before AS SELECT * FROM segments('long_scalar8');
ALTER INDEX long_scalar8 RESET (quantization);
SELECT vectors_merge('long_scalar8');
SELECT (SELECT array_agg(name) FROM before) = (SELECT array_agg(name) FROM segments('long_scalar8')) AS is_the_same_segment;
INSERT INTO long SELECT * FROM long;
SELECT vectors_merge('long_scalar8');
SELECT count(*), sum(bytes) / 2000 BETWEEN (SELECT bytes / 1000 - 50 FROM before) AND (SELECT bytes / 1000 + 50 FROM before) AS has_8_bits
    FROM segments('long_scalar8');
ALTER INDEX long_scalar8 SET (quantization = scalar4);
SELECT vectors_merge('long_scalar8');
SELECT count(*), sum(bytes) / 2000 < (SELECT bytes / 1000 - 100 FROM before) AS has_4_bits FROM segments('long_scalar8');

DROP TABLE short, long, before;
DROP FUNCTION segments;
