# A standby makes segments of its own and drops no index itself: what replay drops, its workers sweep.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $primary = primary('primary', 'autovacuum = off', 'vectors.max_background_workers = 0');
my $standby = standby_of($primary, 'standby', 'vectors.max_background_workers = 2');

# A table whose rows are in no segment yet; the directory that the standby makes for its index.
sub create
{
	my ($table) = @_;
	$primary->safe_psql('postgres', qq{
		CREATE TABLE $table (id bigint, embedding vector(8));
		CREATE INDEX ${table}_embedding ON $table USING vectors (embedding vector_l2_ops)
			WITH (options = 'segment.max_growing_segment_size = 200')});
	fill($primary, $table, 1, 1000, 8);
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return $standby->data_dir . '/' . $primary->safe_psql('postgres', qq{
		SELECT 'pg_vectors/' || d.oid || '/' || dattablespace || '_' || relfilenode
		FROM pg_class c, pg_database d WHERE c.oid = '${table}_embedding'::regclass AND datname = current_database()});
}

sub scan
{
	my ($table) = @_;
	return $standby->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM $table ORDER BY embedding <-> '[1,1,1,1,1,1,1,1]' LIMIT 1");
}

my $dropped = create('dropped');
wait_until('the standby has made segments', sub { scan('dropped'); my @segments = glob "$dropped/segment.*"; @segments > 0 });
my $kept = create('kept');
$primary->safe_psql('postgres', 'DROP TABLE dropped');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
ok(-d $dropped, 'replay knows nothing of segments');
wait_until('a worker has swept what was dropped', sub { scan('kept'); !-d $dropped });
wait_until('and has made segments', sub { scan('kept'); my @segments = glob "$kept/segment.*"; @segments > 0 });
index_equals_table($standby, 'kept', 8, 'the standby');

done_testing();
