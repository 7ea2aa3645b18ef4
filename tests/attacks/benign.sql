SELECT 42;

FROM range(3);

TABLE t ;

SELECT * FROM t AS x WHERE b LIKE 'x%' AND a IN (1, 2) OR a BETWEEN 1 AND 3;

SELECT a, count(*), sum(a) FILTER (WHERE a > 0), avg(a), string_agg(b, ',' ORDER BY b) FROM t GROUP BY ALL HAVING sum(a) > 0 ORDER BY ALL LIMIT 10;

SELECT a, b, grouping(a), sum(a) FROM t GROUP BY GROUPING SETS ((a), (a, b), ());

SELECT a, sum(a) FROM t GROUP BY CUBE (a, b);

SELECT a, sum(a) FROM t GROUP BY ROLLUP (a, b);

SELECT row_number() OVER w, rank() OVER w, dense_rank() OVER w, ntile(2) OVER w, lag(range, 1, 0) OVER w, lead(range) OVER w, first_value(range) OVER w, last_value(range) OVER w, nth_value(range, 2) OVER w, sum(range) OVER (ORDER BY range ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM range(5) WINDOW w AS (ORDER BY range) QUALIFY row_number() OVER w < 3;

WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT sum(n) FROM r;

WITH a AS MATERIALIZED (SELECT 1 AS x), b AS NOT MATERIALIZED (FROM a) SELECT * FROM a, b;

PIVOT (SELECT 1 AS a, 'x' AS b, 2 AS c) ON b IN ('x', 'y') USING sum(a) GROUP BY c;

PIVOT (SELECT 1 AS a, 'it''s' AS b UNION ALL SELECT 2, 'y') ON b USING sum(a);

PIVOT t ON b USING sum(a) ORDER BY ALL LIMIT 3;

FROM (SELECT 1 AS a, 'x' AS b) PIVOT (sum(a) FOR b IN ('x', 'y'));

UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME n VALUE v;

UNPIVOT (SELECT 1 AS a, 2 AS b, 3 AS c) ON COLUMNS(* EXCLUDE (c)) INTO NAME n VALUE v;

SUMMARIZE t ;

SUMMARIZE SELECT 1;

DESCRIBE t ;

DESCRIBE SELECT 1 AS a;

DESCRIBE;

SHOW TABLES;

SHOW ALL TABLES;

SHOW DATABASES;

SELECT column_name FROM (DESCRIBE SELECT 1 AS a);

SELECT list_transform([1, 2], lambda x: x + 1), [x * 2 FOR x IN [1, 2, 3] IF x > 1], list_filter([1, 2], lambda a, i: a > i), list_reduce([1, 2, 3], lambda x, y: x + y);

SELECT * FROM (VALUES (1, 10), (2, 20)) a(x, y) ASOF JOIN (VALUES (1, 5)) b(x, z) ON a.x = b.x AND a.y >= b.z;

SELECT * FROM range(2) a POSITIONAL JOIN range(3) b;

SELECT * FROM range(2) a(x) SEMI JOIN range(1) b(x) USING (x);

SELECT * FROM range(2) a(x) ANTI JOIN range(1) b(x) USING (x);

SELECT * FROM range(2) a(x) NATURAL JOIN range(1) b(x) LEFT JOIN range(3) c(x) USING (x) FULL JOIN range(3) d(x) USING (x);

SELECT * FROM range(3) x(i), LATERAL (SELECT x.i + 1 AS j), unnest([1, 2]) u(k);

SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b, 3 AS a;

SELECT 1 EXCEPT ALL SELECT 2 INTERSECT SELECT 1 ORDER BY 1 LIMIT 10%;

SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (1, 3)) v(a, b) ORDER BY a, b OFFSET 0;

SELECT * FROM range(100) TABLESAMPLE reservoir(10 ROWS) REPEATABLE (42);

SELECT * FROM range(100) USING SAMPLE 10%;

SELECT * EXCLUDE (b) REPLACE (a + 1 AS a) RENAME (c AS d) FROM (SELECT 1 AS a, 2 AS b, 3 AS c);

SELECT COLUMNS('a.*'), COLUMNS(c -> c LIKE 'a%'), COLUMNS(* EXCLUDE (b)) + 1 FROM (SELECT 1 AS a1, 2 AS a2, 3 AS b);

SELECT * LIKE 'a%' FROM (SELECT 1 AS a1, 2 AS b);

SELECT unnest([1, 2]), unnest({'a': 1}), {'a': 1, 'b': [1, 2]}, MAP {'x': 1}, row(1, 2), [1, 2][1], [1, 2, 3][1:2], 'abc'[1], struct_pack(a := 1), union_value(x := 1);

SELECT CASE WHEN true THEN 1 ELSE 2 END, CASE 1 WHEN 1 THEN 2 END, 1 = ANY (SELECT 1), 1 > ALL (SELECT 0), EXISTS (SELECT 1), coalesce(NULL, 1), nullif(1, 2), ifnull(NULL, 1), if(true, 1, 2), TRY(1 / 0), TRY_CAST('x' AS INTEGER), 1 IS DISTINCT FROM 2, 'a' COLLATE NOCASE = 'A', ARRAY(SELECT 1);

SELECT 1::DECIMAL(10, 2), '[1]'::VARCHAR[], [1, 2]::INTEGER[2], NULL::STRUCT(a INTEGER, b VARCHAR), NULL::MAP(INTEGER, VARCHAR), 1::UNION(x INTEGER, y VARCHAR), 'x'::ENUM ('x', 'y'), '{}'::JSON, DATE '2020-01-01', TIMESTAMP '2020-01-01', INTERVAL 1 DAY, '1 year'::INTERVAL, 1::HUGEINT, 1::UHUGEINT, '1'::BIT, uuid()::UUID, 'x'::BLOB, TIMESTAMPTZ '2020-01-01', TIME '12:00', 1e10, 1.5, 123456789012345678901234567890, true, NULL;

SELECT date_trunc('month', DATE '2020-01-05'), extract(year FROM DATE '2020-01-01'), date_diff('day', DATE '2020-01-01', DATE '2020-01-02'), strftime(DATE '2020-01-01', '%Y'), strptime('2020', '%Y'), DATE '2020-01-01' + INTERVAL 1 MONTH, now() IS NOT NULL, current_date IS NOT NULL, TIMESTAMP '2020-01-01' AT TIME ZONE 'UTC';

SELECT upper('a'), lower('A'), substring('abc' FROM 1 FOR 2), position('a' IN 'b'), trim(BOTH 'x' FROM 'xax'), 'a' || 'b', regexp_replace('a', 'a', 'b'), regexp_extract('a1', '\d'), split_part('a,b', ',', 1), string_split('a b', ' '), format('{}', 1), printf('%d', 1), lpad('a', 3, 'x'), md5('x'), sha256('x'), hash(1), levenshtein('a', 'b'), ('a').upper().lower();

SELECT json_extract('{"a": 1}', '$.a'), '{"a": 1}'::JSON -> 'a', '{"a": 1}'::JSON ->> 'a', json_serialize_sql('SELECT 1'), to_json({'a': 1}), json_object('a', 1), from_json('{"a": 1}', '{"a": "INTEGER"}');

SELECT median(range), quantile_cont(range, 0.5), percentile_cont(0.5) WITHIN GROUP (ORDER BY range), mode(range), arg_max(range, range), approx_count_distinct(range), approx_quantile(range, 0.5), stddev(range), corr(range, range), list(range), histogram(range), list_aggregate(list(range), 'sum'), first(range), any_value(range), bool_and(true), bit_xor(range), entropy(range), regr_slope(range, range), max(range, 2), min_by(range, range) FROM range(10);

SELECT * FROM generate_series(1, 10, 2), repeat('x', 3), (VALUES (1), (2)) v(a), json_each('{"a": 1}');

FROM query('SELECT 1 AS a');

FROM query_table('t') t ;

FROM query_table([t, t], true) t ;

FROM histogram(t, a) t ;

SELECT table_name FROM information_schema.tables;

SELECT relname FROM pg_catalog.pg_class;

SELECT count(*) FROM duckdb_functions();

FROM duckdb_columns() LIMIT 1;

FROM pragma_version();

SELECT version(), current_schema(), current_database(), current_setting('memory_limit'), current_setting('TimeZone'), current_user, txid_current();

SET VARIABLE x = (SELECT max(range) FROM range(10)); SET VARIABLE "my y" = getvariable('x') + 1; SELECT getvariable('my y'); RESET VARIABLE x; SELECT getvariable('x');

EXPLAIN SELECT 1;

EXPLAIN ANALYZE SELECT sum(range) FROM range(10);

EXPLAIN (ANALYZE, FORMAT json) SELECT 1;

EXPLAIN (FORMAT text) (SELECT 1);

SELECT #1, lambda_free FROM (SELECT 1 AS lambda_free);

SELECT x: 1, y: x + 1;

SELECT sum(l * (1 - d)) AS revenue FROM (SELECT range AS l, 0.1 AS d, DATE '1994-01-01' + range::INTEGER AS s FROM range(100)) WHERE s >= DATE '1994-01-01' AND s < DATE '1994-01-01' + INTERVAL 1 YEAR AND d BETWEEN 0.05 AND 0.15;

SELECT c, count(*) FROM (SELECT range % 3 AS c FROM range(100) WHERE NOT EXISTS (SELECT 1 FROM range(5) o WHERE o.range = range.range)) GROUP BY c HAVING count(*) > (SELECT avg(range) FROM range(3)) ORDER BY 2 DESC;

FROM 's3://lake/t.parquet';

FROM "s3://lake/t.parquet" AS x;

SELECT * FROM read_parquet('s3://lake/*.parquet', filename = true, union_by_name = true, hive_partitioning := false);

SELECT * FROM read_parquet(['s3://lake/t.parquet', 's3://lake/t.parquet'], file_row_number = true) WHERE file_row_number BETWEEN 0 AND 10;

SELECT * FROM read_csv('s3://lake/x.csv', header = true, columns = {'a': 'INTEGER'}, delim = ',');

SELECT * FROM read_text('s3://lake/x.csv'), read_blob('s3://lake/x.csv'), glob('s3://lake/*');

SELECT * FROM parquet_metadata('s3://lake/t.parquet'), parquet_schema('s3://lake/t.parquet');

FROM sniff_csv('s3://lake/x.csv');

DESCRIBE 's3://lake/t.parquet';

SUMMARIZE 's3://lake/t.parquet';

COPY (SELECT 1 AS a, 2 AS b) TO 's3://lake/out/x.csv' (FORMAT csv, HEADER, DELIMITER ';', FORCE_QUOTE *);

COPY t TO 's3://lake/out/t.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000);

COPY t (a) TO 's3://lake/out/t.json' ;

COPY (SELECT 1 AS a, 2 AS b) TO 's3://lake/out/parts' (FORMAT parquet, PARTITION_BY (a), OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'part_{i}');

COPY (SELECT 'a'';b' AS a -- ) TO 'x'
) TO 's3://lake/out/y.parquet' (KV_METADATA {k: 'v'});


WITH RECURSIVE r(a, b) USING KEY (a) AS (SELECT 1, 1 UNION SELECT a, b + 1 FROM recurring.r WHERE b < 3) FROM r;

WITH "a.b" AS (SELECT 1), "x.csv" AS (SELECT 2) FROM "a.b", "x.csv";

WITH "Ä" AS (SELECT 1 AS a) FROM "Ä";

FROM query_table(t);

FROM query_table(['t', 's3://lake/t.parquet'], true);

FROM 's3://lake/*.parquet';

WITH x AS (SELECT 1 AS a) FROM query_table('x');
