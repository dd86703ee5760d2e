# vectors_verify() says what is wrong with damaged pages and segments, never crashes or hangs, obeys a cancel, and works beside
# inserts and on a standby.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off', 'full_page_writes = on');
$node->safe_psql('postgres', q{
	CREATE TABLE items (id bigint, embedding vector(32));
	CREATE TABLE long_items (id bigint, embedding vector(3000))});
fill($node, 'items', 1, 4000, 32);
fill($node, 'long_items', 1, 40, 3000);
$node->safe_psql('postgres', q{
	UPDATE items SET embedding = NULL WHERE id % 100 = 7;
	CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops);
	CREATE INDEX long_items_embedding ON long_items USING vectors (embedding vector_l2_ops);
	DELETE FROM items WHERE id BETWEEN 1000 AND 2000;
	DELETE FROM long_items WHERE id BETWEEN 10 AND 20;
	VACUUM items; VACUUM long_items});
fill($node, 'items', 5001, 5200, 32);

sub verify
{
	my ($index, $server) = @_;
	return ($server // $node)->safe_psql('postgres', "SELECT object || ': ' || problem FROM vectors_verify('$index')");
}

is(verify($_), '', "$_ is clean") for 'items_embedding', 'long_items_embedding';

# ---- Beside inserts, VACUUM and merges; on a standby that replays all that --------------------------------------------

my $standby = standby_of($node, 'standby');
is(verify('items_embedding', $standby), '', 'clean on the standby');
my ($inserts) = statement_in_background($node, q{
	DO $$ BEGIN
		FOR i IN 1 .. 100 LOOP
			INSERT INTO items SELECT id + 10000 * i, embedding FROM items WHERE id <= 100;
			INSERT INTO long_items SELECT id + 10000 * i, embedding FROM long_items WHERE id <= 3;
			DELETE FROM items WHERE id BETWEEN greatest(10000 * i - 30000, 10000) AND 10000 * i - 20000;
			COMMIT;
		END LOOP;
	END $$});
my $rounds = 0;
my $busy = 1;
while ($busy)
{
	$busy = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'background%' AND state = 'active'}) > 0;
	my @found = map { verify($_), verify($_, $standby) } 'items_embedding', 'long_items_embedding';
	is(join("\n", grep { $_ ne '' } @found), '', "clean beside inserts, round " . ++$rounds);
	$node->safe_psql('postgres', 'VACUUM items');
	$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')}) if $rounds == 2;
}
$inserts->finish;
$node->wait_for_catchup('standby', 'replay', $node->lsn('insert'));
is(verify('items_embedding', $standby), '', 'clean on the standby at the end');
$standby->stop;

# ---- Damage of the segments ---------------------------------------------------------------------------------------

sub relation_file { return $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$_[0]')") }

sub directory
{
	my $path = $node->safe_psql('postgres', qq{
		SELECT format('%s/%s_%s', d.oid, d.dattablespace, pg_relation_filenode('$_[0]'))
		FROM pg_database d WHERE datname = current_database()});
	return $node->data_dir . "/pg_vectors/$path";
}

sub overwrite
{
	my ($file, $position, $bytes) = @_;
	open my $handle, '+<:raw', $file or die "$file: $!";
	seek $handle, $position, 0 or die;
	print $handle $bytes or die;
	close $handle or die;
	return;
}

$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')});
is(verify('items_embedding'), '', 'clean after vectors_merge');
srand 11;
for my $round (1 .. 8)
{
	my ($segment) = glob directory('items_embedding') . '/segment.*';
	my $position = $round <= 3 ? $round * 60 : int(rand(-s $segment));
	my $old = substr slurp_file($segment, 0), $position, 1;
	overwrite($segment, $position, chr(255 - ord $old));
	like(verify('items_embedding'), qr/^segment\.\S+: /, "byte $position of the segment is wrong");
	index_equals_table($node, 'items', 32, "segment damaged, round $round");
	$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')});
	is(verify('items_embedding'), '', 'clean when it is built again');
}
my ($segment) = glob directory('items_embedding') . '/segment.*';
unlink $segment or die;
like(verify('items_embedding'), qr/^segment\.\S+: /, 'the segment is missing');
overwrite(directory('items_embedding') . '/manifest', 30, "\xFF\xFF");
like(verify('items_embedding'), qr/^manifest: /, 'the manifest is damaged');
truncate directory('items_embedding') . '/control', 10 or die;
like(verify('items_embedding'), qr/^control: /, 'the control file is damaged');
$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')});
is(verify('items_embedding'), '', 'clean when all is built again');

# ---- Damage of the relation ---------------------------------------------------------------------------------------

my $page = 8192;

# Else PostgreSQL itself refuses the pages, and nobody looks what is wrong with them.
$node->stop;
$node->command_ok([ 'pg_checksums', '--disable', '--pgdata', $node->data_dir ], 'checksums are off');
$node->start;

# Runs a change of the index's file while the server is down, and takes it back afterwards.
sub with_damage
{
	my ($index, $change, $check) = @_;
	my $file = relation_file($index);
	$node->stop;
	my $content = slurp_file($file, 0);
	$change->($file, $content);
	$node->start;
	$check->();
	$node->stop;
	open my $handle, '>:raw', $file or die;
	print $handle $content;
	close $handle or die;
	$node->start;
	return;
}

sub special { my ($content, $block) = @_; return unpack 'Q< L< S< S< S< S<', substr $content, $block * $page + $page - 24, 20 }

my $blocks = (-s relation_file('items_embedding')) / $page;
my $content = slurp_file(relation_file('items_embedding'), 0);
# The layout of pages is the one that src/pg/log_format.h describes.
my ($log_block) = grep { (special($content, $_))[2] == 4 && (special($content, $_))[4] > 5 } 4 .. $blocks - 1;
my ($directory_block) = grep { (special($content, $_))[2] == 3 } 1 .. $blocks - 1;
my ($number) = special($content, $log_block);
my $entry = $log_block * $page + 24 + (special($content, $log_block))[5];
my $slots_max = unpack 'S<', substr $content, 24 + 26, 2;
my $fanout = unpack 'S<', substr $content, 24 + 30, 2;
my $directory_entry = $directory_block * $page + 24 + ($number % $fanout) * (8 + $slots_max / 8);
my @cases = (
	[ 'kind of META', 'block 0: ', $page - 12, pack 'S<', 9 ],
	[ 'magic of META', "block 0: META's magic", 24, 'XXXX' ],
	[ 'format of META', 'block 0: the log has a format', 28, pack 'L<', 77 ],
	[ 'filter columns in META', "block 0: META's filter columns", 24 + 88 + 4 * 1024, pack 'L<', 3 ],
	[ 'dimensions in META', 'block 0: META is of type', 40, pack 'L<', 31 ],
	[ 'fanout in META', 'block 0: ', 54, pack 'S<', 0 ],
	[ 'blocks in META', 'block 0: META counts', 68, pack 'L<', 1_000_000 ],
	[ 'blocks in META, fewer', 'META counts', 68, pack 'L<', $blocks - 2 ],
	[ 'tail in META', "block 0: META's end of the log", 56, pack 'Q<', 1_000_000_000 ],
	[ 'sealed_to in META', 'block 0: META says that segments', 88, pack 'Q<', 1 << 60 ],
	[ 'free list in META', 'the free list', 96, pack 'L<', 3 ],
	[ 'tail block in META', "log page \\d+: META's last block", 64, pack 'L<', 2 ],
	[ 'state of a page in the directory', "log page $number: the page is neither", $directory_entry + 4, pack 'S<', 0 ],
	[ 'a page retired in the directory', "log page $number: the page is retired and yet", $directory_entry + 4, pack 'S<', 2 ],
	[ 'slot count in the directory', "log page $number: the directory has another count", $directory_entry + 6, pack 'S<', 200 ],
	[ 'block in the directory', "block 2: the directory refers to it, and something else", $directory_entry, pack 'L<', 2 ],
	[ 'block in the directory, beyond the end', "block 4000000: the directory refers to it, but", $directory_entry, pack 'L<', 4_000_000 ],
	[ 'dead rows that do not exist', "log page $number: rows are dead", $directory_entry + 8 + $slots_max / 8 - 1, "\x80" ],
	[ 'a map of zeros', "block 1: the page is empty", $page, "\0" x $page ],
	[ 'a reference in a map', "a map refers to it", $page + 24, pack 'L<', 900_000 ],
	[ 'number of a log page', "block $log_block: should be log page", $log_block * $page + $page - 24, pack 'Q<', 12345 ],
	[ 'kind of a log page', "block $log_block: should be log page", $log_block * $page + $page - 12, pack 'S<', 5 ],
	[ 'closed flag of a log page', 'not closed', $log_block * $page + $page - 10, pack 'S<', 0 ],
	[ 'slot count of a log page', "log page $number: ", $log_block * $page + $page - 8, pack 'S<', 3 ],
	[ 'header of a log page', "block $log_block: ", $log_block * $page + 12, pack 'S<', 0xFFFF ],
	[ 'a slot', "log page $number: a slot", $log_block * $page + $page - 26, pack 'S<', 60 ],
	[ 'TID of an entry', "row $number.0 names another row", $entry, pack 'S< S< S<', 0, 7, 9 ],
	[ 'TID of an entry, none', "log page $number: an entry names no row", $entry, pack 'S< S< S<', 0, 7, 0 ],
	[ 'length of an entry', "log page $number: an entry has", $entry + 8, pack 'L<', 9 ],
	[ 'a log page of zeros', "block $log_block: the page is empty", $log_block * $page, "\0" x $page ],
	[ 'a log page of noise', "block $log_block: ", $log_block * $page, join '', map { chr int rand 256 } 1 .. $page ],
	[ 'a directory page of zeros', "block $directory_block: the page is empty", $directory_block * $page, "\0" x $page ],
);

# The offsets above are those of the fields that they are meant to be.
my ($dimensions) = unpack 'L<', substr $content, 40, 4;
is($dimensions, 32, 'the test knows the layout of META');
my ($block_count) = unpack 'L<', substr $content, 68, 4;
cmp_ok($block_count, '<=', $blocks, 'and where the blocks are counted');
for my $case (@cases)
{
	my ($name, $expected, $position, $bytes) = @$case;
	with_damage('items_embedding', sub { overwrite($_[0], $position, $bytes) },
		sub { like(verify('items_embedding'), qr/$expected/, $name) });
}
my $two = (grep { (special($content, $_))[2] == 4 && $_ != $log_block } 4 .. $blocks - 1)[0];
with_damage('items_embedding',
	sub { my ($file, $old) = @_; overwrite($file, $two * $page, substr $old, $log_block * $page, $page) },
	sub { like(verify('items_embedding'), qr/block $two: should be log page/, 'one page in the place of another') });
with_damage('items_embedding', sub { truncate $_[0], 5 * $page or die },
	sub { like(verify('items_embedding'), qr/block 0: META counts/, 'relation cut off') });
with_damage('items_embedding', sub { truncate $_[0], 0 or die },
	sub { like(verify('items_embedding'), qr/block 0: /, 'relation empty') });
is(verify('items_embedding'), '', 'clean when the damage is taken back');

# Any byte of any page: it says something or nothing, and ends.
srand 5;
for my $index ('items_embedding', 'long_items_embedding')
{
	my $file = relation_file($index);
	for my $round (1 .. 6)
	{
		with_damage($index,
			sub { overwrite($_[0], int(rand(-s $_[0])), join '', map { chr int rand 256 } 1 .. 1 + int rand 40) for 1 .. 1 + int rand 20 },
			sub { like(verify($index), qr/^/, "$index, noise, round $round: it ends") });
	}
	is(verify($index), '', "$index is clean when the noise is taken back");
}
unlike(slurp_file($node->logfile), qr/was terminated by signal/, 'nobody died');

# ---- Interrupted --------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{INSERT INTO items SELECT i.id + s * 100000, i.embedding FROM items i, generate_series(1, 30) s});
# Nearly all of the time is spent inside the function, in subtransactions of its own.
my ($status, $out, $err) = $node->psql('postgres', q{SET statement_timeout = 300;
	DO $$ BEGIN FOR i IN 1 .. 100000 LOOP PERFORM vectors_verify('items_embedding'); END LOOP; END $$});
like($err, qr/canceling statement due to statement timeout/, 'it can be cancelled');
is(verify('items_embedding'), '', 'and works again');

done_testing();
