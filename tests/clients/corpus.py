"""Puts recorded statements of real clients to a PostgreSQL and to `quackctl serve`, which hold the same tables, and compares the answers.

Usage: corpus.py STATEMENTS POSTGRESQL SERVE, the latter two as psycopg takes them. Prints what differs, and how many are equal; ends with 1 where fewer than
95 of 100 are that can be compared.
"""

import json
import re
import sys
import time

import psycopg

#: What changes something, opens or ends something, or means nothing without what came before.
NOT_ALONE = re.compile(
    r"^\s*(/\*.*?\*/)?\s*(begin|commit|rollback|start|savepoint|release|declare|fetch|move|close|set|discard|deallocate|create|insert|update|delete|drop|alter|truncate|copy)\b",
    re.I | re.S,
)

#: What tells of the server itself, of which this is another, and why.
OF_THE_SERVER = {
    r"version\(\)": "its version",
    r"current_setting\('jit'\)|set_config\('jit'": "a setting of its own",
    r"pg_encoding_to_char|pg_database": "databases",
    r"pg_catalog\.pg_roles|pg_authid|pg_auth_members": "roles",
    r"pg_extension": "extensions",
    r"pg_opclass": "operator classes",
    r"FROM pg_catalog\.pg_proc|pg_get_function": "all functions",
    r"typtype = 'd'\s|pg_type_is_visible|typinput=|FROM pg_catalog\.pg_type t LEFT JOIN|t\.typname,t\.oid|nspname, typname|typname as \"name\"": "all types",
    r"pg_table_size|pg_total_relation_size": "sizes on disk",
    r"transaction isolation|transaction_isolation": "the level of isolation",
    r"\"postgres\"\.|postgres\.information_schema|'postgres'": "another database",
    r"max_index_keys": "a limit of its own",
}

SETUP = [
    "CREATE TABLE trips(id bigint, pickup timestamp, total numeric(10,2), note text)",
    "INSERT INTO trips VALUES (1, '2019-04-01 10:00:00', 12.50, 'a'), (2, '2019-04-02 11:30:00', 7.25, NULL)",
    "CREATE VIEW vtrips AS SELECT id, total FROM trips",
    "CREATE SCHEMA analytics",
]


def connected(dsn):
    """A connection, once somebody listens."""
    for _ in range(100):
        try:
            return psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.2)
    return psycopg.connect(dsn, autocommit=True)


def open_at(dsn, is_postgresql):
    connection = connected(dsn)
    if is_postgresql:
        connection.execute("DROP SCHEMA public; CREATE SCHEMA main; SET search_path = main")
    for statement in SETUP:
        connection.execute(statement)
    oids = dict(connection.execute("SELECT relname, oid::int8 FROM pg_class WHERE relname IN ('trips', 'vtrips')").fetchall())
    return connection, oids


def asked(connection, oids, sql):
    """Columns and rows, as text; what the server calls its objects is told by what they are."""
    sql = sql.replace("16384", str(oids["trips"])).replace("16391", str(oids["vtrips"]))
    try:
        result = connection.pgconn.exec_(sql.encode())
        if result.error_message:
            return "error", result.error_message.decode().splitlines()[0]
        numbers = {str(oid): name for name, oid in oids.items()}
        cell = lambda row, column: result.get_value(row, column)
        text = lambda value: None if value is None else numbers.get(value.decode(), value.decode())
        names = [result.fname(column).decode() for column in range(result.nfields)]
        rows = [[text(cell(row, column)) for column in range(result.nfields)] for row in range(result.ntuples)]
        return names, rows
    finally:
        connection.pgconn.exec_(b"ROLLBACK")


def same(one, other):
    if one[0] != other[0] or one[0] == "error":
        return False
    # Object ids that are the server's own: the same in the same places.
    def canonical(rows):
        seen = {}
        number = lambda value: seen.setdefault(value, f"#{len(seen)}") if value is not None and re.fullmatch(r"[1-9]\d{3,6}", value) else value
        return [[number(value) for value in row] for row in rows]
    return one[1] == other[1] or canonical(sorted(one[1], key=str)) == canonical(sorted(other[1], key=str))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        statements = list(dict.fromkeys(record["sql"] for record in json.load(file)))
    theirs, their_oids = open_at(sys.argv[2], True)
    ours, our_oids = open_at(sys.argv[3], False)
    alone = equal = server = 0
    differ = []
    for sql in statements:
        if NOT_ALONE.match(sql):
            continue
        alone += 1
        sql = re.sub(r"\bpublic\b", "main", sql)
        one, other = asked(theirs, their_oids, sql), asked(ours, our_oids, sql)
        if same(one, other):
            equal += 1
        elif any(re.search(sign, sql, re.I) for sign in OF_THE_SERVER):
            server += 1
        else:
            differ.append((sql, one, other))
    for sql, one, other in differ:
        print("differs:", " ".join(sql.split())[:3000], "\n  theirs:", str(one)[:1500], "\n  ours:  ", str(other)[:1500])
    comparable = alone - server
    print(f"{len(statements)} statements, {alone} alone, {server} of the server itself, {equal} of {comparable} equal")
    sys.exit(0 if equal * 100 >= 95 * comparable else 1)


if __name__ == "__main__":
    main()
