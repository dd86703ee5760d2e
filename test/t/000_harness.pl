# The test harness itself: a server can be started, crashed in each way, recovered and followed by a standby.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VectorsTest;

my $primary = primary('primary');
$primary->safe_psql('postgres', 'CREATE TABLE items (id bigint PRIMARY KEY, embedding vector(8))');
fill($primary, 'items', 1, 100, 8);
my $all = 'SELECT id, embedding FROM items ORDER BY id';
my $nearest = "SELECT id FROM items ORDER BY embedding <-> '[1,2,3,0,0,0,0,0]', id LIMIT 10";

my $before = $primary->safe_psql('postgres', $all);
is(scalar(split /\n/, $before), 100, 'all rows are there');

$primary->stop('immediate');
$primary->start;
is($primary->safe_psql('postgres', $all), $before, 'an immediate stop loses nothing');

my ($process, $pid) = statement_in_background($primary, 'SELECT count(*) FROM generate_series(1, 1000000000000)');
kill_backend($primary, $pid);
$process->finish;
is($primary->safe_psql('postgres', $all), $before, 'kill -9 of a backend loses nothing');

($process, $pid) = statement_in_background($primary,
	'BEGIN; INSERT INTO items SELECT id + 1000, embedding FROM items; SELECT count(*) FROM generate_series(1, 1000000000000)');
crash($primary);
$process->finish;
$primary->start;
is($primary->safe_psql('postgres', $all), $before, 'kill -9 of the server loses nothing and keeps nothing uncommitted');

my $standby = standby_of($primary, 'standby');
fill($primary, 'items', 101, 200, 8);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
same_answer($primary, $standby, $all, 'the standby has the same rows');
same_answer($primary, $standby, $nearest, 'the standby finds the same neighbours');

$primary->stop;
$standby->promote;
fill($standby, 'items', 201, 210, 8);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM items'), 210, 'the promoted standby takes writes');

done_testing();
