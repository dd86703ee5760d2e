# What pg_dump saves, in every format, restores the same values of every type, the same indexes, constraints, generated columns and
# views; and the extension's objects are not dumped as the user's own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('dumped');
my $directory = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q{
	CREATE TABLE samples (id int PRIMARY KEY, v vector, h vecf16, s svector, b bvector, i veci8, near sphere_vector,
		many vector[], v3 vector(3) DEFAULT '[1,2,3]' CHECK (v3 <-> '[0,0,0]' < 1000), bits bvector GENERATED ALWAYS AS (binarize(v)) STORED);
	INSERT INTO samples(id, v, h, s, b, i, near, many)
		SELECT d, a::vector, a::vecf16, a::svector, binarize(a::vector), a::vector::veci8, sphere(a::vector, 0.1), ARRAY[a::vector, NULL]
		FROM generate_series(1, 40) d, LATERAL (SELECT array_agg((sin(j * d) * 10 ^ (d % 9 - 4))::real) FROM generate_series(1, d * d) j) t(a);
	INSERT INTO samples(id, v, h, s) VALUES (41, '[NaN,inf,-inf,-0,1e-45,3.4028235e38]', '[NaN,inf,-inf,-0,6e-8]', '{0:nan,1048574:-inf}/1048575');
	INSERT INTO samples(id, v3) VALUES (42, NULL);
	INSERT INTO samples(id, i) VALUES (43, to_veci8(3, 0.25, -3, '{-127,0,127}'));
	CREATE UNIQUE INDEX samples_v ON samples (v) WHERE id < 20;
	CREATE INDEX samples_h ON samples USING hash (h);
	CREATE INDEX samples_near ON samples USING vectors (v3 vector_cos_ops);
	CREATE INDEX samples_short ON samples USING vectors (((v[:1])::vector(1)) vector_l2_ops) WHERE v IS NOT NULL;
	CREATE INDEX samples_lists ON samples USING vectors (v3 vector_l2_ops) WITH (lists = 7, quantization = rabitq3, options = $$
		optimizing.sealing_secs = 11 # it's "quoted"
		[indexing."ivf"]
		nprobe = 3
		spherical_centroids = true
		residual_quantization = true
		$$);
	CREATE INDEX samples_terms ON samples USING vectors ((s::svector(1)) svector_dot_ops) WITH (options = '[indexing.inverted_index]') WHERE id = 1;
	CREATE VIEW halves AS SELECT id, v[:2] AS head, v || v AS twice, v <<->> near AS inside, v <-> ARRAY[1,2] AS mixed FROM samples;
	CREATE TABLE parts (id int, v vector(2)) PARTITION BY HASH (v);
	CREATE TABLE part_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE part_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO parts SELECT k, ARRAY[k, -k] FROM generate_series(1, 100) k;
});

my $contents = q{SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM samples t};
my $bytes = q{SELECT md5(string_agg(concat_ws(',', vector_send(v), vecf16_send(h), svector_send(s), bvector_send(b), bvector_send(bits), vector_send(many[1])), '|' ORDER BY id)) FROM samples};
my $parts = q{SELECT tableoid::regclass, count(*), md5(string_agg(v::text, '|' ORDER BY id)) FROM parts GROUP BY 1 ORDER BY 1};
my $objects = q{SELECT string_agg(pg_get_indexdef(indexrelid), E'\n' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'samples'::regclass};
my $options = q{SELECT string_agg(vectors_index_options(indexrelid), E'\n' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'samples'::regclass AND indexrelid::regclass::text ~ '(near|short|lists|terms)$'};
my $view = q{SELECT pg_get_viewdef('halves'::regclass)};
my $near = q{SET enable_seqscan = off; SELECT id, v3 <=> '[3,2,1]' FROM samples ORDER BY v3 <=> '[3,2,1]', id LIMIT 50};
my @queries = ($contents, $bytes, $parts, $objects, $options, $view, $near);
my @expected = map { $node->safe_psql('postgres', $_) } @queries;
my @names = ('values', 'binary values', 'hash partitions', 'indexes', 'options of indexes', 'view', 'nearest rows');

sub same_as_before
{
	my ($database, $name) = @_;
	is($node->safe_psql($database, $queries[$_]), $expected[$_], "$name: $names[$_]") for 0 .. $#queries;
	return;
}

like($expected[4], qr/"sealing_secs": 11.*"nlist": 7, "nprobe": 3, "spherical_centroids": true, "residual_quantization": true, "quantization": \{"rabitq": \{"bits": 3\}\}/, 'options are in force');

for my $format ('plain', 'custom', 'directory')
{
	my $file = "$directory/dump.$format";
	my $database = "from_$format";
	$node->command_ok([ 'pg_dump', '--format', $format, '--file', $file, '--dbname', $node->connstr('postgres') ], "pg_dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my @restore = $format eq 'plain'
		? ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr($database))
		: ('pg_restore', '--exit-on-error', '--dbname', $node->connstr($database), $file);
	$node->command_ok(\@restore, "restore, $format");
	same_as_before($database, $format);
	unlike(slurp_file($file), qr/CREATE (TYPE|OPERATOR|FUNCTION|AGGREGATE|CAST)/, 'the extension stands for its objects') if $format eq 'plain';
}

$node->command_ok([ 'pg_dump', '--inserts', '--file', "$directory/dump.inserts", '--dbname', $node->connstr('postgres') ], 'pg_dump --inserts');
$node->safe_psql('postgres', 'CREATE DATABASE from_inserts');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$directory/dump.inserts", '-d', $node->connstr('from_inserts') ], 'restore of inserts');
same_as_before('from_inserts', 'inserts');

# The extension in a schema of its own, not in the search path while pg_restore runs.
$node->safe_psql('postgres', 'CREATE SCHEMA kept; ALTER EXTENSION vectors SET SCHEMA kept; ALTER DATABASE postgres SET search_path = public, kept');
$node->command_ok([ 'pg_dump', '--format', 'custom', '--file', "$directory/dump.schema", '--dbname', $node->connstr('postgres') ], 'pg_dump, extension in its schema');
$node->safe_psql('postgres', 'CREATE DATABASE from_schema; ALTER DATABASE from_schema SET search_path = public, kept');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $node->connstr('from_schema'), "$directory/dump.schema" ], 'restore, extension in its schema');
is($node->safe_psql('from_schema', $queries[$_]), $node->safe_psql('postgres', $queries[$_]), "extension in its schema: $names[$_]") for 0 .. $#queries;

# COPY through a client, in text and binary and both wire formats.
for my $wire ('pgvector', 'pgvectors')
{
	for my $format ('text', 'csv', 'binary')
	{
		my $file = "$directory/copy.$wire.$format";
		my $columns = 'id, v, h, s, b, i, many';
		$node->safe_psql('postgres', "SET vectors.wire_format = $wire;\n\\copy samples($columns) TO '$file' (FORMAT $format)");
		$node->safe_psql('postgres', "CREATE TABLE copied (LIKE samples INCLUDING DEFAULTS)");
		$node->safe_psql('postgres', "SET vectors.wire_format = $wire;\n\\copy copied($columns) FROM '$file' (FORMAT $format)");
		is($node->safe_psql('postgres', "SELECT count(*) FROM samples s JOIN copied c USING (id) WHERE (s.v, s.h, s.s, s.b, s.many) IS NOT DISTINCT FROM (c.v, c.h, c.s, c.b, c.many) AND (s.i IS NOT DISTINCT FROM c.i OR '$format' <> 'binary')"),
			'43', "\\copy, $wire, $format");
		$node->safe_psql('postgres', 'DROP TABLE copied');
	}
}

$node->stop;
done_testing();
