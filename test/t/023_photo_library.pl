# The photo library: three joined tables, owner, archived, visible, created-at and city filters, the nearest of what remains. Real
# embeddings (the shipped sample); every query gives as many rows as there are, of which at least 95 % are the exact ones, as built and
# after a tenth of the photos was deleted, vacuumed and taken anew.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my ($rows, $queries, $dimensions) = (3000, 12, 384);
my $data = "$FindBin::RealBin/../data";

my $node = primary('node', 'autovacuum = off', 'jit = off');
my $file = PostgreSQL::Test::Utils::tempdir() . '/rows';
sample_copy($rows + $queries, $file);
$node->safe_psql('postgres', "CREATE TABLE loaded (number int, embedding vecf16($dimensions)); COPY loaded FROM '$file' (FORMAT binary)");
$node->safe_psql('postgres', "CREATE TABLE queries AS SELECT number - $rows AS query, embedding::vector($dimensions) AS q FROM loaded WHERE number >= $rows");
my $schema = PostgreSQL::Test::Utils::slurp_file("$data/photos.sql");
$node->safe_psql('postgres', "SET photos.rows = $rows; $schema");
$node->safe_psql('postgres', <<"END");
CREATE TABLE smart_search ("assetId" uuid PRIMARY KEY REFERENCES assets ON DELETE CASCADE, embedding vector($dimensions));
INSERT INTO smart_search SELECT id, embedding::vector($dimensions) FROM assets JOIN loaded USING (number);
CREATE INDEX smart_search_index ON smart_search USING vectors (embedding vector_cos_ops) WITH (options = 'segment.max_growing_segment_size = 1000');
VACUUM ANALYZE;
END

my $seen = q{a."ownerId" = md5('owner 1')::uuid AND a."isVisible" AND NOT a."isArchived" AND a."deletedAt" IS NULL};
my $years = q{a."fileCreatedAt" >= '2018-01-01' AND a."fileCreatedAt" < '2020-01-01'};
my %cases = (
	'all photos' => 'TRUE',
	'own, visible, not archived' => $seen,
	'of two years' => "$seen AND $years",
	'of a city' => "$seen AND e.city = 'city 1'",
	'of a small city' => "$seen AND e.city = 'city 20'",
	'of two years and a city' => "$seen AND $years AND e.city = 'city 1'",
	'of nowhere' => "$seen AND e.city = 'nowhere'");

# (query, number) of the 40 nearest photos that match.
sub nearest
{
	my ($settings, $condition) = @_;
	return split /\n/, $node->safe_psql('postgres', <<"END");
$settings
SELECT query, n.number FROM queries, LATERAL (
    SELECT a.number FROM assets a JOIN exif e ON e."assetId" = a.id JOIN smart_search s ON s."assetId" = a.id
    WHERE $condition ORDER BY s.embedding <=> q LIMIT 40) n
END
}

sub check
{
	my ($when) = @_;
	for my $case (sort keys %cases)
	{
		my @expected = nearest('SET vectors.enable_index = off;', $cases{$case});
		my %exact = map { $_ => 1 } @expected;
		# by the index, and by the plan that the planner thinks best
		for my $settings ('SET enable_seqscan = off; SET enable_sort = off; SET enable_hashjoin = off; SET enable_mergejoin = off;', '')
		{
			my @found = nearest($settings, $cases{$case});
			my $plan = $settings ? 'by the index' : 'as planned';
			is(scalar @found, scalar @expected, "$when: $case, $plan: complete");
			cmp_ok(grep({ $exact{$_} } @found), '>=', 0.95 * @expected, "$when: $case, $plan: recall");
		}
	}
	return;
}

like(
	$node->safe_psql('postgres', <<"END"), qr/Index Scan using smart_search_index/, 'the planner takes the index for photos of all kinds');
EXPLAIN SELECT a.number FROM assets a JOIN exif e ON e."assetId" = a.id JOIN smart_search s ON s."assetId" = a.id
WHERE $seen ORDER BY s.embedding <=> (SELECT q FROM queries WHERE query = 1) LIMIT 10
END
unlike(
	$node->safe_psql('postgres', <<"END"), qr/Index Scan using smart_search_index/, 'and sorts the few photos of a small city');
EXPLAIN SELECT a.number FROM assets a JOIN exif e ON e."assetId" = a.id JOIN smart_search s ON s."assetId" = a.id
WHERE $seen AND e.city = 'city 100' ORDER BY s.embedding <=> (SELECT q FROM queries WHERE query = 1) LIMIT 10
END
check('as built');

$node->safe_psql('postgres', 'DELETE FROM assets WHERE number % 10 = 3');
$node->safe_psql('postgres', 'VACUUM');
$node->safe_psql('postgres', <<"END");
INSERT INTO assets SELECT md5('again ' || number)::uuid, number, md5('owner ' || 1 + number % 3)::uuid, number % 19 = 0, number % 7 <> 0, '2018-06-01'
    FROM loaded WHERE number < $rows AND number % 10 = 3;
INSERT INTO exif SELECT id, 'city ' || number % 2 FROM assets WHERE number % 10 = 3;
INSERT INTO smart_search SELECT id, embedding::vector($dimensions) FROM assets JOIN loaded USING (number) WHERE number % 10 = 3;
END
check('a tenth deleted and taken anew');
$node->safe_psql('postgres', 'VACUUM');
check('and merged');

done_testing();
