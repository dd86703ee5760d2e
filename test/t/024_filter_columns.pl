# Filter columns over crashes, on a standby, after promotion, and through pg_dump: conditions on them give the rows that a scan of the
# table gives, from the log and from segments.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $primary = primary('primary', 'autovacuum = off', 'wal_consistency_checking = generic', 'jit = off');
$primary->safe_psql('postgres', q{
	CREATE TABLE items (id bigint, embedding vector(100), category int GENERATED ALWAYS AS (id % 10) STORED,
		price float8 GENERATED ALWAYS AS (id % 97 / 7.0) STORED, name text, tags text[], owner uuid);
	CREATE INDEX items_filters ON items USING vectors (embedding vector_l2_ops, category, price, name, tags, owner)
		WITH (options = 'segment.max_growing_segment_size = 200');
});

sub add
{
	my ($node, $from, $to) = @_;
	fill($node, 'items', $from, $to, 100);
	$node->safe_psql('postgres', "UPDATE items SET name = nullif('name ' || id % 31, 'name 5'), tags = ARRAY['t' || id % 13, 't' || id % 7], "
		  . "owner = md5((id % 19)::text)::uuid WHERE id BETWEEN $from AND $to");
	return;
}

my @conditions = (
	'category = 3', 'category IN (1, 2) AND price < 9', "tags && '{t3,t5}'", "tags @> '{t3,t5}' AND category > 4",
	"name = 'name 7'", 'name IS NULL', "owner = md5('4')::uuid AND price BETWEEN 2 AND 10", "name IN ('name 1', 'name 2') AND tags && '{t1}'");
my $vector = VectorsTest::fill_expression(17, 100);

# Ids and distances under each condition, by the index or by the table. By the index the plan must say so.
sub rows_of
{
	my ($node, $way, $database) = @_;
	my $settings = $way eq 'index' ? 'SET enable_seqscan = off; SET enable_sort = off;' : 'SET enable_indexscan = off;';
	my @rows;
	for my $condition (@conditions)
	{
		my $query = "WITH s AS MATERIALIZED (SELECT $vector AS q)";
		my $sql = "SELECT id, embedding <-> (SELECT q FROM s) FROM items WHERE $condition ORDER BY embedding <-> (SELECT q FROM s)";
		if ($way eq 'index')
		{
			like($node->safe_psql($database, "$settings EXPLAIN (COSTS OFF) $query $sql"), qr/Index Scan using items_filters.*Index Cond/s, "plan: $condition");
		}
		push @rows, join "\n", sort split /\n/, $node->safe_psql($database, "$settings $query $sql");
	}
	return @rows;
}

sub check
{
	my ($name, $node, $database) = @_;
	$database //= 'postgres';
	my @expected = rows_of($node, 'table', $database);
	my @found = rows_of($node, 'index', $database);
	for my $i (0 .. $#conditions)
	{
		cmp_ok(scalar(split /\n/, $expected[$i]), '>=', 3, "$name: $conditions[$i]: rows");
		ok($found[$i] eq $expected[$i], "$name: $conditions[$i]") or diag(VectorsTest::differences($found[$i], $expected[$i]));
	}
	return;
}

add($primary, 1, 1000);
check('in the log', $primary);
crash($primary);
$primary->start;
check('crashed, in the log', $primary);
$primary->safe_psql('postgres', 'VACUUM items');
check('in segments', $primary);

my $standby = standby_of($primary, 'standby');
check('base backup', $standby);
add($primary, 1001, 1300);
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 4 = 0; VACUUM items');
add($primary, 1301, 1400);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
check('deleted, vacuumed, inserted', $primary);
check('the same on the standby', $standby);

# A statement that never commits, on pages with rows that did; keys of the latter stay what they are.
my ($process) = statement_in_background($primary,
	"BEGIN; INSERT INTO items (id, embedding, name, tags) SELECT i, $vector, 'name 7', '{t3,t5}' FROM generate_series(5000, 5050) i; SELECT pg_sleep(1000)");
$primary->safe_psql('postgres', 'CHECKPOINT');
add($primary, 1401, 1450);
crash($primary);
$process->finish;
$primary->start;
check('crashed in a transaction', $primary);
is($primary->safe_psql('postgres', q{SELECT count(*) FROM vectors_verify('items_filters')}), '0', 'nothing is wrong with the index');
$primary->safe_psql('postgres', q{SELECT vectors_merge('items_filters')});
check('merged', $primary);

my $directory = PostgreSQL::Test::Utils::tempdir;
$primary->command_ok([ 'pg_dump', '--format', 'custom', '--file', "$directory/dump", '--dbname', $primary->connstr('postgres') ], 'pg_dump');
$primary->safe_psql('postgres', 'CREATE DATABASE restored');
$primary->command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $primary->connstr('restored'), "$directory/dump" ], 'pg_restore');
is($primary->safe_psql('restored', "SELECT pg_get_indexdef('items_filters'::regclass)"),
	$primary->safe_psql('postgres', "SELECT pg_get_indexdef('items_filters'::regclass)"), 'the same index');
check('restored', $primary, 'restored');

$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->stop;
$standby->promote;
add($standby, 2001, 2050);
check('promoted', $standby);
$standby->stop;
done_testing();
