"""What is one transaction, and what is none: each answer is PostgreSQL's own (run it against one to see that).

usage: transactions.py PORT [USER [DATABASE]]
"""

import sys

import psycopg

PORT, USER, DATABASE = (sys.argv[1:] + [None, "ann", "lake"][len(sys.argv) - 1 :])[:3]
c = psycopg.connect(f"host=127.0.0.1 port={PORT} user={USER} dbname={DATABASE}", autocommit=True)
notices = []
c.add_notice_handler(lambda notice: notices.append(notice.sqlstate))


def rows():
    return [a for (a,) in c.execute("SELECT a FROM one ORDER BY a").fetchall()]


def case(sql, kept, state=None, said=()):
    """Runs a message of several statements; whether it fails with `state`, and which rows are there then."""
    c.execute("DELETE FROM one")
    notices.clear()
    try:
        c.execute(sql)
        found = None
    except psycopg.Error as error:
        found = error.sqlstate
    assert found == state, f"{sql}: {found}, not {state}"
    open_block = c.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
    if open_block:
        c.execute("ROLLBACK")
    assert rows() == kept, f"{sql}: {rows()}, not {kept}"
    assert tuple(notices) == tuple(said), f"{sql}: {notices}, not {said}"
    return open_block


c.execute("CREATE TABLE one (a INTEGER)")
case("INSERT INTO one VALUES (1); INSERT INTO one VALUES ('x')", [], "22P02")
case("INSERT INTO one VALUES (1); INSERT INTO one VALUES (2)", [1, 2])
case("BEGIN; INSERT INTO one VALUES (1); COMMIT; INSERT INTO one VALUES (2); INSERT INTO one VALUES ('x')", [1], "22P02")
case("BEGIN; INSERT INTO one VALUES (1); ROLLBACK; INSERT INTO one VALUES (2)", [2])
# What came before BEGIN is of its transaction.
case("INSERT INTO one VALUES (1); BEGIN; INSERT INTO one VALUES (2); ROLLBACK", [])
assert case("INSERT INTO one VALUES (1); BEGIN; INSERT INTO one VALUES (2)", [])
assert case("INSERT INTO one VALUES (1); BEGIN; INSERT INTO one VALUES ('x')", [], "22P02")
# COMMIT and ROLLBACK without BEGIN end what there is, and warn.
case("INSERT INTO one VALUES (1); COMMIT; INSERT INTO one VALUES ('x')", [1], "22P02", ["25P01"])
case("INSERT INTO one VALUES (1); ROLLBACK; INSERT INTO one VALUES (2)", [2], None, ["25P01"])
case("INSERT INTO one VALUES (1); SAVEPOINT s", [], "25P01")
case("INSERT INTO one VALUES (1); SELECT 1; SELECT 1 FROM nothing", [], "42P01")
case("ROLLBACK", [], None, ["25P01"])

# Up to a Sync it is one transaction, too.
c.execute("DELETE FROM one")
try:
    with c.pipeline():
        c.execute("INSERT INTO one VALUES (1)")
        c.execute("INSERT INTO one VALUES ('x')")
        c.execute("INSERT INTO one VALUES (3)")
    raise AssertionError("the pipeline was not refused")
except psycopg.errors.InvalidTextRepresentation:
    pass
assert rows() == [], rows()
with c.pipeline() as pipeline:
    c.execute("INSERT INTO one VALUES (1)")
    c.execute("INSERT INTO one VALUES (%s)", [2])
    seen = c.execute("SELECT count(*) FROM one")
    assert seen.fetchone()[0] == 2
    pipeline.sync()
    c.execute("INSERT INTO one VALUES (3)")
assert rows() == [1, 2, 3], rows()
try:
    with c.pipeline() as pipeline:
        c.execute("INSERT INTO one VALUES (4)")
        pipeline.sync()
        c.execute("INSERT INTO one VALUES (5)")
        c.execute("SELECT 1 FROM nothing")
    raise AssertionError("the pipeline was not refused")
except psycopg.errors.UndefinedTable:
    pass
assert rows() == [1, 2, 3, 4], rows()
with c.pipeline():
    c.execute("BEGIN")
    c.execute("INSERT INTO one VALUES (6)")
    c.execute("ROLLBACK")
    c.execute("INSERT INTO one VALUES (7)")
assert rows() == [1, 2, 3, 4, 7], rows()
# One statement alone, with values.
for a in range(10, 13):
    c.execute("INSERT INTO one VALUES (%s)", [a])
assert rows() == [1, 2, 3, 4, 7, 10, 11, 12], rows()
assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
c.execute("DROP TABLE one")
print("transactions as PostgreSQL has them")
