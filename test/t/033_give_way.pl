# A worker that is connected to a database which somebody wants to drop lets go of it in the midst of its work, not only between
# its transactions; nothing is in the log about it, and no file stays.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my $node = stop_server('node');
my $worker = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vectors worker' AND datname = 'other'};

# A worker in the database 'other' that has encoded its rows and is about to write them.
sub stopped_worker
{
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', q{
		CREATE EXTENSION vectors;
		CREATE TABLE items (id bigint, embedding vector(64));
		CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_growing_segment_size = 800')});
	arm('build-stamped', 0);
	fill($node, 'items', 1, 700, 64, dbname => 'other');
	wait_until('a worker has encoded the rows', sub {
		$node->safe_psql('other', q{SET enable_seqscan = off; SELECT id FROM items ORDER BY embedding <-> array_fill(1, ARRAY[64])::vector LIMIT 1});
		stopped_process() });
	is($node->safe_psql('postgres', $worker), '1', 'a worker is connected');
	return stopped_process();
}

my $process = stopped_worker();
my %before = points_reached();
let_go($process);
wait_until('undisturbed, it writes them', sub { my %now = points_reached(); $now{'segment-before-sync'} > ($before{'segment-before-sync'} // 0) });
$node->poll_query_until('postgres', $worker, '0') or die 'the worker stays';
$node->safe_psql('postgres', 'DROP DATABASE other');

$process = stopped_worker();
%before = points_reached();
my $marker = -s $node->logfile;
my $drop = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'DROP DATABASE other' ], '<', \undef, '>', \my $out, '2>', \my $err);
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE classid = 'pg_database'::regclass AND mode = 'AccessExclusiveLock' AND granted})
  or die 'DROP DATABASE does not begin';
let_go($process);
ok($drop->finish, 'DROP DATABASE succeeds') or diag($err);
wait_until('the worker is gone', sub { !kill 0, $process });
my %after = points_reached();
is($after{'segment-before-sync'}, $before{'segment-before-sync'}, 'the worker did not finish what it was writing');
unlike(slurp_file($node->logfile, $marker), qr/ERROR|WARNING|somebody else/, 'and says nothing');
make_tables($node);
no_orphans($node, 'afterwards');

done_testing();
