# I-1 over everything that makes, moves and drops an index inside transactions: rolled back, prepared, with savepoints, in another
# tablespace, in a copied database. The index is right afterwards, and after a sweep no file is left that no index needs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my @items = (['items', 700]);
my $node = primary('node', 'autovacuum = off');
make_tables($node);
my $insert = sub {
	my ($count) = @_;
	return "INSERT INTO items SELECT id, point_of(id, 700) FROM (SELECT nextval('ids') AS id FROM generate_series(1, $count)) n";
};
$node->safe_psql('postgres', $insert->(200) . '; VACUUM items');

sub right
{
	my ($name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	nothing_is_lost($node, $name, @items);
	# A little of what comes next in the life of an index.
	$node->safe_psql('postgres', $insert->(70));
	# Rows that a prepared transaction changed would have to wait for its end.
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 10 = (SELECT last_value % 10 FROM ids)') unless $options{prepared};
	$node->safe_psql('postgres', 'VACUUM items');
	nothing_is_lost($node, "$name, and VACUUM", @items);
	no_orphans($node, $name) unless $options{prepared};
	return;
}

# ---- Rolled back ------------------------------------------------------------------------------------------------------------

my $extra = 'CREATE INDEX extra ON items USING vectors (embedding vector_cos_ops)';
for my $what (
	$extra,
	'REINDEX INDEX items_embedding',
	'REINDEX TABLE items',
	'TRUNCATE items',
	'DROP INDEX items_embedding',
	'DROP TABLE items',
	'CLUSTER items USING items_id',
	'ALTER TABLE items ALTER embedding TYPE vector(700) USING embedding + embedding',
	$insert->(100),
	'DELETE FROM items',
	'UPDATE items SET embedding = point_of(id + 1, 700)',
	"TRUNCATE items; " . $insert->(50) . "; $extra; REINDEX INDEX items_embedding",
  )
{
	$node->safe_psql('postgres', 'CREATE INDEX IF NOT EXISTS items_id ON items (id)');
	my $before = $node->safe_psql('postgres', 'SELECT count(*), sum(hashtext(t::text)) FROM items t');
	$node->safe_psql('postgres', "BEGIN; $what; ROLLBACK");
	is($node->safe_psql('postgres', 'SELECT count(*), sum(hashtext(t::text)) FROM items t'), $before, "ROLLBACK of $what: the table");
	right("ROLLBACK of $what");
}

# ---- Savepoints, and errors in the middle -------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'BEGIN; SAVEPOINT a; TRUNCATE items; ' . $insert->(5) . '; ROLLBACK TO a; ' . $insert->(30) . '; SAVEPOINT b; '
	  . $insert->(30) . "; ROLLBACK TO b; SAVEPOINT c; $extra; RELEASE c; " . $insert->(10) . '; COMMIT');
right('savepoints');
$node->safe_psql('postgres', 'DROP INDEX extra; BEGIN; TRUNCATE items; ' . $insert->(120) . '; COMMIT');
right('TRUNCATE and rows in one transaction');
isnt($node->psql('postgres', 'INSERT INTO items SELECT id, CASE WHEN id < 1000300 THEN point_of(id, 700) ELSE point_of(id, 9) END FROM generate_series(1000001, 1000400) id'),
	0, 'an INSERT fails at its last rows');
right('an INSERT that failed');
$node->safe_psql('postgres', "INSERT INTO items VALUES (-1, NULL), (-1, NULL), (1, point_of(5, 700)), (1, point_of(6, 700))");
isnt($node->psql('postgres', 'CREATE UNIQUE INDEX CONCURRENTLY ON items USING vectors (embedding vector_l2_ops)'), 0, 'no unique index');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY items_embedding');
right('REINDEX CONCURRENTLY');

# ---- Prepared -------------------------------------------------------------------------------------------------------------------

for my $end ('COMMIT', 'ROLLBACK')
{
	$node->safe_psql('postgres', "BEGIN; " . $insert->(40) . "; UPDATE items SET embedding = point_of(id + 2, 700) WHERE id % 9 = 1; CREATE TABLE made AS SELECT * FROM items;"
		  . " CREATE INDEX made_embedding ON made USING vectors (embedding vector_l2_ops); PREPARE TRANSACTION 'p'");
	right("prepared, to be ended by $end", prepared => 1);
	crash($node);
	$node->start;
	right("prepared, after a crash, to be ended by $end", prepared => 1);
	$node->safe_psql('postgres', "$end PREPARED 'p'");
	right("$end PREPARED");
	if ($end eq 'COMMIT')
	{
		nothing_is_lost($node, 'what it made', ['made', 700]);
		$node->safe_psql('postgres', 'DROP TABLE made');
	}
}

# ---- Moved ----------------------------------------------------------------------------------------------------------------------

my $place = PostgreSQL::Test::Utils::tempdir_short . '/elsewhere';
mkdir $place or die "$place: $!";
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$place'");
for my $what (
	'ALTER TABLE items SET TABLESPACE elsewhere',
	'ALTER INDEX items_embedding SET TABLESPACE elsewhere',
	'VACUUM FULL items',
	'CLUSTER items USING items_id',
	'REINDEX (TABLESPACE pg_default) INDEX items_embedding',
	'ALTER TABLE items SET TABLESPACE pg_default',
	'ALTER TABLE items SET UNLOGGED',
	'ALTER TABLE items SET LOGGED',
	'ALTER TABLE items ALTER embedding TYPE vector(700) USING embedding + embedding')
{
	$node->safe_psql('postgres', $what);
	right($what);
	$node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')");
	nothing_is_lost($node, "$what, and a merge", @items);
}
$node->safe_psql('postgres', "BEGIN; ALTER INDEX items_embedding SET TABLESPACE elsewhere; ROLLBACK");
right('ROLLBACK of SET TABLESPACE');

# ---- Databases ------------------------------------------------------------------------------------------------------------------

for my $strategy ('wal_log', 'file_copy')
{
	$node->safe_psql('template1', "CREATE DATABASE copied TEMPLATE postgres STRATEGY $strategy");
	my $select = 'SELECT count(*), sum(hashtext(t::text)) FROM items t';
	is($node->safe_psql('copied', $select), $node->safe_psql('postgres', $select), "$strategy: the rows");
	for my $after ('as copied', 'after a crash', 'merged', 'in another tablespace')
	{
		if ($after eq 'after a crash')
		{
			crash($node);
			$node->start;
		}
		$node->safe_psql('copied', "INSERT INTO items SELECT id, point_of(id, 700) FROM generate_series(2000001, 2000100) id; VACUUM items; SELECT vectors_merge('items_embedding')")
		  if $after eq 'merged';
		$node->safe_psql('postgres', 'ALTER DATABASE copied SET TABLESPACE elsewhere') if $after eq 'in another tablespace';
		nothing_is_lost($node, "$strategy: $after", 'of', 'copied', @items);
	}
	$node->safe_psql('copied', "VACUUM items; SELECT vectors_merge('items_embedding')");
	nothing_is_lost($node, "$strategy: in another tablespace, merged", 'of', 'copied', @items);
	no_orphans($node, "$strategy: two databases");
	right("$strategy: the template");
	$node->safe_psql('postgres', 'DROP DATABASE copied');
	no_orphans($node, "$strategy: DROP DATABASE");
}
$node->safe_psql('postgres', 'DROP TABLE items, wide, passing; CREATE TABLE items (id bigint, embedding vector(3)); CREATE INDEX ON items USING vectors (embedding vector_l2_ops)');
no_orphans($node, 'everything dropped');
$node->stop;

done_testing();
