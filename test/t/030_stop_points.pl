# I-1, I-3: kill -9 at every named point of the product, of the whole server or of the one process there: nothing is lost, and
# no file is left behind. In check-long each point is met with both kinds of death, several times.

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
my $rounds = $ENV{VECTORS_LONG} ? 4 : 1;
my $random = seeded($seed);
note "seed $seed";

my $node = stop_server('node', 'restart_after_crash = on', 'vectors.max_background_workers = 0');
make_tables($node);
load_end(load_begin($node, 1));
my %before = points_reached();
load_end(load_begin($node, 1));
my %after = points_reached();
nothing_is_lost($node, 'before any crash');

# All of them: one that the load does not reach, or that this list does not know, is a mistake.
my @points = qw(
  log-page-joined log-between-pages log-block-used-again log-before-publication
  log-published log-directory-extended log-before-sealed
  dead-bits-before dead-bits-set vacuum-before-retire retire-before retired directory-freed vacuum-before-work
  index-before-segment index-built build-before-encoding build-stamped control-before-link
  segment-before-sync segment-before-rename segment-renamed
  manifest-before-sync manifest-before-rename manifest-renamed manifest-before-announcement manifest-announced
  collect-before-unlink collect-unlinked sweep-before-removal segments-before-opening);
is_deeply([ sort grep { $_ ne 'plan-before-rename' } keys %after ], [ sort @points ], 'the load reaches every point');

my $deaths = 0;
for my $round (1 .. $rounds)
{
	for my $point (@points)
	{
		my $hits = ($after{$point} // 0) - ($before{$point} // 0);
		my $skip = $random->($hits < 8 ? 1 + int($hits / 3) : 3);
		my $kind = ($deaths++ + $round) % 2 ? 'process' : 'server';
		my $name = "$point after $skip, $kind killed";
		arm($point, $skip);
		my $load = load_begin($node, 3);
		wait_until("$point is reached", sub { stopped_process() || !$load->pumpable });
		my $process = stopped_process() or BAIL_OUT("$name: the load ended without reaching it");
		if ($kind eq 'server')
		{
			crash($node);
			disarm();
			stop_start($node);
		}
		else
		{
			disarm();
			kill_backend($node, $process);
		}
		load_end($load);
		nothing_is_lost($node, $name);
		no_orphans($node, $name);
	}
}
nothing_is_lost($node, 'at the end');
$node->stop;

done_testing();
