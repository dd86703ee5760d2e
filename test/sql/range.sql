-- Range conditions: vector <<->> sphere(center, radius) by the index, beside the table, for every type and metric.

SET client_min_messages = warning;
SET jit = off; -- compiling would take most of the time

-- 700 rows: a graph over 500, a flat segment, a tail; NULLs; vectors that no code can represent where the type has them.
CREATE TABLE points (id int, v vector(8), h vecf16(8), s svector(8), b bvector(24), i veci8(8)) WITH (autovacuum_enabled = off);
CREATE FUNCTION some_point(n int, salt int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(round((sin(n * (12.9898 + d) + salt * 78.233) * 43758.5453 - floor(sin(n * (12.9898 + d) + salt * 78.233) * 43758.5453))::numeric, 3)::real - 0.3 ORDER BY d)::vector
    FROM generate_series(1, 8) d $$;
CREATE FUNCTION some_bits(n int, salt int) RETURNS bvector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((get_bit(decode(md5(n || 'x' || salt), 'hex'), d))::real ORDER BY d)::vector::bvector FROM generate_series(1, 24) d $$;
CREATE FUNCTION add_points(from_id int, to_id int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO points SELECT n, p, p::vecf16, (SELECT array_agg(CASE WHEN x > 0.3 THEN x ELSE 0 END)::vector::svector FROM unnest(p::real[]) x), some_bits(n, 1), p::veci8
    FROM (SELECT n, CASE WHEN n % 50 <> 7 THEN some_point(n, 1) END AS p FROM generate_series(from_id, to_id) n) g $$;

CREATE FUNCTION point_of(type text, n int) RETURNS text LANGUAGE sql AS $$
    SELECT quote_literal(CASE type WHEN 'bvector' THEN some_bits(n, 2)::text ELSE some_point(n, 2)::text END) || '::' || type $$;

CREATE FUNCTION ids_of(query text, with_index bool) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
    ids int[];
BEGIN
    PERFORM set_config('enable_seqscan', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
    PERFORM set_config('enable_sort', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
    PERFORM set_config('vectors.enable_index', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    IF with_index AND plan !~ 'Index Cond' OR NOT with_index AND plan !~ 'Seq Scan' THEN
        RAISE 'not the plan that is tested: %', plan;
    END IF;
    EXECUTE 'SELECT array_agg(id) FROM (' || query || ') q' INTO ids;
    RETURN coalesce(ids, '{}');
END $$;

-- Rows by the index and by the table: for radii with no, one, few, many and all rows below, alone, ordered by the distance to
-- the center and to another vector, in two spheres, and with a LIMIT.
CREATE FUNCTION compare_ranges(col text, op text, center text, other text) RETURNS TABLE (matching bigint, missing bigint, wrong bigint, disordered bigint)
LANGUAGE plpgsql AS $$
DECLARE
    radius text;
    radii text[];
    condition text;
    form text;
    expected int[];
    got int[];
    sphere_op text := '<' || op || '>';
BEGIN
    matching := 0; missing := 0; wrong := 0; disordered := 0;
    EXECUTE format('SELECT array_agg(quote_literal(r) || ''::real'') FROM (SELECT %1$s %2$s %3$s AS r, row_number() OVER (ORDER BY %1$s %2$s %3$s) AS n FROM points) d WHERE n IN (1, 2, 12, 100, 400)', col, op, center) INTO radii;
    FOREACH radius IN ARRAY radii || ARRAY['''inf''::real', '''nan''::real', '''-inf''::real', '-0.5', '0', '(SELECT NULL::real)'] LOOP
        condition := format('%s %s sphere(%s, %s)', col, sphere_op, center, radius);
        FOREACH form IN ARRAY ARRAY['', format(' ORDER BY %s %s %s', col, op, center), format(' ORDER BY %s %s %s', col, op, other), format(' ORDER BY %s %s %s LIMIT 5', col, op, center),
                format(' AND %s %s sphere(%s, %s)', col, sphere_op, other, radius), ' AND id > 250 AND id <= 600', format(' AND id <= 400 ORDER BY %s %s %s', col, op, center), format(' AND id %% 2 = 0 ORDER BY %s %s %s LIMIT 500', col, op, other)] LOOP
            expected := ids_of('SELECT id FROM points WHERE ' || condition || form, false);
            got := ids_of('SELECT id FROM points WHERE ' || condition || form, true);
            matching := matching + cardinality(expected);
            IF form LIKE '% LIMIT 5' THEN
                missing := missing + cardinality(expected) - cardinality(got);
            ELSE
                missing := missing + (SELECT count(*) FROM (SELECT unnest(expected) EXCEPT ALL SELECT unnest(got)) e);
                wrong := wrong + (SELECT count(*) FROM (SELECT unnest(got) EXCEPT ALL SELECT unnest(expected)) e);
                -- the first ten, by distance: ties may change places
                IF form LIKE ' ORDER BY%' THEN
                    EXECUTE format('SELECT $1 + count(*) FROM unnest($2[1:10], $3[1:10]) e(theirs, ours) JOIN points x ON x.id = theirs JOIN points y ON y.id = ours WHERE x.%1$s %2$s %3$s IS DISTINCT FROM y.%1$s %2$s %3$s',
                        col, op, CASE WHEN form LIKE '%' || other || '%' THEN other ELSE center END) INTO disordered USING disordered, expected, got;
                END IF;
            END IF;
        END LOOP;
    END LOOP;
    RETURN NEXT;
END $$;

-- With all rows read in every round (no graph) nothing is missing; a graph may miss what any search may.
CREATE FUNCTION compare_types(options text, types text DEFAULT '', columns text DEFAULT '') RETURNS TABLE (class text, has_rows bool, missing_percent numeric, wrong bigint, disordered bigint) LANGUAGE plpgsql AS $$
DECLARE
    k record;
    classes text[] := '{v:vector_l2_ops:<->, v:vector_dot_ops:<#>, v:vector_cos_ops:<=>, h:vecf16_l2_ops:<->, h:vecf16_dot_ops:<#>, h:vecf16_cos_ops:<=>,
        s:svector_l2_ops:<->, s:svector_dot_ops:<#>, s:svector_cos_ops:<=>, i:veci8_l2_ops:<->, i:veci8_dot_ops:<#>, i:veci8_cos_ops:<=>,
        b:bvector_hamming_ops:<->, b:bvector_dot_ops:<#>, b:bvector_cos_ops:<=>, b:bvector_jaccard_ops:<~>}';
BEGIN
    TRUNCATE points;
    PERFORM add_points(1, 500);
    classes := ARRAY(SELECT c FROM unnest(classes) WITH ORDINALITY e(c, n) WHERE c ~ types ORDER BY n);
    FOR k IN SELECT split_part(e, ':', 1) AS col, split_part(e, ':', 2) AS name FROM unnest(classes) e LOOP
        EXECUTE format('DROP INDEX IF EXISTS points_%s', k.name);
        EXECUTE format('CREATE INDEX points_%1$s ON points USING vectors (%2$s %1$s%4$s) WITH (options = %3$L)', k.name, k.col, options, columns);
    END LOOP;
    PERFORM add_points(501, 700);
    FOR k IN SELECT split_part(e, ':', 1) AS col, split_part(e, ':', 2) AS name, split_part(e, ':', 3) AS op, split_part(split_part(e, ':', 2), '_', 1) AS type FROM unnest(classes) e LOOP
        SELECT k.name, r.matching > 3000, round(100.0 * r.missing / r.matching), r.wrong, r.disordered INTO class, has_rows, missing_percent, wrong, disordered
        FROM compare_ranges(k.col, k.op, point_of(k.type, 1), point_of(k.type, 3)) r;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM compare_types('indexing.flat = {}');
SELECT * FROM compare_types('indexing.hnsw = {}');
-- lists around centroids, of which a first round reads ten
SELECT has_rows, missing_percent <= 5 AS found, wrong, count(*) FROM compare_types('indexing.ivf.nlist = 20', ':(vector|vecf16|veci8)') GROUP BY 1, 2, 3;
-- with a filter column, whose conditions the index answers at the same time
SELECT has_rows, missing_percent, wrong, disordered, count(*) FROM compare_types('indexing.flat = {}', ':(vector|bvector)', ', id') GROUP BY 1, 2, 3, 4;
SELECT has_rows, missing_percent <= 1 AS found, wrong, disordered, count(*) FROM compare_types('indexing.hnsw = {}', ':(vector|bvector)', ', id') GROUP BY 1, 2, 3, 4;
-- of one bit a dimension: rows beyond the radius come long before the last within
SELECT has_rows, missing_percent, wrong, disordered, count(*) FROM compare_types('indexing.flat.quantization = {rabitq = {bits = 1}}', ':(vector|vecf16)') GROUP BY 1, 2, 3, 4;

-- Row estimates come from a sample of the index: within a factor of 3 where 2 % of the rows or more lie in the sphere, few where few do,
-- never a fixed share; the default for what nobody knows, and for those who may not read the table.
CREATE FUNCTION estimated(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
DROP TABLE points;
CREATE TABLE points (id int, v vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO points SELECT n, some_point(n, 1) FROM generate_series(1, 4000) n;
INSERT INTO points SELECT n, NULL FROM generate_series(1, 1000) n;
CREATE INDEX points_v ON points USING vectors (v vector_l2_ops);
ANALYZE points;
CREATE FUNCTION judged(op text, rank int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE radius real; rows int;
BEGIN
    EXECUTE format('SELECT r FROM (SELECT v %1$s some_point(1, 2) AS r FROM points ORDER BY 1 LIMIT 1 OFFSET %2$s) s', op, rank) INTO radius;
    rows := estimated(format('SELECT id FROM points WHERE v <%s> sphere(some_point(1, 2), %L::real)', op, radius));
    RETURN CASE WHEN rows BETWEEN rank / 3 AND rank * 3 THEN 'within 3 times' WHEN rank < 80 AND rows BETWEEN 1 AND 200 THEN 'few' ELSE format('%s instead of %s', rows, rank) END;
END $$;
SET vectors.enable_index = off; -- the estimate is the same whatever the plan
SELECT op, rank, judged(op, rank) FROM unnest('{<->,<#>,<=>}'::text[]) op, unnest('{5, 50, 400, 2000, 3900}'::int[]) rank;
RESET vectors.enable_index;
SELECT estimated($$SELECT id FROM points WHERE v <<->> sphere('[1,1,1,1,1,1,1,1]'::vector, -1)$$) AS empty,
    estimated($$SELECT id FROM points WHERE v <<->> sphere('[1,1,1,1,1,1,1,1]'::vector, 'inf')$$) BETWEEN 3500 AND 4500 AS all_but_nulls,
    estimated($$SELECT id FROM points WHERE v <<->> sphere((SELECT v FROM points LIMIT 1), (SELECT 1::real))$$) AS by_default;
SELECT estimated($$SELECT a.id FROM points a, points b WHERE a.v <<->> sphere(b.v, 1000)$$) > 10000000 AS joined_all, estimated($$SELECT a.id FROM points a, points b WHERE a.v <<->> sphere(b.v, 0.01)$$) < 100000 AS joined_near;
CREATE ROLE regress_reader;
GRANT SELECT (id, v) ON points TO regress_reader;
SET ROLE regress_reader;
SELECT estimated($$SELECT id FROM points WHERE v <<->> sphere('[1,1,1,1,1,1,1,1]'::vector, 1e9)$$) AS not_for_all_to_know;
RESET ROLE;
GRANT SELECT ON points TO regress_reader;
SET ROLE regress_reader;
SELECT estimated($$SELECT id FROM points WHERE v <<->> sphere('[1,1,1,1,1,1,1,1]'::vector, 1e9)$$) > 3500 AS for_readers;
RESET ROLE;
DROP TABLE points;
DROP ROLE regress_reader;
DROP FUNCTION some_point, some_bits, add_points, point_of, ids_of, compare_ranges, compare_types, estimated, judged;
