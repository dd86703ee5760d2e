# Private memory of a build keeps within maintenance_work_mem, and a backend opens the indexes that it searches, not all there are:
# 200, or 1,000 in check-long, which also builds and merges 300,000 rows of 384 dimensions with 64 MB.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off', 'max_parallel_maintenance_workers = 1', 'vectors.max_background_workers = 0', 'shared_buffers = 128MB',
	'max_locks_per_transaction = 256', 'max_wal_size = 4GB');
my $long = $ENV{VECTORS_LONG};

# ---- A build ---------------------------------------------------------------------------------------------------------

# Codes of 256 bytes and lists of 64 neighbours for each of 24000 rows: about 13 MB.
my $rows = 24000;
$node->safe_psql('postgres', qq{
	CREATE TABLE items (id bigint, embedding vector(256));
	INSERT INTO items SELECT i, (SELECT array_agg(sin(i * 0.37 + d) + (i * d) % 17 / 20.0) FROM generate_series(1, 256) d)::real[]::vector FROM generate_series(1, $rows) i});

sub anonymous_kilobytes
{
	my ($pid) = @_;
	open my $handle, '<', "/proc/$pid/status" or return 0;
	my ($kilobytes) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$handle>;
	return $kilobytes // 0;
}

# The most private memory that the backend had while it ran the statement, beyond what it had before, in MB.
sub peak_of
{
	my ($memory, $sql) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 1);
	$session->query_safe("SET maintenance_work_mem = '$memory'; SELECT '[1]'::vector(1)");
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $before = anonymous_kilobytes($pid);
	my ($peak, $looks) = ($before, 0);
	$session->{stdin} .= "$sql;\n\\echo finished\n";
	wait_until(
		'the statement ends',
		sub {
			my $now = anonymous_kilobytes($pid);
			$peak = $now if $now > $peak;
			$looks++;
			$session->{run}->pump_nb;
			return $session->{stdout} =~ /finished/;
		});
	$session->{stdout} = '';
	$session->quit;
	cmp_ok($looks, '>', 20, "$memory: the memory was looked at $looks times");
	return ($peak - $before) / 1024;
}

# Beside it: a few MB for the walks' own arrays, a byte a row, and the executor.
my $beside = 6;
my $with_much = peak_of('64MB', "CREATE INDEX much ON items USING vectors (embedding vector_l2_ops) WITH (m = 32, quantization = scalar8)");
cmp_ok($with_much, '>', 8, 'codes and graph are in private memory where they fit: the measure sees them');
cmp_ok($with_much, '<', 64 * 1.1, '64 MB: within the limit');
my $with_little = peak_of('4MB', "CREATE INDEX little ON items USING vectors (embedding vector_l2_ops) WITH (m = 32, quantization = scalar8)");
cmp_ok($with_little, '<', 4 * 1.1 + $beside, '4 MB: within the limit');
is($node->safe_psql('postgres', q{SELECT idx_sealed FROM pg_vector_index_stat WHERE indexname = 'little'}), "{$rows}", 'in one segment all the same');
$node->safe_psql('postgres', q{SELECT alter_vector_index('little', 'm', '31')});
my $merged = peak_of('4MB', q{SELECT vectors_merge('little')});
cmp_ok($merged, '<', 4 * 1.1 + $beside, '4 MB: a merge keeps within it, too');
diag(sprintf '64 MB: %.1f MB; 4 MB: %.1f MB, merge %.1f MB', $with_much, $with_little, $merged);
$node->safe_psql('postgres', 'DROP TABLE items');

# ---- A build that does not fit -----------------------------------------------------------------------------------------

# Codes and graph are 105 MB. The rows: the sample thirty times, each row moved by a third of its length towards another.
if ($long)
{
	local $PostgreSQL::Test::Utils::timeout_default = 3600;
	my ($sample, $copies) = (10_000, 30);
	my $file = PostgreSQL::Test::Utils::tempdir() . '/rows';
	sample_copy($sample, $file);
	$node->safe_psql('postgres', qq{
		CREATE TABLE loaded (number int PRIMARY KEY, embedding vecf16(384));
		COPY loaded FROM '$file' (FORMAT binary);
		CREATE TABLE large (id int, embedding vector(384));
		INSERT INTO large SELECT l.number + $sample * copy,
				l.embedding::vector(384) + other.embedding::vector(384) * array_fill(CASE copy WHEN 0 THEN 0 ELSE 0.35 END, ARRAY[384])::real[]::vector
			FROM generate_series(0, $copies - 1) copy CROSS JOIN loaded l JOIN loaded other ON other.number = (l.number * 31 + copy * 7919) % $sample});
	my $built = peak_of('64MB', 'CREATE INDEX large_embedding ON large USING vectors (embedding vector_l2_ops)');
	cmp_ok($built, '<', 64 * 1.1, '300,000 rows with 64 MB: within the limit');
	is($node->safe_psql('postgres', q{SELECT idx_sealed FROM pg_vector_index_stat WHERE indexname = 'large_embedding'}), '{300000}', 'in one segment');
	cmp_ok($node->safe_psql('postgres', q{SELECT idx_segments_size FROM pg_vector_index_stat WHERE indexname = 'large_embedding'}), '>', 64 << 20, 'which is larger than that');
	cmp_ok($node->safe_psql('postgres', q{SELECT recall FROM vectors_recall('large_embedding', 10, 100)}), '>', 0.95, 'and finds what it should');
	$node->safe_psql('postgres', 'DELETE FROM large WHERE id % 4 = 0');
	my $merged = peak_of('64MB', 'VACUUM (FREEZE) large');
	cmp_ok($merged, '<', 64 * 1.1, 'VACUUM that makes it anew without a quarter of its rows: within the limit');
	is($node->safe_psql('postgres', q{SELECT idx_sealed FROM pg_vector_index_stat WHERE indexname = 'large_embedding'}), '{225000}', 'in one segment');
	diag(sprintf '300,000 rows, 64 MB: %.1f MB, merge %.1f MB', $built, $merged);
	$node->safe_psql('postgres', 'DROP TABLE large, loaded');
}

# ---- Many indexes ------------------------------------------------------------------------------------------------------

my $count = $long ? 1000 : 200;
$node->safe_psql('postgres', qq{
	DO \$\$ BEGIN
		FOR i IN 1 .. $count LOOP
			EXECUTE format('CREATE TABLE t%s AS SELECT d AS id, ARRAY[d, sin(d), %s, 1]::real[]::vector AS embedding FROM generate_series(1, 50) d', i, i);
			EXECUTE format('ALTER TABLE t%s ALTER embedding TYPE vector(4)', i);
			EXECUTE format('CREATE INDEX i%s ON t%s USING vectors (embedding vector_l2_ops)', i, i);
		END LOOP;
	END \$\$});
my $session = $node->background_psql('postgres', on_error_stop => 1);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe('SET enable_seqscan = off; SET enable_sort = off');

sub mapped
{
	my %directories = map { m{pg_vectors/(\d+/\d+_\d+)/} ? ($1 => 1) : () } split /\n/, slurp_file("/proc/$pid/maps");
	return scalar keys %directories;
}

sub open_files { return scalar grep { (readlink($_) // '') =~ /pg_vectors/ } glob "/proc/$pid/fd/*" }

is($session->query_safe(q{SELECT id FROM t7 ORDER BY embedding <-> '[9,0,7,1]' LIMIT 1}), '9', 'a search');
is(mapped(), 1, "of $count indexes the one that was searched is mapped");
is(open_files(), 0, 'and no file is open');
my $before = anonymous_kilobytes($pid);
is($session->query_safe('SELECT count(*), sum(idx_tuples) FROM pg_vector_index_stat'), "$count|" . 50 * $count, 'the view counts all');
my $each_looked_at = (anonymous_kilobytes($pid) - $before) / $count;
is(mapped(), 1, 'and leaves none of them mapped');
$before = anonymous_kilobytes($pid);
$session->query_safe(join '; ', map { "SELECT id FROM t$_ ORDER BY embedding <-> '[9,0,7,1]' LIMIT 1" } 1 .. $count);
is(mapped(), $count, 'all are mapped when all were searched');
is(open_files(), 0, 'without an open file');
my $each = (anonymous_kilobytes($pid) - $before) / $count;
cmp_ok($each, '<', 200, sprintf 'and take %.0f kB each', $each);
diag(sprintf '%d indexes: %.1f kB for each that the view looked at, %.1f kB for each that was searched', $count, $each_looked_at, $each);
$session->query_safe('SET client_min_messages = error');
$node->safe_psql('postgres', join '; ', map { "DROP TABLE t$_" } 2 .. $count);
$session->query_safe('CREATE TABLE fresh (embedding vector(4)); CREATE INDEX ON fresh USING vectors (embedding vector_l2_ops)');
$node->safe_psql('postgres', 'CHECKPOINT; VACUUM t1');
$session->query_safe(q{SELECT count(*) FROM (SELECT 1 FROM fresh ORDER BY embedding <-> '[9,0,7,1]') s});
cmp_ok(mapped(), '<', 5, 'indexes that were dropped are let go');
$session->quit;

done_testing();
