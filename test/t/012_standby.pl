# I-1 on a standby: it answers every query with the same rows, from the log alone or from segments, and after promotion.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $primary = primary('primary', 'autovacuum = off', 'wal_consistency_checking = generic');
$primary->safe_psql('postgres', q{
	CREATE TABLE items (id bigint, embedding vector(300));
	CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
		WITH (options = 'segment.max_growing_segment_size = 200');
	CREATE TABLE wide (id bigint, embedding vector(5000));
	CREATE INDEX wide_embedding ON wide USING vectors (embedding vector_cos_ops);
});
fill($primary, 'items', 1, 1000, 300);
fill($primary, 'wide', 1, 20, 5000);
$primary->safe_psql('postgres', 'VACUUM items');

my $standby = standby_of($primary, 'standby');
my @queries = map { VectorsTest::fill_expression($_, 300) } 17, 555, 100_000;

sub compare
{
	my ($name) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	for my $i (0 .. $#queries)
	{
		same_answer($primary, $standby,
			"SET enable_seqscan = off; SELECT id, embedding <-> q FROM items, (SELECT $queries[$i] AS q OFFSET 0) s ORDER BY embedding <-> q LIMIT 20",
			"$name: query $i");
	}
	index_equals_table($standby, 'items', 300, "$name: standby");
	index_equals_table($standby, 'wide', 5000, "$name: standby, entries that span pages", operator => '<=>');
}

compare('base backup, segments copied');
fill($primary, 'items', 1001, 1500, 300);
fill($primary, 'wide', 21, 40, 5000);
compare('inserts');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 <> 0; DELETE FROM wide WHERE id < 30');
$primary->safe_psql('postgres', 'VACUUM items; VACUUM wide');
compare('deletes, retired pages');
fill($primary, 'items', 2001, 3000, 300);
fill($primary, 'wide', 41, 60, 5000);
compare('pages used again');
$primary->safe_psql('postgres', "REINDEX INDEX items_embedding; SELECT vectors_merge('wide_embedding')");
compare('REINDEX');
$primary->safe_psql('postgres', 'CREATE INDEX CONCURRENTLY items_cos ON items USING vectors (embedding vector_cos_ops)');
fill($primary, 'items', 3001, 3100, 300);
compare('CREATE INDEX CONCURRENTLY');
index_equals_table($standby, 'items', 300, 'cosine on the standby', operator => '<=>');

$primary->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE not_logged (id bigint, embedding vector(8));
	CREATE INDEX ON not_logged USING vectors (embedding vector_l2_ops)});
fill($primary, 'not_logged', 1, 100, 8);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->stop;
$standby->promote;
fill($standby, 'items', 4001, 4100, 300);
index_equals_table($standby, 'items', 300, 'after promotion');
$standby->safe_psql('postgres', 'VACUUM items');
index_equals_table($standby, 'items', 300, 'after promotion and VACUUM');
fill($standby, 'not_logged', 1, 50, 8);
index_equals_table($standby, 'not_logged', 8, 'an unlogged index works after promotion');
unlike(slurp_file($standby->logfile), qr/inconsistent page found/, 'pages replayed as they were written');

done_testing();
