-- The types beside one another: equal values at equal distances, within a stated error; triangles, zero vectors, all lengths up to the largest.
-- The error of float32 sums is (n / 8 + 16) 2^-24 of the sum of the terms' absolute values; the tests allow four times that.
SELECT setseed(0.25);
CREATE FUNCTION pg_temp.bound(dims int, magnitude float8) RETURNS float8 LANGUAGE sql AS 'SELECT 4 * (dims / 8.0 + 16) * 2.0 ^ -24 * magnitude + 1e-30';
-- small whole numbers and halves of them: exact in every type but veci8, three vectors of each length
CREATE TEMP TABLE samples AS SELECT d, row_number() OVER (PARTITION BY d) AS n, a, a::vector AS v, a::vecf16 AS h, a::svector AS s, ARRAY(SELECT (x > 0)::int FROM unnest(a) x)::vector::bvector AS b, a::vector::veci8 AS i
    FROM (SELECT d, k, array_agg(CASE WHEN d > 2000 OR random() < 0.5 THEN (random() * 16)::int - 8 ELSE 0 END / 2.0 ORDER BY j)::real[] FROM unnest(ARRAY[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 513, 1000, 65535]) d, generate_series(1, 3) k, generate_series(1, d) j GROUP BY d, k) t(d, k, a);
CREATE TEMP TABLE pairs AS SELECT x.d, x.v AS v1, y.v AS v2, x.h AS h1, y.h AS h2, x.s AS s1, y.s AS s2, x.b AS b1, y.b AS b2, x.i AS i1, y.i AS i2,
    (SELECT sum((p - q)::float8 ^ 2) FROM unnest(x.a, y.a) u(p, q)) AS l2, (SELECT sum(p::float8 * q) FROM unnest(x.a, y.a) u(p, q)) AS dot, (SELECT sum(abs(p - q)::float8) FROM unnest(x.a, y.a) u(p, q)) AS l1,
    (SELECT sum(abs(p::float8 * q)) FROM unnest(x.a, y.a) u(p, q)) AS dot_magnitude, vector_norm(x.v)::float8 AS norm1, vector_norm(y.v)::float8 AS norm2 FROM samples x JOIN samples y USING (d);
SELECT count(*), count(DISTINCT d) FROM pairs;
SELECT d FROM pairs WHERE abs((v1 <-> v2) - l2) > pg_temp.bound(d, l2) OR abs((v1 <#> v2) + dot) > pg_temp.bound(d, dot_magnitude) OR abs(l1_distance(v1, v2) - l1) > pg_temp.bound(d, l1)
    OR abs((v1 <=> v2) - (1 - dot / nullif(norm1 * norm2, 0))) > pg_temp.bound(d, 1) OR abs(l2_distance(v1, v2) - sqrt(l2)) > pg_temp.bound(d, sqrt(l2)) OR abs(inner_product(v1, v2) - dot) > pg_temp.bound(d, dot_magnitude);
SELECT d FROM pairs WHERE abs((h1 <-> h2) - l2) > pg_temp.bound(d, l2) OR abs((h1 <#> h2) + dot) > pg_temp.bound(d, dot_magnitude) OR abs(l1_distance(h1, h2) - l1) > pg_temp.bound(d, l1) OR abs((h1 <=> h2) - (1 - dot / nullif(norm1 * norm2, 0))) > pg_temp.bound(d, 1);
SELECT d FROM pairs WHERE abs((s1 <-> s2) - l2) > pg_temp.bound(d, l2) OR abs((s1 <#> s2) + dot) > pg_temp.bound(d, dot_magnitude) OR abs(l1_distance(s1, s2) - l1) > pg_temp.bound(d, l1) OR abs((s1 <=> s2) - (1 - dot / nullif(norm1 * norm2, 0))) > pg_temp.bound(d, 1);
-- bits: against the same bits as numbers
SELECT d FROM (SELECT *, b1::vector AS w1, b2::vector AS w2, b1 & b2 AS b_and, b1 | b2 AS b_or, b1 ^ b2 AS b_xor FROM pairs) t WHERE (b1 <-> b2) <> (w1 <-> w2) OR (b1 <#> b2) <> (w1 <#> w2) OR (b1 <=> b2) <> 'nan' AND abs((b1 <=> b2) - (w1 <=> w2)) > pg_temp.bound(d, 1) OR (b1 <=> b2 = 'nan') <> (w1 <=> w2 = 'nan')
    OR (b1 <-> b2) <> l1_distance(w1, w2) OR hamming_distance(b1, b2) <> -(b_xor <#> b_xor) OR abs(jaccard_distance(b1, b2) - coalesce(1 - (b_and <#> b_and)::float8 / nullif((b_or <#> b_or)::float8, 0), 0)) > 1e-6 OR abs(vector_norm(b1) - vector_norm(w1)) > pg_temp.bound(d, vector_norm(w1));
-- veci8: against what it decodes to, and its error against the vector itself is that of rounding: half a step an element
SELECT d FROM (SELECT *, i1::vector AS w1, i2::vector AS w2 FROM pairs) t WHERE abs((i1 <-> i2) - (w1 <-> w2)) > pg_temp.bound(d, (w1 <-> w2) + 1e-5 * norm1 * norm2) OR abs((i1 <#> i2) - (w1 <#> w2)) > pg_temp.bound(d, dot_magnitude + norm1 * norm2) OR abs(l1_distance(i1, i2) - l1_distance(w1, w2)) > pg_temp.bound(d, l1_distance(w1, w2) + norm1 + norm2)
    OR (i1 <=> i2) <> 'nan' AND abs((i1 <=> i2) - (w1 <=> w2)) > pg_temp.bound(d, 1) OR abs(vector_norm(i1) - vector_norm(w1)) > pg_temp.bound(d, norm1) OR l2_distance(w1, v1) > 8 / 508.0 * sqrt(d) * 1.001;
-- a vector is at distance 0 from itself; distances are symmetric; roots of distances obey the triangle inequality
SELECT d FROM pairs WHERE (v1 <-> v1) <> 0 OR (h1 <-> h1) <> 0 OR (s1 <-> s1) <> 0 OR (b1 <-> b1) <> 0 OR (i1 <-> i1) <> 0 OR (norm1 > 0 AND ((v1 <=> v1) <> 0 OR (h1 <=> h1) <> 0 OR (s1 <=> s1) <> 0)) OR (b1 <~> b1) <> 0
    OR (v1 <-> v2) <> (v2 <-> v1) OR (h1 <-> h2) <> (h2 <-> h1) OR (s1 <-> s2) <> (s2 <-> s1) OR (b1 <-> b2) <> (b2 <-> b1) OR (b1 <~> b2) <> (b2 <~> b1) OR abs((i1 <-> i2) - (i2 <-> i1)) > pg_temp.bound(d, i1 <-> i2);
SELECT x.d FROM samples x JOIN samples y USING (d) JOIN samples z USING (d) WHERE l2_distance(x.v, z.v) > (l2_distance(x.v, y.v) + l2_distance(y.v, z.v)) * 1.00001 OR l2_distance(x.h, z.h) > (l2_distance(x.h, y.h) + l2_distance(y.h, z.h)) * 1.00001
    OR l2_distance(x.s, z.s) > (l2_distance(x.s, y.s) + l2_distance(y.s, z.s)) * 1.00001 OR l2_distance(x.i, z.i) > (l2_distance(x.i, y.i) + l2_distance(y.i, z.i)) * 1.00001 OR (x.b <-> z.b) > (x.b <-> y.b) + (y.b <-> z.b) OR (x.b <~> z.b) > (x.b <~> y.b) + (y.b <~> z.b) + 1e-6;
-- arithmetic agrees, casts there and back lose nothing
SELECT d FROM pairs WHERE (h1 + h2)::vector <> v1 + v2 OR (h1 - h2)::vector <> v1 - v2 OR (h1 * h2)::vector <> v1 * v2 OR (s1 + s2)::vector <> v1 + v2 OR (s1 - s2)::vector <> v1 - v2 OR (s1 * s2)::vector <> v1 * v2
    OR v1::vecf16 <> h1 OR v1::svector <> s1 OR s1::vector <> v1 OR h1::vector <> v1 OR b1::vector::bvector <> b1 OR binarize(v1) <> b1 OR binarize(h1) <> b1 OR v1::real[]::vector <> v1 OR (h1 = h2) <> (v1 = v2) OR (s1 = s2) <> (v1 = v2) OR (h1 < h2) <> (v1 < v2) OR (s1 < s2) <> (v1 < v2);
SELECT d FROM pairs WHERE d <= 30000 AND ((v1 || v2)[:d] <> v1 OR (v1 || v2)[d:] <> v2 OR (h1 || h2)[d:] <> h2 OR (s1 || s2)[:d] <> s1 OR (s1 || s2)[d:] <> s2 OR (b1 || b2)[:d] <> b1 OR (b1 || b2)[d:] <> b2);
-- zero vectors
SELECT count(*) FROM unnest(ARRAY[1, 63, 64, 65, 65535]) d, LATERAL (SELECT array_agg(0)::vector, array_agg(0)::vecf16, array_agg(0)::svector, array_agg(0)::vector::bvector, array_agg(0)::vector::veci8, array_agg(1)::vector FROM generate_series(1, d)) t(v, h, s, b, i, one)
    WHERE v <-> v = 0 AND h <-> h = 0 AND s <-> s = 0 AND b <-> b = 0 AND i <-> i = 0 AND v <=> one = 'nan' AND h <=> one::vecf16 = 'nan' AND s <=> one::svector = 'nan' AND b <=> binarize(one) = 'nan' AND i <=> one::veci8 = 'nan' AND b <~> b = 0 AND b <~> binarize(one) = 1 AND v <-> one = d AND b <-> binarize(one) = d;
-- 1,048,575 dimensions
SELECT s <-> t AS l2, s <#> t AS dot, s <=> t AS cos, vector_norm(s), vector_dims(s + t), vector_norm(s + t) FROM (SELECT to_svector(1048575, '{0,1048574}', '{3,4}'), to_svector(1048575, '{1,1048574}', '{3,4}')) u(s, t);
SELECT s <-> t AS l2, -(s <#> t) AS dot, round(vector_norm(s)::numeric) FROM (SELECT array_agg(1)::svector, array_agg(i % 2)::svector FROM generate_series(1, 1048575) i) u(s, t);
-- triangles and zero vectors there
SELECT count(*) FILTER (WHERE l2_distance(a, c) > (l2_distance(a, b) + l2_distance(b, c)) * 1.00001 OR (a <-> b) <> (b <-> a) OR a <-> a <> 0) AS wrong, count(*), bool_and(a <-> zero = vector_norm(a) * vector_norm(a) OR abs((a <-> zero) / vector_norm(a) ^ 2 - 1) < 1e-6) AS from_zero, bool_and(a <=> zero = 'nan' AND zero <-> zero = 0 AND (a <#> zero) = 0) AS zeros
    FROM (SELECT i, to_svector(1048575, ARRAY[0, i * 100003, 1048574 - i], ARRAY[i, 5 - i, 0.5]::real[]) FROM generate_series(1, 4) i) x(i, a), (SELECT i, to_svector(1048575, ARRAY[i, i * 100003, 1048574], ARRAY[i, i, 2]::real[]) FROM generate_series(1, 4) i) y(j, b),
    (SELECT to_svector(1048575, ARRAY[7, 100003], ARRAY[1, 1]::real[])) z(c), (SELECT '{}/1048575'::svector) u(zero);
-- numbers that no half and no byte holds. Roots of squared distances differ by at most the lengths of what rounding moved: an element x of vecf16 by |x| 2^-11
-- (or 2^-25 where halves are subnormal), an element of veci8 by half a step; the dot product by those lengths times the other's.
CREATE TEMP TABLE rounded AS SELECT d, row_number() OVER (PARTITION BY d) AS n, a::vector AS v, a::vecf16 AS h, a::vector::veci8 AS i, a::svector AS s, (SELECT (max(x) - min(x)) / 254 FROM unnest(a) x)::float8 AS step
    FROM (SELECT d, k, array_agg((random() * 2 - 1) * 10 ^ (k - 2) ORDER BY j)::real[] FROM unnest(ARRAY[1, 63, 64, 65, 768, 65535]) d, generate_series(1, 4) k, generate_series(1, d) j GROUP BY d, k) t(d, k, a);
CREATE TEMP TABLE moved AS SELECT *, vector_norm(v) / 2048.0 + sqrt(d) * 2.0 ^ -25 AS half_moved, step / 2 * sqrt(d) * 1.0001 AS byte_moved, vector_norm(v)::float8 AS norm FROM rounded;
SELECT count(*), count(DISTINCT d) FROM moved a JOIN moved b USING (d) WHERE a.v <> a.h::vector OR a.d = 1;
SELECT d, a.n, b.n FROM moved a JOIN moved b USING (d) WHERE abs(l2_distance(a.h, b.h) - l2_distance(a.v, b.v)) > (a.half_moved + b.half_moved) * 1.001 + 1e-5 * (a.norm + b.norm)
    OR abs((a.h <#> b.h) - (a.v <#> b.v)) > (a.half_moved * b.norm + b.half_moved * a.norm) * 1.001 + pg_temp.bound(d, a.norm * b.norm)
    OR abs((a.h <=> b.h) - (a.v <=> b.v)) > 2 * (a.half_moved / a.norm + b.half_moved / b.norm) + pg_temp.bound(d, 1);
SELECT d, a.n, b.n FROM moved a JOIN moved b USING (d) WHERE d > 1 AND (abs(l2_distance(a.i, b.i) - l2_distance(a.v, b.v)) > (a.byte_moved + b.byte_moved) * 1.001 + 1e-5 * (a.norm + b.norm)
    OR abs((a.i <#> b.i) - (a.v <#> b.v)) > (a.byte_moved * b.norm + b.byte_moved * a.norm + a.byte_moved * b.byte_moved) * 1.001 + pg_temp.bound(d, a.norm * b.norm));
SELECT d, a.n, b.n FROM moved a JOIN moved b USING (d) WHERE abs((a.s <-> b.s) - (a.v <-> b.v)) > pg_temp.bound(d, a.v <-> b.v) OR abs((a.s <#> b.s) - (a.v <#> b.v)) > pg_temp.bound(d, a.norm * b.norm) OR abs((a.s <=> b.s) - (a.v <=> b.v)) > pg_temp.bound(d, 1);
-- bits: the angle's share that they estimate lies within five standard deviations of the angle
SELECT d, a.n, b.n FROM moved a JOIN moved b USING (d) WHERE d >= 64 AND abs((binarize(a.v) <-> binarize(b.v)) / d::float8 - acosd(1 - (a.v <=> b.v)) / 180) > 5 * sqrt(0.25 / d);
