# Servers that stop at named points of the product, the load that leads there, and what must hold after any crash.

package StopPoints;

use strict;
use warnings;

use Cwd ();
use Exporter 'import';
use FindBin;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

our @EXPORT = qw(stop_server stop_start arm disarm let_go stopped_process points_reached
  make_tables load_begin load_end nothing_is_lost no_orphans seeded);

my $place = Cwd::abs_path(PostgreSQL::Test::Utils::tempdir);
my $shim = "$place/stop_shim.so";
my $switch = "$place/stop_points";
my ($name_bytes, $points) = (48, 64);
my $head = "Z$name_bytes q q q";
my $table = "(q Z$name_bytes)$points";

# ---- Stop points ------------------------------------------------------------------------------------------------------

sub write_switch
{
	my ($offset, $bytes) = @_;
	open my $handle, '+<:raw', $switch or die "$switch: $!";
	seek $handle, $offset, 0 or die;
	print $handle $bytes or die;
	close $handle or die;
	return;
}

# A server with the stop points' library. Its settings make restarts quick; further arguments: lines of postgresql.conf.
sub stop_server
{
	my ($name, @settings) = @_;
	unless (-e $switch)
	{
		system_or_bail('cc', '-std=gnu11', '-O1', '-shared', '-fPIC', '-o', $shim, "$FindBin::RealBin/lib/stop_shim.c");
		open my $handle, '>:raw', $switch or die "$switch: $!";
		print $handle pack($head, '', -1, 0, 0), "\0" x ($points * ($name_bytes + 8)) or die;
		close $handle or die;
	}
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{STOP_SHIM} = $switch;
	return primary($name, 'autovacuum = off', 'shared_buffers = 16MB', 'checkpoint_timeout = 1h',
		'max_parallel_maintenance_workers = 0', 'log_statement = none', @settings);
}

sub stop_start
{
	my ($node) = @_;
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{STOP_SHIM} = $switch;
	$node->start;
	return;
}

# The process that reaches the point for the (skip + 1)-th time from now on stops there. Option merger => 1: only one that merges in
# the background counts.
sub arm
{
	my ($point, $skip, %options) = @_;
	disarm();
	write_switch(0, pack($head, $point, $skip, 0, $options{merger} // 0));
	return;
}

sub disarm
{
	write_switch(0, pack($head, '', -1, 0, 0));
	return;
}

# The stopped process goes on.
sub let_go
{
	my ($process) = @_;
	write_switch(0, pack($head, '', -1, -$process, 0));
	return;
}

sub stopped_process
{
	my (undef, undef, $process) = unpack $head, slurp_file($switch, 0);
	return $process;
}

# name => how often it was reached so far
sub points_reached
{
	my @rows = unpack "x${\ ($name_bytes + 24)} $table", slurp_file($switch, 0);
	my %hits;
	while (my ($count, $name) = splice @rows, 0, 2)
	{
		$hits{$name} += $count if $name ne '';
	}
	return %hits;
}

# A generator of numbers below its argument, the same for the same seed.
sub seeded
{
	my ($state) = @_;
	return sub {
		my ($below) = @_;
		$state = ($state * 1_103_515_245 + 12_345) % 2_147_483_648;
		return ($state >> 8) % $below;
	};
}

# ---- The load -----------------------------------------------------------------------------------------------------------

# items: entries of a third of a page, some NULL; wide: entries of ten pages; unlogged: gone after a crash.
sub make_tables
{
	my ($node) = @_;
	my $options = 'segment.max_growing_segment_size = 60';
	$node->safe_psql('postgres', qq{
		CREATE SEQUENCE ids;
		CREATE TABLE items (id bigint, embedding vector(700));
		CREATE TABLE wide (id bigint, embedding vector(20000));
		CREATE UNLOGGED TABLE passing (id bigint, embedding vector(8));
		CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops) WITH (options = '$options');
		CREATE INDEX wide_embedding ON wide USING vectors (embedding vector_l2_ops) WITH (options = '$options');
		CREATE INDEX passing_embedding ON passing USING vectors (embedding vector_l2_ops) WITH (options = '$options');
		CREATE FUNCTION point_of(id bigint, dimensions int) RETURNS vector IMMUTABLE RETURN
			CASE WHEN id % 17 <> 0 THEN (array_fill((id % 97)::real, ARRAY[dimensions - 2])
				|| ARRAY[sin(id * 0.37)::real, cos(id * 0.011)::real])::vector END;
	});
	return;
}

# One round of everything that writes; a list of statements, each a transaction of its own unless it says otherwise.
sub statements
{
	my $insert = sub {
		my ($table, $count, $dimensions) = @_;
		return "INSERT INTO $table SELECT id, point_of(id, $dimensions) FROM (SELECT nextval('ids') AS id FROM generate_series(1, $count)) n";
	};
	return (
		'SELECT vectors_unknown_function()',    # an aborted statement
		$insert->('items', 90, 700),
		$insert->('passing', 90, 8),
		"BEGIN; " . $insert->('items', 20, 700) . "; SAVEPOINT a; " . $insert->('wide', 2, 20000) . "; ROLLBACK TO a; "
		  . $insert->('items', 5, 700) . "; COMMIT",
		"BEGIN; " . $insert->('items', 20, 700) . "; ROLLBACK",
		$insert->('wide', 75, 20000),
		'DELETE FROM items WHERE id % 3 = (SELECT last_value % 3 FROM ids)',
		'UPDATE items SET embedding = point_of(id + 1, 700) WHERE id % 4 = 1',
		'VACUUM items',
		$insert->('items', 70, 700),
		'CREATE INDEX extra ON items USING vectors (embedding vector_cos_ops)',
		"SELECT vectors_merge('items_embedding')",
		'DELETE FROM wide WHERE id < (SELECT last_value - 100 FROM ids)',
		'VACUUM wide',
		$insert->('wide', 20, 20000),
		'DROP INDEX extra',
		'VACUUM passing',
		'CHECKPOINT',
		'VACUUM wide',
		'DELETE FROM items WHERE id < (SELECT last_value - 900 FROM ids)',
		'VACUUM items');
}

# Begins rounds of the load in a session of its own.
my $loads = 0;

sub load_begin
{
	my ($node, $rounds) = @_;
	my $script = "SET client_min_messages = fatal;\n" . join("\n", map { "$_;" } ('DROP INDEX IF EXISTS extra', (statements()) x $rounds));
	my $file = "$place/load_" . ++$loads;
	append_to_file($file, $script);
	return IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ], '<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
}

sub load_end
{
	my ($load) = @_;
	$load->finish;
	return;
}

# ---- What must hold -----------------------------------------------------------------------------------------------------

# I-1: for every index of ours, an ordered scan gives the rows and distances of a sequential scan, each once, NULLs included; in
# one statement and so by one snapshot. A first table 'moving' means: others write now, so vectors_verify has to wait; 'of', NAME: a
# database other than postgres.
sub nothing_is_lost
{
	my ($node, $name, @tables) = @_;
	my $moving = @tables && $tables[0] eq 'moving' && shift @tables;
	my (undef, $database) = @tables && $tables[0] eq 'of' ? splice(@tables, 0, 2) : ('of', 'postgres');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	@tables = (['items', 700], ['wide', 20000], ['passing', 8]) unless @tables;
	my $sql = '';
	for (@tables)
	{
		my ($table, $dimensions) = @$_;
		$sql .= qq{
			SELECT point_of(3, $dimensions) AS q \\gset
			SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
			EXPLAIN (COSTS OFF) SELECT id, embedding <-> :'q' FROM $table ORDER BY embedding <-> :'q';
			WITH by_index AS MATERIALIZED (SELECT id, embedding <-> :'q' AS distance FROM $table ORDER BY embedding <-> :'q'),
				by_table AS MATERIALIZED (SELECT id, embedding <-> :'q' AS distance FROM $table)
			SELECT format('$table: %s rows, %s missing, %s too many', (SELECT count(*) FROM by_table),
				(SELECT count(*) FROM (SELECT * FROM by_table EXCEPT ALL SELECT * FROM by_index) missing),
				(SELECT count(*) FROM (SELECT * FROM by_index EXCEPT ALL SELECT * FROM by_table) too_many));
		};
		$sql .= "SELECT 'not clean: ' || v::text FROM vectors_verify('${table}_embedding') v;" unless $moving;
	}
	my $answer = $node->safe_psql($database, $sql);
	my $right = () = $answer =~ /^\w+: \d+ rows, 0 missing, 0 too many$/mg;
	my $scans = () = $answer =~ /^Index Scan using \w+_embedding on/mg;
	return ok($right == @tables && $scans == @tables && $answer !~ /not clean/, "$name: nothing is lost") || diag(substr $answer, 0, 2000);
}

# Files below pg_vectors that no index needs, in a list.
sub orphans
{
	my ($node) = @_;
	my $root = $node->data_dir . '/pg_vectors';
	my %known;
	for my $database (split /\n/, $node->safe_psql('postgres', 'SELECT datname FROM pg_database WHERE datallowconn'))
	{
		$known{$_} = 1 for split /\n/, $node->safe_psql($database, q{
			SELECT format('%s/%s_%s', d.oid, coalesce(nullif(c.reltablespace, 0), d.dattablespace), pg_relation_filenode(c.oid))
			FROM pg_class c, pg_am a, pg_database d
			WHERE c.relam = a.oid AND a.amname = 'vectors' AND c.relkind = 'i' AND d.datname = current_database()});
	}
	my @found;
	for my $directory (glob "$root/*/*")
	{
		my $short = substr $directory, length("$root/");
		push @found, $short unless $known{$short};
		my $manifest = -e "$directory/manifest" ? slurp_file("$directory/manifest", 0) : '';
		my %named = map { $_ => 1 } $manifest =~ /(segment\.[0-9a-f]{16}-[0-9a-f]{16}\.[0-9a-f]{8})/g, qw(control manifest plan sealing merging);
		opendir my $handle, $directory or next;
		push @found, map { "$short/$_" } grep { !$named{$_} && !/^\.\.?$/ } readdir $handle;
		closedir $handle;
	}
	return @found;
}

# After a sweep nothing lies below pg_vectors that no index needs. (What background work is writing just now goes by itself.)
sub no_orphans
{
	my ($node, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->safe_psql('postgres', 'CHECKPOINT');
	$node->safe_psql('postgres', 'VACUUM items');
	my @found;
	eval { wait_until('no orphan is left', sub { !(@found = orphans($node)) }); 1 } or @found = orphans($node);
	return is("@found", '', "$name: no orphan file");
}

1;
