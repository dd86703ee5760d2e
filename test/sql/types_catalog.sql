-- What the extension puts into the catalogs: everything described, every function safe to run in parallel, operators that agree with one another.
CREATE TEMP VIEW member AS SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vectors');
-- nothing without a comment; array types, rows of views, and families, which bear the name of their class, come by themselves
SELECT pg_describe_object(classid, objid, 0) FROM member LEFT JOIN pg_type t ON t.oid = objid AND classid = 'pg_type'::regclass WHERE obj_description(objid, classid::regclass::name) IS NULL
    AND classid <> 'pg_opfamily'::regclass AND t.typcategory IS DISTINCT FROM 'A' AND NOT EXISTS (SELECT FROM pg_class WHERE pg_class.oid = t.typrelid AND relkind = 'v') ORDER BY 1;
-- and that is said of each kind of object that there is
SELECT classid::regclass::text AS kind, count(*) > CASE classid WHEN 'pg_am'::regclass THEN 0 WHEN 'pg_type'::regclass THEN 4 ELSE 29 END AS enough FROM member WHERE classid IN ('pg_type'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass, 'pg_opclass'::regclass, 'pg_am'::regclass) GROUP BY classid ORDER BY 1;
-- functions of types and operators: immutable (send and receive follow a setting), strict (but for aggregates' transitions), parallel safe
SELECT p.oid::regprocedure, provolatile, proisstrict, proparallel FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid WHERE prokind = 'f' AND (provolatile <> 'i' OR NOT proisstrict OR proparallel <> 's')
    AND (EXISTS (SELECT FROM pg_operator o WHERE oprcode = p.oid) OR p.oid::regprocedure::text ~ '^(vector|vecf16|svector|bvector|veci8|dense|array|sphere|subvector|binarize|to_|l1|l2|inner|cosine|hamming|jaccard)' AND p.oid::regprocedure::text !~ '^vectors_') ORDER BY 1;
-- every operator with a commutator agrees with it; a sphere has none; <> is no =
SELECT o.oid::regoperator FROM member JOIN pg_operator o ON classid = 'pg_operator'::regclass AND objid = o.oid JOIN pg_operator c ON c.oid = o.oprcom WHERE c.oprcom <> o.oid OR c.oprleft <> o.oprright OR c.oprright <> o.oprleft;
SELECT oprname, count(*), bool_and(oprcom = 0) AS no_commutator, array_agg(DISTINCT oprrest) FROM member JOIN pg_operator o ON classid = 'pg_operator'::regclass AND objid = o.oid WHERE oprname LIKE '<<%' GROUP BY 1 ORDER BY oprname COLLATE "C";
SELECT oprname, count(*), array_agg(DISTINCT oprrest), array_agg(DISTINCT oprjoin), bool_and(oprcanhash) AS hash, bool_and(oprcanmerge) AS merge FROM member JOIN pg_operator o ON classid = 'pg_operator'::regclass AND objid = o.oid WHERE oprname ~ '^[<>=]+$' AND oprresult = 'boolean'::regtype AND oprname NOT LIKE '<<%' GROUP BY 1 ORDER BY oprname COLLATE "C";
-- the range operator of every index operator class is the one of its own distance
SELECT opcname, d.amopopr::regoperator AS distance, s.amopopr::regoperator AS range FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod AND amname = 'vectors' JOIN pg_amop d ON d.amopfamily = c.opcfamily AND d.amopstrategy = 1 JOIN pg_operator od ON od.oid = d.amopopr
    LEFT JOIN (pg_amop s JOIN pg_operator os ON os.oid = s.amopopr) ON s.amopfamily = c.opcfamily AND s.amopstrategy = 2 WHERE os.oprname <> '<' || od.oprname || '>';
-- the library's functions agree with their declarations, as far as the catalogs can tell
SELECT amname, opcname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod, LATERAL (SELECT EXISTS (SELECT FROM member WHERE classid = 'pg_opclass'::regclass AND objid = c.oid)) m(ours) WHERE ours AND amname IN ('btree', 'hash') ORDER BY 1, 2;
-- a distance costs by its dimensions, and more when the vector is in a TOAST table; unknown dimensions cost what PostgreSQL says
CREATE TEMP TABLE priced (small vector(3), middle vector(384), large vector(1536), half vecf16(1536), bits bvector(1536), unknown vector, sparse svector(30000));
CREATE FUNCTION pg_temp.price(expression text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT json) SELECT %s FROM priced', expression) INTO plan;
    RETURN (plan->0->'Plan'->>'Total Cost')::numeric;
END $$;
INSERT INTO priced(small) VALUES ('[1,2,3]'), ('[4,5,6]');
ANALYZE priced;
-- in units of cpu_operator_cost, a row, above the price of a constant
SELECT expression, round((pg_temp.price(expression) - pg_temp.price('1')) / 2 / 0.0025) AS operators FROM unnest(ARRAY['unknown <-> unknown', 'small <-> small', 'middle <-> middle', 'large <-> large', 'large <-> ''[1]''', 'half <#> half', 'bits <~> bits', 'sparse <=> sparse',
    'large <<->> sphere(''[1]''::vector, 1)', 'l2_distance(large, large)', 'large <-> ARRAY[1]::real[]']) expression;
