# pg_stat_progress_create_index and pg_vector_index_progress show what is being built, phase by phase, with rows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off', 'max_parallel_maintenance_workers = 0', 'vectors.max_background_workers = 0');
my $rows = 12000;
$node->safe_psql('postgres', 'CREATE TABLE items (id bigint, embedding vector(32))');
fill($node, 'items', 1, $rows, 32);

# Asks until the answer is as expected; what is built takes far longer than a look at it, and then it is cancelled.
sub is_shown
{
	my ($name, $query) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($node->poll_query_until('postgres', $query), $name);
}

my ($process, $pid) = statement_in_background($node, q{
	CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (m = 128, ef_construction = 2000)});
is_shown("PostgreSQL's view shows the graph's rows", qq{
	SELECT tuples_total = $rows AND tuples_done BETWEEN 1 AND $rows FROM pg_stat_progress_create_index
	WHERE pid = $pid AND phase = 'building index: building the graph'});
is_shown('ours, too', qq{
	SELECT command = 'CREATE INDEX' AND tablename = 'items' AND tuples_total = $rows AND tuples_done BETWEEN 1 AND $rows
	FROM pg_vector_index_progress WHERE phase = 'building index: building the graph'});
my ($before) = $node->safe_psql('postgres', "SELECT tuples_done FROM pg_stat_progress_create_index WHERE pid = $pid");
is_shown('and they grow', "SELECT tuples_done > $before FROM pg_stat_progress_create_index WHERE pid = $pid");
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$process->finish;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_vector_index_progress'), 0, 'nothing when it was cancelled');

# Segments that are built for changed options.
$node->safe_psql('postgres', 'CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (m = 4, ef_construction = 10)');
$node->safe_psql('postgres', q{SELECT alter_vector_index('items_embedding', 'm', '128'), alter_vector_index('items_embedding', 'ef_construction', '2000')});
is($node->safe_psql('postgres', q{SELECT idx_indexing FROM pg_vector_index_stat}), 't', 'changed options wait');
($process, $pid) = statement_in_background($node, q{SELECT vectors_merge('items_embedding')});
is_shown('a merge is shown', q{
	SELECT command = 'background' AND indexname = 'items_embedding' AND tablename = 'items' AND tuples_done > 0 AND tuples_total > 0
	FROM pg_vector_index_progress WHERE phase = 'building the graph'});
is($node->safe_psql('postgres', q{SELECT idx_status, idx_indexing, idx_sealed FROM pg_vector_index_stat}), "NORMAL|t|{$rows}", 'the old segment serves meanwhile');
index_equals_table($node, 'items', 32, 'searches during the merge');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$process->finish;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_vector_index_progress'), 0, 'nothing when it was cancelled');
is($node->safe_psql('postgres', q{SELECT idx_status, idx_indexing, idx_sealed FROM pg_vector_index_stat}), "NORMAL|t|{$rows}", 'and the work still waits');
is($node->safe_psql('postgres', q{SELECT count(*) FROM vectors_verify('items_embedding')}), 0, 'nothing is wrong');

done_testing();
