# kill -9 during CREATE INDEX: nothing is lost, and no file of the index that never was survives a sweep.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off', 'max_parallel_maintenance_workers = 1', 'maintenance_work_mem = 64MB');
$node->safe_psql('postgres', 'CREATE TABLE items (id bigint, embedding vector(64))');
fill($node, 'items', 1, 20000, 64);

my $database = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'postgres'");
my $directory = $node->data_dir . "/pg_vectors/$database";

sub directories
{
	return grep { -d } glob "$directory/*";
}

my $create = 'CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)';
for my $phase ('', 'building the graph')
{
	my ($process) = statement_in_background($node, $create);
	wait_until(
		"the build has a directory and shows itself $phase",
		sub { directories() > 0 && ($phase eq '' || $node->safe_psql('postgres', 'SELECT phase FROM pg_stat_progress_create_index') =~ /$phase/) });
	crash($node);
	$process->finish;
	$node->start;
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_embedding'"), 0, 'the index is not there');
	is(scalar(directories()), 1, 'its directory is');
	$node->safe_psql('postgres', 'CREATE TABLE small (id bigint, embedding vector(8))');
	$node->safe_psql('postgres', 'CREATE INDEX small_embedding ON small USING vectors (embedding vector_l2_ops); VACUUM small');
	is(scalar(directories()), 0, 'until the next sweep');
	$node->safe_psql('postgres', 'DROP TABLE small');
}

$node->safe_psql('postgres', $create);
index_equals_table($node, 'items', 64, 'an index built after the crashes');
is(scalar(directories()), 1, 'with one directory');

# Cancel comes quickly, leaves no index, and no thread behind.
$node->safe_psql('postgres', 'DROP INDEX items_embedding');
my ($process, $pid) = statement_in_background($node, $create);
wait_until('the build has made its directory', sub { directories() > 0 });
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$process->finish;
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_embedding'"), 0, 'a cancelled build leaves no index');
my $statement_timeout = $node->psql('postgres', "SET statement_timeout = '50ms'; $create");
isnt($statement_timeout, 0, 'statement_timeout ends a build');
$node->safe_psql('postgres', 'CHECKPOINT');
$node->safe_psql('postgres', $create);
index_equals_table($node, 'items', 64, 'an index built after cancelled ones');

# DROP INDEX and DROP DATABASE leave nothing after a sweep.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
	CREATE EXTENSION vectors;
	CREATE TABLE t (id int, embedding vector(2));
	INSERT INTO t SELECT i, '[1,2]' FROM generate_series(1, 100) i;
	CREATE INDEX ON t USING vectors (embedding vector_l2_ops);
});
my $other = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'other'");
ok(-d $node->data_dir . "/pg_vectors/$other", 'the other database has a directory');
$node->safe_psql('postgres', 'DROP DATABASE other');
$node->safe_psql('postgres', 'DROP INDEX items_embedding');
$node->safe_psql('postgres', 'CREATE TABLE small (id bigint, embedding vector(8)); CREATE INDEX ON small USING vectors (embedding vector_l2_ops)');
is(scalar(directories()), 0, 'DROP INDEX leaves nothing after a sweep');
ok(!-d $node->data_dir . "/pg_vectors/$other", 'DROP DATABASE leaves nothing after a sweep');

done_testing();
