-- Binary input and output of every type, in both forms of vectors.wire_format, by the only door there is from SQL: COPY.
\i data/raises.sql
CREATE TEMP TABLE received_vector (x vector);
CREATE TEMP TABLE received_vecf16 (x vecf16);
CREATE TEMP TABLE received_svector (x svector);
CREATE TEMP TABLE received_bvector (x bvector);
CREATE TEMP TABLE received_veci8 (x veci8);
-- A file of COPY BINARY with one row of one field, made of a large object; then COPY, and what came of it as text.
CREATE FUNCTION pg_temp.receive(type text, field bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    path text := current_setting('data_directory') || '/types_binary.tmp';
    object oid := lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea || int4send(length(field)) || field || '\xffff'::bytea);
    result text;
BEGIN
    PERFORM lo_export(object, path);
    PERFORM lo_unlink(object);
    EXECUTE format('DELETE FROM received_%s', type);
    result := pg_temp.raises(format('COPY received_%s FROM %L (FORMAT binary)', type, path));
    IF result = 'no error' THEN
        EXECUTE format('SELECT x::text FROM received_%s', type) INTO result;
    END IF;
    RETURN result;
END $$;

-- byte for byte the forms of pgvector
SELECT vector_send('[1,-2.5,NaN]'), vecf16_send('[1,-2.5,65504]'), svector_send('{1:1,4:-2.5}/6');
SELECT bvector_send('[1,0,1,1,0,0,0,0,1]'), bvector_send('[1,0,1,1,0,0,0,1]'), veci8_send(to_veci8(3, 0.5, 1, '{1,-2,127}'));
-- the send functions of core's types agree about these bytes
SELECT bvector_send('[1,0,1,1,0,0,0,0,1]') = bit_send(B'101100001'), bvector_send('[1]') = bit_send(B'1');
SELECT vector_send('[1]') = '\x0001'::bytea || '\x0000'::bytea || float4send(1), svector_send('{2:7}/9') = int4send(9) || int4send(1) || int4send(0) || int4send(2) || float4send(7);
SET vectors.wire_format = pgvectors;
SELECT vector_send('[1,-2.5,NaN]'), vecf16_send('[1,-2.5,65504]'), svector_send('{1:1,4:-2.5}/6');
SELECT bvector_send('[1,0,1,1,0,0,0,0,1]'), veci8_send(to_veci8(3, 0.5, 1, '{1,-2,127}'));
SELECT length(bvector_send(b)), bvector_send(b) FROM (SELECT binarize(array_agg((i = 64)::int)::vector) FROM generate_series(0, 64) i) t(b);
SET vectors.wire_format = other;

-- there and back in both forms, at dimensions around the words' ends
CREATE TEMP TABLE samples AS SELECT d, a::vector AS v, a::vecf16 AS h, a::svector AS s, binarize(a::vector) AS b, a::vector::veci8 AS i
    FROM unnest(ARRAY[1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 65535]) d, LATERAL (SELECT array_agg(((k * 7919 + d) % 23 - 11) * ((k % 3 = 0)::int)) FROM generate_series(1, d) k) t(a);
DO $$
DECLARE
    form text;
    sample record;
BEGIN
    FOREACH form IN ARRAY ARRAY['pgvector', 'pgvectors'] LOOP
        PERFORM set_config('vectors.wire_format', form, false);
        FOR sample IN SELECT * FROM samples LOOP
            IF pg_temp.receive('vector', vector_send(sample.v)) <> sample.v::text OR pg_temp.receive('vecf16', vecf16_send(sample.h)) <> sample.h::text
                OR pg_temp.receive('svector', svector_send(sample.s)) <> sample.s::text OR pg_temp.receive('bvector', bvector_send(sample.b)) <> sample.b::text
                OR pg_temp.receive('veci8', veci8_send(sample.i)) <> sample.i::text THEN
                RAISE 'dimensions % differ in the form %', sample.d, form;
            END IF;
        END LOOP;
    END LOOP;
END $$;
RESET vectors.wire_format;
SELECT pg_temp.receive('vector', '\x000300003f800000ff8000007fc00001'), pg_temp.receive('vecf16', '\x000300003c007c01fc00');

-- malformed: every length from nothing to one byte too much
SELECT n, pg_temp.receive('vector', substring('\x000200003f80000040000000ff'::bytea FOR n)) FROM generate_series(0, 13) n;
SELECT n, pg_temp.receive('vecf16', substring('\x000200003c004000ff'::bytea FOR n)) FROM generate_series(0, 9) n;
SELECT n, pg_temp.receive('svector', substring('\x000000050000000100000000000000023f800000ff'::bytea FOR n)) FROM generate_series(0, 21) n;
SELECT n, pg_temp.receive('bvector', substring('\x00000009a080ff'::bytea FOR n)) FROM generate_series(0, 7) n;
SELECT n, pg_temp.receive('veci8', substring('\x000200003f8000003f800000017fff'::bytea FOR n)) FROM generate_series(0, 15) n;
-- malformed: dimensions, tags, order, padding, values
SELECT type, field, pg_temp.receive(type, field) FROM (VALUES
    ('vector', '\x00000000'::bytea), ('vector', '\xffff0000'), ('vector', '\x000100013f800000'),
    ('vecf16', '\x00000000'), ('vecf16', '\x000100013c00'),
    ('svector', '\x000000000000000000000000'), ('svector', '\x001000000000000000000000'), ('svector', '\xffffffff0000000000000000'),
    ('svector', '\x00000001000000020000000000000000000000013f8000003f800000'), ('svector', '\x00000005ffffffff00000000'), ('svector', '\x000fffff3fffffff00000000'),
    ('svector', '\x000000050000000100000001000000023f800000'), ('svector', '\x000000050000000100000000000000053f800000'), ('svector', '\x000000050000000100000000ffffffff3f800000'),
    ('svector', '\x00000005000000020000000000000002000000013f8000003f800000'), ('svector', '\x00000005000000020000000000000002000000023f8000003f800000'),
    ('svector', '\x0000000500000001000000000000000200000000'), ('svector', '\x0000000500000001000000000000000280000000'),
    ('bvector', '\x00000000'), ('bvector', '\x00010000'), ('bvector', '\xffffffff'), ('bvector', '\x80000001'), ('bvector', '\x00000001ff'), ('bvector', '\x000000070f'), ('bvector', '\x00000007fe'),
    ('veci8', '\x000000003f8000003f800000'), ('veci8', '\x000100007f8000003f80000001'), ('veci8', '\x000100003f800000ffc0000001'), ('veci8', '\x000100007f7fffff3f80000001')) t(type, field);
SET vectors.wire_format = pgvectors;
SELECT type, field, pg_temp.receive(type, field) FROM (VALUES
    ('vector', '\x01'::bytea), ('vector', '\x0000'), ('vector', '\x01000000803f'), ('vector', '\x01000000803fff'), ('vector', '\x000100000000'),
    ('vecf16', '\x0100003c'), ('vecf16', '\x0200003c'),
    ('svector', '\x0500000001000000020000000000803f'), ('svector', '\x0500000001000000020000000000803fff'), ('svector', '\x05000000010000000500000000803f'), ('svector', '\x0500000002000000020000000100000000008030000080fe'), ('svector', '\x05000000'),
    ('bvector', '\x010001000000000000000000'), ('bvector', '\x01000100000000000000'), ('bvector', '\x01000300000000000000'), ('bvector', '\x01000100000000000080'), ('bvector', '\x0000'), ('bvector', '\x010001'),
    ('veci8', '\x01000000803f0000803f05'), ('veci8', '\x01000000803f0000803f')) t(type, field);
RESET vectors.wire_format;
-- modifiers hold for binary input too
CREATE TEMP TABLE modified (x vector(2));
CREATE FUNCTION pg_temp.receive_modified() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.raises(format('COPY modified FROM %L (FORMAT binary)', current_setting('data_directory') || '/types_binary.tmp'));
END $$;
SELECT pg_temp.receive('vector', vector_send('[1,2,3]')), pg_temp.receive_modified();
-- COPY of whole tables, in both forms, text and binary
CREATE TEMP TABLE copied (LIKE samples);
DO $$
DECLARE
    form text;
    options text;
    path text := current_setting('data_directory') || '/types_binary.tmp';
    same bigint;
BEGIN
    FOREACH form IN ARRAY ARRAY['pgvector', 'pgvectors'] LOOP
        PERFORM set_config('vectors.wire_format', form, false);
        FOREACH options IN ARRAY ARRAY['binary', 'text', 'csv'] LOOP
            EXECUTE format('COPY samples TO %L (FORMAT %s)', path, options);
            TRUNCATE copied;
            EXECUTE format('COPY copied FROM %L (FORMAT %s)', path, options);
            SELECT count(*) INTO same FROM samples s JOIN copied c USING (d, v, h, s, b, i);
            RAISE NOTICE '% %: % of 12 rows are the same', form, options, same;
        END LOOP;
    END LOOP;
    EXECUTE format('COPY (SELECT WHERE false) TO %L', path);
END $$;
