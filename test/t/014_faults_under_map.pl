# I-1, I-3: segment files that are truncated, replaced or changed while queries have them mapped cost speed, never an
# answer and never the server.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $rows = 6000;
my $node = primary('node', 'autovacuum = off', 'vectors.max_background_workers = 0');
$node->safe_psql('postgres', 'CREATE TABLE items (id bigint, embedding vector(32))');
fill($node, 'items', 1, $rows, 32);
$node->safe_psql('postgres', 'UPDATE items SET embedding = NULL WHERE id % 100 = 7');
$node->safe_psql('postgres', 'VACUUM items');
$node->safe_psql('postgres', 'CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)');

sub directory
{
	my $path = $node->safe_psql('postgres', q{
		SELECT format('%s/%s_%s', d.oid, d.dattablespace, pg_relation_filenode('items_embedding'))
		FROM pg_database d WHERE datname = current_database()});
	return $node->data_dir . "/pg_vectors/$path";
}

sub segments { my @files = glob directory() . "/segment.*"; return @files }

# The file's bytes become others in place, as a broken disk or tool would leave them.
sub overwrite
{
	my ($file, $position, $bytes) = @_;
	open my $handle, '+<:raw', $file or die "$file: $!";
	seek $handle, $position, 0 or die;
	print $handle $bytes or die;
	close $handle or die;
	return;
}

# A session that has fetched some rows of an ordered scan, and gives the rest when it is asked to.
sub begin_scan
{
	my ($count) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 1);
	$session->query_safe('SET enable_seqscan = off; SET enable_sort = off');
	my $query = VectorsTest::fill_expression('3', 32);
	my $literal = $node->safe_psql('postgres', "SELECT $query");
	$session->query_safe("BEGIN; DECLARE c CURSOR FOR SELECT id, embedding <-> '$literal' FROM items ORDER BY embedding <-> '$literal'");
	my $first = $session->query_safe("FETCH $count FROM c");
	return ($session, $first, $literal);
}

sub finish_scan
{
	my ($name, $session, $first, $literal) = @_;
	my $rest = $session->query_safe('FETCH ALL FROM c; COMMIT');
	$session->quit;
	my $expected = $node->safe_psql('postgres', "SET enable_indexscan = off; SELECT id, embedding <-> '$literal' FROM items");
	my $found = join "\n", sort grep { $_ ne '' } split /\n/, "$first\n$rest";
	$expected = join "\n", sort split /\n/, $expected;
	ok($found eq $expected, "$name: each row once") or diag(VectorsTest::differences($found, $expected));
	return;
}

sub rebuild
{
	my ($name) = @_;
	$node->safe_psql('postgres', 'VACUUM items');
	is(scalar(segments()), 1, "$name: one segment again");
	index_equals_table($node, 'items', 32, "$name: rebuilt");
	return;
}

# ---- Truncated while a scan stands in the middle of it, and while another session only has it mapped ----------------

for my $fetched (0, 1, 40, 3000)
{
	for my $part (0, 0.1, 0.5)
	{
		my $name = "truncated to $part after $fetched rows";
		my $marker = -s $node->logfile;
		my @scan = begin_scan($fetched);
		my @other = begin_scan(1);
		my ($segment) = segments();
		truncate $segment, 4096 * int($part * (-s $segment) / 4096) or die "$segment: $!";
		finish_scan($name, @scan);
		finish_scan("$name, another session", @other);
		index_equals_table($node, 'items', 32, $name);
		my $log = slurp_file($node->logfile, $marker);
		unlike($log, qr/server process .* was terminated/, "$name: nobody died");
		my $reports = () = $log =~ /is not used/g;
		is($reports, 1, "$name: reported once");
		rebuild($name);
	}
}

# ---- Written to, or replaced, in place, while sessions have the file mapped ------------------------------------------

# A session that keeps its maps; it must notice by itself, and be right from then on.
my $session = $node->background_psql('postgres', on_error_stop => 1);
$session->query_safe('SET enable_seqscan = off; SET enable_sort = off');

sub session_is_right
{
	my ($literal) = @_;
	my $by_index = $session->query_safe("SELECT id, embedding <-> '$literal' FROM items ORDER BY embedding <-> '$literal'");
	my $by_table = $node->safe_psql('postgres', "SET enable_indexscan = off; SELECT id, embedding <-> '$literal' FROM items");
	return join("\n", sort split /\n/, $by_index) eq join("\n", sort split /\n/, $by_table);
}

my $literal = $node->safe_psql('postgres', 'SELECT ' . VectorsTest::fill_expression('17', 32));
srand 4;
for my $round (1 .. 6)
{
	my $name = "bytes changed in place, round $round";
	ok(session_is_right($literal), "$name: right before");
	my $marker = -s $node->logfile;
	my ($segment) = segments();
	my $bytes = -s $segment;
	for (1 .. 10 ** ($round / 2))
	{
		overwrite($segment, 4096 + int(rand($bytes - 4096)), chr(int(rand(256))) x (1 + int(rand(8))));
	}
	wait_until("$name: the session notices", sub { session_is_right($literal) && slurp_file($node->logfile, $marker) =~ /is not used/ });
	ok(session_is_right($literal), "$name: right after");
	index_equals_table($node, 'items', 32, $name);
	unlike(slurp_file($node->logfile, $marker), qr/server process .* was terminated/, "$name: nobody died");
	rebuild($name);
}

$node->safe_psql('postgres', 'CREATE TABLE others (id bigint, embedding vector(32))');
fill($node, 'others', 1, 500, 32);
$node->safe_psql('postgres', 'CREATE INDEX others_embedding ON others USING vectors (embedding vector_l2_ops)');
my ($foreign) = glob(directory() =~ s/\d+$/$node->safe_psql('postgres', q{SELECT pg_relation_filenode('others_embedding')})/er . '/segment.*');
my ($segment) = segments();
ok(session_is_right($literal), 'replaced: right before');
my $marker = -s $node->logfile;
rename $foreign, $segment or die "$foreign: $!";
ok(session_is_right($literal), 'replaced: right at once');
wait_until('the session notices', sub { session_is_right($literal) && slurp_file($node->logfile, $marker) =~ /is not used/ });
index_equals_table($node, 'items', 32, 'replaced');
index_equals_table($node, 'others', 32, 'and the index whose file it was');
rebuild('replaced');

# ---- The control file, which every scan reads ---------------------------------------------------------------------

ok(session_is_right($literal), 'control file: right before');
truncate directory() . '/control', 0 or die;
ok(session_is_right($literal), 'control file truncated: right');
index_equals_table($node, 'items', 32, 'control file truncated');
rebuild('control file truncated');
ok(session_is_right($literal), 'control file truncated: right after all');
$session->quit;

done_testing();
