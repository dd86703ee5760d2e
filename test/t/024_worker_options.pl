# Every option of segment and optimizing does what it says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off');
my $scan = 'SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 1) LIMIT 1) s';

# Segments with a graph, without one, and rows that no segment has.
sub rows
{
	return $node->safe_psql('postgres', q{SELECT concat_ws(' ', idx_sealed, idx_growing, idx_write) FROM pg_vector_index_stat});
}

sub create
{
	my ($options) = @_;
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS items;
		CREATE TABLE items (id bigint, embedding vector(64));
		CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = '$options')});
	return;
}

sub insert
{
	my ($from, $to) = @_;
	$node->safe_psql('postgres', qq{
		SELECT setseed(0.5);
		INSERT INTO items SELECT i, (SELECT array_agg(random()::real) FROM generate_series(1, 64) WHERE i = i)::vector
			FROM generate_series($from, $to) i});
	return;
}

sub scan { return $node->safe_psql('postgres', $scan) eq '1' || die 'a scan is short'; }

# Scans until the condition holds; they are what notices that time has passed.
sub scan_until
{
	my ($what, $condition) = @_;
	wait_until($what, sub { scan(); $condition->() });
	return pass($what);
}

sub scan_for
{
	my ($seconds) = @_;
	my $end = $node->safe_psql('postgres', "SELECT clock_timestamp() + '$seconds seconds'");
	wait_until("$seconds seconds have passed", sub { scan(); $node->safe_psql('postgres', "SELECT clock_timestamp() > '$end'") eq 't' });
	return;
}

sub set
{
	my ($options) = @_;
	$node->safe_psql('postgres', "ALTER INDEX items_embedding SET (options = '$options')");
	return;
}

# sealing_size, sealing_secs
create("optimizing.sealing_secs = 1\noptimizing.sealing_size = 10");
insert(1, 9);
scan_for(3);
is(rows(), '{} {} 9', 'fewer rows than sealing_size stay as they are');
insert(10, 10);
scan_until('sealing_size rows get a segment after sealing_secs', sub { rows() eq '{} {10} 0' });
set("optimizing.sealing_secs = 86400");
insert(11, 30);
scan_for(2);
is(rows(), '{} {10} 20', 'not before sealing_secs');

# optimizing_secs
create("optimizing.optimizing_secs = 86400\noptimizing.sealing_secs = 1");
insert(1, 1200);
scan_until('rows without a graph', sub { rows() eq '{} {1200} 0' });
scan_for(2);
is(rows(), '{} {1200} 0', 'not before optimizing_secs');
set("optimizing.optimizing_secs = 1");
scan_until('a graph after optimizing_secs', sub { rows() eq '{1200} {} 0' });

# max_growing_segment_size
create('segment.max_growing_segment_size = 800');
insert(1, 49);
is(rows(), '{} {} 49', 'a sixteenth of max_growing_segment_size is not urgent');
insert(50, 700);
scan_until('more is', sub { rows() eq '{} {700} 0' });
insert(701, 900);
scan_until('more than max_growing_segment_size gets a graph', sub { rows() eq '{900} {} 0' });

# max_sealed_segment_size
create("segment.max_growing_segment_size = 500\nsegment.max_sealed_segment_size = 1500");
insert(500 * $_ + 1, 500 * $_ + 500), $node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')") for 0 .. 5;
my ($sealed) = rows() =~ /^\{([\d,]+)\} \{\} 0$/;
my @sealed = split /,/, $sealed;
ok(@sealed >= 2 && !grep({ $_ > 1500 } @sealed), "no merge makes a segment beyond max_sealed_segment_size: $sealed");
$node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')");
($sealed) = rows() =~ /^\{([\d,]+)\} \{\} 0$/;
ok(!grep({ $_ > 1500 } split /,/, $sealed), "nor does vectors_merge: $sealed");

# delete_threshold
create('optimizing.delete_threshold = 0.5');
insert(1, 3000);
$node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')");
my $bytes = 'SELECT idx_segments_size FROM pg_vector_index_stat';
my $before = $node->safe_psql('postgres', $bytes);
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 10 IN (3, 6, 9)');
$node->safe_psql('postgres', 'VACUUM items');
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
is($node->safe_psql('postgres', $bytes), $before, 'dead rows below delete_threshold stay in the segment');
set('optimizing.delete_threshold = 0.25');
$node->safe_psql('postgres', 'VACUUM items');
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
cmp_ok($node->safe_psql('postgres', $bytes), '<', $before * 0.8, 'above it, the segment is made anew');

# optimizing_threads: of the process that merges
my $most = 0;
sub count_threads
{
	for my $process (@_ ? @_ : map { VectorsTest::children_of($_) } VectorsTest::children_of($node->{_pid}))
	{
		my @threads = glob "/proc/$process/task/*";
		$most = @threads if @threads > $most;
	}
	return $most;
}
create('optimizing.optimizing_threads = 3');
insert(1, 24_000);
scan_until('optimizing_threads threads merge', sub { count_threads() >= 3 });
is($most, 3, 'and no more');
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
my $processes = $node->safe_psql('postgres', 'SHOW max_worker_processes');
$most = 0;
set("optimizing.optimizing_threads = 3000\noptimizing.optimizing_secs = 1\nindexing.hnsw.m = 20");
scan_until('whoever asks for more threads than the server may have processes gets so many', sub { count_threads() >= $processes });
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
is($most, $processes, 'and no more');

# the same holds for CREATE INDEX and REINDEX, with a setting that every user may set
$most = 0;
my ($rebuild, $backend) = statement_in_background($node, 'SET max_parallel_maintenance_workers = 1024; REINDEX INDEX items_embedding');
wait_until('REINDEX ends', sub { count_threads($backend); return !-e "/proc/$backend" });
ok($rebuild->finish, 'REINDEX succeeds');
is($most, $processes + 1, 'it has as many threads as the server may have processes, and the leader');

# other codes: encoded anew by the worker, the graph by the merger
set(q{indexing.hnsw.quantization.scalar.bits = 4
optimizing.optimizing_secs = 1});
my $indexing = 'SELECT idx_indexing FROM pg_vector_index_stat';
is($node->safe_psql('postgres', $indexing), 't', 'there is something to do');
scan_until('other options are followed behind running queries', sub {
	(rows() =~ /^\{(\d+)\}/ && $1 > 20_000) or die 'searches have lost their graph: ' . rows();
	$node->safe_psql('postgres', $indexing) eq 'f' });
index_equals_table($node, 'items', 64, 'and nothing is lost');

done_testing();
