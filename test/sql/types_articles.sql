-- Statements from the articles and manuals of pgvecto.rs, as they stand; what an index does with them is tested with the index.
CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(3) NOT NULL);
INSERT INTO items (embedding) VALUES ('[1,2,3]'), ('[4,5,6]');
INSERT INTO items (embedding) VALUES (ARRAY[1, 2, 2.5]::real[]), (ARRAY[4, 5, 6.5]::real[]);
SELECT '[1, 2, 3]'::vector <-> '[3, 2, 1]'::vector;
SELECT '[1, 2, 3]'::vector <#> '[3, 2, 1]'::vector;
SELECT round(('[1, 2, 3]'::vector <=> '[3, 2, 1]'::vector)::numeric, 6);
SELECT id, embedding FROM items ORDER BY embedding <-> '[3,2,1]' LIMIT 5;
SELECT id FROM items WHERE embedding <-> '[3,2,1]' < 10 ORDER BY id;
DROP TABLE items;

-- arrays that are no vectors
SELECT array[1,2,3] <-> array[3,2,1];
CREATE TABLE items (id int, emb numeric[] NOT NULL);
INSERT INTO items VALUES (1, '{1,2,3}'), (2, '{4,5,6}'), (3, '{3,2,1}');
SELECT * FROM items ORDER BY emb <-> array[3,2,1] LIMIT 5;
SELECT * FROM items WHERE emb <-> ARRAY[3,2,1] < 5;
DROP TABLE items;

CREATE TABLE items (id bigserial PRIMARY KEY, embedding bvector(3) NOT NULL);
INSERT INTO items (embedding) VALUES ('[1,0,1]'), ('[0,1,0]');
INSERT INTO items (embedding) VALUES (binarize('[1,-2,3]'::vector)), ('[1, 0, 1]'::vector::bvector);
SELECT id, embedding FROM items ORDER BY embedding <-> '[1,1,1]', id;
SELECT id, embedding FROM items ORDER BY embedding <~> '[1,1,1]', id;
DROP TABLE items;

CREATE TABLE items (id bigserial PRIMARY KEY, embedding svector(10) NOT NULL);
INSERT INTO items (embedding) VALUES ('[0.1,0,0,0,0,0,0,0,0,0]'), ('[0,0,0.1,0,0,0,0,0,0,0]');
INSERT INTO items (embedding) VALUES (to_svector(10, '{0,5}', '{0.3,0.5}')), ('{0:0.3, 5:0.6}/10');
SELECT * FROM items ORDER BY embedding <-> '[0.3,0,0,0,0,0.5,0,0,0,0]' LIMIT 3;
DROP TABLE items;

CREATE TABLE items (id bigserial PRIMARY KEY, embedding vecf16(3072) NOT NULL);
INSERT INTO items (embedding) SELECT array_agg(sin(i * j))::real[]::vecf16 FROM generate_series(1, 3) i, generate_series(1, 3072) j GROUP BY i;
SELECT id, vector_dims(embedding), embedding <-> embedding AS itself FROM items ORDER BY id;
DROP TABLE items;

CREATE TABLE items (id bigserial PRIMARY KEY, embedding veci8(3) NOT NULL);
INSERT INTO items (embedding) VALUES ('[0.1, 0.2, 0.3]'), (to_veci8(3, 0.5, 0.0, '{1, -2, 3}'));
SELECT * FROM items ORDER BY embedding <-> '[1,-1,1]', id;
DROP TABLE items;

-- shortlist by bits, exact distances for the shortlist
CREATE TABLE documents (id bigserial PRIMARY KEY, content text, embedding vector(8), binarized bvector(8) GENERATED ALWAYS AS (binarize(embedding)) STORED);
INSERT INTO documents (content, embedding) SELECT 'document ' || i, array_agg(sin(i * j))::real[] FROM generate_series(1, 200) i, generate_series(1, 8) j GROUP BY i ORDER BY i;
CREATE FUNCTION match_documents_adaptive(query_embedding vector(8), match_count int) RETURNS SETOF documents LANGUAGE SQL AS $$
WITH shortlist AS (SELECT * FROM documents ORDER BY binarized <-> binarize(query_embedding) LIMIT match_count * 8)
SELECT * FROM shortlist ORDER BY embedding <-> query_embedding LIMIT match_count;
$$;
SELECT id, content FROM match_documents_adaptive((SELECT embedding FROM documents WHERE id = 77), 1);
SELECT count(*) FROM match_documents_adaptive((SELECT embedding FROM documents WHERE id = 5), 10) m JOIN (SELECT id FROM documents ORDER BY embedding <-> (SELECT embedding FROM documents WHERE id = 5) LIMIT 10) e USING (id) HAVING count(*) >= 8;
-- shortened vectors
SELECT id FROM documents ORDER BY (embedding[:4])::vector(4) <-> (SELECT embedding[:4] FROM documents WHERE id = 9) LIMIT 1;
DROP FUNCTION match_documents_adaptive;
DROP TABLE documents;

-- what was length(embedding) = 0 for a failed embedding
SELECT vector_dims('[1,2,3]'::vector) = 0;
-- the extension in a schema of its own, used by qualified names whatever the search path
CREATE SCHEMA elsewhere;
ALTER EXTENSION vectors SET SCHEMA elsewhere;
SET search_path = pg_catalog;
SELECT '[1,2,3]'::elsewhere.vector OPERATOR(elsewhere.<->) '[3,2,1]', ARRAY[1,2] OPERATOR(elsewhere.<->) ARRAY[2,1], '[1,2]'::elsewhere.vector OPERATOR(elsewhere.<->) ARRAY[2,1], '[1]'::elsewhere.vector OPERATOR(elsewhere.<<->>) elsewhere.sphere('[1]'::elsewhere.vector, 1), elsewhere.avg(v), pg_catalog.count(DISTINCT v) FROM (VALUES ('[1]'::elsewhere.vector), ('[2]')) t(v);
RESET search_path;
ALTER EXTENSION vectors SET SCHEMA public;
DROP SCHEMA elsewhere;

-- what was wrong with types, operators and casts of pgvecto.rs
-- bvector & returned its left operand
SELECT '[1,1,0]'::bvector & '[0,1,1]';
-- the range of svector by Euclidean distance was that of cosine
SELECT '{0:1}/2'::svector <<->> sphere('{0:9}/2'::svector, 1) AS far_but_parallel, '{0:1}/2'::svector <<=>> sphere('{0:9}/2'::svector, 1) AS parallel;
-- an index out of range by one at the end crashed
DO $$ BEGIN PERFORM '{0:1, 3:1}/3'::svector; EXCEPTION WHEN invalid_text_representation THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN PERFORM to_svector(3, '{0,3}', '{1,1}'); EXCEPTION WHEN invalid_parameter_value THEN RAISE NOTICE '%', SQLERRM; END $$;
-- [1 2] was read as 12
DO $$ BEGIN PERFORM '[1 2]'::vector; EXCEPTION WHEN invalid_text_representation THEN RAISE NOTICE '%', SQLERRM; END $$;
-- an operator with a sphere said that it was its own commutator: the planner then asked for sphere <<->> vector, which there is not
SELECT count(*) FILTER (WHERE oprcom <> 0) AS commutators, count(*) FROM pg_operator WHERE oprname IN ('<<->>', '<<#>>', '<<=>>', '<<~>>');
CREATE TABLE ranged AS SELECT ARRAY[i, i]::vector AS v FROM generate_series(1, 5) i;
SELECT count(*) FROM ranged a, ranged b WHERE a.v <<->> sphere(b.v, 3);
DROP TABLE ranged;
-- <> was estimated as if it were =
CREATE TABLE estimated AS SELECT ARRAY[i % 10, 1]::vector AS v FROM generate_series(1, 1000) i;
ANALYZE estimated;
CREATE FUNCTION pg_temp.estimate(condition text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM estimated WHERE ' || condition INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT pg_temp.estimate($$v = '[3,1]'$$) AS equal, pg_temp.estimate($$v <> '[3,1]'$$) AS different;
DROP TABLE estimated;
-- aggregates never ran in parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE summed AS SELECT ARRAY[i, 1]::vector AS v FROM generate_series(1, 1000) i;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v::svector) FROM summed;
SELECT avg(v), sum(v::svector) FROM summed;
DROP TABLE summed;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
-- a NULL element became NaN, a number too large an infinity
DO $$ BEGIN PERFORM '{NULL}'::real[]::vector; EXCEPTION WHEN null_value_not_allowed THEN RAISE NOTICE '%', SQLERRM; END $$;
DO $$ BEGIN PERFORM '[3.5e38]'::vector; EXCEPTION WHEN numeric_value_out_of_range THEN RAISE NOTICE '%', SQLERRM; END $$;
-- modifiers were not enforced
CREATE TABLE enforced (v vector(3));
DO $$ BEGIN INSERT INTO enforced VALUES ('[1,2]'); EXCEPTION WHEN data_exception THEN RAISE NOTICE '%', SQLERRM; END $$;
DROP TABLE enforced;
