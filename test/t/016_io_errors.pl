# I-3, I-6: a disk that is full, or fails, at any one write of a build costs the segment and nothing else: the statement
# succeeds with a warning, searches scan the log, inserts go on, nothing half done stays, and the next attempt works.

use strict;
use warnings;

use Errno qw(EIO ENOSPC);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

# The shim: counts, and lets one fail, the calls that write below pg_vectors.
my $place = PostgreSQL::Test::Utils::tempdir;
my $shim = "$place/fault_shim.so";
my $switch = "$place/switch";
system_or_bail('cc', '-std=gnu11', '-O1', '-shared', '-fPIC', '-o', $shim, "$FindBin::RealBin/lib/fault_shim.c", '-ldl');

sub arm
{
	my ($before, $errno) = @_;
	open my $handle, -e $switch ? '+<:raw' : '>:raw', $switch or die "$switch: $!";
	print $handle pack('q3', $before, $errno, 0) or die;
	close $handle or die;
	return;
}

# (calls that may still succeed, -1 once one has failed; calls since it was armed)
sub state_of_switch
{
	my ($before, undef, $calls) = unpack 'q3', slurp_file($switch, 0);
	return ($before, $calls);
}

arm(-1, 0);
my $node;
{
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{FAULT_SHIM} = $switch;
	$node = primary('node', 'autovacuum = off');
}
$node->safe_psql('postgres', 'CREATE TABLE items (id bigint, embedding vector(32))');
fill($node, 'items', 1, 2000, 32);
$node->safe_psql('postgres', 'CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)');
my (undef, $calls) = state_of_switch();
cmp_ok($calls, '>', 8, 'the shim sees what is written');

sub directory
{
	my $path = $node->safe_psql('postgres', q{
		SELECT format('%s/%s_%s', d.oid, d.dattablespace, pg_relation_filenode('items_embedding'))
		FROM pg_database d WHERE datname = current_database()});
	return $node->data_dir . "/pg_vectors/$path";
}

sub files
{
	my ($pattern) = @_;
	my @found = glob directory() . "/$pattern";
	return @found;
}

my $next = 2001;
for my $errno (ENOSPC, EIO)
{
	my $name = $errno == EIO ? 'EIO' : 'ENOSPC';
	my $reached = 1;
	for (my $k = 0; $reached; $k++)
	{
		arm($k, $errno);
		my ($status, undef, $messages) = $node->psql('postgres', 'REINDEX INDEX items_embedding');
		my ($before) = state_of_switch();
		$reached = $before < 0;
		arm(-1, 0);
		is($status, 0, "$name at call $k: REINDEX succeeds");
		my $segments = () = files('segment.*');
		if ($messages =~ /could not write a segment/)
		{
			ok($reached, "$name at call $k: it warns with a reason");
			# It is remembered in the control file, if that could be made; the last call is after the manifest is in place.
			my $state = $node->safe_psql('postgres', q{SELECT idx_indexing, idx_status, idx_last_error ~ '^segments could not be built at 2' FROM pg_vector_index_stat});
			like($state, qr/^t\|DEGRADED\|t$|^f\|NORMAL\|$/, "$name at call $k: the index's state tells of it") if -e directory() . '/control';
		}
		else
		{
			is($segments, 1, "$name at call $k: or there is a segment");
		}
		is(scalar(my @half = files('pgsql_tmp.*')), 0, "$name at call $k: nothing half done");
		fill($node, 'items', $next, $next, 32);
		$next++;
		my $count = $node->safe_psql('postgres', q{
			SET enable_seqscan = off; SET enable_sort = off;
			SELECT count(DISTINCT id) || ' ' || count(*) FROM (SELECT id FROM items
				ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 5)) rows});
		is($count, ($next - 1) . ' ' . ($next - 1), "$name at call $k: each row once");
		die "$name: no end" if $k > 200;
	}
	index_equals_table($node, 'items', 32, "$name at any call");
	$node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')");
	is(scalar(my @segments = files('segment.*')), 1, "$name: one segment at the end");
	index_equals_table($node, 'items', 32, "$name, mended");
}

# ---- A pg_vectors that the server may not even read, under inserts ---------------------------------------------------

my $root = $node->data_dir . '/pg_vectors';
my $mode = (stat $root)[2] & 07777;
my $marker = -s $node->logfile;
chmod 0, $root or die;
fill($node, 'items', $next, $next + 99, 32);
index_equals_table($node, 'items', 32, 'unreadable pg_vectors');
my ($status, undef, $messages) = $node->psql('postgres', 'REINDEX INDEX items_embedding');
is($status, 0, 'REINDEX works without it');
like($messages, qr/WARNING:.*could not write a segment/, 'and warns');
fill($node, 'items', $next + 100, $next + 199, 32);
index_equals_table($node, 'items', 32, 'after that');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM items');
index_equals_table($node, 'items', 32, 'and after VACUUM');
chmod $mode, $root or die;
$node->safe_psql('postgres', 'VACUUM items');
$node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')");
is(scalar(my @segments = files('segment.*')), 1, 'it recovers when it may write again');
index_equals_table($node, 'items', 32, 'at the end');

# ---- A link that leads nowhere in the place of the directory: nobody waits for what cannot be ------------------------

my $path = directory();
rename $path, "$path.away" or die;
symlink "$place/nowhere", $path or die;
fill($node, 'items', $next + 200, $next + 299, 32);
(undef, undef, $messages) = $node->psql('postgres', "SET statement_timeout = '60s'; SELECT fence_vector_index('items_embedding')");
like($messages, qr/WARNING:.*could not write a segment.*ERROR:.*still has segments to build/s, 'a fence says that it cannot, and why');
index_equals_table($node, 'items', 32, 'meanwhile');
unlink $path or die;
rename "$path.away", $path or die;
$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
index_equals_table($node, 'items', 32, 'and afterwards');

# ---- A process that may open no file more: that says nothing about the files -----------------------------------------

my $session = $node->background_psql('postgres');
my $segments = q{SELECT segments FROM vectors_explain('items_embedding', (SELECT embedding FROM items WHERE id = 5))};
cmp_ok($session->query_safe($segments), '>', 0, 'a session has segments');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
fill($node, 'items', $next + 300, $next + 399, 32);
$node->safe_psql('postgres', "SELECT vectors_merge('items_embedding')");
system_or_bail('prlimit', "--pid=$pid", '--nofile=5:');
is($session->query_safe($segments), 0, 'it cannot open those that took their place');
system_or_bail('prlimit', "--pid=$pid", '--nofile=1024:');
is($session->query_safe($segments), 1, 'it opens them when it can');
$session->quit;
unlike(slurp_file($node->logfile, $marker), qr/PANIC|was terminated by signal/, 'nobody died');

done_testing();
