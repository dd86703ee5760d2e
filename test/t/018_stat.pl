# pg_vector_index_stat: right while rows move, waits for nobody, and shows all other indexes whatever is wrong with one.

use strict;
use warnings;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $node = primary('node', 'autovacuum = off');
for my $table ('items', 'others')
{
	$node->safe_psql('postgres', "CREATE TABLE $table (id bigint, embedding vector(32))");
	fill($node, $table, 1, 3000, 32);
	$node->safe_psql('postgres', "CREATE INDEX ${table}_embedding ON $table USING vectors (embedding vector_l2_ops)");
}

sub stat_of
{
	my ($index, $columns, $server) = @_;
	return ($server // $node)->safe_psql('postgres', "SELECT $columns FROM pg_vector_index_stat WHERE indexname = '$index'");
}

sub directory
{
	my ($index) = @_;
	$index //= 'items_embedding';
	my $path = $node->safe_psql('postgres', qq{
		SELECT format('%s/%s_%s', d.oid, d.dattablespace, pg_relation_filenode('$index'))
		FROM pg_database d WHERE datname = current_database()});
	return $node->data_dir . "/pg_vectors/$path";
}

# The one that is sound is shown as ever.
sub others_is_right
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(stat_of('others_embedding', 'idx_status, idx_tuples, idx_sealed'), 'NORMAL|3000|{3000}', "$name: the other index is shown");
}

# ---- While rows move: each row is counted once, wherever it is ---------------------------------------------------------

my ($process) = statement_in_background($node, q{
	DO $$ BEGIN
		FOR i IN 1 .. 400 LOOP
			INSERT INTO items SELECT id + 10000 * i, embedding FROM items WHERE id <= 100;
			COMMIT;
		END LOOP;
	END $$});
my ($rounds, $busy, $before, $last_merge) = (0, 1, 0, 0);
while ($busy)
{
	$busy = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'background%' AND state = 'active'}) > 0;
	$node->safe_psql('postgres', 'VACUUM items') if $rounds % 3 == 1;
	$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')}) if $rounds % 7 == 2;
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM items');
	my ($tuples, $sum, $status, $bytes, $options, $dead, $merged) = split /\|/, stat_of('items_embedding', q{idx_tuples,
		(SELECT sum(n) FROM unnest(idx_sealed || idx_growing || idx_write) n), idx_status, idx_size = idx_log_size + idx_segments_size,
		idx_options::jsonb #>> '{indexing,hnsw,m}', idx_dead, coalesce(extract(epoch FROM idx_last_merge), 0)});
	my $after = $node->safe_psql('postgres', 'SELECT count(*) FROM items');
	$rounds++;
	# An insert that is under way has rows in the index that nobody sees yet: one statement's at most.
	ok($tuples == $sum && $rows <= $tuples && $tuples <= $after + 100 && $status eq 'NORMAL', "round $rounds: $rows <= $tuples <= $after + 100, $sum");
	ok($tuples >= $before, "round $rounds: no row is lost");
	is("$bytes|$options|$dead", 't|16|0', "round $rounds: bytes are the sum of their parts, options are JSON, nothing is dead");
	cmp_ok($merged, '>=', $last_merge, "round $rounds: the last merge is no older than before");
	$before = $tuples;
	$last_merge = $merged;
}
$process->finish;
$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')});
is(stat_of('items_embedding', 'idx_status, idx_indexing, idx_tuples, idx_sealed, idx_growing, idx_write'), 'NORMAL|f|43000|{43000}|{}|0', 'at the end');

my $files = 0;
$files += -s $_ for glob directory() . '/segment.*';
is(stat_of('items_embedding', q{idx_segments_size, idx_log_size = pg_relation_size('items_embedding'), idx_last_merge > now() - interval '1 hour', idx_last_error IS NULL}),
	"$files|t|t|t", 'bytes are those of the files, the last merge has a time');

# ---- Growing segments, where nobody but VACUUM builds ----------------------------------------------------------------

$node->append_conf('postgresql.conf', 'vectors.max_background_workers = 0');
$node->reload;
$node->poll_query_until('postgres', 'SHOW vectors.max_background_workers', '0') or die 'the setting does not take effect';
$node->safe_psql('postgres', q{
	CREATE TABLE grown (id bigint, embedding vector(32));
	INSERT INTO grown SELECT * FROM others;
	CREATE INDEX grown_embedding ON grown USING vectors (embedding vector_l2_ops) WITH (options = 'segment.max_growing_segment_size = 8000');
	INSERT INTO grown SELECT id + 3000, embedding FROM others});
my $all = 'idx_status, idx_indexing, idx_tuples, idx_sealed, idx_growing, idx_write, idx_dead';
is(stat_of('grown_embedding', $all), 'NORMAL|t|6000|{3000}|{}|3000|0', 'rows that wait');
$node->safe_psql('postgres', 'VACUUM grown');
is(stat_of('grown_embedding', $all), 'NORMAL|t|6000|{}|{6000}|0|0', 'a segment of an index too small for a lasting quantizer');
$node->safe_psql('postgres', 'INSERT INTO grown SELECT id + 6000, embedding FROM others; VACUUM grown');
is(stat_of('grown_embedding', $all), 'NORMAL|f|9000|{9000}|{}|0|0', 'a graph over enough rows');
$node->safe_psql('postgres', 'INSERT INTO grown SELECT id + 9000, embedding FROM others; VACUUM grown');
is(stat_of('grown_embedding', $all), 'NORMAL|t|12000|{9000}|{3000}|0|0', 'a growing segment beside a sealed one');
# FREEZE, which waits for a page that the background writer holds just then: else VACUUM leaves its dead rows for the next time.
$node->safe_psql('postgres', 'DELETE FROM grown WHERE id % 10 = 0; VACUUM (FREEZE) grown');
is(stat_of('grown_embedding', $all), 'NORMAL|t|10800|{8100}|{2700}|0|1200', 'dead rows are counted apart');
$node->safe_psql('postgres', 'DROP TABLE grown');

# ---- A standby counts for itself -------------------------------------------------------------------------------------

my $standby = standby_of($node, 'standby');
is(stat_of('items_embedding', 'idx_status, idx_tuples', $standby), 'NORMAL|43000', 'on a standby');
my $owner = $node->background_psql('postgres');
$owner->query_safe(q{CREATE TEMP TABLE mine (embedding vector(3)); CREATE INDEX mine_embedding ON mine USING vectors (embedding vector_l2_ops)});
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE not_logged (embedding vector(3));
	CREATE INDEX not_logged_embedding ON not_logged USING vectors (embedding vector_l2_ops)});
$node->wait_for_catchup($standby);
is(stat_of($_, 'idx_status, idx_tuples, idx_last_error', $standby), 'NORMAL||', "on a standby there is nothing of $_")
  for ('mine_embedding', 'not_logged_embedding');
like(($standby->psql('postgres', q{SELECT * FROM vectors_verify('not_logged_embedding')}))[2],
	qr/cannot access temporary or unlogged relations during recovery/, 'nor is it taken for damage');
$owner->quit;
$standby->stop;

# ---- Locked, being dropped, of another session -----------------------------------------------------------------------

my $session = $node->background_psql('postgres', on_error_stop => 1);
$session->query_safe('BEGIN; DROP INDEX items_embedding');
is(stat_of('items_embedding', 'idx_status, idx_indexing, idx_tuples IS NULL'), 'BUILDING|t|t', 'being dropped: nobody is waited for');
others_is_right('dropped');
$session->query_safe('ROLLBACK; BEGIN; REINDEX INDEX items_embedding');
is(stat_of('items_embedding', 'idx_status'), 'BUILDING', 'being rebuilt');
$session->query_safe('COMMIT; CREATE TEMPORARY TABLE own AS SELECT * FROM items LIMIT 50; ALTER TABLE own ALTER embedding TYPE vector(32)');
$session->query_safe('CREATE INDEX own_embedding ON own USING vectors (embedding vector_l2_ops)');
is(stat_of('own_embedding', 'idx_status, idx_tuples IS NULL, idx_log_size > 0, idx_last_error IS NULL'), 'NORMAL|t|t|t', "another session's temporary index");
like($session->query_safe(q{SELECT idx_status, idx_tuples FROM pg_vector_index_stat WHERE indexname = 'own_embedding'}), qr/NORMAL\|50/, 'which that session can count');
$session->quit;

# ---- Segments cannot be written --------------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', 'vectors.max_background_workers = 2');
$node->reload;
$node->poll_query_until('postgres', 'SHOW vectors.max_background_workers', '2') or die 'the setting does not take effect';
$node->safe_psql('postgres', q{
	CREATE TABLE flat (id bigint, embedding vector(32));
	INSERT INTO flat SELECT id, embedding FROM others;
	CREATE INDEX flat_embedding ON flat USING vectors (embedding vector_l2_ops) WITH (options = '[indexing.flat]')});
chmod 0500, directory('flat_embedding') or die;
$node->safe_psql('postgres', 'INSERT INTO flat SELECT id + 3000, embedding FROM others');
wait_until('a background worker fails', sub {
	$node->safe_psql('postgres', 'SET enable_seqscan = off; SELECT id FROM flat ORDER BY embedding <-> (SELECT embedding FROM flat LIMIT 1) LIMIT 1');
	return stat_of('flat_embedding', 'idx_status') eq 'DEGRADED' });
is(stat_of('flat_embedding', q{idx_status, idx_indexing, idx_write, idx_last_error ~ '^segments could not be built at 2'}), 'DEGRADED|t|3000|t',
	'a background worker failed');
chmod 0700, directory('flat_embedding') or die;
$node->safe_psql('postgres', 'VACUUM flat');
$node->safe_psql('postgres', q{SELECT fence_vector_index('flat_embedding')});
is(stat_of('flat_embedding', 'idx_status, idx_indexing, idx_write, idx_last_error'), 'NORMAL|f|0|', 'the next who tries succeeds: nothing is wrong');

chmod 0500, directory('flat_embedding') or die;
$node->safe_psql('postgres', 'INSERT INTO flat SELECT id + 6000, embedding FROM others WHERE id <= 100');
is($node->safe_psql('postgres', q{SELECT vectors_merge('flat_embedding')}), 'f', 'vectors_merge() cannot write either');
is(stat_of('flat_embedding', 'idx_status'), 'DEGRADED', 'a session failed');
$node->safe_psql('postgres', 'DELETE FROM flat WHERE id > 6000; VACUUM flat');
is(stat_of('flat_embedding', 'idx_status, idx_indexing'), 'NORMAL|f', 'the rows are gone, and nothing is left to build');
chmod 0700, directory('flat_embedding') or die;
$node->safe_psql('postgres', 'DROP TABLE flat');

# ---- Damage ----------------------------------------------------------------------------------------------------------

sub damage
{
	my ($file, $position, $bytes) = @_;
	my $content = slurp_file($file, 0);
	substr($content, $position, length $bytes) = $bytes;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $content;
	close $handle or die;
	return;
}

sub is_degraded
{
	my ($name, $pattern) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(stat_of('items_embedding', 'idx_status, idx_tuples, idx_last_error'), qr/^DEGRADED\|43000\|.*$pattern/, $name);
	others_is_right($name);
	$node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')});
	is(stat_of('items_embedding', 'idx_status, idx_sealed, idx_last_error'), 'NORMAL|{43000}|', "$name: built again");
	return;
}

my ($segment) = glob directory() . '/segment.*';
damage($segment, 50_000, "\xDE\xAD\xBE\xEF");
is_degraded('a damaged segment', 'segment file .* is corrupt');
($segment) = glob directory() . '/segment.*';
unlink $segment or die;
$node->restart;
is_degraded('a missing segment', 'segment');
damage(directory() . '/manifest', 30, "\xFF\xFF");
$node->restart;
is_degraded('a damaged manifest', 'manifest');
truncate directory() . '/control', 7 or die;
$node->restart;
is_degraded('a damaged control file', 'control');
remove_tree(directory());
$node->restart;
is_degraded('no directory', 'a segment is missing');
truncate directory() . '/manifest', 17 or die;
is_degraded('a manifest cut short, noticed without a restart', 'manifest');
truncate directory() . '/manifest', 0 or die;
$node->restart;
is_degraded('an empty manifest', 'manifest');
remove_tree(directory());
append_to_file(directory(), 'not a directory');
$node->restart;
like(stat_of('items_embedding', 'idx_status, idx_tuples'), qr/^DEGRADED\|43000$/, 'a file in the place of the directory');
others_is_right('a file in the place of the directory');
unlink directory() or die;
is_degraded('that is gone again', 'a segment is missing');

# A page that PostgreSQL itself cannot read, META or another; an index whose file is gone.
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('items_embedding')});
my $content = slurp_file($file, 0);
for my $case ([ 'META of zeros', 0, "\0" x 8192 ], [ 'META of noise', 0, "\x5A" x 8192 ], [ 'wrong magic', 24, 'XXXX' ], [ 'a directory page of zeros', 2 * 8192, "\0" x 8192 ],
	[ 'fanout zero', 54, "\0\0" ], [ 'tail beyond the end', 56, "\xFF\xFF\xFF\xFF\xFF\0\0\0" ])
{
	my ($name, $position, $bytes) = @$case;
	$node->stop;
	damage($file, $position, $bytes);
	$node->start;
	my ($status, $options) = split /\|/, stat_of('items_embedding', 'idx_status, idx_options IS NOT NULL');
	is($options, 't', "$name: the options are shown");
	is($status, 'DEGRADED', "$name: degraded") unless $name eq 'a directory page of zeros';
	others_is_right($name);
	$node->stop;
	open my $handle, '>:raw', $file or die;
	print $handle $content;
	close $handle or die;
	$node->start;
}
# A main fork that is too short, with segments that know more rows than it has: to nothing, within a page, behind META, by half.
for my $bytes (0, 100, 8192, 5 * 8192, int(length($content) / 16384) * 8192)
{
	$node->stop;
	truncate $file, $bytes or die;
	$node->start;
	is(stat_of('items_embedding', 'idx_status, idx_options IS NOT NULL, idx_last_error IS NOT NULL'), 'DEGRADED|t|t', "cut to $bytes bytes: degraded");
	others_is_right("cut to $bytes bytes");
	$node->stop;
	open my $handle, '>:raw', $file or die;
	print $handle $content;
	close $handle or die;
	$node->start;
}
$node->stop;
rename $file, "$file.away" or die;
$node->start;
like(stat_of('items_embedding', 'idx_status, idx_tuples, idx_last_error'), qr/^DEGRADED\|\|could not open file/, 'the relation is gone');
others_is_right('the relation is gone');
$node->stop;
rename "$file.away", $file or die;
$node->start;
is(stat_of('items_embedding', 'idx_status, idx_tuples'), 'NORMAL|43000', 'and back');

# ---- Looking keeps nothing open ---------------------------------------------------------------------------------------

$session = $node->background_psql('postgres', on_error_stop => 1);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe('SELECT count(idx_tuples) FROM pg_vector_index_stat') for 1 .. 3;
unlike(slurp_file("/proc/$pid/maps"), qr/pg_vectors/, 'a session that looked at the view has no segment mapped');
$session->query_safe(q{SET enable_seqscan = off; SELECT id FROM others ORDER BY embedding <-> (SELECT embedding FROM others LIMIT 1) LIMIT 1});
$session->query_safe('SELECT count(idx_tuples) FROM pg_vector_index_stat');
my %mapped = map { m{pg_vectors/(\d+/\d+_\d+)/segment} ? ($1 => 1) : () } split /\n/, slurp_file("/proc/$pid/maps");
is(scalar(keys %mapped), 1, 'one that searched has the index that it searched');
$session->quit;

unlike(slurp_file($node->logfile), qr/was terminated by signal/, 'nobody died');
done_testing();
