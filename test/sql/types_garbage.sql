-- Random garbage to every input and receive function: an error of the right kind, or a vector that goes out as it came in.
SELECT setseed(0.125);
CREATE FUNCTION pg_temp.file_of(field bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\x5047434f50590aff0d0a0000000000000000000001'::bytea || int4send(length(field)) || field || '\xffff'::bytea $$;
-- a message that is nearly right: of a real vector, then some of its bytes changed, cut or added
CREATE FUNCTION pg_temp.damaged(message bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. floor(random() * 3) LOOP
        EXIT WHEN length(message) = 0;
        CASE floor(random() * 5)
            WHEN 0 THEN message := set_byte(message, floor(random() * length(message))::int, floor(random() * 256)::int);
            WHEN 1 THEN message := set_bit(message, floor(random() * length(message) * 8)::bigint, floor(random() * 2)::int);
            WHEN 2 THEN message := substring(message FOR floor(random() * (length(message) + 1))::int);
            WHEN 3 THEN message := message || set_byte('\x00', 0, floor(random() * 256)::int);
            ELSE message := overlay(message PLACING int4send((random() * 4294967295 - 2147483648)::bigint::int) FROM 1 + floor(random() * length(message))::int);
        END CASE;
    END LOOP;
    RETURN message;
END $$;
CREATE FUNCTION pg_temp.receive_garbage(type text, rounds int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    path text := current_setting('data_directory') || '/types_garbage.tmp';
    object oid;
    message bytea;
    returned bytea;
    accepted int := 0;
    refused int := 0;
BEGIN
    EXECUTE format('CREATE TEMP TABLE garbage (x %s)', type);
    FOR i IN 1 .. rounds LOOP
        EXECUTE format('SELECT pg_temp.damaged(%s_send(array_agg(k * k * $1 %% 3 %% 2)::vector::%1$s)) FROM generate_series(1, 1 + $1 * 7 %% 70) k', type) INTO message USING i;
        object := lo_from_bytea(0, pg_temp.file_of(message));
        PERFORM lo_export(object, path);
        PERFORM lo_unlink(object);
        DELETE FROM garbage;
        BEGIN
            EXECUTE format('COPY garbage FROM %L (FORMAT binary)', path);
            EXECUTE format('SELECT %s_send(x) FROM garbage', type) INTO returned;
            IF returned IS DISTINCT FROM message THEN
                RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = format('%s was received as %s', message, returned);
            END IF;
            accepted := accepted + 1;
        EXCEPTION
            WHEN SQLSTATE '22P03' OR SQLSTATE '22023' THEN
                refused := refused + 1;
        END;
    END LOOP;
    DROP TABLE garbage;
    RETURN CASE WHEN accepted > rounds / 20 AND refused > rounds / 20 THEN 'some accepted, some refused' ELSE format('%s accepted, %s refused', accepted, refused) END;
END $$;
SELECT type, pg_temp.receive_garbage(type, 100) FROM unnest(ARRAY['vector', 'vecf16', 'svector', 'bvector', 'veci8']) type;
SET vectors.wire_format = pgvectors;
SELECT type, pg_temp.receive_garbage(type, 100) FROM unnest(ARRAY['vector', 'vecf16', 'svector', 'bvector', 'veci8']) type;
RESET vectors.wire_format;

-- texts: a right one with pieces of texts put in, taken out, exchanged
CREATE FUNCTION pg_temp.damaged(message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    pieces text[] := ARRAY['[', ']', '{', '}', ':', ',', '/', ' ', E'\t', '0', '1', '9', '-', '+', '.', 'e', 'E', '0x', 'inf', 'nan', 'NULL', '1e39', '1e-46', '99999999999999999999', 'é', '"', '\', '4294967296', '[1,0]', '{0:1}/2'];
BEGIN
    FOR i IN 1 .. floor(random() * 3) LOOP
        message := overlay(message PLACING CASE WHEN random() < 0.7 THEN pieces[1 + floor(random() * array_length(pieces, 1))] ELSE '' END FROM 1 + floor(random() * length(message))::int FOR floor(random() * 2)::int);
    END LOOP;
    RETURN message;
END $$;
CREATE FUNCTION pg_temp.read_garbage(type text, rounds int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    printed text;
    again text;
    accepted int := 0;
    refused int := 0;
BEGIN
    FOR i IN 1 .. rounds LOOP
        message := pg_temp.damaged(CASE WHEN type = 'bvector' THEN '[1, 0,1]' WHEN type = 'svector' AND i % 3 > 0 THEN '{3:1.5, 0:-2e3}/12' ELSE '[1, -2.5,3e2]' END);
        BEGIN
            EXECUTE format('SELECT %L::%s::text', message, type) INTO printed;
            EXECUTE format('SELECT %L::%s::text', printed, type) INTO again;
            IF printed IS DISTINCT FROM again THEN
                RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = format('%s was read as %s', printed, again);
            END IF;
            accepted := accepted + 1;
        EXCEPTION
            WHEN SQLSTATE '22P02' OR SQLSTATE '22003' OR SQLSTATE '22023' THEN
                refused := refused + 1;
        END;
    END LOOP;
    RETURN CASE WHEN accepted > rounds / 20 AND refused > rounds / 20 THEN 'some accepted, some refused' ELSE format('%s accepted, %s refused', accepted, refused) END;
END $$;
SELECT type, pg_temp.read_garbage(type, 1000) FROM unnest(ARRAY['vector', 'vecf16', 'svector', 'bvector', 'veci8']) type;
