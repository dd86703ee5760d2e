# Steady state: rounds of updates and VACUUM, with the background workers, keep the index as small, as exact and as merged as one
# that was just built; rows that come one by one waste no page. The bench (steady, grow) measures the same at scale.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my ($rows, $dimensions) = (2500, 128);
my $node = primary('node', 'autovacuum = off', 'synchronous_commit = off');
my $vector = "(SELECT array_agg(random()::real) FROM generate_series(1, $dimensions) WHERE id = id)::vector";

sub sql { return $node->safe_psql('postgres', @_); }
sub fence { return sql("SELECT fence_vector_index('items_embedding')"); }
sub size { return sql('SELECT idx_log_size + idx_segments_size FROM pg_vector_index_stat'); }
sub segments { return sql('SELECT coalesce(cardinality(idx_sealed), 0) + coalesce(cardinality(idx_growing), 0) FROM pg_vector_index_stat'); }

# The share of the ten nearest by table that the index finds, for some rows as queries.
sub recall
{
	return sql(q{
		CREATE TEMP TABLE queries AS SELECT embedding AS q FROM items ORDER BY id LIMIT 30;
		SET enable_indexscan = off;
		CREATE TEMP TABLE exact AS SELECT q, ARRAY(SELECT id FROM items ORDER BY embedding <-> q LIMIT 10) AS ids FROM queries;
		SET enable_indexscan = on; SET enable_seqscan = off;
		SELECT avg(cardinality(ARRAY(SELECT unnest(ids) INTERSECT SELECT * FROM (SELECT id FROM items ORDER BY embedding <-> q LIMIT 10) s)) / 10.0) FROM exact});
}

sub begin
{
	sql(qq{
		DROP TABLE IF EXISTS items;
		CREATE TABLE items (id bigint, embedding vector($dimensions));
		SELECT setseed(0.5);
		INSERT INTO items SELECT id, $vector FROM generate_series(1, $rows) id;
		CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_growing_segment_size = 1000')});
	return;
}

sub compare
{
	my ($what, $growth) = @_;
	fence();
	my ($size, $recall, $segments) = (size(), recall(), segments());
	index_equals_table($node, 'items', $dimensions, $what);
	sql('REINDEX INDEX items_embedding');
	my ($fresh_size, $fresh_recall) = (size(), recall());
	note "$what: " . $size / $fresh_size . " x the size, recall $recall instead of $fresh_recall, $segments segments";
	cmp_ok($size, '<=', $growth * $fresh_size, "$what: at most $growth times a fresh index");
	cmp_ok($recall, '>=', $fresh_recall - 0.02, "$what: recall");
	cmp_ok($segments, '<=', 2, "$what: segments");
	return;
}

begin();
for (1 .. 10)
{
	sql("UPDATE items SET embedding = $vector");
	sql('VACUUM items');
}
compare('update every row, VACUUM', 2.5);

begin();
for my $round (1 .. 40)
{
	sql("SELECT setseed(0.$round); UPDATE items SET embedding = $vector WHERE random() < 0.05");
	sql('VACUUM items');
}
compare('update a random 5 %, VACUUM', 3.5);

# An hour of a row a second, without the waiting
sql('TRUNCATE items');
for my $minute (0 .. 9)
{
	my $first = 60 * $minute;
	sql(join '', map { "INSERT INTO items SELECT id, $vector FROM generate_series($_, $_) id;" } $first .. $first + 59);
	sql('VACUUM items');
}
compare('a row at a time', 1.1);

# What was grown from nothing finds what was built finds.
sql('TRUNCATE items');
sql("INSERT INTO items SELECT id, $vector FROM generate_series(" . (500 * $_ + 1) . ', ' . (500 * $_ + 500) . ') id') for 0 .. 9;
compare('grown from nothing', 1.2);

sql('DELETE FROM items WHERE id % 5 = 0');
sql('VACUUM items');
fence();
is(sql('SELECT idx_tuples FROM pg_vector_index_stat'), 4000, 'deleted rows are gone after VACUUM');
index_equals_table($node, 'items', $dimensions, 'afterwards');

done_testing();
