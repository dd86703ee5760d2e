# I-4 says what a segment must be to be used; one that was published while a process opened the index is so, too. Opening takes as
# long as computing the checksums of all files.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use StopPoints;
use VectorsTest;

my $node = stop_server('main', 'vectors.max_background_workers = 0');
$node->safe_psql('postgres', q{
	CREATE TABLE items (id bigint, embedding vector(8));
	CREATE TABLE seen (segments int, tail_rows bigint)});
fill($node, 'items', 1, 1000, 8);
$node->safe_psql('postgres', 'CREATE INDEX items_embedding ON items USING vectors (embedding vector_l2_ops)');

arm('segments-before-opening', 0);
my ($process) = statement_in_background($node, q{
	INSERT INTO seen SELECT segments, tail_rows FROM vectors_explain('items_embedding', '[1,1,1,1,1,1,1,1]'::text)});
wait_until('a search is about to open the segments', sub { stopped_process() });
fill($node, 'items', 1001, 2000, 8);
is($node->safe_psql('postgres', q{SELECT vectors_merge('items_embedding')}), 't', 'another segment takes the place of the first');
let_go(stopped_process());
$process->finish;
is($node->safe_psql('postgres', 'SELECT * FROM seen'), '1|0', 'the search has opened that one');
unlike(slurp_file($node->logfile), qr/is not used/, 'and has found nothing wrong with it');

done_testing();
