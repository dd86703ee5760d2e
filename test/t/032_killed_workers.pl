# Killing a process that merges in the background, at each of its stop points, ends that process and nothing else; killing a worker
# that is connected is a crash like any other. Nothing is lost, the work gets done, and no file is left behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my @items = (['items', 700]);
my $node = stop_server('node');
make_tables($node);
my $rows = 0;

# Inserts until somebody stopped; what an insert leaves undone, the next one notices.
sub wait_for_stop
{
	my ($point) = @_;
	wait_until("$point is reached", sub {
		$node->safe_psql('postgres', "INSERT INTO items SELECT id, point_of(id, 700) FROM generate_series($rows + 1, $rows + 30) id");
		$rows += 30;
		return stopped_process() });
	return stopped_process();
}

for my $point (qw(segment-before-sync segment-before-rename segment-renamed manifest-before-sync manifest-before-rename manifest-renamed
	manifest-before-announcement manifest-announced collect-before-unlink collect-unlinked))
{
	arm($point, 0, merger => 1);
	my $merger = wait_for_stop($point);
	my $started = $node->safe_psql('postgres', q{SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
	nothing_is_lost($node, "$point: while a merger is stopped there", 'moving', @items);
	disarm();
	kill 'KILL', $merger or die;
	nothing_is_lost($node, "$point: a merger is killed there", 'moving', @items);
	$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
	nothing_is_lost($node, "$point: the work was done by another", @items);
	no_orphans($node, "$point: merger");
	is($node->safe_psql('postgres', q{SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'}), $started, "$point: nothing was restarted");
	$node->safe_psql('postgres', 'TRUNCATE items');
}

for my $point (qw(build-before-encoding build-stamped segment-before-rename manifest-renamed plan-before-rename))
{
	arm($point, 0);
	my $worker = wait_for_stop($point);
	disarm();
	kill_backend($node, $worker);
	nothing_is_lost($node, "$point: a worker is killed there", 'moving', @items);
	$node->safe_psql('postgres', "SELECT fence_vector_index('items_embedding')");
	nothing_is_lost($node, "$point: and the work is done", @items);
	no_orphans($node, "$point: worker");
	$node->safe_psql('postgres', 'TRUNCATE items');
}
$node->stop;

done_testing();
