# kill -9 during CREATE INDEX: nothing is lost, and no file of the index that never was survives a sweep.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my $node = stop_server('node', 'maintenance_work_mem = 64MB');
$node->safe_psql('postgres', 'CREATE TABLE items (id bigint, embedding vector(64))');
fill($node, 'items', 1, 20000, 64);

my $database = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'postgres'");
my $directory = $node->data_dir . "/pg_vectors/$database";

sub directories
{
	return grep { -d } glob "$directory/*";
}

my $create = 'CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)';
my $deaths = 0;
for my $point ('control-before-link', 'build-before-encoding', 'build-stamped', 'building the graph', 'segment-renamed', 'manifest-renamed', 'index-built')
{
	my $is_phase = $point =~ / /;
	arm($point, 0) unless $is_phase;
	my ($process, $pid) = statement_in_background($node, $create);
	wait_until("the build comes to $point",
		sub { $is_phase ? $node->safe_psql('postgres', 'SELECT phase FROM pg_stat_progress_create_index') =~ /$point/ : stopped_process() });
	if ($deaths++ % 2)
	{
		disarm();
		kill_backend($node, $pid);
	}
	else
	{
		crash($node);
		disarm();
		stop_start($node);
	}
	$process->finish;
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_embedding'"), 0, "$point: the index is not there");
	is(scalar(directories()), 1, "$point: its directory is");
	$node->safe_psql('postgres', 'CREATE TABLE small (id bigint, embedding vector(8))');
	$node->safe_psql('postgres', 'CREATE INDEX small_embedding ON small USING vectors (embedding vector_l2_ops)');
	is(scalar(directories()), 0, "$point: until the next sweep");
	$node->safe_psql('postgres', 'DROP TABLE small');
}

$node->safe_psql('postgres', $create);
index_equals_table($node, 'items', 64, 'an index built after the crashes');
is(scalar(directories()), 1, 'with one directory');

# A transaction that ends an index ends its directory: no sweep is needed, in a session that had not loaded the library neither.
$node->safe_psql('postgres', 'DROP INDEX items_embedding');
is(scalar(directories()), 0, 'DROP INDEX takes the directory');
$node->safe_psql('postgres', "BEGIN; $create; ROLLBACK");
is(scalar(directories()), 0, 'so does ROLLBACK of CREATE INDEX');
$node->safe_psql('postgres', $create);
$node->safe_psql('postgres', 'BEGIN; DROP INDEX items_embedding; ROLLBACK');
is(scalar(directories()), 1, 'ROLLBACK of DROP INDEX leaves it');
index_equals_table($node, 'items', 64, 'and the index');
$node->safe_psql('postgres', 'REINDEX INDEX items_embedding');
is(scalar(directories()), 1, 'REINDEX leaves one');
$node->safe_psql('postgres', 'BEGIN; TRUNCATE items; ROLLBACK');
index_equals_table($node, 'items', 64, 'ROLLBACK of TRUNCATE leaves the index');
is(scalar(directories()), 1, 'and its directory');
$node->safe_psql('postgres', 'CREATE TABLE copy AS SELECT * FROM items; CREATE INDEX ON copy USING vectors (embedding vector_l2_ops)');
is(scalar(directories()), 2, 'two indexes have two directories');
$node->safe_psql('postgres', 'DROP TABLE copy');
is(scalar(directories()), 1, 'DROP TABLE takes one');

# Cancel comes quickly, leaves no index, and no thread behind.
$node->safe_psql('postgres', 'DROP INDEX items_embedding');
my ($process, $pid) = statement_in_background($node, $create);
wait_until('the build has made its directory', sub { directories() > 0 });
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$process->finish;
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_embedding'"), 0, 'a cancelled build leaves no index');
my $statement_timeout = $node->psql('postgres', "SET statement_timeout = '50ms'; $create");
isnt($statement_timeout, 0, 'statement_timeout ends a build');
is(scalar(directories()), 0, 'neither leaves a directory');
$node->safe_psql('postgres', 'CHECKPOINT');
$node->safe_psql('postgres', $create);
index_equals_table($node, 'items', 64, 'an index built after cancelled ones');

# DROP DATABASE leaves nothing after a sweep.
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
$node->safe_psql('postgres', 'CREATE TABLE small (id bigint, embedding vector(8)); CREATE INDEX ON small USING vectors (embedding vector_l2_ops)');
ok(!-d $node->data_dir . "/pg_vectors/$other", 'DROP DATABASE leaves nothing after a sweep');

done_testing();
