# I-3, I-4: segment files may vanish, be damaged or be another index's at any time: reported once, ignored, built again.

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off', 'vectors.max_background_workers = 0');
for my $table ('items', 'others')
{
	$node->safe_psql('postgres', "CREATE TABLE $table (id bigint, embedding vector(32))");
	fill($node, $table, 1, 3000, 32);
	$node->safe_psql('postgres', "CREATE INDEX ${table}_embedding ON $table USING vectors (embedding vector_l2_ops)");
}

sub directory
{
	my ($table) = @_;
	my $path = $node->safe_psql('postgres', qq{
		SELECT format('%s/%s_%s', d.oid, d.dattablespace, pg_relation_filenode('${table}_embedding'))
		FROM pg_database d WHERE datname = current_database()});
	return $node->data_dir . "/pg_vectors/$path";
}

sub segments
{
	my ($table) = @_;
	my @files = glob directory($table) . '/segment.*';
	return @files;
}

sub damage
{
	my ($file, $position, $bytes) = @_;
	# A damaged file is one that was damaged on the disk: write another in its place, as a bad restore would.
	my $content = slurp_file($file, 0);
	substr($content, $position, length $bytes) = $bytes;
	unlink $file or die;
	open my $handle, '>:raw', $file or die;
	print $handle $content;
	close $handle or die;
	return;
}

my $owner_check = -d directory('items');
ok($owner_check, 'the index has a directory');
is(scalar(segments('items')), 1, 'and one segment');
index_equals_table($node, 'items', 32, 'as built');

remove_tree($node->data_dir . '/pg_vectors');
index_equals_table($node, 'items', 32, 'without pg_vectors');
$node->safe_psql('postgres', 'VACUUM items; VACUUM others');
is(scalar(segments('items')), 1, 'VACUUM built the segment again');
index_equals_table($node, 'items', 32, 'after VACUUM');

my ($segment) = segments('items');
unlink $segment;
index_equals_table($node, 'items', 32, 'without its segment file');
is($node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')"), 't', 'vectors_merge');
is(scalar(segments('items')), 1, 'built it again');

for my $case ([ 'first byte', 0 ], [ 'header', 40 ], [ 'body', 20_000 ], [ 'middle', 150_000 ])
{
	my ($name, $position) = @$case;
	($segment) = segments('items');
	my $marker = -s $node->logfile;
	damage($segment, $position, "\xDE\xAD\xBE\xEF");
	$node->restart;
	index_equals_table($node, 'items', 32, "$name damaged");
	index_equals_table($node, 'items', 32, "$name damaged, again");
	my $log = slurp_file($node->logfile, $marker);
	my $reports = () = $log =~ /is not used/g;
	is($reports, 1, "$name: reported once");
	$node->safe_psql('postgres', 'VACUUM items');
	index_equals_table($node, 'items', 32, "$name: after VACUUM");
	$marker = -s $node->logfile;
	$node->restart;
	index_equals_table($node, 'items', 32, "$name: rebuilt");
	unlike(slurp_file($node->logfile, $marker), qr/is not used/, "$name: and sound");
}

($segment) = segments('items');
truncate $segment, (-s $segment) / 2 or die;
$node->restart;
index_equals_table($node, 'items', 32, 'truncated');
$node->safe_psql('postgres', 'VACUUM items');

damage(directory('items') . '/manifest', 30, "\xFF\xFF");
my $manifest_marker = -s $node->logfile;
$node->restart;
index_equals_table($node, 'items', 32, 'manifest damaged');
index_equals_table($node, 'items', 32, 'manifest damaged, again');
my $complaints = () = slurp_file($node->logfile, $manifest_marker) =~ /LOG:.*is corrupt/g;
is($complaints, 1, 'manifest damaged: reported once');
$node->safe_psql('postgres', 'VACUUM items');
index_equals_table($node, 'items', 32, 'manifest damaged, after VACUUM');
is(scalar(segments('items')), 1, 'one segment');

# Another index's whole directory in the place of this one's.
my ($own, $foreign) = (directory('items'), directory('others'));
$node->stop;
remove_tree($own);
mkdir $own or die;
copy($_, "$own/" . s{.*/}{}r) or die for glob "$foreign/*";
system_or_bail('chown', '-R', '--reference', $foreign, $own);
$node->start;
index_equals_table($node, 'items', 32, "another index's directory");
index_equals_table($node, 'others', 32, 'which is still right');
$node->safe_psql('postgres', 'VACUUM items');
index_equals_table($node, 'items', 32, "another index's directory, after VACUUM");

# pg_vectors that cannot be written.
remove_tree($node->data_dir . '/pg_vectors');
append_to_file($node->data_dir . '/pg_vectors', 'not a directory');
fill($node, 'items', 3001, 3100, 32);
index_equals_table($node, 'items', 32, 'pg_vectors is a file');
my ($status, $out, $err) = $node->psql('postgres', 'REINDEX INDEX items_embedding');
is($status, 0, 'REINDEX works without a directory');
like($err, qr/WARNING:.*could not write a segment/, 'and warns');
index_equals_table($node, 'items', 32, 'after that');
unlink $node->data_dir . '/pg_vectors';
is($node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')"), 't', 'and recovers when it can');
index_equals_table($node, 'items', 32, 'at the end');

done_testing();
