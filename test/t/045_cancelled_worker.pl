# Who cancels a worker, or whose replay does on a standby, wants it out of the way, and says nothing of the index: it is not degraded, and the
# next worker comes at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use StopPoints;
use VectorsTest;

my $node = stop_server('main', 'vectors.max_background_workers = 2', 'autovacuum = off');
$node->safe_psql('postgres', q{
	CREATE TABLE items (id bigint, embedding vector(8));
	CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
		WITH (options = 'segment.max_growing_segment_size = 200')});
my $status = q{SELECT idx_status FROM pg_vector_index_stat WHERE indexname = 'items_embedding'};

arm('build-before-encoding', 0);
fill($node, 'items', 1, 1000, 8);
wait_until('a worker is about to encode', sub { stopped_process() });
my $worker = stopped_process();
is($node->safe_psql('postgres', "SELECT backend_type FROM pg_stat_activity WHERE pid = $worker"), 'vectors worker', 'it is one');
is($node->safe_psql('postgres', "SELECT pg_cancel_backend($worker)"), 't', 'it is cancelled');
disarm();
let_go($worker);
wait_until('it is gone', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $worker") eq '0' });
like(slurp_file($node->logfile), qr/canceling statement due to user request/, 'by the cancel');
isnt($node->safe_psql('postgres', $status), 'DEGRADED', 'the index is not degraded');
index_equals_table($node, 'items', 8, 'meanwhile');
wait_until('another has built segments', sub {
	$node->safe_psql('postgres', q{SELECT segments FROM vectors_explain('items_embedding', '[1,1,1,1,1,1,1,1]'::text)}) > 0 });

done_testing();
