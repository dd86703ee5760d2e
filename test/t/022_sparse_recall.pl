# Recall and completeness of indexes of sparse vectors: 30,000 dimensions, 2 to 200 elements, made of real sentences.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Uncompress::Gunzip qw($GunzipError);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my ($dimensions, $elements_min, $elements_max) = (30_000, 2, 200);
my $floor = 0.95;

# The sentences of a file of the sample, its last column.
sub sentences
{
	my ($file) = @_;
	my $path = "$FindBin::RealBin/../data/$file";
	my $handle = IO::Uncompress::Gunzip->new($path) or die "$path: $GunzipError";
	my @lines = <$handle>;
	chomp @lines;
	shift @lines;
	return map { lc((split /\t/)[-1]) } @lines;
}

# FNV-1a: the same on every machine.
sub dimension_of
{
	my ($word) = @_;
	my $hash = 2_166_136_261;
	$hash = ($hash ^ ord $_) * 16_777_619 % 4_294_967_296 for split //, $word;
	return $hash % $dimensions;
}

# Words and pairs of words.
sub terms
{
	my ($text) = @_;
	my @words = grep { length > 1 } split /[^\p{Alnum}]+/, $text;
	return (@words, map { "$words[$_] $words[$_ + 1]" } 0 .. $#words - 1);
}

my @sentences = sentences('meta.tsv.gz');
my %rows_with;
for my $sentence (@sentences)
{
	my %seen = map { dimension_of($_) => 1 } terms($sentence);
	$rows_with{$_}++ for keys %seen;
}

# Weights as search engines have them: rarer terms more, repeated ones less than proportionally. Undef: too few terms.
sub sparse_text
{
	my ($text) = @_;
	my %count;
	$count{ dimension_of($_) }++ for terms($text);
	my @index = sort { $a <=> $b } keys %count;
	return if @index < $elements_min;
	splice @index, $elements_max;
	return sprintf '{%s}/%d', join(',', map { sprintf '%d:%.4f', $_, sqrt($count{$_}) * log(1 + @sentences / ($rows_with{$_} // 1)) } @index), $dimensions;
}

# Most rows are a sentence, some a paragraph of up to 40.
my @rows;
for my $i (0 .. $#sentences)
{
	my $last = $i + ($i % 10 ? $i % 3 : $i / 10 % 40);
	my $text = sparse_text(join ' ', @sentences[ $i .. ($last < $#sentences ? $last : $#sentences) ]);
	push @rows, "$i\t$text" if defined $text;
}
my @queries = (grep { defined } map { sparse_text($_) } sentences("queries_public.tsv.gz"))[ 0 .. 59 ];

my $node = primary('node', 'autovacuum = off');
$node->safe_psql('postgres', "CREATE TABLE items (id int, v svector($dimensions)); CREATE TABLE queries (n serial, q svector($dimensions))");
my $taken = 0;

sub add
{
	my ($count) = @_;
	my $file = $node->basedir . '/rows';
	append_to_file($file, map { "$_\n" } join "\n", @rows[ $taken .. $taken + $count - 1 ]);
	$node->safe_psql('postgres', "COPY items FROM '$file'");
	unlink $file;
	$taken += $count;
	return;
}

# The share of the ten nearest that the index finds; what is as near as the tenth counts as it does.
sub recall
{
	my ($operator) = @_;
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS nearest, found;
		SET enable_indexscan = off;
		CREATE TABLE nearest AS SELECT n, max(distance) AS tenth FROM queries, LATERAL
			(SELECT v $operator q AS distance FROM items ORDER BY v $operator q LIMIT 10) t GROUP BY n;
		SET enable_indexscan = on;
		SET enable_seqscan = off;
		SET enable_sort = off;
		CREATE TABLE found AS SELECT n, distance FROM queries, LATERAL
			(SELECT v $operator q AS distance FROM items ORDER BY v $operator q LIMIT 10) t});
	return $node->safe_psql('postgres', 'SELECT count(*) FILTER (WHERE distance <= tenth) / (10.0 * count(DISTINCT n)) FROM found JOIN nearest USING (n)');
}

sub check
{
	my ($name) = @_;
	for my $operator ('<->', '<#>', '<=>')
	{
		my $recall = recall($operator);
		cmp_ok($recall, '>=', $floor, "$name: recall\@10 of $operator is $recall");
		my $all = "SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT id FROM items ORDER BY v $operator (SELECT q FROM queries WHERE n = 7) OFFSET 0) t";
		is($node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; $all"),
			$node->safe_psql('postgres', 'SELECT count(*), count(*), sum(id) FROM items'), "$name: $operator gives every row once");
	}
	return;
}

add(4000);
$node->safe_psql('postgres', q{INSERT INTO queries (q) VALUES } . join ',', map { "('$_')" } @queries);
is($node->safe_psql('postgres', "SELECT min(count) <= 5, max(count) FROM (SELECT length(v::text) - length(replace(v::text, ':', '')) AS count FROM items) t"),
	"t|$elements_max", 'few elements and many');
$node->safe_psql('postgres', "CREATE INDEX ON items USING vectors (v svector_${_}_ops) WITH (options = 'segment.max_growing_segment_size = 1000')") for 'l2', 'dot', 'cos';
like($node->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_sort = off; EXPLAIN SELECT FROM queries, LATERAL (SELECT FROM items ORDER BY v <=> q LIMIT 10) t'),
	qr/Index Scan using items_v_idx2/, 'the index is used');
check('built');
add(60);
check('rows in the log');
add(450);
$node->safe_psql('postgres', 'VACUUM items');
check('a segment without a graph');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 7 = 3');
add(1000);
$node->safe_psql('postgres', 'VACUUM items');
check('a fifth replaced, several segments');
$node->safe_psql('postgres', "SELECT vectors_merge(indexrelid::regclass) FROM pg_index WHERE indrelid = 'items'::regclass");
check('merged');

done_testing();
