# What the crash, recovery and standby tests share, on top of PostgreSQL's own PostgreSQL::Test::Cluster.

package VectorsTest;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(primary standby_of crash kill_backend statement_in_background wait_until fill sample_copy same_answer index_equals_table);

# A started server with the extension and checksums, ready to stream to a standby. Further arguments: lines of postgresql.conf.
sub primary
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1, extra => ['--data-checksums']);
	$node->append_conf('postgresql.conf', join("\n", 'restart_after_crash = on', 'max_prepared_transactions = 8', @settings, ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION vectors');
	return $node;
}

# A started streaming standby, made by a base backup of the running primary.
sub standby_of
{
	my ($primary, $name, @settings) = @_;
	my $backup = "for_$name";
	$primary->backup($backup);
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($primary, $backup, has_streaming => 1);
	$node->append_conf('postgresql.conf', join("\n", @settings, ''));
	$node->start;
	return $node;
}

# Polls a condition instead of sleeping for a guessed time; dies when it does not come true within the timeout.
sub wait_until
{
	my ($what, $condition) = @_;
	my $end = Time::HiRes::time() + $PostgreSQL::Test::Utils::timeout_default;
	until ($condition->())
	{
		die "timed out waiting until $what" if Time::HiRes::time() > $end;
		Time::HiRes::usleep(10_000);
	}
	return;
}

sub children_of
{
	my ($parent) = @_;
	my @children;
	for my $file (glob '/proc/[0-9]*/stat')
	{
		open my $handle, '<', $file or next;
		my $line = <$handle> // '';
		push @children, $1 if $line =~ /^(\d+) \(.*\) \S (\d+) /s && $2 == $parent;
	}
	return @children;
}

# kill -9 of the whole server, as a power cut would end it; ends when no process of it is left, so that it can
# be started again at once.
sub crash
{
	my ($node) = @_;
	my $postmaster = $node->{_pid};
	kill 'STOP', $postmaster;    # it forks no further process then
	wait_until('the postmaster is stopped', sub { slurp_file("/proc/$postmaster/stat") =~ /\) T / });
	my @children = children_of($postmaster);
	$node->kill9;
	kill 'KILL', @children;
	wait_until('the killed processes are gone', sub { !grep { kill 0, $_ } @children, $postmaster });
	return;
}

# kill -9 of one backend: the postmaster ends all others and recovers. Ends when the server answers again.
sub kill_backend
{
	my ($node, $pid) = @_;
	my $marker = -s $node->logfile;
	kill 'KILL', $pid or die "cannot kill backend $pid: $!";
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $marker);
	$node->wait_for_log(qr/database system is ready to accept connections/, $marker);
	return;
}

# Starts a statement and returns (the process of psql, the backend's pid) as soon as the statement is running;
# end it with crash, kill_backend or $process->finish.
my $statements = 0;

sub statement_in_background
{
	my ($node, $sql, %options) = @_;
	my $name = 'background_' . ++$statements;
	my $connection = $node->connstr($options{dbname} // 'postgres') . " application_name=$name";
	my $process = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $connection, '-c', $sql ],
		'<', \undef, '>', \my $out, '2>', \my $err);
	my $pid;
	wait_until(
		'the statement is running',
		sub {
			$process->pump_nb;
			$pid = $node->safe_psql('postgres',
				"SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND state = 'active'");
			return $pid ne '';
		});
	return ($process, $pid);
}

# Inserts rows with ids from..to and reproducible vectors into table (id bigint, embedding vector(dimensions)).
# Values are sums of few waves of the id: neighbours are real neighbours, unlike those of random points.
sub fill
{
	my ($node, $table, $from, $to, $dimensions, %options) = @_;
	my $expression = fill_expression('i', $dimensions);
	$node->safe_psql($options{dbname} // 'postgres',
		"INSERT INTO $table (id, embedding) SELECT i, $expression FROM generate_series($from, $to) i");
	return;
}

sub fill_expression
{
	my ($id, $dimensions) = @_;
	my $value = "(sin($id * 0.37 + d * 1.3) + cos($id * 0.011 * d) + sin($id * 0.71 * d))::real::text";
	return "(SELECT '[' || string_agg($value, ',' ORDER BY d) || ']' FROM generate_series(1, $dimensions) d)::vector";
}

# Writes the first rows of the shipped sample, real sentences' embeddings, as COPY's binary form of (number int, embedding vecf16(384)).
sub sample_copy
{
	my ($count, $path) = @_;
	my $dimensions = 384;
	my $from = "$FindBin::RealBin/../data/base.f16.npy";
	open my $in, '<:raw', $from or die "$from: $!";
	open my $out, '>:raw', $path or die "$path: $!";
	read $in, my $header, 128;
	print $out "PGCOPY\n\377\r\n\0", pack('NN', 0, 0);
	for my $number (0 .. $count - 1)
	{
		read($in, my $row, 2 * $dimensions) == 2 * $dimensions or die "$from is too short";
		my $vector = pack 'n n n*', $dimensions, 0, unpack('v*', $row);
		print $out pack('n N N N', 2, 4, $number, length $vector), $vector;
	}
	print $out pack('n', 0xffff);
	close $out or die "$path: $!";
	chmod 0644, $path;
	return;
}

# I-1: an ordered scan by the index gives the rows of a sequential scan, each once, with the same distances; checked for
# some queries. Options: operator (default <->).
sub index_equals_table
{
	my ($node, $table, $dimensions, $name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $operator = $options{operator} // '<->';
	for my $id (3, 123_456)
	{
		my $query = fill_expression($id, $dimensions);
		my $select = "SELECT id, embedding $operator q FROM $table";
		my $by_index = $node->safe_psql('postgres',
			"SET enable_seqscan = off; SET enable_sort = off; WITH s AS MATERIALIZED (SELECT $query AS q) "
			  . "SELECT id, embedding $operator (SELECT q FROM s) FROM $table ORDER BY embedding $operator (SELECT q FROM s)");
		my $by_table = $node->safe_psql('postgres',
			"SET enable_indexscan = off; WITH s AS MATERIALIZED (SELECT $query AS q) "
			  . "SELECT id, embedding $operator (SELECT q FROM s) FROM $table");
		my $found = join "\n", sort split /\n/, $by_index;
		my $expected = join "\n", sort split /\n/, $by_table;
		ok($found eq $expected, "$name: query $id") or diag(differences($found, $expected));
	}
	return;
}

# The first lines in which two sorted lists differ.
sub differences
{
	my ($found, $expected) = @_;
	my %balance;
	$balance{$_}++ for split /\n/, $found;
	$balance{$_}-- for split /\n/, $expected;
	my @wrong = grep { $balance{$_} != 0 } sort keys %balance;
	return scalar(@wrong) . ' rows differ, such as: ' . join ', ', map { ($balance{$_} > 0 ? 'too many ' : 'missing ') . $_ } @wrong[0 .. ($#wrong < 4 ? $#wrong : 4)];
}

# The same query on two servers gives the same rows.
sub same_answer
{
	my ($one, $other, $sql, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($other->safe_psql('postgres', $sql), $one->safe_psql('postgres', $sql), $name);
}

1;
