\echo Use "CREATE EXTENSION vectors" to load this file. \quit

-- Objects are created in the schema of the extension and named without it: the extension is relocatable.

-- Types: input, output, modifier, slices

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS 'text input of vector; 22P02 with the position, 22003, 22023, 22000 if the dimensions are not the modifier''s';
CREATE FUNCTION vector_out(vector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vectors_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_out(vector) IS 'text output of vector, in the shortest digits that read back as the same number';
CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS 'binary input of vector, in the form that vectors.wire_format names; 22P03, 22023, 22000';
CREATE FUNCTION vector_send(vector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_vector_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_send(vector) IS 'binary output of vector, in the form that vectors.wire_format names';
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS 'type modifier of vector: the dimensions, 1..65535; 22023';
CREATE FUNCTION vector_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_vector_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_subscript(internal) IS 'subscripts of vector: slices v[a:b] from 0 and half-open; NULL if empty, out of range, or with a NULL bound';

CREATE TYPE vector (
    INPUT = vector_in,
    OUTPUT = vector_out,
    RECEIVE = vector_recv,
    SEND = vector_send,
    TYPMOD_IN = vector_typmod_in,
    SUBSCRIPT = vector_subscript,
    STORAGE = external
);
COMMENT ON TYPE vector IS 'vector of 1..65535 float4 elements, [1, 2.5, 3]; vector(n) enforces n dimensions';

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector(vector, integer, boolean) IS 'length coercion; 22000 unless the vector has as many dimensions as the modifier says';
CREATE CAST (vector AS vector) WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS vector) IS 'length coercion: vector to vector(n); 22000 for other dimensions';

CREATE TYPE vecf16;

CREATE FUNCTION vecf16_in(cstring, oid, integer) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_in(cstring, oid, integer) IS 'text input of vecf16; 22P02 with the position, 22003, 22023, 22000 if the dimensions are not the modifier''s';
CREATE FUNCTION vecf16_out(vecf16) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vectors_vecf16_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_out(vecf16) IS 'text output of vecf16, in the shortest digits that read back as the same number';
CREATE FUNCTION vecf16_recv(internal, oid, integer) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_recv(internal, oid, integer) IS 'binary input of vecf16, in the form that vectors.wire_format names; 22P03, 22023, 22000';
CREATE FUNCTION vecf16_send(vecf16) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_vecf16_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_send(vecf16) IS 'binary output of vecf16, in the form that vectors.wire_format names';
CREATE FUNCTION vecf16_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vecf16_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_typmod_in(cstring[]) IS 'type modifier of vecf16: the dimensions, 1..65535; 22023';
CREATE FUNCTION vecf16_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_vecf16_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_subscript(internal) IS 'subscripts of vecf16: slices v[a:b] from 0 and half-open; NULL if empty, out of range, or with a NULL bound';

CREATE TYPE vecf16 (
    INPUT = vecf16_in,
    OUTPUT = vecf16_out,
    RECEIVE = vecf16_recv,
    SEND = vecf16_send,
    TYPMOD_IN = vecf16_typmod_in,
    SUBSCRIPT = vecf16_subscript,
    STORAGE = external
);
COMMENT ON TYPE vecf16 IS 'vector of 1..65535 half-precision elements, [1, 2.5, 3], up to 65504; vecf16(n) enforces n dimensions';

CREATE FUNCTION vecf16(vecf16, integer, boolean) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16(vecf16, integer, boolean) IS 'length coercion; 22000 unless the vector has as many dimensions as the modifier says';
CREATE CAST (vecf16 AS vecf16) WITH FUNCTION vecf16(vecf16, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vecf16 AS vecf16) IS 'length coercion: vecf16 to vecf16(n); 22000 for other dimensions';

CREATE TYPE svector;

CREATE FUNCTION svector_in(cstring, oid, integer) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_in(cstring, oid, integer) IS 'text input of svector; 22P02 with the position, 22003, 22023, 22000 if the dimensions are not the modifier''s';
CREATE FUNCTION svector_out(svector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vectors_svector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_out(svector) IS 'text output of svector, in the shortest digits that read back as the same number';
CREATE FUNCTION svector_recv(internal, oid, integer) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_recv(internal, oid, integer) IS 'binary input of svector, in the form that vectors.wire_format names; 22P03, 22023, 22000';
CREATE FUNCTION svector_send(svector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_svector_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_send(svector) IS 'binary output of svector, in the form that vectors.wire_format names';
CREATE FUNCTION svector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_svector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_typmod_in(cstring[]) IS 'type modifier of svector: the dimensions, 1..1048575; 22023';
CREATE FUNCTION svector_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_svector_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_subscript(internal) IS 'subscripts of svector: slices v[a:b] from 0 and half-open; NULL if empty, out of range, or with a NULL bound';

CREATE TYPE svector (
    INPUT = svector_in,
    OUTPUT = svector_out,
    RECEIVE = svector_recv,
    SEND = svector_send,
    TYPMOD_IN = svector_typmod_in,
    SUBSCRIPT = svector_subscript,
    STORAGE = external
);
COMMENT ON TYPE svector IS 'sparse vector of 1..1048575 float4 dimensions, {index:element, ...}/dimensions with indexes from 0, input also dense; svector(n) enforces n dimensions';

CREATE FUNCTION svector(svector, integer, boolean) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector(svector, integer, boolean) IS 'length coercion; 22000 unless the vector has as many dimensions as the modifier says';
CREATE CAST (svector AS svector) WITH FUNCTION svector(svector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (svector AS svector) IS 'length coercion: svector to svector(n); 22000 for other dimensions';

CREATE TYPE bvector;

CREATE FUNCTION bvector_in(cstring, oid, integer) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_in(cstring, oid, integer) IS 'text input of bvector; 22P02 with the position, 22003, 22023, 22000 if the dimensions are not the modifier''s';
CREATE FUNCTION bvector_out(bvector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vectors_bvector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_out(bvector) IS 'text output of bvector';
CREATE FUNCTION bvector_recv(internal, oid, integer) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_recv(internal, oid, integer) IS 'binary input of bvector, in the form that vectors.wire_format names; 22P03, 22023, 22000';
CREATE FUNCTION bvector_send(bvector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_bvector_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_send(bvector) IS 'binary output of bvector, in the form that vectors.wire_format names';
CREATE FUNCTION bvector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_bvector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_typmod_in(cstring[]) IS 'type modifier of bvector: the dimensions, 1..65535; 22023';
CREATE FUNCTION bvector_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_bvector_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_subscript(internal) IS 'subscripts of bvector: slices v[a:b] from 0 and half-open; NULL if empty, out of range, or with a NULL bound';

CREATE TYPE bvector (
    INPUT = bvector_in,
    OUTPUT = bvector_out,
    RECEIVE = bvector_recv,
    SEND = bvector_send,
    TYPMOD_IN = bvector_typmod_in,
    SUBSCRIPT = bvector_subscript,
    STORAGE = external
);
COMMENT ON TYPE bvector IS 'vector of 1..65535 elements that are 0 or 1, [1, 0, 1]; bvector(n) enforces n dimensions';

CREATE FUNCTION bvector(bvector, integer, boolean) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector(bvector, integer, boolean) IS 'length coercion; 22000 unless the vector has as many dimensions as the modifier says';
CREATE CAST (bvector AS bvector) WITH FUNCTION bvector(bvector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (bvector AS bvector) IS 'length coercion: bvector to bvector(n); 22000 for other dimensions';

CREATE TYPE veci8;

CREATE FUNCTION veci8_in(cstring, oid, integer) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_veci8_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_in(cstring, oid, integer) IS 'text input of veci8; 22P02 with the position, 22003, 22023, 22000 if the dimensions are not the modifier''s';
CREATE FUNCTION veci8_out(veci8) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vectors_veci8_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_out(veci8) IS 'text output of veci8, in the shortest digits that read back as the same number';
CREATE FUNCTION veci8_recv(internal, oid, integer) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_veci8_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_recv(internal, oid, integer) IS 'binary input of veci8, in the form that vectors.wire_format names; 22P03, 22023, 22000';
CREATE FUNCTION veci8_send(veci8) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_veci8_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_send(veci8) IS 'binary output of veci8, in the form that vectors.wire_format names';
CREATE FUNCTION veci8_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_veci8_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_typmod_in(cstring[]) IS 'type modifier of veci8: the dimensions, 1..65535; 22023';
CREATE FUNCTION veci8_subscript(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_veci8_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_subscript(internal) IS 'subscripts of veci8: slices v[a:b] from 0 and half-open; NULL if empty, out of range, or with a NULL bound';

CREATE TYPE veci8 (
    INPUT = veci8_in,
    OUTPUT = veci8_out,
    RECEIVE = veci8_recv,
    SEND = veci8_send,
    TYPMOD_IN = veci8_typmod_in,
    SUBSCRIPT = veci8_subscript,
    STORAGE = external
);
COMMENT ON TYPE veci8 IS 'vector of 1..65535 elements in 8 bits each, quantized to 255 steps between the least and the greatest; printed decoded, and what is printed reads back the same unless to_veci8 made it of fewer steps; veci8(n) enforces n dimensions';

CREATE FUNCTION veci8(veci8, integer, boolean) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_veci8' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8(veci8, integer, boolean) IS 'length coercion; 22000 unless the vector has as many dimensions as the modifier says';
CREATE CAST (veci8 AS veci8) WITH FUNCTION veci8(veci8, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (veci8 AS veci8) IS 'length coercion: veci8 to veci8(n); 22000 for other dimensions';

-- Casts: arrays
--
-- None of them is implicit: with an implicit cast from real[] to vector, = and || of two real[] could mean those of vectors as well as
-- those of arrays, and PostgreSQL would refuse every such expression of the database as ambiguous. For vector <-> real[], where one
-- wants it, there are operators below.

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS 'real[] to vector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (real[] AS vector) WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS vector) IS 'elements of one dimension, none of them NULL, to vector; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS 'integer[] to vector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (integer[] AS vector) WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS vector) IS 'elements of one dimension, none of them NULL, to vector; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS 'double precision[] to vector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (double precision[] AS vector) WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS vector) IS 'elements of one dimension, none of them NULL, to vector; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS 'numeric[] to vector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (numeric[] AS vector) WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS vector) IS 'elements of one dimension, none of them NULL, to vector; 22000, 22004, 22003 or 22023 if that cannot be';

CREATE FUNCTION array_to_vecf16(real[], integer, boolean) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_array_to_vecf16' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vecf16(real[], integer, boolean) IS 'real[] to vecf16; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (real[] AS vecf16) WITH FUNCTION array_to_vecf16(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS vecf16) IS 'elements of one dimension, none of them NULL, to vecf16; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_vecf16(integer[], integer, boolean) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_array_to_vecf16' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vecf16(integer[], integer, boolean) IS 'integer[] to vecf16; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (integer[] AS vecf16) WITH FUNCTION array_to_vecf16(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS vecf16) IS 'elements of one dimension, none of them NULL, to vecf16; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_vecf16(double precision[], integer, boolean) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_array_to_vecf16' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vecf16(double precision[], integer, boolean) IS 'double precision[] to vecf16; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (double precision[] AS vecf16) WITH FUNCTION array_to_vecf16(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS vecf16) IS 'elements of one dimension, none of them NULL, to vecf16; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_vecf16(numeric[], integer, boolean) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_array_to_vecf16' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vecf16(numeric[], integer, boolean) IS 'numeric[] to vecf16; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..65535 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (numeric[] AS vecf16) WITH FUNCTION array_to_vecf16(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS vecf16) IS 'elements of one dimension, none of them NULL, to vecf16; 22000, 22004, 22003 or 22023 if that cannot be';

CREATE FUNCTION array_to_svector(real[], integer, boolean) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_array_to_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_svector(real[], integer, boolean) IS 'real[] to svector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..1048575 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (real[] AS svector) WITH FUNCTION array_to_svector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS svector) IS 'elements of one dimension, none of them NULL, to svector; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_svector(integer[], integer, boolean) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_array_to_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_svector(integer[], integer, boolean) IS 'integer[] to svector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..1048575 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (integer[] AS svector) WITH FUNCTION array_to_svector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS svector) IS 'elements of one dimension, none of them NULL, to svector; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_svector(double precision[], integer, boolean) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_array_to_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_svector(double precision[], integer, boolean) IS 'double precision[] to svector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..1048575 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (double precision[] AS svector) WITH FUNCTION array_to_svector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS svector) IS 'elements of one dimension, none of them NULL, to svector; 22000, 22004, 22003 or 22023 if that cannot be';
CREATE FUNCTION array_to_svector(numeric[], integer, boolean) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_array_to_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_svector(numeric[], integer, boolean) IS 'numeric[] to svector; 22004 for a NULL, 22003 for a number out of range, 22023 unless there are 1..1048575 elements, 22000 for more than one dimension or another number of elements than the modifier says';
CREATE CAST (numeric[] AS svector) WITH FUNCTION array_to_svector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS svector) IS 'elements of one dimension, none of them NULL, to svector; 22000, 22004, 22003 or 22023 if that cannot be';

CREATE FUNCTION vector_to_array(vector) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vectors_vector_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_array(vector) IS 'vector to real[]';
CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_array(vector) AS ASSIGNMENT;
COMMENT ON CAST (vector AS real[]) IS 'the elements as real[]';
CREATE FUNCTION vecf16_to_array(vecf16) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vectors_vecf16_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_to_array(vecf16) IS 'vecf16 to real[]';
CREATE CAST (vecf16 AS real[]) WITH FUNCTION vecf16_to_array(vecf16);
COMMENT ON CAST (vecf16 AS real[]) IS 'the elements as real[]';
CREATE FUNCTION svector_to_array(svector) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vectors_svector_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_to_array(svector) IS 'svector to real[]';
CREATE CAST (svector AS real[]) WITH FUNCTION svector_to_array(svector);
COMMENT ON CAST (svector AS real[]) IS 'the elements as real[], zeros among them';
CREATE FUNCTION bvector_to_array(bvector) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vectors_bvector_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_to_array(bvector) IS 'bvector to real[]';
CREATE CAST (bvector AS real[]) WITH FUNCTION bvector_to_array(bvector);
COMMENT ON CAST (bvector AS real[]) IS 'the elements as real[]';
CREATE FUNCTION veci8_to_array(veci8) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vectors_veci8_to_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_to_array(veci8) IS 'veci8 to real[], decoded';
CREATE CAST (veci8 AS real[]) WITH FUNCTION veci8_to_array(veci8);
COMMENT ON CAST (veci8 AS real[]) IS 'the elements as real[]';

-- Casts: between the types

CREATE FUNCTION vector_to_vecf16(vector, integer, boolean) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vector_to_vecf16' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_vecf16(vector, integer, boolean) IS 'vector to vecf16: rounded to nearest; 22003 beyond 65504; 22000 if the modifier asks for other dimensions';
CREATE CAST (vector AS vecf16) WITH FUNCTION vector_to_vecf16(vector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (vector AS vecf16) IS 'rounds to halves; 22003 beyond 65504';
CREATE FUNCTION vecf16_to_vector(vecf16, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vecf16_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_to_vector(vecf16, integer, boolean) IS 'vecf16 to vector: exact; 22000 if the modifier asks for other dimensions';
CREATE CAST (vecf16 AS vector) WITH FUNCTION vecf16_to_vector(vecf16, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (vecf16 AS vector) IS 'exact';
CREATE FUNCTION vector_to_svector(vector, integer, boolean) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_vector_to_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_svector(vector, integer, boolean) IS 'vector to svector: zeros are left out; 22000 if the modifier asks for other dimensions';
CREATE CAST (vector AS svector) WITH FUNCTION vector_to_svector(vector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (vector AS svector) IS 'leaves zeros out';
CREATE FUNCTION svector_to_vector(svector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_svector_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_to_vector(svector, integer, boolean) IS 'svector to vector: exact; 22023 beyond 65535 dimensions; 22000 if the modifier asks for other dimensions';
CREATE CAST (svector AS vector) WITH FUNCTION svector_to_vector(svector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (svector AS vector) IS 'puts zeros in; 22023 beyond 65535 dimensions';
CREATE FUNCTION vector_to_bvector(vector, integer, boolean) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_vector_to_bvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_bvector(vector, integer, boolean) IS 'vector to bvector: 22003 unless every element is 0 or 1; 22000 if the modifier asks for other dimensions';
CREATE CAST (vector AS bvector) WITH FUNCTION vector_to_bvector(vector, integer, boolean);
COMMENT ON CAST (vector AS bvector) IS 'every element must be 0 or 1, else 22003 or 22000: binarize rounds';
CREATE FUNCTION bvector_to_vector(bvector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_bvector_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_to_vector(bvector, integer, boolean) IS 'bvector to vector: exact; 22000 if the modifier asks for other dimensions';
CREATE CAST (bvector AS vector) WITH FUNCTION bvector_to_vector(bvector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (bvector AS vector) IS 'exact, elements 0 and 1';
CREATE FUNCTION vector_to_veci8(vector, integer, boolean) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_vector_to_veci8' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_veci8(vector, integer, boolean) IS 'vector to veci8: quantized, an element is off by 1/508 of the span at most; 22003 for NaN and infinities; 22000 if the modifier asks for other dimensions';
CREATE CAST (vector AS veci8) WITH FUNCTION vector_to_veci8(vector, integer, boolean);
COMMENT ON CAST (vector AS veci8) IS 'rounds to 255 steps between the least and the greatest element; 22003 for an element that is not finite';
CREATE FUNCTION veci8_to_vector(veci8, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_veci8_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_to_vector(veci8, integer, boolean) IS 'veci8 to vector: decoded; 22000 if the modifier asks for other dimensions';
CREATE CAST (veci8 AS vector) WITH FUNCTION veci8_to_vector(veci8, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (veci8 AS vector) IS 'the decoded elements';

-- What a distance costs, by the dimensions, for the planner

CREATE FUNCTION vector_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_vector_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_distance_support(internal) IS 'cost of a distance of vector, for the planner';
CREATE FUNCTION vecf16_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_vecf16_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_distance_support(internal) IS 'cost of a distance of vecf16, for the planner';
CREATE FUNCTION svector_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_svector_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_distance_support(internal) IS 'cost of a distance of svector, for the planner';
CREATE FUNCTION bvector_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_bvector_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_distance_support(internal) IS 'cost of a distance of bvector, for the planner';
CREATE FUNCTION veci8_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_veci8_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_distance_support(internal) IS 'cost of a distance of veci8, for the planner';

-- Distances

CREATE FUNCTION vector_l2(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION vector_l2(vector, vector) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (vector, vector) IS 'squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION vector_dot(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION vector_dot(vector, vector) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ';
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (vector, vector) IS 'negative dot product; 22000 if the dimensions differ';
CREATE FUNCTION vector_cos(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION vector_cos(vector, vector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';

CREATE FUNCTION vecf16_l2(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION vecf16_l2(vecf16, vecf16) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE OPERATOR <-> (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (vecf16, vecf16) IS 'squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION vecf16_dot(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION vecf16_dot(vecf16, vecf16) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ';
CREATE OPERATOR <#> (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (vecf16, vecf16) IS 'negative dot product; 22000 if the dimensions differ';
CREATE FUNCTION vecf16_cos(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION vecf16_cos(vecf16, vecf16) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE OPERATOR <=> (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (vecf16, vecf16) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';

CREATE FUNCTION svector_l2(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION svector_l2(svector, svector) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE OPERATOR <-> (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (svector, svector) IS 'squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION svector_dot(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION svector_dot(svector, svector) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ';
CREATE OPERATOR <#> (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (svector, svector) IS 'negative dot product; 22000 if the dimensions differ';
CREATE FUNCTION svector_cos(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION svector_cos(svector, svector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE OPERATOR <=> (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (svector, svector) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';

CREATE FUNCTION bvector_l2(bvector, bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_l2(bvector, bvector) IS 'implementation of <->: Hamming distance, the number of elements that differ, 0..65535; 22000 if the dimensions differ';
CREATE OPERATOR <-> (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (bvector, bvector) IS 'Hamming distance, the number of elements that differ, 0..65535; 22000 if the dimensions differ';
CREATE FUNCTION bvector_dot(bvector, bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_dot(bvector, bvector) IS 'implementation of <#>: negative number of elements that are 1 in both, -65535..0; 22000 if the dimensions differ';
CREATE OPERATOR <#> (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (bvector, bvector) IS 'negative number of elements that are 1 in both, -65535..0; 22000 if the dimensions differ';
CREATE FUNCTION bvector_cos(bvector, bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_cos(bvector, bvector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..1; NaN for a zero vector; 22000 if the dimensions differ';
CREATE OPERATOR <=> (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (bvector, bvector) IS 'cosine distance, 1 - cosine, 0..1; NaN for a zero vector; 22000 if the dimensions differ';
CREATE FUNCTION bvector_jaccard(bvector, bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_jaccard' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_jaccard(bvector, bvector) IS 'implementation of <~>: Jaccard distance, 1 - (ones in both / ones in either), 0..1; 0 for two zero vectors; 22000 if the dimensions differ';
CREATE OPERATOR <~> (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_jaccard, COMMUTATOR = <~>);
COMMENT ON OPERATOR <~> (bvector, bvector) IS 'Jaccard distance, 1 - (ones in both / ones in either), 0..1; 0 for two zero vectors; 22000 if the dimensions differ';

CREATE FUNCTION veci8_l2(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION veci8_l2(veci8, veci8) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE OPERATOR <-> (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (veci8, veci8) IS 'squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION veci8_dot(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION veci8_dot(veci8, veci8) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ';
CREATE OPERATOR <#> (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (veci8, veci8) IS 'negative dot product; 22000 if the dimensions differ';
CREATE FUNCTION veci8_cos(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION veci8_cos(veci8, veci8) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE OPERATOR <=> (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (veci8, veci8) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';

CREATE FUNCTION array_l2(real[], real[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_l2(real[], real[]) IS 'implementation of <-> on arrays, computed in float4: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = array_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (real[], real[]) IS 'squared Euclidean distance, 0..Infinity, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_dot(real[], real[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_dot(real[], real[]) IS 'implementation of <#> on arrays, computed in float4: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = array_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (real[], real[]) IS 'negative dot product, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_cos(real[], real[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_cos(real[], real[]) IS 'implementation of <=> on arrays, computed in float4: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = real[], RIGHTARG = real[], FUNCTION = array_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (real[], real[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_l2(integer[], integer[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_l2(integer[], integer[]) IS 'implementation of <-> on arrays, computed in float4: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = integer[], RIGHTARG = integer[], FUNCTION = array_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (integer[], integer[]) IS 'squared Euclidean distance, 0..Infinity, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_dot(integer[], integer[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_dot(integer[], integer[]) IS 'implementation of <#> on arrays, computed in float4: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = integer[], RIGHTARG = integer[], FUNCTION = array_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (integer[], integer[]) IS 'negative dot product, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_cos(integer[], integer[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_cos(integer[], integer[]) IS 'implementation of <=> on arrays, computed in float4: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = integer[], RIGHTARG = integer[], FUNCTION = array_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (integer[], integer[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_l2(double precision[], double precision[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_l2(double precision[], double precision[]) IS 'implementation of <-> on arrays, computed in float4: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = double precision[], RIGHTARG = double precision[], FUNCTION = array_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (double precision[], double precision[]) IS 'squared Euclidean distance, 0..Infinity, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_dot(double precision[], double precision[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_dot(double precision[], double precision[]) IS 'implementation of <#> on arrays, computed in float4: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = double precision[], RIGHTARG = double precision[], FUNCTION = array_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (double precision[], double precision[]) IS 'negative dot product, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_cos(double precision[], double precision[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_cos(double precision[], double precision[]) IS 'implementation of <=> on arrays, computed in float4: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = double precision[], RIGHTARG = double precision[], FUNCTION = array_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (double precision[], double precision[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_l2(numeric[], numeric[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_l2(numeric[], numeric[]) IS 'implementation of <-> on arrays, computed in float4: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = numeric[], RIGHTARG = numeric[], FUNCTION = array_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (numeric[], numeric[]) IS 'squared Euclidean distance, 0..Infinity, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_dot(numeric[], numeric[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_dot(numeric[], numeric[]) IS 'implementation of <#> on arrays, computed in float4: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = numeric[], RIGHTARG = numeric[], FUNCTION = array_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (numeric[], numeric[]) IS 'negative dot product, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION array_cos(numeric[], numeric[]) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_array_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_cos(numeric[], numeric[]) IS 'implementation of <=> on arrays, computed in float4: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = numeric[], RIGHTARG = numeric[], FUNCTION = array_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (numeric[], numeric[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, of arrays as if they were vectors; 22000 if the dimensions differ, 22004 for a NULL element';

-- A vector and an array. Inlined, so that the planner sees the operator of two vectors, and its index.

CREATE FUNCTION vector_l2(vector, real[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <-> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_l2(vector, real[]) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_l2(real[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <-> $2;
COMMENT ON FUNCTION vector_l2(real[], vector) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = real[], FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (vector, real[]) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = real[], RIGHTARG = vector, FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (real[], vector) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(vector, real[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <#> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_dot(vector, real[]) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(real[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <#> $2;
COMMENT ON FUNCTION vector_dot(real[], vector) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = real[], FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (vector, real[]) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = real[], RIGHTARG = vector, FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (real[], vector) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(vector, real[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <=> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_cos(vector, real[]) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(real[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <=> $2;
COMMENT ON FUNCTION vector_cos(real[], vector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = real[], FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (vector, real[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = real[], RIGHTARG = vector, FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (real[], vector) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';

CREATE FUNCTION vector_l2(vector, integer[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <-> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_l2(vector, integer[]) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_l2(integer[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <-> $2;
COMMENT ON FUNCTION vector_l2(integer[], vector) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = integer[], FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (vector, integer[]) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = integer[], RIGHTARG = vector, FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (integer[], vector) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(vector, integer[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <#> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_dot(vector, integer[]) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(integer[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <#> $2;
COMMENT ON FUNCTION vector_dot(integer[], vector) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = integer[], FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (vector, integer[]) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = integer[], RIGHTARG = vector, FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (integer[], vector) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(vector, integer[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <=> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_cos(vector, integer[]) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(integer[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <=> $2;
COMMENT ON FUNCTION vector_cos(integer[], vector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = integer[], FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (vector, integer[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = integer[], RIGHTARG = vector, FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (integer[], vector) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';

CREATE FUNCTION vector_l2(vector, double precision[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <-> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_l2(vector, double precision[]) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_l2(double precision[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <-> $2;
COMMENT ON FUNCTION vector_l2(double precision[], vector) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = double precision[], FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (vector, double precision[]) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = double precision[], RIGHTARG = vector, FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (double precision[], vector) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(vector, double precision[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <#> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_dot(vector, double precision[]) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(double precision[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <#> $2;
COMMENT ON FUNCTION vector_dot(double precision[], vector) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = double precision[], FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (vector, double precision[]) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = double precision[], RIGHTARG = vector, FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (double precision[], vector) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(vector, double precision[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <=> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_cos(vector, double precision[]) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(double precision[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <=> $2;
COMMENT ON FUNCTION vector_cos(double precision[], vector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = double precision[], FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (vector, double precision[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = double precision[], RIGHTARG = vector, FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (double precision[], vector) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';

CREATE FUNCTION vector_l2(vector, numeric[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <-> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_l2(vector, numeric[]) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_l2(numeric[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <-> $2;
COMMENT ON FUNCTION vector_l2(numeric[], vector) IS 'implementation of <->: squared Euclidean distance, 0..Infinity; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = numeric[], FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (vector, numeric[]) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <-> (LEFTARG = numeric[], RIGHTARG = vector, FUNCTION = vector_l2, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (numeric[], vector) IS 'squared Euclidean distance, 0..Infinity, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(vector, numeric[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <#> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_dot(vector, numeric[]) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_dot(numeric[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <#> $2;
COMMENT ON FUNCTION vector_dot(numeric[], vector) IS 'implementation of <#>: negative dot product; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = numeric[], FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (vector, numeric[]) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <#> (LEFTARG = numeric[], RIGHTARG = vector, FUNCTION = vector_dot, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (numeric[], vector) IS 'negative dot product, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(vector, numeric[]) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN $1 <=> array_to_vector($2, -1, false);
COMMENT ON FUNCTION vector_cos(vector, numeric[]) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE FUNCTION vector_cos(numeric[], vector) RETURNS real LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_to_vector($1, -1, false) <=> $2;
COMMENT ON FUNCTION vector_cos(numeric[], vector) IS 'implementation of <=>: cosine distance, 1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = numeric[], FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (vector, numeric[]) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';
CREATE OPERATOR <=> (LEFTARG = numeric[], RIGHTARG = vector, FUNCTION = vector_cos, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (numeric[], vector) IS 'cosine distance, 1 - cosine, 0..2; NaN for a zero vector, the array as a vector; 22000 if the dimensions differ, 22004 for a NULL element';

-- Distances by name, norm, dimensions

CREATE FUNCTION l2_distance(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION l2_distance(vector, vector) IS 'Euclidean distance (a root, unlike <->), 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION inner_product(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION inner_product(vector, vector) IS 'dot product; 22000 if the dimensions differ';
CREATE FUNCTION cosine_distance(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION cosine_distance(vector, vector) IS '1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE FUNCTION l1_distance(vector, vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION l1_distance(vector, vector) IS 'sum of absolute differences, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION vector_dims(vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(vector) IS 'number of dimensions, 1..65535';
CREATE FUNCTION vector_norm(vector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean length, 0..Infinity';

CREATE FUNCTION l2_distance(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION l2_distance(vecf16, vecf16) IS 'Euclidean distance (a root, unlike <->), 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION inner_product(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION inner_product(vecf16, vecf16) IS 'dot product; 22000 if the dimensions differ';
CREATE FUNCTION cosine_distance(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION cosine_distance(vecf16, vecf16) IS '1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE FUNCTION l1_distance(vecf16, vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION l1_distance(vecf16, vecf16) IS 'sum of absolute differences, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION vector_dims(vecf16) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vecf16_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(vecf16) IS 'number of dimensions, 1..65535';
CREATE FUNCTION vector_norm(vecf16) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_vecf16_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(vecf16) IS 'Euclidean length, 0..Infinity';

CREATE FUNCTION l2_distance(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION l2_distance(svector, svector) IS 'Euclidean distance (a root, unlike <->), 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION inner_product(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION inner_product(svector, svector) IS 'dot product; 22000 if the dimensions differ';
CREATE FUNCTION cosine_distance(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION cosine_distance(svector, svector) IS '1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE FUNCTION l1_distance(svector, svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION l1_distance(svector, svector) IS 'sum of absolute differences, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION vector_dims(svector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_svector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(svector) IS 'number of dimensions, 1..1048575';
CREATE FUNCTION vector_norm(svector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_svector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(svector) IS 'Euclidean length, 0..Infinity';

CREATE FUNCTION hamming_distance(bvector, bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION hamming_distance(bvector, bvector) IS 'number of elements that differ, 0..65535; 22000 if the dimensions differ';
CREATE FUNCTION jaccard_distance(bvector, bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_jaccard' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION jaccard_distance(bvector, bvector) IS '1 - (ones in both / ones in either), 0..1; 0 for two zero vectors; 22000 if the dimensions differ';
CREATE FUNCTION vector_dims(bvector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_bvector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(bvector) IS 'number of dimensions, 1..65535';
CREATE FUNCTION vector_norm(bvector) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_bvector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(bvector) IS 'Euclidean length, 0..Infinity';

CREATE FUNCTION l2_distance(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION l2_distance(veci8, veci8) IS 'Euclidean distance (a root, unlike <->), 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION inner_product(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION inner_product(veci8, veci8) IS 'dot product; 22000 if the dimensions differ';
CREATE FUNCTION cosine_distance(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION cosine_distance(veci8, veci8) IS '1 - cosine, 0..2; NaN for a zero vector; 22000 if the dimensions differ';
CREATE FUNCTION l1_distance(veci8, veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION l1_distance(veci8, veci8) IS 'sum of absolute differences, 0..Infinity; 22000 if the dimensions differ';
CREATE FUNCTION vector_dims(veci8) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_veci8_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(veci8) IS 'number of dimensions, 1..65535';
CREATE FUNCTION vector_norm(veci8) RETURNS real
    AS 'MODULE_PATHNAME', 'vectors_veci8_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(veci8) IS 'Euclidean length, 0..Infinity';

-- Comparison and hashing

CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_eq(vector, vector) IS 'implementation of =: equal, element by element; NaN equals NaN';
CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ne(vector, vector) IS 'implementation of <>: not equal';
CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_lt(vector, vector) IS 'implementation of <: before: element by element, then the shorter first';
CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_le(vector, vector) IS 'implementation of <=: before or equal';
CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_gt(vector, vector) IS 'implementation of >: after: element by element, then the shorter first';
CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ge(vector, vector) IS 'implementation of >=: after or equal';
CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_cmp(vector, vector) IS 'btree comparison: negative, 0 or positive; element by element, NaN last, then the shorter first';
CREATE FUNCTION vector_hash(vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vector_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_hash(vector) IS 'hash of the elements';
CREATE FUNCTION vector_hash_extended(vector, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vectors_vector_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_hash_extended(vector, bigint) IS 'hash of the elements with a seed';
CREATE OPERATOR = (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (vector, vector) IS 'equal, element by element; NaN equals NaN';
CREATE OPERATOR <> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (vector, vector) IS 'not equal';
CREATE OPERATOR < (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (vector, vector) IS 'before: element by element, then the shorter first';
CREATE OPERATOR <= (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (vector, vector) IS 'before or equal';
CREATE OPERATOR > (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (vector, vector) IS 'after: element by element, then the shorter first';
CREATE OPERATOR >= (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (vector, vector) IS 'after or equal';
CREATE OPERATOR CLASS vector_ops DEFAULT FOR TYPE vector USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 vector_cmp(vector, vector);
COMMENT ON OPERATOR CLASS vector_ops USING btree IS 'total order: the first element that differs decides, then the dimensions; NaN is above all numbers';
CREATE OPERATOR CLASS vector_ops DEFAULT FOR TYPE vector USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 vector_hash(vector), FUNCTION 2 vector_hash_extended(vector, bigint);
COMMENT ON OPERATOR CLASS vector_ops USING hash IS 'equality, as the btree class of this type';

CREATE FUNCTION vecf16_eq(vecf16, vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_eq(vecf16, vecf16) IS 'implementation of =: equal, element by element; NaN equals NaN';
CREATE FUNCTION vecf16_ne(vecf16, vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_ne(vecf16, vecf16) IS 'implementation of <>: not equal';
CREATE FUNCTION vecf16_lt(vecf16, vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_lt(vecf16, vecf16) IS 'implementation of <: before: element by element, then the shorter first';
CREATE FUNCTION vecf16_le(vecf16, vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_le(vecf16, vecf16) IS 'implementation of <=: before or equal';
CREATE FUNCTION vecf16_gt(vecf16, vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_gt(vecf16, vecf16) IS 'implementation of >: after: element by element, then the shorter first';
CREATE FUNCTION vecf16_ge(vecf16, vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_ge(vecf16, vecf16) IS 'implementation of >=: after or equal';
CREATE FUNCTION vecf16_cmp(vecf16, vecf16) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vecf16_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_cmp(vecf16, vecf16) IS 'btree comparison: negative, 0 or positive; element by element, NaN last, then the shorter first';
CREATE FUNCTION vecf16_hash(vecf16) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_vecf16_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_hash(vecf16) IS 'hash of the elements';
CREATE FUNCTION vecf16_hash_extended(vecf16, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vectors_vecf16_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_hash_extended(vecf16, bigint) IS 'hash of the elements with a seed';
CREATE OPERATOR = (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (vecf16, vecf16) IS 'equal, element by element; NaN equals NaN';
CREATE OPERATOR <> (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (vecf16, vecf16) IS 'not equal';
CREATE OPERATOR < (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (vecf16, vecf16) IS 'before: element by element, then the shorter first';
CREATE OPERATOR <= (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (vecf16, vecf16) IS 'before or equal';
CREATE OPERATOR > (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (vecf16, vecf16) IS 'after: element by element, then the shorter first';
CREATE OPERATOR >= (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (vecf16, vecf16) IS 'after or equal';
CREATE OPERATOR CLASS vecf16_ops DEFAULT FOR TYPE vecf16 USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 vecf16_cmp(vecf16, vecf16);
COMMENT ON OPERATOR CLASS vecf16_ops USING btree IS 'total order: the first element that differs decides, then the dimensions; NaN is above all numbers';
CREATE OPERATOR CLASS vecf16_ops DEFAULT FOR TYPE vecf16 USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 vecf16_hash(vecf16), FUNCTION 2 vecf16_hash_extended(vecf16, bigint);
COMMENT ON OPERATOR CLASS vecf16_ops USING hash IS 'equality, as the btree class of this type';

CREATE FUNCTION svector_eq(svector, svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_eq(svector, svector) IS 'implementation of =: equal, element by element; NaN equals NaN';
CREATE FUNCTION svector_ne(svector, svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_ne(svector, svector) IS 'implementation of <>: not equal';
CREATE FUNCTION svector_lt(svector, svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_lt(svector, svector) IS 'implementation of <: before: element by element, then the shorter first';
CREATE FUNCTION svector_le(svector, svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_le(svector, svector) IS 'implementation of <=: before or equal';
CREATE FUNCTION svector_gt(svector, svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_gt(svector, svector) IS 'implementation of >: after: element by element, then the shorter first';
CREATE FUNCTION svector_ge(svector, svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_ge(svector, svector) IS 'implementation of >=: after or equal';
CREATE FUNCTION svector_cmp(svector, svector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_svector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_cmp(svector, svector) IS 'btree comparison: negative, 0 or positive; element by element, NaN last, then the shorter first';
CREATE FUNCTION svector_hash(svector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_svector_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_hash(svector) IS 'hash of the elements';
CREATE FUNCTION svector_hash_extended(svector, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vectors_svector_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_hash_extended(svector, bigint) IS 'hash of the elements with a seed';
CREATE OPERATOR = (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (svector, svector) IS 'equal, element by element; NaN equals NaN';
CREATE OPERATOR <> (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (svector, svector) IS 'not equal';
CREATE OPERATOR < (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (svector, svector) IS 'before: element by element, then the shorter first';
CREATE OPERATOR <= (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (svector, svector) IS 'before or equal';
CREATE OPERATOR > (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (svector, svector) IS 'after: element by element, then the shorter first';
CREATE OPERATOR >= (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (svector, svector) IS 'after or equal';
CREATE OPERATOR CLASS svector_ops DEFAULT FOR TYPE svector USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 svector_cmp(svector, svector);
COMMENT ON OPERATOR CLASS svector_ops USING btree IS 'total order: the first element that differs decides, then the dimensions; NaN is above all numbers';
CREATE OPERATOR CLASS svector_ops DEFAULT FOR TYPE svector USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 svector_hash(svector), FUNCTION 2 svector_hash_extended(svector, bigint);
COMMENT ON OPERATOR CLASS svector_ops USING hash IS 'equality, as the btree class of this type';

CREATE FUNCTION bvector_eq(bvector, bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_eq(bvector, bvector) IS 'implementation of =: equal, element by element; NaN equals NaN';
CREATE FUNCTION bvector_ne(bvector, bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_ne(bvector, bvector) IS 'implementation of <>: not equal';
CREATE FUNCTION bvector_lt(bvector, bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_lt(bvector, bvector) IS 'implementation of <: before: element by element, then the shorter first';
CREATE FUNCTION bvector_le(bvector, bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_le(bvector, bvector) IS 'implementation of <=: before or equal';
CREATE FUNCTION bvector_gt(bvector, bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_gt(bvector, bvector) IS 'implementation of >: after: element by element, then the shorter first';
CREATE FUNCTION bvector_ge(bvector, bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_ge(bvector, bvector) IS 'implementation of >=: after or equal';
CREATE FUNCTION bvector_cmp(bvector, bvector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_bvector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_cmp(bvector, bvector) IS 'btree comparison: negative, 0 or positive; element by element, NaN last, then the shorter first';
CREATE FUNCTION bvector_hash(bvector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_bvector_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_hash(bvector) IS 'hash of the elements';
CREATE FUNCTION bvector_hash_extended(bvector, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vectors_bvector_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_hash_extended(bvector, bigint) IS 'hash of the elements with a seed';
CREATE OPERATOR = (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (bvector, bvector) IS 'equal, element by element; NaN equals NaN';
CREATE OPERATOR <> (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (bvector, bvector) IS 'not equal';
CREATE OPERATOR < (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (bvector, bvector) IS 'before: element by element, then the shorter first';
CREATE OPERATOR <= (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (bvector, bvector) IS 'before or equal';
CREATE OPERATOR > (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (bvector, bvector) IS 'after: element by element, then the shorter first';
CREATE OPERATOR >= (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (bvector, bvector) IS 'after or equal';
CREATE OPERATOR CLASS bvector_ops DEFAULT FOR TYPE bvector USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 bvector_cmp(bvector, bvector);
COMMENT ON OPERATOR CLASS bvector_ops USING btree IS 'total order: the first element that differs decides, then the dimensions; NaN is above all numbers';
CREATE OPERATOR CLASS bvector_ops DEFAULT FOR TYPE bvector USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 bvector_hash(bvector), FUNCTION 2 bvector_hash_extended(bvector, bigint);
COMMENT ON OPERATOR CLASS bvector_ops USING hash IS 'equality, as the btree class of this type';

CREATE FUNCTION veci8_eq(veci8, veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_eq(veci8, veci8) IS 'implementation of =: equal, element by element; NaN equals NaN';
CREATE FUNCTION veci8_ne(veci8, veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_ne(veci8, veci8) IS 'implementation of <>: not equal';
CREATE FUNCTION veci8_lt(veci8, veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_lt(veci8, veci8) IS 'implementation of <: before: element by element, then the shorter first';
CREATE FUNCTION veci8_le(veci8, veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_le(veci8, veci8) IS 'implementation of <=: before or equal';
CREATE FUNCTION veci8_gt(veci8, veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_gt(veci8, veci8) IS 'implementation of >: after: element by element, then the shorter first';
CREATE FUNCTION veci8_ge(veci8, veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_ge(veci8, veci8) IS 'implementation of >=: after or equal';
CREATE FUNCTION veci8_cmp(veci8, veci8) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_veci8_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_cmp(veci8, veci8) IS 'btree comparison: negative, 0 or positive; element by element, NaN last, then the shorter first';
CREATE FUNCTION veci8_hash(veci8) RETURNS integer
    AS 'MODULE_PATHNAME', 'vectors_veci8_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_hash(veci8) IS 'hash of the elements';
CREATE FUNCTION veci8_hash_extended(veci8, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vectors_veci8_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION veci8_hash_extended(veci8, bigint) IS 'hash of the elements with a seed';
CREATE OPERATOR = (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (veci8, veci8) IS 'equal, element by element; NaN equals NaN';
CREATE OPERATOR <> (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (veci8, veci8) IS 'not equal';
CREATE OPERATOR < (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (veci8, veci8) IS 'before: element by element, then the shorter first';
CREATE OPERATOR <= (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (veci8, veci8) IS 'before or equal';
CREATE OPERATOR > (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (veci8, veci8) IS 'after: element by element, then the shorter first';
CREATE OPERATOR >= (LEFTARG = veci8, RIGHTARG = veci8, FUNCTION = veci8_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (veci8, veci8) IS 'after or equal';
CREATE OPERATOR CLASS veci8_ops DEFAULT FOR TYPE veci8 USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 veci8_cmp(veci8, veci8);
COMMENT ON OPERATOR CLASS veci8_ops USING btree IS 'total order: the first element that differs decides, then the dimensions; NaN is above all numbers';
CREATE OPERATOR CLASS veci8_ops DEFAULT FOR TYPE veci8 USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 veci8_hash(veci8), FUNCTION 2 veci8_hash_extended(veci8, bigint);
COMMENT ON OPERATOR CLASS veci8_ops USING hash IS 'equality, as the btree class of this type';

-- Arithmetic

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_add(vector, vector) IS 'implementation of +: sums of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR + (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add, COMMUTATOR = +);
COMMENT ON OPERATOR + (vector, vector) IS 'sums of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_sub(vector, vector) IS 'implementation of -: differences of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR - (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub);
COMMENT ON OPERATOR - (vector, vector) IS 'differences of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_mul(vector, vector) IS 'implementation of *: products of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR * (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul, COMMUTATOR = *);
COMMENT ON OPERATOR * (vector, vector) IS 'products of the elements; 22000 if the dimensions differ, 22003 on overflow';

CREATE FUNCTION vecf16_add(vecf16, vecf16) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_add(vecf16, vecf16) IS 'implementation of +: sums of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR + (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_add, COMMUTATOR = +);
COMMENT ON OPERATOR + (vecf16, vecf16) IS 'sums of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE FUNCTION vecf16_sub(vecf16, vecf16) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_sub(vecf16, vecf16) IS 'implementation of -: differences of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR - (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_sub);
COMMENT ON OPERATOR - (vecf16, vecf16) IS 'differences of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE FUNCTION vecf16_mul(vecf16, vecf16) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_mul(vecf16, vecf16) IS 'implementation of *: products of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR * (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_mul, COMMUTATOR = *);
COMMENT ON OPERATOR * (vecf16, vecf16) IS 'products of the elements; 22000 if the dimensions differ, 22003 on overflow';

CREATE FUNCTION svector_add(svector, svector) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_add(svector, svector) IS 'implementation of +: sums of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR + (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_add, COMMUTATOR = +);
COMMENT ON OPERATOR + (svector, svector) IS 'sums of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE FUNCTION svector_sub(svector, svector) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_sub(svector, svector) IS 'implementation of -: differences of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR - (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_sub);
COMMENT ON OPERATOR - (svector, svector) IS 'differences of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE FUNCTION svector_mul(svector, svector) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_mul(svector, svector) IS 'implementation of *: products of the elements; 22000 if the dimensions differ, 22003 on overflow';
CREATE OPERATOR * (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_mul, COMMUTATOR = *);
COMMENT ON OPERATOR * (svector, svector) IS 'products of the elements; 22000 if the dimensions differ, 22003 on overflow';

CREATE FUNCTION bvector_and(bvector, bvector) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_and' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_and(bvector, bvector) IS 'implementation of &: 1 where both are; 22000 if the dimensions differ';
CREATE OPERATOR & (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_and, COMMUTATOR = &);
COMMENT ON OPERATOR & (bvector, bvector) IS '1 where both are; 22000 if the dimensions differ';
CREATE FUNCTION bvector_or(bvector, bvector) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_or' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_or(bvector, bvector) IS 'implementation of |: 1 where either is; 22000 if the dimensions differ';
CREATE OPERATOR | (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_or, COMMUTATOR = |);
COMMENT ON OPERATOR | (bvector, bvector) IS '1 where either is; 22000 if the dimensions differ';
CREATE FUNCTION bvector_xor(bvector, bvector) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_xor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_xor(bvector, bvector) IS 'implementation of ^: 1 where they differ; 22000 if the dimensions differ';
CREATE OPERATOR ^ (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_xor, COMMUTATOR = ^);
COMMENT ON OPERATOR ^ (bvector, bvector) IS '1 where they differ; 22000 if the dimensions differ';

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_concat(vector, vector) IS 'implementation of ||: the elements of both, one after the other; 22023 beyond 65535 dimensions';
CREATE OPERATOR || (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat);
COMMENT ON OPERATOR || (vector, vector) IS 'the elements of both, one after the other; 22023 beyond 65535 dimensions';
CREATE FUNCTION vecf16_concat(vecf16, vecf16) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_concat(vecf16, vecf16) IS 'implementation of ||: the elements of both, one after the other; 22023 beyond 65535 dimensions';
CREATE OPERATOR || (LEFTARG = vecf16, RIGHTARG = vecf16, FUNCTION = vecf16_concat);
COMMENT ON OPERATOR || (vecf16, vecf16) IS 'the elements of both, one after the other; 22023 beyond 65535 dimensions';
CREATE FUNCTION svector_concat(svector, svector) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_concat(svector, svector) IS 'implementation of ||: the elements of both, one after the other; 22023 beyond 1048575 dimensions';
CREATE OPERATOR || (LEFTARG = svector, RIGHTARG = svector, FUNCTION = svector_concat);
COMMENT ON OPERATOR || (svector, svector) IS 'the elements of both, one after the other; 22023 beyond 1048575 dimensions';
CREATE FUNCTION bvector_concat(bvector, bvector) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bvector_concat(bvector, bvector) IS 'implementation of ||: the elements of both, one after the other; 22023 beyond 65535 dimensions';
CREATE OPERATOR || (LEFTARG = bvector, RIGHTARG = bvector, FUNCTION = bvector_concat);
COMMENT ON OPERATOR || (bvector, bvector) IS 'the elements of both, one after the other; 22023 beyond 65535 dimensions';

-- Functions

CREATE FUNCTION vector_normalize(vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_normalize(vector) IS 'the vector of the same direction and of length 1; a zero vector stays as it is';
CREATE FUNCTION vector_normalize(vecf16) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_normalize(vecf16) IS 'the vector of the same direction and of length 1; a zero vector stays as it is';
CREATE FUNCTION vector_normalize(svector) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_normalize(svector) IS 'the vector of the same direction and of length 1; a zero vector stays as it is';
CREATE FUNCTION vector_normalize(veci8) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_veci8_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_normalize(veci8) IS 'the vector of the same direction and of length 1; a zero vector stays as it is';
CREATE FUNCTION binarize(vector) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_vector_binarize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binarize(vector) IS '1 for every element above 0, else 0; NaN gives 0';
CREATE FUNCTION binarize(vecf16) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_vecf16_binarize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binarize(vecf16) IS '1 for every element above 0, else 0; NaN gives 0';
CREATE FUNCTION subvector(vector, start integer, count integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(vector, integer, integer) IS 'the elements from start, counted from 1, as far as they exist; 22023 if there are none';
CREATE FUNCTION subvector(vecf16, start integer, count integer) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(vecf16, integer, integer) IS 'the elements from start, counted from 1, as far as they exist; 22023 if there are none';
CREATE FUNCTION subvector(svector, start integer, count integer) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(svector, integer, integer) IS 'the elements from start, counted from 1, as far as they exist; 22023 if there are none';
CREATE FUNCTION subvector(bvector, start integer, count integer) RETURNS bvector
    AS 'MODULE_PATHNAME', 'vectors_bvector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(bvector, integer, integer) IS 'the elements from start, counted from 1, as far as they exist; 22023 if there are none';
CREATE FUNCTION subvector(veci8, start integer, count integer) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_veci8_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(veci8, integer, integer) IS 'the elements from start, counted from 1, as far as they exist; 22023 if there are none';
CREATE FUNCTION to_svector(dims integer, indexes integer[], "values" real[]) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_to_svector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION to_svector(integer, integer[], real[]) IS 'svector of dims dimensions, 1..1048575, with these elements at these indexes, 0..dims-1, in any order; 22023 for an index out of range or given twice and for arrays of different length, 22004 for a NULL';
CREATE FUNCTION to_veci8(len integer, alpha real, "offset" real, "values" integer[]) RETURNS veci8
    AS 'MODULE_PATHNAME', 'vectors_to_veci8' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION to_veci8(integer, real, real, integer[]) IS 'veci8 whose elements are alpha * value + offset, values in -128..127; 22023 unless there are len values and alpha and offset are finite, 22003 for a value or an element out of range, 22004 for a NULL';

-- Spheres: range conditions

CREATE FUNCTION vectors_sphere_restrict(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vectors_sphere_restrict' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vectors_sphere_restrict(internal, oid, internal, integer) IS 'share of rows in a sphere, from a sample of an index, for the planner';
CREATE FUNCTION vectors_sphere_join(internal, oid, internal, smallint, internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vectors_sphere_join' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vectors_sphere_join(internal, oid, internal, smallint, internal) IS 'share of rows in spheres around the rows of another table, for the planner';

CREATE TYPE sphere_vector AS (center vector, radius real);
COMMENT ON TYPE sphere_vector IS 'what is nearer to center than radius, by the distance of the operator: vector <<->> sphere(center, radius)';
CREATE FUNCTION sphere(center vector, radius real) RETURNS sphere_vector
    AS 'MODULE_PATHNAME', 'vectors_sphere' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere(vector, real) IS 'sphere around center; radius is in units of the distance, so for <<->> squared';
CREATE FUNCTION vector_sphere_l2(vector, sphere_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_sphere_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION vector_sphere_l2(vector, sphere_vector) IS 'implementation of <<->>: (vector <-> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<->> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = vector_sphere_l2, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<->> (vector, sphere_vector) IS '(vector <-> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION vector_sphere_dot(vector, sphere_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_sphere_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION vector_sphere_dot(vector, sphere_vector) IS 'implementation of <<#>>: (vector <#> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<#>> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = vector_sphere_dot, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<#>> (vector, sphere_vector) IS '(vector <#> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION vector_sphere_cos(vector, sphere_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vector_sphere_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vector_distance_support;
COMMENT ON FUNCTION vector_sphere_cos(vector, sphere_vector) IS 'implementation of <<=>>: (vector <=> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<=>> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = vector_sphere_cos, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<=>> (vector, sphere_vector) IS '(vector <=> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';

CREATE TYPE sphere_vecf16 AS (center vecf16, radius real);
COMMENT ON TYPE sphere_vecf16 IS 'what is nearer to center than radius, by the distance of the operator: vector <<->> sphere(center, radius)';
CREATE FUNCTION sphere(center vecf16, radius real) RETURNS sphere_vecf16
    AS 'MODULE_PATHNAME', 'vectors_sphere' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere(vecf16, real) IS 'sphere around center; radius is in units of the distance, so for <<->> squared';
CREATE FUNCTION vecf16_sphere_l2(vecf16, sphere_vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_sphere_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION vecf16_sphere_l2(vecf16, sphere_vecf16) IS 'implementation of <<->>: (vector <-> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<->> (LEFTARG = vecf16, RIGHTARG = sphere_vecf16, FUNCTION = vecf16_sphere_l2, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<->> (vecf16, sphere_vecf16) IS '(vector <-> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION vecf16_sphere_dot(vecf16, sphere_vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_sphere_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION vecf16_sphere_dot(vecf16, sphere_vecf16) IS 'implementation of <<#>>: (vector <#> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<#>> (LEFTARG = vecf16, RIGHTARG = sphere_vecf16, FUNCTION = vecf16_sphere_dot, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<#>> (vecf16, sphere_vecf16) IS '(vector <#> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION vecf16_sphere_cos(vecf16, sphere_vecf16) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_vecf16_sphere_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT vecf16_distance_support;
COMMENT ON FUNCTION vecf16_sphere_cos(vecf16, sphere_vecf16) IS 'implementation of <<=>>: (vector <=> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<=>> (LEFTARG = vecf16, RIGHTARG = sphere_vecf16, FUNCTION = vecf16_sphere_cos, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<=>> (vecf16, sphere_vecf16) IS '(vector <=> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';

CREATE TYPE sphere_svector AS (center svector, radius real);
COMMENT ON TYPE sphere_svector IS 'what is nearer to center than radius, by the distance of the operator: vector <<->> sphere(center, radius)';
CREATE FUNCTION sphere(center svector, radius real) RETURNS sphere_svector
    AS 'MODULE_PATHNAME', 'vectors_sphere' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere(svector, real) IS 'sphere around center; radius is in units of the distance, so for <<->> squared';
CREATE FUNCTION svector_sphere_l2(svector, sphere_svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_sphere_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION svector_sphere_l2(svector, sphere_svector) IS 'implementation of <<->>: (vector <-> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<->> (LEFTARG = svector, RIGHTARG = sphere_svector, FUNCTION = svector_sphere_l2, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<->> (svector, sphere_svector) IS '(vector <-> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION svector_sphere_dot(svector, sphere_svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_sphere_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION svector_sphere_dot(svector, sphere_svector) IS 'implementation of <<#>>: (vector <#> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<#>> (LEFTARG = svector, RIGHTARG = sphere_svector, FUNCTION = svector_sphere_dot, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<#>> (svector, sphere_svector) IS '(vector <#> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION svector_sphere_cos(svector, sphere_svector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_svector_sphere_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT svector_distance_support;
COMMENT ON FUNCTION svector_sphere_cos(svector, sphere_svector) IS 'implementation of <<=>>: (vector <=> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<=>> (LEFTARG = svector, RIGHTARG = sphere_svector, FUNCTION = svector_sphere_cos, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<=>> (svector, sphere_svector) IS '(vector <=> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';

CREATE TYPE sphere_bvector AS (center bvector, radius real);
COMMENT ON TYPE sphere_bvector IS 'what is nearer to center than radius, by the distance of the operator: vector <<->> sphere(center, radius)';
CREATE FUNCTION sphere(center bvector, radius real) RETURNS sphere_bvector
    AS 'MODULE_PATHNAME', 'vectors_sphere' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere(bvector, real) IS 'sphere around center; radius is in units of the distance';
CREATE FUNCTION bvector_sphere_l2(bvector, sphere_bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_sphere_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_sphere_l2(bvector, sphere_bvector) IS 'implementation of <<->>: (vector <-> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<->> (LEFTARG = bvector, RIGHTARG = sphere_bvector, FUNCTION = bvector_sphere_l2, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<->> (bvector, sphere_bvector) IS '(vector <-> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION bvector_sphere_dot(bvector, sphere_bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_sphere_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_sphere_dot(bvector, sphere_bvector) IS 'implementation of <<#>>: (vector <#> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<#>> (LEFTARG = bvector, RIGHTARG = sphere_bvector, FUNCTION = bvector_sphere_dot, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<#>> (bvector, sphere_bvector) IS '(vector <#> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION bvector_sphere_cos(bvector, sphere_bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_sphere_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_sphere_cos(bvector, sphere_bvector) IS 'implementation of <<=>>: (vector <=> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<=>> (LEFTARG = bvector, RIGHTARG = sphere_bvector, FUNCTION = bvector_sphere_cos, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<=>> (bvector, sphere_bvector) IS '(vector <=> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION bvector_sphere_jaccard(bvector, sphere_bvector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_bvector_sphere_jaccard' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT bvector_distance_support;
COMMENT ON FUNCTION bvector_sphere_jaccard(bvector, sphere_bvector) IS 'implementation of <<~>>: (vector <~> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<~>> (LEFTARG = bvector, RIGHTARG = sphere_bvector, FUNCTION = bvector_sphere_jaccard, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<~>> (bvector, sphere_bvector) IS '(vector <~> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';

CREATE TYPE sphere_veci8 AS (center veci8, radius real);
COMMENT ON TYPE sphere_veci8 IS 'what is nearer to center than radius, by the distance of the operator: vector <<->> sphere(center, radius)';
CREATE FUNCTION sphere(center veci8, radius real) RETURNS sphere_veci8
    AS 'MODULE_PATHNAME', 'vectors_sphere' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere(veci8, real) IS 'sphere around center; radius is in units of the distance, so for <<->> squared';
CREATE FUNCTION veci8_sphere_l2(veci8, sphere_veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_sphere_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION veci8_sphere_l2(veci8, sphere_veci8) IS 'implementation of <<->>: (vector <-> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<->> (LEFTARG = veci8, RIGHTARG = sphere_veci8, FUNCTION = veci8_sphere_l2, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<->> (veci8, sphere_veci8) IS '(vector <-> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION veci8_sphere_dot(veci8, sphere_veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_sphere_dot' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION veci8_sphere_dot(veci8, sphere_veci8) IS 'implementation of <<#>>: (vector <#> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<#>> (LEFTARG = veci8, RIGHTARG = sphere_veci8, FUNCTION = veci8_sphere_dot, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<#>> (veci8, sphere_veci8) IS '(vector <#> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';
CREATE FUNCTION veci8_sphere_cos(veci8, sphere_veci8) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_veci8_sphere_cos' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT veci8_distance_support;
COMMENT ON FUNCTION veci8_sphere_cos(veci8, sphere_veci8) IS 'implementation of <<=>>: (vector <=> center) < radius; 22000 if the dimensions differ';
CREATE OPERATOR <<=>> (LEFTARG = veci8, RIGHTARG = sphere_veci8, FUNCTION = veci8_sphere_cos, RESTRICT = vectors_sphere_restrict, JOIN = vectors_sphere_join);
COMMENT ON OPERATOR <<=>> (veci8, sphere_veci8) IS '(vector <=> center) < radius; NULL if one of these is NULL; 22000 if the dimensions differ';

-- Aggregates

CREATE FUNCTION dense_aggregate_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_dense_aggregate_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dense_aggregate_combine(internal, internal) IS 'combines two states of avg and sum';
CREATE FUNCTION dense_aggregate_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_dense_aggregate_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dense_aggregate_serialize(internal) IS 'state of avg and sum as bytes';
CREATE FUNCTION dense_aggregate_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_dense_aggregate_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dense_aggregate_deserialize(bytea, internal) IS 'bytes as a state of avg and sum; 22P03';
CREATE FUNCTION svector_aggregate_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_svector_aggregate_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION svector_aggregate_combine(internal, internal) IS 'combines two states of avg and sum';
CREATE FUNCTION svector_aggregate_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vectors_svector_aggregate_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_aggregate_serialize(internal) IS 'state of avg and sum as bytes';
CREATE FUNCTION svector_aggregate_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_svector_aggregate_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION svector_aggregate_deserialize(bytea, internal) IS 'bytes as a state of avg and sum; 22P03';

CREATE FUNCTION vector_aggregate_accumulate(internal, vector) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_vector_aggregate_accumulate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_aggregate_accumulate(internal, vector) IS 'adds a row to the state of avg and sum';
CREATE FUNCTION vector_aggregate_avg(internal) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_aggregate_avg' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_aggregate_avg(internal) IS 'avg of a state';
CREATE FUNCTION vector_aggregate_sum(internal) RETURNS vector
    AS 'MODULE_PATHNAME', 'vectors_vector_aggregate_sum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_aggregate_sum(internal) IS 'sum of a state';
CREATE AGGREGATE avg(vector) (
    SFUNC = vector_aggregate_accumulate,
    STYPE = internal,
    COMBINEFUNC = dense_aggregate_combine,
    SERIALFUNC = dense_aggregate_serialize,
    DESERIALFUNC = dense_aggregate_deserialize,
    FINALFUNC = vector_aggregate_avg,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(vector) IS 'mean of the vectors, element by element, accumulated in double precision; NULLs are skipped, NULL for no rows; 22000 if the dimensions differ, 22003 beyond the type''s range';
CREATE AGGREGATE sum(vector) (
    SFUNC = vector_aggregate_accumulate,
    STYPE = internal,
    COMBINEFUNC = dense_aggregate_combine,
    SERIALFUNC = dense_aggregate_serialize,
    DESERIALFUNC = dense_aggregate_deserialize,
    FINALFUNC = vector_aggregate_sum,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(vector) IS 'sum of the vectors, element by element, accumulated in double precision; NULLs are skipped, NULL for no rows; 22000 if the dimensions differ, 22003 beyond the type''s range';

CREATE FUNCTION vecf16_aggregate_accumulate(internal, vecf16) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_vecf16_aggregate_accumulate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_aggregate_accumulate(internal, vecf16) IS 'adds a row to the state of avg and sum';
CREATE FUNCTION vecf16_aggregate_avg(internal) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_aggregate_avg' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_aggregate_avg(internal) IS 'avg of a state';
CREATE FUNCTION vecf16_aggregate_sum(internal) RETURNS vecf16
    AS 'MODULE_PATHNAME', 'vectors_vecf16_aggregate_sum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecf16_aggregate_sum(internal) IS 'sum of a state';
CREATE AGGREGATE avg(vecf16) (
    SFUNC = vecf16_aggregate_accumulate,
    STYPE = internal,
    COMBINEFUNC = dense_aggregate_combine,
    SERIALFUNC = dense_aggregate_serialize,
    DESERIALFUNC = dense_aggregate_deserialize,
    FINALFUNC = vecf16_aggregate_avg,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(vecf16) IS 'mean of the vectors, element by element, accumulated in double precision; NULLs are skipped, NULL for no rows; 22000 if the dimensions differ, 22003 beyond the type''s range';
CREATE AGGREGATE sum(vecf16) (
    SFUNC = vecf16_aggregate_accumulate,
    STYPE = internal,
    COMBINEFUNC = dense_aggregate_combine,
    SERIALFUNC = dense_aggregate_serialize,
    DESERIALFUNC = dense_aggregate_deserialize,
    FINALFUNC = vecf16_aggregate_sum,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(vecf16) IS 'sum of the vectors, element by element, accumulated in double precision; NULLs are skipped, NULL for no rows; 22000 if the dimensions differ, 22003 beyond the type''s range';

CREATE FUNCTION svector_aggregate_accumulate(internal, svector) RETURNS internal
    AS 'MODULE_PATHNAME', 'vectors_svector_aggregate_accumulate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION svector_aggregate_accumulate(internal, svector) IS 'adds a row to the state of avg and sum';
CREATE FUNCTION svector_aggregate_avg(internal) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_aggregate_avg' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION svector_aggregate_avg(internal) IS 'avg of a state';
CREATE FUNCTION svector_aggregate_sum(internal) RETURNS svector
    AS 'MODULE_PATHNAME', 'vectors_svector_aggregate_sum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION svector_aggregate_sum(internal) IS 'sum of a state';
CREATE AGGREGATE avg(svector) (
    SFUNC = svector_aggregate_accumulate,
    STYPE = internal,
    COMBINEFUNC = svector_aggregate_combine,
    SERIALFUNC = svector_aggregate_serialize,
    DESERIALFUNC = svector_aggregate_deserialize,
    FINALFUNC = svector_aggregate_avg,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(svector) IS 'mean of the vectors, element by element, accumulated in double precision; NULLs are skipped, NULL for no rows; 22000 if the dimensions differ, 22003 beyond the type''s range';
CREATE AGGREGATE sum(svector) (
    SFUNC = svector_aggregate_accumulate,
    STYPE = internal,
    COMBINEFUNC = svector_aggregate_combine,
    SERIALFUNC = svector_aggregate_serialize,
    DESERIALFUNC = svector_aggregate_deserialize,
    FINALFUNC = svector_aggregate_sum,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(svector) IS 'sum of the vectors, element by element, accumulated in double precision; NULLs are skipped, NULL for no rows; 22000 if the dimensions differ, 22003 beyond the type''s range';

-- the access method

CREATE FUNCTION vectors_amhandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'vectors_amhandler' LANGUAGE C;
COMMENT ON FUNCTION vectors_amhandler(internal) IS 'what the access method vectors can do, for PostgreSQL alone';
CREATE ACCESS METHOD vectors TYPE INDEX HANDLER vectors_amhandler;
COMMENT ON ACCESS METHOD vectors IS 'nearest neighbours of vectors: ORDER BY column <-> $1, among rows that fulfil conditions on further columns';

CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING vectors AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (vector, sphere_vector);
CREATE OPERATOR CLASS vector_dot_ops FOR TYPE vector USING vectors AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <<#>> (vector, sphere_vector);
CREATE OPERATOR CLASS vector_cos_ops FOR TYPE vector USING vectors AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <<=>> (vector, sphere_vector);
CREATE OPERATOR CLASS vecf16_l2_ops FOR TYPE vecf16 USING vectors AS
    OPERATOR 1 <-> (vecf16, vecf16) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (vecf16, sphere_vecf16);
CREATE OPERATOR CLASS vecf16_dot_ops FOR TYPE vecf16 USING vectors AS
    OPERATOR 1 <#> (vecf16, vecf16) FOR ORDER BY float_ops,
    OPERATOR 2 <<#>> (vecf16, sphere_vecf16);
CREATE OPERATOR CLASS vecf16_cos_ops FOR TYPE vecf16 USING vectors AS
    OPERATOR 1 <=> (vecf16, vecf16) FOR ORDER BY float_ops,
    OPERATOR 2 <<=>> (vecf16, sphere_vecf16);
CREATE OPERATOR CLASS svector_l2_ops FOR TYPE svector USING vectors AS
    OPERATOR 1 <-> (svector, svector) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (svector, sphere_svector);
CREATE OPERATOR CLASS svector_dot_ops FOR TYPE svector USING vectors AS
    OPERATOR 1 <#> (svector, svector) FOR ORDER BY float_ops,
    OPERATOR 2 <<#>> (svector, sphere_svector);
CREATE OPERATOR CLASS svector_cos_ops FOR TYPE svector USING vectors AS
    OPERATOR 1 <=> (svector, svector) FOR ORDER BY float_ops,
    OPERATOR 2 <<=>> (svector, sphere_svector);
CREATE OPERATOR CLASS veci8_l2_ops FOR TYPE veci8 USING vectors AS
    OPERATOR 1 <-> (veci8, veci8) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (veci8, sphere_veci8);
CREATE OPERATOR CLASS veci8_dot_ops FOR TYPE veci8 USING vectors AS
    OPERATOR 1 <#> (veci8, veci8) FOR ORDER BY float_ops,
    OPERATOR 2 <<#>> (veci8, sphere_veci8);
CREATE OPERATOR CLASS veci8_cos_ops FOR TYPE veci8 USING vectors AS
    OPERATOR 1 <=> (veci8, veci8) FOR ORDER BY float_ops,
    OPERATOR 2 <<=>> (veci8, sphere_veci8);
CREATE OPERATOR CLASS bvector_l2_ops FOR TYPE bvector USING vectors AS
    OPERATOR 1 <-> (bvector, bvector) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (bvector, sphere_bvector);
CREATE OPERATOR CLASS bvector_hamming_ops FOR TYPE bvector USING vectors AS
    OPERATOR 1 <-> (bvector, bvector) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (bvector, sphere_bvector);
CREATE OPERATOR CLASS bvector_dot_ops FOR TYPE bvector USING vectors AS
    OPERATOR 1 <#> (bvector, bvector) FOR ORDER BY float_ops,
    OPERATOR 2 <<#>> (bvector, sphere_bvector);
CREATE OPERATOR CLASS bvector_cos_ops FOR TYPE bvector USING vectors AS
    OPERATOR 1 <=> (bvector, bvector) FOR ORDER BY float_ops,
    OPERATOR 2 <<=>> (bvector, sphere_bvector);
CREATE OPERATOR CLASS bvector_jaccard_ops FOR TYPE bvector USING vectors AS
    OPERATOR 1 <~> (bvector, bvector) FOR ORDER BY float_ops,
    OPERATOR 2 <<~>> (bvector, sphere_bvector);

-- the names of the first generation
CREATE OPERATOR CLASS l2_ops FOR TYPE vector USING vectors AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <<->> (vector, sphere_vector);
CREATE OPERATOR CLASS dot_ops FOR TYPE vector USING vectors AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <<#>> (vector, sphere_vector);
CREATE OPERATOR CLASS cosine_ops FOR TYPE vector USING vectors AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <<=>> (vector, sphere_vector);

COMMENT ON OPERATOR CLASS vector_l2_ops USING vectors IS 'order by squared Euclidean distance, <->';
COMMENT ON OPERATOR CLASS vector_dot_ops USING vectors IS 'order by negative dot product, <#>';
COMMENT ON OPERATOR CLASS vector_cos_ops USING vectors IS 'order by cosine distance, <=>';
COMMENT ON OPERATOR CLASS vecf16_l2_ops USING vectors IS 'order by squared Euclidean distance, <->';
COMMENT ON OPERATOR CLASS vecf16_dot_ops USING vectors IS 'order by negative dot product, <#>';
COMMENT ON OPERATOR CLASS vecf16_cos_ops USING vectors IS 'order by cosine distance, <=>';
COMMENT ON OPERATOR CLASS svector_l2_ops USING vectors IS 'order by squared Euclidean distance, <->';
COMMENT ON OPERATOR CLASS svector_dot_ops USING vectors IS 'order by negative dot product, <#>';
COMMENT ON OPERATOR CLASS svector_cos_ops USING vectors IS 'order by cosine distance, <=>';
COMMENT ON OPERATOR CLASS veci8_l2_ops USING vectors IS 'order by squared Euclidean distance, <->';
COMMENT ON OPERATOR CLASS veci8_dot_ops USING vectors IS 'order by negative dot product, <#>';
COMMENT ON OPERATOR CLASS veci8_cos_ops USING vectors IS 'order by cosine distance, <=>';
COMMENT ON OPERATOR CLASS bvector_l2_ops USING vectors IS 'order by Hamming distance, <->';
COMMENT ON OPERATOR CLASS bvector_hamming_ops USING vectors IS 'order by Hamming distance, <->: another name of bvector_l2_ops';
COMMENT ON OPERATOR CLASS bvector_dot_ops USING vectors IS 'order by negative number of common ones, <#>';
COMMENT ON OPERATOR CLASS bvector_cos_ops USING vectors IS 'order by cosine distance, <=>';
COMMENT ON OPERATOR CLASS bvector_jaccard_ops USING vectors IS 'order by Jaccard distance, <~>';
COMMENT ON OPERATOR CLASS l2_ops USING vectors IS 'order by squared Euclidean distance, <->: the old name of vector_l2_ops';
COMMENT ON OPERATOR CLASS dot_ops USING vectors IS 'order by negative dot product, <#>: the old name of vector_dot_ops';
COMMENT ON OPERATOR CLASS cosine_ops USING vectors IS 'order by cosine distance, <=>: the old name of vector_cos_ops';

-- filter columns: further columns of an index, whose conditions are answered in it

CREATE OPERATOR FAMILY integer_ops USING vectors;
CREATE OPERATOR CLASS int2_ops DEFAULT FOR TYPE int2 USING vectors FAMILY integer_ops AS
    OPERATOR 3 < (int2, int2),
    OPERATOR 4 <= (int2, int2),
    OPERATOR 5 = (int2, int2),
    OPERATOR 6 >= (int2, int2),
    OPERATOR 7 > (int2, int2);
CREATE OPERATOR CLASS int4_ops DEFAULT FOR TYPE int4 USING vectors FAMILY integer_ops AS
    OPERATOR 3 < (int4, int4),
    OPERATOR 4 <= (int4, int4),
    OPERATOR 5 = (int4, int4),
    OPERATOR 6 >= (int4, int4),
    OPERATOR 7 > (int4, int4);
CREATE OPERATOR CLASS int8_ops DEFAULT FOR TYPE int8 USING vectors FAMILY integer_ops AS
    OPERATOR 3 < (int8, int8),
    OPERATOR 4 <= (int8, int8),
    OPERATOR 5 = (int8, int8),
    OPERATOR 6 >= (int8, int8),
    OPERATOR 7 > (int8, int8);
ALTER OPERATOR FAMILY integer_ops USING vectors ADD
    OPERATOR 3 < (int2, int4),
    OPERATOR 4 <= (int2, int4),
    OPERATOR 5 = (int2, int4),
    OPERATOR 6 >= (int2, int4),
    OPERATOR 7 > (int2, int4),
    OPERATOR 3 < (int2, int8),
    OPERATOR 4 <= (int2, int8),
    OPERATOR 5 = (int2, int8),
    OPERATOR 6 >= (int2, int8),
    OPERATOR 7 > (int2, int8),
    OPERATOR 3 < (int4, int2),
    OPERATOR 4 <= (int4, int2),
    OPERATOR 5 = (int4, int2),
    OPERATOR 6 >= (int4, int2),
    OPERATOR 7 > (int4, int2),
    OPERATOR 3 < (int4, int8),
    OPERATOR 4 <= (int4, int8),
    OPERATOR 5 = (int4, int8),
    OPERATOR 6 >= (int4, int8),
    OPERATOR 7 > (int4, int8),
    OPERATOR 3 < (int8, int2),
    OPERATOR 4 <= (int8, int2),
    OPERATOR 5 = (int8, int2),
    OPERATOR 6 >= (int8, int2),
    OPERATOR 7 > (int8, int2),
    OPERATOR 3 < (int8, int4),
    OPERATOR 4 <= (int8, int4),
    OPERATOR 5 = (int8, int4),
    OPERATOR 6 >= (int8, int4),
    OPERATOR 7 > (int8, int4);
COMMENT ON OPERATOR FAMILY integer_ops USING vectors IS 'filter columns: integers, with one another';
COMMENT ON OPERATOR CLASS int2_ops USING vectors IS 'filter column of type int2';
COMMENT ON OPERATOR CLASS int4_ops USING vectors IS 'filter column of type int4';
COMMENT ON OPERATOR CLASS int8_ops USING vectors IS 'filter column of type int8';
CREATE OPERATOR FAMILY float_ops USING vectors;
CREATE OPERATOR CLASS float4_ops DEFAULT FOR TYPE float4 USING vectors FAMILY float_ops AS
    OPERATOR 3 < (float4, float4),
    OPERATOR 4 <= (float4, float4),
    OPERATOR 5 = (float4, float4),
    OPERATOR 6 >= (float4, float4),
    OPERATOR 7 > (float4, float4);
CREATE OPERATOR CLASS float8_ops DEFAULT FOR TYPE float8 USING vectors FAMILY float_ops AS
    OPERATOR 3 < (float8, float8),
    OPERATOR 4 <= (float8, float8),
    OPERATOR 5 = (float8, float8),
    OPERATOR 6 >= (float8, float8),
    OPERATOR 7 > (float8, float8);
ALTER OPERATOR FAMILY float_ops USING vectors ADD
    OPERATOR 3 < (float4, float8),
    OPERATOR 4 <= (float4, float8),
    OPERATOR 5 = (float4, float8),
    OPERATOR 6 >= (float4, float8),
    OPERATOR 7 > (float4, float8),
    OPERATOR 3 < (float8, float4),
    OPERATOR 4 <= (float8, float4),
    OPERATOR 5 = (float8, float4),
    OPERATOR 6 >= (float8, float4),
    OPERATOR 7 > (float8, float4);
COMMENT ON OPERATOR FAMILY float_ops USING vectors IS 'filter columns: floating point numbers, with one another';
COMMENT ON OPERATOR CLASS float4_ops USING vectors IS 'filter column of type float4';
COMMENT ON OPERATOR CLASS float8_ops USING vectors IS 'filter column of type float8';
CREATE OPERATOR FAMILY datetime_ops USING vectors;
CREATE OPERATOR CLASS date_ops DEFAULT FOR TYPE date USING vectors FAMILY datetime_ops AS
    OPERATOR 3 < (date, date),
    OPERATOR 4 <= (date, date),
    OPERATOR 5 = (date, date),
    OPERATOR 6 >= (date, date),
    OPERATOR 7 > (date, date);
CREATE OPERATOR CLASS timestamp_ops DEFAULT FOR TYPE timestamp USING vectors FAMILY datetime_ops AS
    OPERATOR 3 < (timestamp, timestamp),
    OPERATOR 4 <= (timestamp, timestamp),
    OPERATOR 5 = (timestamp, timestamp),
    OPERATOR 6 >= (timestamp, timestamp),
    OPERATOR 7 > (timestamp, timestamp);
CREATE OPERATOR CLASS timestamptz_ops DEFAULT FOR TYPE timestamptz USING vectors FAMILY datetime_ops AS
    OPERATOR 3 < (timestamptz, timestamptz),
    OPERATOR 4 <= (timestamptz, timestamptz),
    OPERATOR 5 = (timestamptz, timestamptz),
    OPERATOR 6 >= (timestamptz, timestamptz),
    OPERATOR 7 > (timestamptz, timestamptz);
ALTER OPERATOR FAMILY datetime_ops USING vectors ADD
    OPERATOR 3 < (date, timestamp),
    OPERATOR 4 <= (date, timestamp),
    OPERATOR 5 = (date, timestamp),
    OPERATOR 6 >= (date, timestamp),
    OPERATOR 7 > (date, timestamp),
    OPERATOR 3 < (date, timestamptz),
    OPERATOR 4 <= (date, timestamptz),
    OPERATOR 5 = (date, timestamptz),
    OPERATOR 6 >= (date, timestamptz),
    OPERATOR 7 > (date, timestamptz),
    OPERATOR 3 < (timestamp, date),
    OPERATOR 4 <= (timestamp, date),
    OPERATOR 5 = (timestamp, date),
    OPERATOR 6 >= (timestamp, date),
    OPERATOR 7 > (timestamp, date),
    OPERATOR 3 < (timestamp, timestamptz),
    OPERATOR 4 <= (timestamp, timestamptz),
    OPERATOR 5 = (timestamp, timestamptz),
    OPERATOR 6 >= (timestamp, timestamptz),
    OPERATOR 7 > (timestamp, timestamptz),
    OPERATOR 3 < (timestamptz, date),
    OPERATOR 4 <= (timestamptz, date),
    OPERATOR 5 = (timestamptz, date),
    OPERATOR 6 >= (timestamptz, date),
    OPERATOR 7 > (timestamptz, date),
    OPERATOR 3 < (timestamptz, timestamp),
    OPERATOR 4 <= (timestamptz, timestamp),
    OPERATOR 5 = (timestamptz, timestamp),
    OPERATOR 6 >= (timestamptz, timestamp),
    OPERATOR 7 > (timestamptz, timestamp);
COMMENT ON OPERATOR FAMILY datetime_ops USING vectors IS 'filter columns: dates and timestamps, with one another';
COMMENT ON OPERATOR CLASS date_ops USING vectors IS 'filter column of type date';
COMMENT ON OPERATOR CLASS timestamp_ops USING vectors IS 'filter column of type timestamp';
COMMENT ON OPERATOR CLASS timestamptz_ops USING vectors IS 'filter column of type timestamptz';
CREATE OPERATOR CLASS numeric_ops DEFAULT FOR TYPE numeric USING vectors AS
    OPERATOR 3 < (numeric, numeric),
    OPERATOR 4 <= (numeric, numeric),
    OPERATOR 5 = (numeric, numeric),
    OPERATOR 6 >= (numeric, numeric),
    OPERATOR 7 > (numeric, numeric);
COMMENT ON OPERATOR CLASS numeric_ops USING vectors IS 'filter column of type numeric';
CREATE OPERATOR CLASS time_ops DEFAULT FOR TYPE time USING vectors AS
    OPERATOR 3 < (time, time),
    OPERATOR 4 <= (time, time),
    OPERATOR 5 = (time, time),
    OPERATOR 6 >= (time, time),
    OPERATOR 7 > (time, time);
COMMENT ON OPERATOR CLASS time_ops USING vectors IS 'filter column of type time';
CREATE OPERATOR CLASS bool_ops DEFAULT FOR TYPE bool USING vectors AS
    OPERATOR 3 < (bool, bool),
    OPERATOR 4 <= (bool, bool),
    OPERATOR 5 = (bool, bool),
    OPERATOR 6 >= (bool, bool),
    OPERATOR 7 > (bool, bool);
COMMENT ON OPERATOR CLASS bool_ops USING vectors IS 'filter column of type bool';
CREATE OPERATOR CLASS uuid_ops DEFAULT FOR TYPE uuid USING vectors AS
    OPERATOR 3 < (uuid, uuid),
    OPERATOR 4 <= (uuid, uuid),
    OPERATOR 5 = (uuid, uuid),
    OPERATOR 6 >= (uuid, uuid),
    OPERATOR 7 > (uuid, uuid);
COMMENT ON OPERATOR CLASS uuid_ops USING vectors IS 'filter column of type uuid';
CREATE OPERATOR CLASS text_ops DEFAULT FOR TYPE text USING vectors AS
    OPERATOR 3 < (text, text),
    OPERATOR 4 <= (text, text),
    OPERATOR 5 = (text, text),
    OPERATOR 6 >= (text, text),
    OPERATOR 7 > (text, text);
COMMENT ON OPERATOR CLASS text_ops USING vectors IS 'filter column of type text or varchar: = under deterministic collations, < and > under C';
CREATE OPERATOR CLASS enum_ops DEFAULT FOR TYPE anyenum USING vectors AS
    OPERATOR 5 = (anyenum, anyenum);
COMMENT ON OPERATOR CLASS enum_ops USING vectors IS 'filter column of an enum type: =';
CREATE OPERATOR CLASS array_ops DEFAULT FOR TYPE anyarray USING vectors AS
    OPERATOR 8 && (anyarray, anyarray),
    OPERATOR 9 @> (anyarray, anyarray);
COMMENT ON OPERATOR CLASS array_ops USING vectors IS 'filter column of an array type: overlaps, contains';

-- administration

CREATE FUNCTION vectors_merge(regclass) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vectors_merge' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_merge(regclass) IS 'builds one segment over all rows of the index; for its owner; false if the disk is full or pg_vectors cannot be written (a warning says why)';

CREATE FUNCTION vectors_verify(index regclass, OUT object text, OUT problem text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'vectors_verify' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_verify(regclass) IS 'what is wrong with the pages, the segment files and the graphs of the index, and where they do not agree; no rows: nothing; for its owner';

CREATE FUNCTION fence_vector_index(regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'vectors_fence_vector_index' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION fence_vector_index(regclass) IS 'waits until nothing is left to do about the rows that the index has now; for its owner; does itself what no background worker does';

CREATE FUNCTION vectors_index_options(regclass) RETURNS text
    AS 'MODULE_PATHNAME', 'vectors_index_options' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vectors_index_options(regclass) IS 'the options of an index, defaults included, as JSON';

CREATE FUNCTION vectors_index_stat(index oid, OUT idx_status text, OUT idx_indexing boolean, OUT idx_tuples bigint,
        OUT idx_sealed bigint[], OUT idx_growing bigint[], OUT idx_write bigint, OUT idx_size bigint, OUT idx_options text,
        OUT idx_dead bigint, OUT idx_log_size bigint, OUT idx_segments_size bigint, OUT idx_last_merge timestamptz,
        OUT idx_last_error text) RETURNS record
    AS 'MODULE_PATHNAME', 'vectors_index_stat' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_index_stat(oid) IS 'a row of pg_vector_index_stat without the names; all NULL if there is no such index';

CREATE VIEW pg_vector_index_stat AS
    SELECT i.indrelid AS tablerelid, c.oid AS indexrelid, t.relname AS tablename, c.relname AS indexname, s.*
    FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'vectors'
        JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
        JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
        CROSS JOIN LATERAL vectors_index_stat(c.oid) s
    WHERE c.relkind = 'i' AND s.idx_status IS NOT NULL;
GRANT SELECT ON pg_vector_index_stat TO PUBLIC;
COMMENT ON VIEW pg_vector_index_stat IS 'the state of every vectors index of the database: rows by segment, sizes, options, what is wrong; living rows in idx_sealed (with a graph or lists), idx_growing (codes alone) and idx_write (no segment yet), which add up to idx_tuples';
COMMENT ON COLUMN pg_vector_index_stat.tablerelid IS 'the table';
COMMENT ON COLUMN pg_vector_index_stat.indexrelid IS 'the index';
COMMENT ON COLUMN pg_vector_index_stat.tablename IS 'the table''s name';
COMMENT ON COLUMN pg_vector_index_stat.indexname IS 'the index''s name';
COMMENT ON COLUMN pg_vector_index_stat.idx_status IS 'NORMAL; BUILDING: being built, rebuilt or dropped; DEGRADED: right but slower than it could be, or corrupt, idx_last_error says why';
COMMENT ON COLUMN pg_vector_index_stat.idx_indexing IS 'segments are being built or merged, or rows or changed options wait for that';
COMMENT ON COLUMN pg_vector_index_stat.idx_tuples IS 'rows that are not dead';
COMMENT ON COLUMN pg_vector_index_stat.idx_sealed IS 'rows of each segment as it is to stay: with a graph or lists, unless the index is flat';
COMMENT ON COLUMN pg_vector_index_stat.idx_growing IS 'rows of each segment that waits to be merged: codes without a graph';
COMMENT ON COLUMN pg_vector_index_stat.idx_write IS 'rows that no segment has yet: searched exactly';
COMMENT ON COLUMN pg_vector_index_stat.idx_size IS 'bytes of log and segments';
COMMENT ON COLUMN pg_vector_index_stat.idx_options IS 'the options in force, as JSON';
COMMENT ON COLUMN pg_vector_index_stat.idx_dead IS 'dead rows whose room in the log was not yet given back';
COMMENT ON COLUMN pg_vector_index_stat.idx_log_size IS 'bytes of the relation: all rows, with their vectors';
COMMENT ON COLUMN pg_vector_index_stat.idx_segments_size IS 'bytes of the segment files in use on this server';
COMMENT ON COLUMN pg_vector_index_stat.idx_last_merge IS 'when segments were last merged on this server; NULL: never';
COMMENT ON COLUMN pg_vector_index_stat.idx_last_error IS 'why it is DEGRADED';

CREATE FUNCTION alter_vector_index(index regclass, key text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'vectors_alter_vector_index' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION alter_vector_index(regclass, text, text) IS 'sets one option of the index, such as indexing.hnsw.m; one of another algorithm chooses that algorithm; its segments are built anew behind running queries; for its owner; 22023 for an unknown key or a value out of range';

CREATE FUNCTION pgvectors_upgrade() RETURNS void LANGUAGE sql VOLATILE PARALLEL UNSAFE BEGIN ATOMIC END;
COMMENT ON FUNCTION pgvectors_upgrade() IS 'does nothing: for scripts that were written for pgvecto.rs';

CREATE FUNCTION vectors_prewarm(index regclass) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vectors_prewarm' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_prewarm(regclass) IS 'reads log and segments of the index into memory and returns how many bytes that were; for who may read the table';

CREATE FUNCTION vectors_recall(index regclass, k integer DEFAULT 10, queries integer DEFAULT 100, OUT queries_made integer,
        OUT recall double precision, OUT worst double precision, OUT index_ms double precision, OUT exact_ms double precision)
    RETURNS record AS 'MODULE_PATHNAME', 'vectors_recall' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_recall(regclass, integer, integer) IS 'searches for the k rows nearest to rows of the index, by the index under the present settings and exactly: the mean and the worst share that the index finds, and the time of a search each way; for who may read the table';

CREATE FUNCTION vectors_explain(index regclass, query anyelement, k integer DEFAULT 10, OUT rows integer, OUT nearest real, OUT furthest real,
        OUT segments integer, OUT tail_rows bigint, OUT distances bigint, OUT hops bigint, OUT rounds bigint, OUT candidates bigint,
        OUT ms double precision) RETURNS record
    AS 'MODULE_PATHNAME', 'vectors_explain' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_explain(regclass, anyelement, integer) IS 'what a search by the index did to find the k rows nearest to the query: segments searched, rows compared exactly because no segment has them, estimates from codes, neighbour lists read, rounds, candidates compared with their full vectors; for who may read the table';

CREATE FUNCTION vectors_explain(index regclass, query text, k integer DEFAULT 10, OUT rows integer, OUT nearest real, OUT furthest real,
        OUT segments integer, OUT tail_rows bigint, OUT distances bigint, OUT hops bigint, OUT rounds bigint, OUT candidates bigint,
        OUT ms double precision) RETURNS record
    AS 'MODULE_PATHNAME', 'vectors_explain' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_explain(regclass, text, integer) IS 'the same for a query that is written as text';

CREATE FUNCTION vectors_index_progress(index oid, OUT phase text, OUT tuples_done bigint, OUT tuples_total bigint) RETURNS record
    AS 'MODULE_PATHNAME', 'vectors_index_progress' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vectors_index_progress(oid) IS 'what is being built for an index behind the back of its users; all NULL: nothing';

CREATE VIEW pg_vector_index_progress AS
    SELECT p.relid AS tablerelid, p.index_relid AS indexrelid, t.relname AS tablename, c.relname AS indexname,
           p.command, p.phase, p.tuples_done, p.tuples_total
    FROM pg_catalog.pg_stat_progress_create_index p
        LEFT JOIN pg_catalog.pg_class t ON t.oid = p.relid
        LEFT JOIN pg_catalog.pg_class c ON c.oid = p.index_relid
        LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
    WHERE p.datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND (a.amname = 'vectors' OR (c.oid IS NULL AND p.phase = ANY (ARRAY['building index: writing rows to the log', 'building index: training codes',
          'building index: encoding rows', 'building index: building the graph', 'building index: writing the segment'])))
    UNION ALL
    SELECT i.indrelid, c.oid, t.relname, c.relname, 'background', w.phase, w.tuples_done, w.tuples_total
    FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'vectors'
        JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
        JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
        CROSS JOIN LATERAL vectors_index_progress(c.oid) w
    WHERE c.relkind = 'i' AND w.phase IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid);
GRANT SELECT ON pg_vector_index_progress TO PUBLIC;
COMMENT ON VIEW pg_vector_index_progress IS 'what is being built: CREATE INDEX and REINDEX of vectors indexes, and segments made in the background, by VACUUM or by vectors_merge(); phase, rows done of rows in all';
