# I-1, I-3: kill -9 at random moments under load, of the whole server or of one process of it, with asynchronous commits, with
# checksums and every wal_level: nothing is lost, and no file is left behind. 20 deaths; 200 in check-long.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my $seed = $ENV{VECTORS_SEED} // 1;
my $deaths = $ENV{VECTORS_LONG} ? 200 : 20;
my $random = seeded($seed + 77);
note "seed $seed";

my @settings = (
	[ 'synchronous_commit = off', 'wal_writer_delay = 10s', 'wal_level = replica' ],
	[ 'wal_level = minimal', 'max_wal_senders = 0', 'wal_skip_threshold = 0', 'full_page_writes = on' ],
	[ 'wal_level = logical', 'checkpoint_timeout = 30s', 'max_wal_size = 64MB', 'synchronous_commit = off' ]);

sub total_hits
{
	my %hits = points_reached();
	my $sum = 0;
	$sum += $_ for values %hits;
	return $sum;
}

for my $variant (0 .. $#settings)
{
	my $node = stop_server("node$variant", @{ $settings[$variant] });
	make_tables($node);
	# The kind of index build for which wal_level = minimal writes no WAL.
	my $unlogged_build = q{BEGIN; CREATE TABLE fresh (id bigint, embedding vector(700)); INSERT INTO fresh SELECT i, point_of(i, 700) FROM generate_series(1, 40) i;
		CREATE INDEX fresh_embedding ON fresh USING vectors (embedding vector_l2_ops); INSERT INTO fresh SELECT i, point_of(i, 700) FROM generate_series(41, 60) i; COMMIT};
	for my $death (1 .. int($deaths / @settings) + ($variant < $deaths % @settings ? 1 : 0))
	{
		$node->safe_psql('postgres', 'DROP TABLE IF EXISTS fresh');
		$node->safe_psql('postgres', $unlogged_build);
		my $moment = total_hits() + 1 + $random->(1200);
		my @loads = map { load_begin($node, 20) } 1 .. 2;
		wait_until('the moment has come', sub { total_hits() >= $moment || !grep { $_->pumpable } @loads });
		# Not a background worker, which may be about to end by itself: 032_killed_workers has those.
		my @processes = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
			AND backend_type IN ('client backend', 'checkpointer', 'walwriter', 'background writer') ORDER BY backend_start});
		my $victim = $processes[ $random->(scalar @processes) ];
		my $name = "variant $variant, death $death";
		if ($random->(2))
		{
			crash($node);
			stop_start($node);
		}
		else
		{
			kill_backend($node, $victim);
		}
		load_end($_) for @loads;
		nothing_is_lost($node, $name, ['items', 700], ['wide', 20000], ['passing', 8], ['fresh', 700]);
		no_orphans($node, $name);
	}
	$node->stop;
	command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], "variant $variant: every page has its checksum");
}

done_testing();
