# pg_upgrade to a later major copies the log as it is: the index answers without REINDEX, from the log at first, from segments of its
# own as soon as VACUUM or a merge has built them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my ($earlier, $later) = @ENV{ 'VECTORS_UPGRADE_FROM', 'VECTORS_UPGRADE_TO' };
defined $earlier && defined $later or die 'test/run says where the two servers are';
my @logged = (['items', 700], ['wide', 20000]);
my @like_one_another = ('--locale=C', '--encoding=UTF8', '--data-checksums');

my $old = PostgreSQL::Test::Cluster->new('old', install_path => $earlier);
$old->init(extra => [@like_one_another]);
$old->append_conf('postgresql.conf', 'autovacuum = off');
$old->start;
$old->safe_psql('postgres', 'CREATE EXTENSION vectors');
make_tables($old);
load_end(load_begin($old, 2));
nothing_is_lost($old, 'before');
my $query = "SELECT point_of(3, 700) AS q \\gset\nSET enable_seqscan = off; SELECT id, embedding <-> :'q' FROM items ORDER BY embedding <-> :'q', id LIMIT 100";
my $answer = $old->safe_psql('postgres', $query);
my $identity = q{SELECT oid, pg_relation_filenode(oid) FROM pg_class WHERE relname = 'items_embedding'};
my $file = $old->safe_psql('postgres', $identity);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new', install_path => $later);
$new->init(extra => [@like_one_another]);
$new->append_conf('postgresql.conf', 'autovacuum = off');
{
	my $place = PostgreSQL::Test::Utils::tempdir_short;
	my ($old_bin, $new_bin) = ($old->config_data('--bindir'), $new->config_data('--bindir'));
	chdir $place or die;
	local $ENV{LD_LIBRARY_PATH};
	command_ok([ "$new_bin/pg_upgrade", '--no-sync', '-b', $old_bin, '-B', $new_bin, '-d', $old->data_dir, '-D', $new->data_dir, '-s', $place, '-p', $old->port, '-P', $new->port ],
		'pg_upgrade') or diag(map { slurp_file($_) } glob $new->data_dir . '/pg_upgrade_output.d/*/log/*_dump_*.log');
	chdir $ENV{TESTDIR} or die;
	BAIL_OUT('pg_upgrade failed') unless Test::More->builder->is_passing;
}
$new->start;
is($new->safe_psql('postgres', $identity), $file, 'the index is the one that it was');
ok(!-e $new->data_dir . '/pg_vectors', 'no segment came with it');
is($new->safe_psql('postgres', $query), $answer, 'the same rows in the same order');
nothing_is_lost($new, 'after pg_upgrade');
load_end(load_begin($new, 1));
nothing_is_lost($new, 'after load');
$new->safe_psql('postgres', "VACUUM items; SELECT vectors_merge('items_embedding')");
ok(scalar(glob $new->data_dir . '/pg_vectors/*/*/segment.*'), 'it has segments again');
nothing_is_lost($new, 'with segments');
no_orphans($new, 'with segments');
$new->stop;

done_testing();
