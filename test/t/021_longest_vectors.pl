# The most dimensions of each type: entries of many log pages are stored, searched, replicated, and used again after VACUUM.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $primary = primary('primary', 'autovacuum = off', 'wal_consistency_checking = generic');

# A vector of 65,535 dimensions.
my $dense = '(SELECT array_agg((hashint4(i * 70001 + d) % 100 / 4.0)::real ORDER BY d) FROM generate_series(1, 65535) d)::vector';
# A sparse vector of 1,048,575 dimensions: the first and the last element and some between; of whole id 1000 all elements.
my $sparse = q{(SELECT to_svector(1048575, array_agg(x ORDER BY x), array_agg(1 + (i * 7 + x) % 50 ORDER BY x)::real[])
	FROM (SELECT DISTINCT CASE n WHEN 0 THEN 0 WHEN 1 THEN 1048574 ELSE (i % 9 * 7001 + n * 7919 * (i % 5 + 1)) % 1048575 END
		FROM generate_series(0, CASE WHEN i = 1000 THEN 0 ELSE 60 END) n UNION SELECT x FROM generate_series(0, 1048574) x WHERE i = 1000) t(x))};
# Each table: column's type, operator class, operator, an expression of the row i, rows at once, a query's id.
my %kinds = (
	longest => [ 'vector(65535)', 'vector_l2_ops', '<->', $dense, 6 ],
	halves => [ 'vecf16(65535)', 'vecf16_cos_ops', '<=>', "$dense\:\:vecf16", 4 ],
	bits => [ 'bvector(65535)', 'bvector_jaccard_ops', '<~>', "binarize($dense)", 4 ],
	bytes => [ 'veci8(65535)', 'veci8_dot_ops', '<#>', "$dense\:\:veci8", 4 ],
	sparse => [ 'svector(1048575)', 'svector_l2_ops', '<->', $sparse, 40 ]);

sub add
{
	my ($node, $from) = @_;
	for my $table (sort keys %kinds)
	{
		my (undef, undef, undef, $expression, $count) = @{ $kinds{$table} };
		$node->safe_psql('postgres',
			"INSERT INTO $table SELECT i, $expression FROM generate_series($from, $from + $count - 1) i");
	}
	return;
}

for my $table (sort keys %kinds)
{
	my ($type, $class) = @{ $kinds{$table} };
	$primary->safe_psql('postgres', "CREATE TABLE $table (id int, v $type); CREATE INDEX ${table}_v ON $table USING vectors (v $class)");
}
my $standby = standby_of($primary, 'standby');

# All rows with their distances, by the index in its order; by the table in order of distance.
sub ordered
{
	my ($node, $table, $by, $id) = @_;
	my (undef, undef, $operator) = @{ $kinds{$table} };
	my $settings = $by eq 'index' ? 'SET enable_seqscan = off; SET enable_sort = off' : 'SET enable_indexscan = off';
	my $select = "SELECT id, v $operator (SELECT q FROM s) AS distance FROM $table ORDER BY v $operator (SELECT q FROM s)";
	my $query = "WITH s AS MATERIALIZED (SELECT v AS q FROM $table WHERE id = $id OFFSET 0)";
	like($node->safe_psql('postgres', "$settings; EXPLAIN $query $select"), qr/Index Scan using ${table}_v/, "$table: the index is used")
	  if $by eq 'index';
	return $node->safe_psql('postgres', "$settings; $query $select");
}

sub compare
{
	my ($name, $id) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	for my $table (sort keys %kinds)
	{
		my $expected = ordered($primary, $table, 'table', $id);
		my $found = ordered($primary, $table, 'index', $id);
		cmp_ok(scalar(split /\n/, $expected), '>=', 3, "$name: $table has rows");
		is(join("\n", sort split /\n/, $found), join("\n", sort split /\n/, $expected), "$name: $table by the index as by the table");
		is(join("\n", map { (split /\|/)[1] } split /\n/, $found), join("\n", map { (split /\|/)[1] } split /\n/, $expected), "$name: $table, in order");
		is(join("\n", sort split /\n/, ordered($standby, $table, 'index', $id)), join("\n", sort split /\n/, $found), "$name: $table on the standby");
	}
	return;
}

add($primary, 1);
$primary->safe_psql('postgres', "INSERT INTO sparse SELECT i, $sparse FROM generate_series(1000, 1000) i");
compare('inserted, in the log', 2);
$primary->safe_psql('postgres', "SELECT vectors_merge('${_}_v')") for sort keys %kinds;
$primary->safe_psql('postgres', 'VACUUM');
compare('in segments on the primary', 3);
# FREEZE waits for a page that the background writer holds just then, instead of leaving its dead rows for the next time.
$primary->safe_psql('postgres', "DELETE FROM $_ WHERE id <= 2; VACUUM (FREEZE) $_") for sort keys %kinds;
my $bytes = "SELECT pg_relation_size('longest_v')";
my $before = $primary->safe_psql('postgres', $bytes);
add($primary, 100);
# Six came where two had gone.
cmp_ok($primary->safe_psql('postgres', $bytes) - $before, '<', 5 * 4 * 65_535, 'the pages of deleted vectors are used again');
compare('deleted, and pages used again', 101);
$primary->safe_psql('postgres', "REINDEX INDEX ${_}_v") for sort keys %kinds;
compare('built anew', 3);

$primary->stop;
$standby->promote;
for my $table (sort keys %kinds)
{
	my ($found, $expected) = map { ordered($standby, $table, $_, 3) } 'index', 'table';
	is(join("\n", sort split /\n/, $found), join("\n", sort split /\n/, $expected), "after promotion: $table");
}
is($standby->safe_psql('postgres', "SELECT vector_dims(v), v <-> v FROM sparse WHERE id = 1000"), '1048575|0', 'all elements arrived');
unlike(slurp_file($standby->logfile), qr/inconsistent page found/, 'pages replayed as they were written');

done_testing();
