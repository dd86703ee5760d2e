"""The systems compared, each behind the same few methods, in one server side by side.

Both extensions have a type called vector and an operator <->: each lives in a schema of its own, and every statement
names the schema. Their <-> differ (a root here, its square there) but order alike.
"""


class System:
    name = label = schema = create_extension = ef_setting = None
    connection = None  # set by whoever opens it

    def install(self):
        self.connection.execute(f"CREATE SCHEMA {self.schema}")
        self.connection.execute(f"CREATE EXTENSION {self.create_extension} SCHEMA {self.schema}")

    def version(self):
        sql = "SELECT extversion FROM pg_extension WHERE extnamespace = %s::regnamespace"
        return self.connection.execute(sql, [self.schema]).fetchone()[0]

    def create_table(self, table, dimensions):
        self.connection.execute(f"CREATE TABLE {table} (id int, embedding {self.schema}.vector({dimensions}))")

    def nearest(self, table, k):
        return f"SELECT id FROM {table} ORDER BY embedding OPERATOR({self.schema}.<->) $1::{self.schema}.vector LIMIT {k}"

    def insert(self, table):
        return f"INSERT INTO {table} VALUES ($1::int, $2::{self.schema}.vector)"

    def set_ef(self, ef):
        self.connection.execute(f"SET {self.ef_setting} = {ef}")

    def create_index(self, table):
        raise NotImplementedError

    def fence(self, table):
        """Waits for what goes on in the background."""

    def disk_bytes(self, table):
        raise NotImplementedError

    def resident_bytes(self, table):
        """What a search needs in memory to be fast."""
        raise NotImplementedError

    def _relation_bytes(self, table):
        return self.connection.execute("SELECT pg_relation_size(%s::regclass)", [f"{table}_index"]).fetchone()[0]


class Pgvector(System):
    name, schema, create_extension, ef_setting = "pgvector", "pgvector", "vector", "hnsw.ef_search"

    @property
    def label(self):
        return f"pgvector {self.version()}, HNSW m 16, ef_construction 64"

    def create_index(self, table):
        self.connection.execute(
            f"CREATE INDEX {table}_index ON {table} USING hnsw (embedding {self.schema}.vector_l2_ops)"
            " WITH (m = 16, ef_construction = 64)"
        )

    def disk_bytes(self, table):
        return self._relation_bytes(table)

    def resident_bytes(self, table):
        return self._relation_bytes(table)


class Vectors(System):
    name, schema, create_extension, ef_setting = "vectors", "vectors", "vectors", "vectors.hnsw_ef_search"

    @property
    def label(self):
        return f"vectors {self.version()}, default options"

    def create_index(self, table):
        self.connection.execute(
            f"CREATE INDEX {table}_index ON {table} USING vectors (embedding {self.schema}.vector_l2_ops)"
        )

    def fence(self, table):
        self.connection.execute(f"SELECT {self.schema}.fence_vector_index('{table}_index')")

    def segment_bytes(self, table):
        """The index's files under pg_vectors/<database>/<tablespace>_<relfilenumber>/."""
        sql = """WITH place AS (
                     SELECT format('pg_vectors/%%s/%%s_%%s', d.oid,
                                   CASE i.reltablespace WHEN 0 THEN d.dattablespace ELSE i.reltablespace END,
                                   pg_relation_filenode(i.oid)) AS directory
                     FROM pg_class i, pg_database d
                     WHERE i.oid = %s::regclass AND d.datname = current_database())
                 SELECT coalesce(sum((pg_stat_file(directory || '/' || file, true)).size), 0)::bigint
                 FROM place, pg_ls_dir(directory, true, false) file WHERE file NOT IN ('control', 'manifest')"""
        return self.connection.execute(sql, [f"{table}_index"]).fetchone()[0]

    def disk_bytes(self, table):
        return self._relation_bytes(table) + self.segment_bytes(table)

    def resident_bytes(self, table):
        return self.segment_bytes(table)


class Unindexed(System):
    """A table without an index, to be taken off what the others cost."""

    name, label, schema = "none", "no index", "vectors"

    def install(self):
        pass

    def create_index(self, table):
        pass
