# I-1 and I-6 while segments are merged: no insert waits on a lock of the index, no search misses a row or gives one twice; on a
# standby, which builds segments of its own, too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $rows = 8_000;
my $inserts = 1_500;
my $node = primary('node', 'autovacuum = off', 'synchronous_commit = off');
my $standby = standby_of($node, 'standby');
my $vector = '(SELECT array_agg(random()::real) FROM generate_series(1, 96) WHERE i = i)::vector';
$node->safe_psql('postgres', qq{
	CREATE TABLE items (id bigint, embedding vector(96));
	CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
		WITH (options = 'segment.max_growing_segment_size = 2000
			indexing.hnsw.ef_construction = 1000'); -- long merges
	SELECT setseed(0.5);
	INSERT INTO items SELECT i, $vector FROM generate_series(1, $rows) i});

sub mergers
{
	my ($server) = @_;
	return map { VectorsTest::children_of($_) } VectorsTest::children_of($server->{_pid});
}

my $ordered = "SELECT id FROM items ORDER BY embedding <-> array_fill(0.5::real, ARRAY[96])::vector";
my $scan = "SET enable_seqscan = off; SELECT count(*) FROM ($ordered LIMIT 10) s";

# Every row of one snapshot by the index and by the table: the same number, and none twice.
my $complete = qq{
	SET enable_seqscan = off; BEGIN ISOLATION LEVEL REPEATABLE READ;
	WITH found AS MATERIALIZED ($ordered)
	SELECT (SELECT count(*) = count(DISTINCT id) FROM found) AND (SELECT count(*) FROM found) = (SELECT sum(n) FROM (SELECT count(*) AS n FROM items OFFSET 0) s)};

# Two clients, single rows, autocommit
my $from = $rows + 1;
my @clients = map {
	my $first = $from + 10_000 * $_;
	my $script = PostgreSQL::Test::Utils::tempdir() . '/inserts.sql';
	append_to_file($script, join '', map { "INSERT INTO items SELECT i, $vector FROM generate_series($_, $_) i;\n" } $first .. $first + $inserts - 1);
	IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') . ' application_name=client', '-f', $script ], '<', \undef, '>', \my $out, '2>', \my $err);
} 0 .. 1;

my ($samples, $during, %waits) = (0, 0);
my $end = time + 3 * $PostgreSQL::Test::Utils::timeout_default;
while (grep { $_->pumpable } @clients)
{
	die 'the clients do not end' if time > $end;
	for my $client (grep { $_->pumpable } @clients)
	{
		# one that has just come to its end is looked at below
		eval { $client->pump_nb; 1 } or $@ =~ /ended prematurely/ or die $@;
	}
	my $merging = mergers($node);
	# the index's own locks: buffers, its relation, files. WAL and the table's pages are everybody's.
	my $waits = $node->safe_psql('postgres', q{
		SELECT coalesce(string_agg(wait_event_type || ' ' || wait_event, ','), '') FROM pg_stat_activity
		WHERE application_name = 'client' AND state = 'active' AND wait_event_type IN ('Lock', 'BufferPin', 'Extension')});
	$samples++;
	$during++ if $merging;
	$waits{$_}++ for grep { $_ ne 'Lock extend' } split /,/, $waits;
	is($node->safe_psql('postgres', $complete), 't', 'a search during a merge is complete') if $merging && $samples % 20 == 5;
}
for my $client (@clients)
{
	$client->finish;
	is($client->result(0), 0, 'a client got all its rows in');
}
note "$samples samples, $during of them during merges";
cmp_ok($during, '>', 0, 'merges ran during the inserts');
is_deeply(\%waits, {}, 'no insert waited for a lock');
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
is($node->safe_psql('postgres', $complete), 't', 'afterwards too');
is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), $rows + 2 * $inserts, 'all are there');

# The standby's scans launch workers there.
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my $stat = 'SELECT idx_sealed <> $${}$$ AND idx_write < 125 FROM pg_vector_index_stat';
wait_until('the standby has built segments of its own', sub {
	$standby->safe_psql('postgres', $scan) eq '10' or die 'a scan is short';
	$standby->safe_psql('postgres', $stat) eq 't' });
is($standby->safe_psql('postgres', $complete), 't', 'a search on the standby is complete');
$standby->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
is($standby->safe_psql('postgres', 'SELECT idx_write FROM pg_vector_index_stat'), '0', 'a fence works there');
$standby->poll_query_until('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'vectors %'", '0') or die 'workers linger';
$node->safe_psql('postgres', 'DROP TABLE items');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
unlike(slurp_file($standby->logfile), qr/PANIC|FATAL:.*vectors|terminated by signal/, 'nothing crashed');

done_testing();
