# I-1, I-4 over copies of a server and over timelines: recovery to a moment before a merge, pg_rewind of an old primary whose
# segments know rows that never were, logical replication, amcheck of the heap.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopPoints;
use Test::More;
use VectorsTest;

my @logged = (['items', 700], ['wide', 20000]);

# ---- Point-in-time recovery -----------------------------------------------------------------------------------------------

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, has_archiving => 1, extra => ['--data-checksums']);
$primary->append_conf('postgresql.conf', "autovacuum = off\nwal_log_hints = on\nwal_keep_size = 1GB\nwal_level = logical\nlog_statement = none\n");
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION vectors');
make_tables($primary);
load_end(load_begin($primary, 1));
$primary->safe_psql('postgres', 'INSERT INTO items SELECT id, point_of(id, 700) FROM generate_series(100001, 100200) id');
$primary->backup('base');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 5 = 0');
my $rows = $primary->safe_psql('postgres', 'SELECT count(*) FROM items');
my $moment = $primary->safe_psql('postgres', q{SELECT pg_create_restore_point('before the merge')});

# What the recovered server must never know: rows deleted and vacuumed away, others in their places, merged.
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
$primary->safe_psql('postgres', 'VACUUM items');
$primary->safe_psql('postgres', 'INSERT INTO items SELECT id, point_of(id + 1, 700) FROM generate_series(200001, 200500) id');
$primary->safe_psql('postgres', "VACUUM items; SELECT vectors_merge('items_embedding')");
nothing_is_lost($primary, 'the primary, merged', @logged);
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');

# Its files come from two moments: the base backup's, and, as a careless copy would have them, those of after the merge.
for my $files ('of the backup', 'of the future')
{
	my $name = $files =~ s/ /_/gr;
	my $recovered = PostgreSQL::Test::Cluster->new("recovered_$name");
	$recovered->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
	$recovered->append_conf('postgresql.conf', "recovery_target_name = 'before the merge'\nrecovery_target_action = promote\narchive_mode = off\n");
	if ($files eq 'of the future')
	{
		system_or_bail('rm', '-rf', $recovered->data_dir . '/pg_vectors');
		system_or_bail('cp', '-r', $primary->data_dir . '/pg_vectors', $recovered->data_dir . '/pg_vectors');
	}
	$recovered->start;
	$recovered->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
	is($recovered->safe_psql('postgres', 'SELECT count(*) FROM items'), $rows, "files $files: the moment before the merge");
	nothing_is_lost($recovered, "files $files", 'moving', @logged);
	$recovered->safe_psql('postgres', 'INSERT INTO items SELECT id, point_of(id + 2, 700) FROM generate_series(300001, 300700) id');
	nothing_is_lost($recovered, "files $files, other rows in the same places", 'moving', @logged);
	$recovered->safe_psql('postgres', "VACUUM items; SELECT vectors_merge('items_embedding'); SELECT vectors_merge('wide_embedding')");
	nothing_is_lost($recovered, "files $files, merged", @logged);
	no_orphans($recovered, "files $files");
	$recovered->stop;
}

# ---- pg_rewind ------------------------------------------------------------------------------------------------------------------

my $standby = standby_of($primary, 'standby', 'archive_mode = off');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$standby->promote;
$standby->safe_psql('postgres', 'CHECKPOINT');
# Both go on from the same moment: the same positions of the log, other rows, and segments over them.
for ([ $primary, 'id' ], [ $standby, '-id' ])
{
	my ($node, $value) = @$_;
	$node->safe_psql('postgres', "INSERT INTO items SELECT id, point_of($value, 700) FROM generate_series(400001, 400300) id");
	$node->safe_psql('postgres', "VACUUM items; SELECT vectors_merge('items_embedding')");
	$node->safe_psql('postgres', "UPDATE items SET embedding = point_of($value + 5, 700) WHERE id > 400250");
}
$primary->stop;
$standby->safe_psql('postgres', 'CHECKPOINT');
command_ok([ 'pg_rewind', '--source-server', $standby->connstr('postgres'), '--target-pgdata', $primary->data_dir, '--no-sync' ], 'pg_rewind');
$primary->append_conf('postgresql.conf', "archive_mode = off\nport = " . $primary->port . "\nunix_socket_directories = '" . $primary->host . "'\nprimary_conninfo = '" . $standby->connstr . " application_name=rewound'\n");
$primary->append_conf('standby.signal', '');
$primary->start;
$standby->wait_for_catchup('rewound', 'replay', $standby->lsn('insert'));
nothing_is_lost($primary, 'rewound', @logged);
same_answer($standby, $primary, "SELECT point_of(3, 700) AS q \\gset\nSET enable_seqscan = off; SELECT id, embedding <-> :'q' FROM items ORDER BY embedding <-> :'q', id LIMIT 100", 'rewound: the rows of the server that it follows');
$primary->promote;
load_end(load_begin($primary, 1));
nothing_is_lost($primary, 'rewound and promoted', @logged);
no_orphans($primary, 'rewound and promoted');
$primary->safe_psql('postgres', 'CREATE EXTENSION amcheck');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM (VALUES ('items'), ('wide')) t (name), LATERAL verify_heapam(name::regclass)}), 0, 'amcheck of the heap');

# ---- Logical replication ----------------------------------------------------------------------------------------------------------

my $subscriber = primary('subscriber', 'autovacuum = off');
make_tables($subscriber);
for my $node ($standby, $subscriber)
{
	$node->safe_psql('postgres', 'DELETE FROM items WHERE ctid NOT IN (SELECT min(ctid) FROM items GROUP BY id); ALTER TABLE items ADD PRIMARY KEY (id)');
}
$standby->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE items');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '" . $standby->connstr . " dbname=postgres' PUBLICATION p");
$subscriber->wait_for_subscription_sync($standby, 's');
$standby->safe_psql('postgres', q{
	INSERT INTO items SELECT id, point_of(id, 700) FROM generate_series(500001, 500200) id;
	UPDATE items SET embedding = point_of(id + 9, 700) WHERE id % 7 = 0;
	DELETE FROM items WHERE id % 11 = 0});
$standby->wait_for_catchup('s');
nothing_is_lost($subscriber, 'subscriber', ['items', 700]);
same_answer($standby, $subscriber, 'SELECT count(*), sum(hashtext(t::text)) FROM items t', 'subscriber: the rows of the publisher');
$subscriber->safe_psql('postgres', 'VACUUM items');
nothing_is_lost($subscriber, 'subscriber after VACUUM', ['items', 700]);
$_->stop for $subscriber, $standby, $primary;

done_testing();
