# I-1 after kill -9 during inserts: every committed row is found by the index, each once, and nothing else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off', 'checkpoint_timeout = 1h');
$node->safe_psql('postgres', q{
	CREATE TABLE items (id bigint, embedding vector(900)) WITH (autovacuum_enabled = off);
	CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)
		WITH (options = 'segment.max_growing_segment_size = 100');
});

# 900 dimensions: an entry fills half a page, so that most appends join pages.
my $expression = VectorsTest::fill_expression('i', 900);
for my $round (1 .. 3)
{
	my ($process, $pid) = statement_in_background($node, qq{
		DO \$\$ BEGIN
			FOR i IN 1 .. 1000000 LOOP
				INSERT INTO items SELECT $round * 1000000 + i, $expression;
				COMMIT;
			END LOOP;
		END \$\$});
	wait_until('rows were committed',
		sub { $node->safe_psql('postgres', "SELECT count(*) FROM items WHERE id > $round * 1000000") > 120 });
	crash($node);
	$process->finish;
	$node->start;
	index_equals_table($node, 'items', 900, "after crash $round");
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0') if $round == 2;
	$node->safe_psql('postgres', 'VACUUM items');
	index_equals_table($node, 'items', 900, "after crash $round and VACUUM");
}

# A crash in the middle of a VACUUM's work on the index cannot be timed from outside; one right after it can.
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
$node->safe_psql('postgres', 'VACUUM items');
crash($node);
$node->start;
fill($node, 'items', 5_000_001, 5_000_100, 900);
index_equals_table($node, 'items', 900, 'after VACUUM, a crash, and inserts into recycled pages');

# Asynchronous commit and an immediate stop: the log may come back shorter than a segment that was built from it, unless
# the segment was published only after the flush (history rule).
$node->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = 10s\n");
$node->restart;
fill($node, 'items', 6_000_001, 6_000_300, 900);
$node->safe_psql('postgres', 'VACUUM items');
fill($node, 'items', 7_000_001, 7_000_050, 900);
$node->stop('immediate');
$node->start;
index_equals_table($node, 'items', 900, 'after an immediate stop with asynchronous commit');

# An unlogged index is empty after a crash, and its segments are another instance's.
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE items_unlogged (id bigint, embedding vector(8));
	INSERT INTO items_unlogged SELECT i, format('[%s,1,2,3,4,5,6,7]', i)::vector FROM generate_series(1, 500) i;
	CREATE INDEX ON items_unlogged USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_growing_segment_size = 10');
});
crash($node);
$node->start;
index_equals_table($node, 'items_unlogged', 8, 'an unlogged table is empty after a crash');
fill($node, 'items_unlogged', 1, 60, 8);
index_equals_table($node, 'items_unlogged', 8, 'and takes rows');
$node->safe_psql('postgres', 'VACUUM items_unlogged');
index_equals_table($node, 'items_unlogged', 8, 'and segments');

done_testing();
