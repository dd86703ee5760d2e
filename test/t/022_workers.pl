# Background workers: launched by inserts, scans and VACUUM without shared_preload_libraries, gone when idle, in nobody's way;
# none to be had is no error; a killed merge is one process's end and no more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'vectors %'";
my $rows = 24_000;

# Rows that are far from each other make a merge long.
sub scatter
{
	my ($node, $from, $to, %options) = @_;
	$node->safe_psql($options{dbname} // 'postgres', qq{
		SELECT setseed(0.5);
		INSERT INTO items SELECT i, (SELECT array_agg(random()::real) FROM generate_series(1, 96) WHERE i = i)::vector
			FROM generate_series($from, $to) i});
	return;
}

sub create
{
	my ($node, %options) = @_;
	$node->safe_psql($options{dbname} // 'postgres', qq{
		CREATE TABLE items (id bigint, embedding vector(96));
		CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)});
	return;
}

# The processes of merges: children of background workers, which have let go of shared memory.
sub mergers
{
	my ($node) = @_;
	return map { VectorsTest::children_of($_) } VectorsTest::children_of($node->{_pid});
}

sub segments
{
	my ($node, $dbname, $index) = @_;
	my $path = $node->safe_psql($dbname, qq{SELECT 'pg_vectors/' || d.oid || '/' || CASE reltablespace WHEN 0 THEN dattablespace ELSE reltablespace END || '_' || relfilenode
		FROM pg_class c, pg_database d WHERE c.oid = '$index'::regclass AND datname = current_database()});
	my @found = glob $node->data_dir . "/$path/segment.*";
	return @found;
}

# The last rows of an insert may be left to the next one; a scan notices them too.
my $scan = 'SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 1) LIMIT 10) s';

sub wait_for_merge
{
	my ($node, %options) = @_;
	wait_until('a merge runs', sub {
		$node->safe_psql($options{dbname} // 'postgres', $scan) eq '10' or die 'a scan is short';
		return mergers($node) > 0 });
	return;
}

my $node = primary('node', 'autovacuum = off', 'max_worker_processes = 8');
is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'), '', 'nothing is preloaded');

# inserts
create($node);
scatter($node, 1, $rows);
wait_until('inserts launched a worker, which built segments', sub { segments($node, 'postgres', 'items_embedding') > 0 });
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
cmp_ok(scalar(segments($node, 'postgres', 'items_embedding')), '<=', 2, 'a fence leaves one segment, or a small rest beside it');
$node->poll_query_until('postgres', $workers, '0') or die 'workers linger';
is(scalar(mergers($node)), 0, 'no worker lingers, no process of a merge does');

# scans
PostgreSQL::Test::Utils::system_or_bail('rm', '-rf', $node->data_dir . '/pg_vectors');
wait_until('scans launched a worker, which built segments', sub {
	$node->safe_psql('postgres', $scan) eq '10' or die 'a scan is short';
	segments($node, 'postgres', 'items_embedding') > 0 });

# VACUUM: a merge that it need not do itself
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
$node->poll_query_until('postgres', $workers, '0') or die 'workers linger';
my ($before) = segments($node, 'postgres', 'items_embedding');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM items');
wait_until('VACUUM launched a worker, whose merger left out dead rows', sub { !-e $before });

# the database may be dropped and copied while a merge runs in it
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION vectors');
create($node, dbname => 'other');
scatter($node, 1, $rows, dbname => 'other');
wait_for_merge($node, dbname => 'other');
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE other');
ok(mergers($node) > 0, 'CREATE DATABASE TEMPLATE waits for no merge');
$node->safe_psql('postgres', 'DROP DATABASE other');
wait_until('the merge of a dropped database ends', sub { mergers($node) == 0 });
$node->poll_query_until('postgres', $workers, '0') or die 'workers linger';
is($node->safe_psql('copied', $scan), '10', 'the copy answers');

# a merge that is killed
$node->safe_psql('postgres', 'TRUNCATE items');
scatter($node, 1, $rows);
wait_for_merge($node);
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my $session = $node->background_psql('postgres');
my $marker = -s $node->logfile;
kill 'KILL', mergers($node);
$node->wait_for_log(qr/a process that merged segments .* was ended by signal 9/, $marker);
is($session->query_safe('SELECT 1'), '1', 'killing a merge ends no session');
$session->quit;
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
is(scalar(segments($node, 'postgres', 'items_embedding')), 1, 'it is done again');
unlike(slurp_file($node->logfile), qr/terminating any other active server processes/, 'nothing else was restarted');

# a fence and a merge wait for others, and can be cancelled
scatter($node, $rows + 1, 2 * $rows);
wait_for_merge($node);
for my $waiting ('fence_vector_index', 'vectors_merge')
{
	my ($status, $out, $err) = $node->psql('postgres', "SET statement_timeout = '50ms'; SELECT $waiting('items_embedding')");
	like($err, qr/canceling statement due to statement timeout/, "$waiting can be cancelled");
}
is($node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')"), 't', 'vectors_merge waits for the merge that runs');
is(scalar(segments($node, 'postgres', 'items_embedding')), 1, 'and leaves one segment');

# a database that lets nobody in any more still has its work done
$node->safe_psql('postgres', 'CREATE DATABASE closed');
$node->safe_psql('closed', 'CREATE EXTENSION vectors; CREATE TABLE items (id bigint, embedding vector(8)); CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)');
my $inside = $node->background_psql('closed');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
my $end = 0;
wait_until('a segment in a closed database', sub {
	$inside->query_safe("INSERT INTO items SELECT n, array_fill(n::real, '{8}')::vector FROM generate_series($end + 1, $end + 2000) n");
	$end += 2000;
	return $inside->query_safe('SELECT cardinality(idx_sealed) + cardinality(idx_growing) FROM pg_vector_index_stat') > 0 });
$inside->quit;
$node->safe_psql('postgres', 'DROP DATABASE closed');

# a merge that does not react, as on a disk that is gone, does not keep the server from stopping; and then: none to be had
scatter($node, 2 * $rows + 1, 3 * $rows);
wait_for_merge($node);
my @mergers = mergers($node);
kill 'STOP', @mergers;
cmp_ok(scalar(@mergers), '>', 0, 'a merge is stopped');
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->stop('fast');
is(scalar(grep { kill 0, $_ } @mergers), 0, 'no merge outlives the server');
$node->start;
$node->safe_psql('postgres', 'TRUNCATE items');
scatter($node, 1, 5000);
is(scalar(segments($node, 'postgres', 'items_embedding')), 0, 'no worker');
$node->safe_psql('postgres', 'VACUUM items');
ok(segments($node, 'postgres', 'items_embedding') > 0, 'then VACUUM does the work');
scatter($node, 5001, 8000);
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
is(scalar(segments($node, 'postgres', 'items_embedding')), 1, 'and a fence does');
is($node->safe_psql('postgres', $scan), '10', 'searches work');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'nothing crashed');

done_testing();
