# I-1 on standbys while the primary inserts, deletes, vacuums, merges and uses pages again: a streaming one and one that streams from it
# answer as their own tables do, replay what was written (wal_consistency_checking), are warm from the start, and go on after promotion.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use Time::HiRes ();
use VectorsTest;

my $seconds = $ENV{VECTORS_LONG} ? 180 : 5;
my @logged = (['items', 700], ['wide', 20000]);
my @patient = ('hot_standby_feedback = on', 'max_standby_streaming_delay = -1', 'wal_consistency_checking = generic', 'wal_keep_size = 2GB', 'log_statement = none');

my $primary = primary('primary', 'autovacuum = off', @patient);
make_tables($primary);
load_end(load_begin($primary, 2));
$primary->safe_psql('postgres', 'VACUUM items; VACUUM wide');

# ---- A base backup is warm: its segments are used, so that a search reads few of the log's pages ---------------------------

sub pages_read
{
	my ($node, $table, $dimensions) = @_;
	my $plan = $node->safe_psql('postgres', qq{
		SELECT point_of(3, $dimensions) AS q \\gset
		SET enable_seqscan = off; SET vectors.hnsw_ef_search = 10;
		EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM $table ORDER BY embedding <-> :'q' LIMIT 1});
	$plan =~ /Index Scan/ or die $plan;
	my $pages = 0;
	$pages += $1 while ($plan =~ /^[^\n]*\n\s+Order By[^\n]*\n\s+Buffers: shared (.*)$/m ? $1 : die $plan) =~ /(?:hit|read)=(\d+)/g;
	return $pages;
}

sub segments_of
{
	my ($node) = @_;
	my @files = map { s{.*/pg_vectors/}{}r } glob $node->data_dir . '/pg_vectors/*/*/segment.*';
	return "@files";
}

# What the workers still have to do they would do anew on the standby.
$primary->safe_psql('postgres', q{SELECT fence_vector_index(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'vectors' AND c.relkind = 'i'});
$primary->backup('warm');
$primary->command_ok([ 'pg_verifybackup', '-n', $primary->backup_dir . '/warm' ], 'pg_verifybackup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'warm', has_streaming => 1);
my $copied = segments_of($standby);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
my $warm = pages_read($standby, 'wide', 20000);
nothing_is_lost($standby, 'the copy', @logged);
is(segments_of($standby), $copied, 'with the segments that were copied');
$standby->stop;
rename $standby->data_dir . '/pg_vectors', $standby->data_dir . '/pg_vectors.away' or die;
$standby->start;
my $cold = pages_read($standby, 'wide', 20000);
cmp_ok($warm * 2, '<', $cold, 'and with them it reads fewer pages than without');
nothing_is_lost($standby, 'without any file', @logged);
$standby->stop;
PostgreSQL::Test::Utils::system_or_bail('rm', '-rf', $standby->data_dir . '/pg_vectors');
rename $standby->data_dir . '/pg_vectors.away', $standby->data_dir . '/pg_vectors' or die;
$standby->start;

# ---- Under load -------------------------------------------------------------------------------------------------------------

my $cascading = standby_of($standby, 'cascading');
my $end = Time::HiRes::time() + $seconds;
my $rounds = 0;
do
{
	my @loads = map { load_begin($primary, 2) } 1 .. 2;
	do
	{
		nothing_is_lost($_, $_->name . " under load, $rounds", 'moving', @logged) for $standby, $cascading;
	} while (grep { $_->pumpable } @loads);
	load_end($_) for @loads;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	$standby->wait_for_catchup($cascading, 'replay', $standby->lsn('replay'));
	for my $table (@logged)
	{
		my $rows = "SELECT point_of(3, $table->[1]) AS q \\gset\nSET enable_seqscan = off; SELECT id, embedding <-> :'q' FROM $table->[0] ORDER BY embedding <-> :'q', id LIMIT 50";
		same_answer($primary, $_, $rows, $_->name . ": the same rows of $table->[0], $rounds") for $standby, $cascading;
	}
	nothing_is_lost($_, $_->name . " at rest, $rounds", @logged) for $standby, $cascading;
	$rounds++;
} until (Time::HiRes::time() > $end);

# A standby that crashes replays from its last restart point: segments of its future are not used before it comes there.
my $load = load_begin($primary, 1);
crash($standby);
$standby->start;
nothing_is_lost($standby, 'a crashed standby', 'moving', @logged);
load_end($load);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->wait_for_catchup($cascading, 'replay', $standby->lsn('replay'));

# ---- Promotion ---------------------------------------------------------------------------------------------------------------

crash($primary);
$standby->promote;
load_end(load_begin($standby, 1));
nothing_is_lost($standby, 'promoted');
no_orphans($standby, 'promoted');
$standby->wait_for_catchup($cascading, 'replay', $standby->lsn('insert'));
nothing_is_lost($cascading, 'cascading, on the new timeline', @logged);
for my $node ($standby, $cascading)
{
	unlike(slurp_file($node->logfile), qr/inconsistent page found|index "(items|wide)_embedding" is not used/, $node->name . ': no complaint in its log');
	$node->stop;
	command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], $node->name . ': checksums');
}

done_testing();
