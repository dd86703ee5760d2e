# Recall of index scans against exact search: as built, with deleted, vacuumed and inserted rows, with several segments.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $floor = 0.95;
my $node = primary('node', 'autovacuum = off');
$node->safe_psql('postgres', 'CREATE TABLE items (id bigint, embedding vector(48))');
fill($node, 'items', 1, 6000, 48);
my $expression = VectorsTest::fill_expression('i + 0.5', 48);
$node->safe_psql('postgres', "CREATE TABLE queries AS SELECT i AS query, $expression AS q FROM generate_series(3, 6000, 120) i");

# The share of the ten exact neighbours that the index finds, over all queries.
sub recall
{
	my ($operator) = @_;
	my $nearest = sub {
		my ($settings) = @_;
		return split /\n/, $node->safe_psql('postgres',
			"$settings; SELECT query, id FROM queries, LATERAL (SELECT id FROM items ORDER BY embedding $operator q LIMIT 10) n");
	};
	my %exact = map { $_ => 1 } $nearest->('SET enable_indexscan = off');
	my @found = $nearest->('SET enable_seqscan = off; SET enable_sort = off; SET vectors.hnsw_ef_search = 60');
	return grep({ $exact{$_} } @found) / keys %exact;
}

sub recall_is_high
{
	my ($name) = @_;
	for my $operator ('<->', '<#>', '<=>')
	{
		my $recall = recall($operator);
		cmp_ok($recall, '>=', $floor, "$name: recall\@10 of $operator");
	}
	return;
}

$node->safe_psql('postgres', "CREATE INDEX ON items USING vectors (embedding vector_${_}_ops) WITH (options = 'segment.max_growing_segment_size = 500')")
  for 'l2', 'dot', 'cos';
like(
	$node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; EXPLAIN SELECT query, id FROM queries, LATERAL (SELECT id FROM items ORDER BY embedding <-> q LIMIT 10) n"),
	qr/Index Scan using items_embedding_idx/, 'the index is used');
recall_is_high('as built');

# The same rows in six segments.
my $before = recall('<->');
$node->safe_psql('postgres', q{ALTER INDEX items_embedding_idx SET (options = 'segment.max_sealed_segment_size = 1000'); REINDEX INDEX items_embedding_idx});
is($node->safe_psql('postgres', q{SELECT idx_sealed FROM pg_vector_index_stat WHERE indexname = 'items_embedding_idx'}), '{1000,1000,1000,1000,1000,1000}', 'six segments');
cmp_ok(recall('<->'), '>=', $before - 0.01, 'six segments: recall@10');
$node->safe_psql('postgres', q{ALTER INDEX items_embedding_idx SET (options = 'segment.max_growing_segment_size = 500'); REINDEX INDEX items_embedding_idx});

$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 5 = 0');
$node->safe_psql('postgres', 'VACUUM items');
fill($node, 'items', 10_001, 10_400, 48);
recall_is_high('a fifth deleted, a tail');
fill($node, 'items', 10_401, 11_200, 48);
$node->safe_psql('postgres', 'VACUUM items');
fill($node, 'items', 11_201, 12_000, 48);
$node->safe_psql('postgres', 'VACUUM items');
recall_is_high('several segments');
$node->safe_psql('postgres', "SELECT vectors_merge(indexrelid::regclass) FROM pg_index WHERE indrelid = 'items'::regclass");
recall_is_high('merged');

# The same whatever the codes: estimates are reranked until their bounds say that it is enough.
for my $quantization ('trivial', 'scalar4', 'rabitq1', 'rabitq2', 'rabitq3', 'rabitq5', 'rabitq6', 'rabitq7', 'binary', 'product')
{
	$node->safe_psql('postgres', "ALTER INDEX items_embedding_idx SET (quantization = $quantization); SELECT vectors_merge('items_embedding_idx')");
	like($node->safe_psql('postgres', "SELECT vectors_index_options('items_embedding_idx')"), qr/"@{[ $quantization =~ s{\d}{}r ]}"/, "$quantization is in force");
	my $recall = recall('<->');
	cmp_ok($recall, '>=', $floor, "$quantization: recall\@10");
}

# Other algorithms, online.
$node->safe_psql('postgres', "ALTER INDEX items_embedding_idx SET (quantization = scalar, lists = 100); SELECT vectors_merge('items_embedding_idx')");
{
	local $ENV{PGOPTIONS} = '-c vectors.ivf_nprobe=40';
	cmp_ok(recall('<->'), '>=', $floor, 'ivf: recall@10');
	$ENV{PGOPTIONS} = '-c vectors.ivf_nprobe=100 -c vectors.hnsw_ef_search=1000';
	cmp_ok(recall('<->'), '>=', 0.999, 'ivf: recall@10 with all lists read');
}

done_testing();
