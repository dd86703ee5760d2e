# I-3, I-6: whatever becomes of an index's files while rows come in, every search is right, every insert succeeds, the log says once what is
# wrong, and background workers bring the files back with nobody's help.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my $random = seeded($ENV{VECTORS_SEED} // 1);
my @items = (['items', 700]);
my $node = primary('node', 'autovacuum = off');
make_tables($node);
my $rows = 0;

sub insert
{
	my ($count) = @_;
	$node->safe_psql('postgres', "INSERT INTO items SELECT id, point_of(id, 700) FROM generate_series($rows + 1, $rows + $count) id");
	$rows += $count;
	return;
}

sub directory
{
	my ($index) = @_;
	return $node->data_dir . '/pg_vectors/' . $node->safe_psql('postgres', qq{
		SELECT format('%s/%s_%s', oid, dattablespace, pg_relation_filenode('$index')) FROM pg_database WHERE datname = current_database()});
}

sub segments
{
	my @found = glob directory('items_embedding') . '/segment.*';
	return @found;
}

# Other bytes in the place of a file's, as another file: what a bad restore leaves.
sub replace
{
	my ($file, $content) = @_;
	my $mode = (stat $file)[2] & 07777;
	my ($user, $group) = (stat $file)[ 4, 5 ];
	unlink $file or die "$file: $!";
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $content or die;
	close $handle or die;
	chmod $mode, $file;
	chown $user, $group, $file;
	return;
}

sub flip
{
	my ($file, $position) = @_;
	my $content = slurp_file($file, 0);
	substr($content, $position, 1) ^= chr(1 << $random->(8));
	replace($file, $content);
	return;
}

$node->safe_psql('postgres', 'INSERT INTO wide SELECT id, point_of(id, 20000) FROM generate_series(1, 70) id; VACUUM wide');
insert(300);
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding'); SELECT fence_vector_index('wide_embedding')");

my %damage = (
	'a segment is missing' => sub { unlink((segments())[0]) or die },
	'a segment is truncated' => sub { my ($file) = segments(); replace($file, substr slurp_file($file, 0), 0, 1 + $random->(-s $file)) },
	'a segment is empty' => sub { my ($file) = segments(); replace($file, '') },
	'a bit of a header' => sub { my ($file) = segments(); flip($file, $random->(4096)) },
	'a bit of a body' => sub { my ($file) = segments(); flip($file, 4096 + $random->((-s $file) - 4096)) },
	'the manifest is missing' => sub { unlink directory('items_embedding') . '/manifest' or die },
	'a bit of the manifest' => sub { my $file = directory('items_embedding') . '/manifest'; flip($file, $random->(-s $file)) },
	'the manifest is truncated' => sub { my $file = directory('items_embedding') . '/manifest'; replace($file, substr slurp_file($file, 0), 0, $random->(-s $file)) },
	'the control file is missing' => sub { unlink directory('items_embedding') . '/control' or die },
	'a control file of noise' => sub { replace(directory('items_embedding') . '/control', 'x' x 4096) },
	'the directory is missing' => sub { system_or_bail('rm', '-rf', directory('items_embedding')) },
	'everything is missing' => sub { system_or_bail('rm', '-rf', $node->data_dir . '/pg_vectors') },
	'the directory of another index' => sub {
		$node->safe_psql('postgres', "SELECT vectors_merge('wide_embedding')");
		system_or_bail('rm', '-rf', directory('items_embedding'));
		system_or_bail('cp', '-rp', directory('wide_embedding'), directory('items_embedding'));
	});

for my $name (sort keys %damage)
{
	my $marker = -s $node->logfile;
	$damage{$name}->();
	nothing_is_lost($node, $name, 'moving', @items);
	insert(20);
	nothing_is_lost($node, "$name, and inserts", 'moving', @items);
	# What a search or an insert leaves undone the next one notices.
	wait_until("$name: it is mended", sub {
		insert(1);
		$node->safe_psql('postgres', "SELECT point_of(3, 700) AS q \\gset\nSET enable_seqscan = off; SELECT id FROM items ORDER BY embedding <-> :'q' LIMIT 1");
		return segments() > 0 && $node->safe_psql('postgres', q{SELECT count(*) FROM vectors_verify('items_embedding')}) eq '0' });
	$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
	nothing_is_lost($node, "$name, mended", @items);
	no_orphans($node, $name);
	my $log = slurp_file($node->logfile, $marker);
	my $reports = () = $log =~ /LOG:.*(?:is not used|is corrupt|is not a control file|goes on without)/g;
	my $silent = $name =~ /^(?:everything|the .*) is missing/;    # as in an index that was never searched
	$reports = 1 if $reports > 1 && $name =~ /control file/;    # where it is remembered that it was: once a session
	is($reports, $silent ? 0 : 1, "$name: reported once");
	unlike($log, qr/PANIC|was terminated by signal/, "$name: nobody died");
}
$node->stop;

done_testing();
