//! Rows added to a table that has columns already.

use duckdb::Connection;

use super::{partitioned, request};
use crate::cloud::local::testing::Lake;
use crate::lake::catalog::ColumnStats;
use crate::lake::load::{LoadRequest, Mode};

fn append(source: &str) -> LoadRequest {
    LoadRequest { mode: Mode::Append, ..request(source, "t") }
}

impl Lake {
    /// A Parquet file of what a query gives.
    pub(super) fn parquet(&self, name: &str, sql: &str) {
        let path = self.dir.path().join(name);
        let copy = format!("COPY ({sql}) TO '{}' (FORMAT parquet)", path.display());
        Connection::open_in_memory().unwrap().execute_batch(&copy).unwrap();
    }

    /// The table's rows, read by the columns of its first file, as a query reads them.
    async fn all(&self, columns: &str, order: &str) -> String {
        let table = self.table("t").await;
        self.select(&table, &format!("SELECT list(({columns}) ORDER BY {order}) FROM TABLE")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_get_the_tables_columns() {
    let lake = Lake::new().await;
    lake.parquet("a.parquet", "SELECT 1::BIGINT AS id, 'x' AS \"Name\", 1.5::DOUBLE AS f, 1.25::DECIMAL(9,2) AS d");
    lake.load(request("a.parquet", "t")).await.unwrap();
    // Narrower ones, under names of another case, and none of two.
    lake.parquet("b.parquet", "SELECT 0.5::FLOAT AS F, 2::SMALLINT AS ID");
    lake.load(append("b.parquet")).await.unwrap();
    lake.parquet("c.parquet", "SELECT 7::TINYINT AS d, 3::UINTEGER AS id, NULL::INTEGER AS name");
    lake.load(append("c.parquet")).await.unwrap();
    let table = lake.table("t").await;
    let told: Vec<_> = table.columns.iter().map(|c| format!("{} {} {:?}", c.name, c.sql_type, c.nulls)).collect();
    let wanted = ["id BIGINT Some(0)", "Name VARCHAR Some(2)", "f DOUBLE Some(1)", "d DECIMAL(9,2) Some(1)"];
    assert_eq!(told, wanted);
    assert_eq!(
        lake.all("id, \"Name\", f, d", "id").await,
        "[(1, x, 1.5, 1.25), (2, NULL, 0.5, NULL), (3, NULL, NULL, 7.00)]"
    );
    // Each file by itself has them, as readers of all go by the first.
    for file in &table.files {
        assert_eq!(file.columns.len(), 4, "{}", file.key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_read_as_the_table_has_them() {
    let lake = Lake::new().await;
    lake.parquet("a.parquet", "SELECT 1::INTEGER AS n, 'x1' AS code, 0.5::DOUBLE AS f, DATE '2020-01-01' AS d");
    lake.load(request("a.parquet", "t")).await.unwrap();
    lake.write("b.csv", "code,n,f,d\n007,2,3,2020-01-02\n");
    lake.load(append("b.csv")).await.unwrap();
    // Nothing in a column is NULL in it, whatever its type; as is one that is not there.
    lake.write("c.csv", "d,n,code\n,3,\n");
    lake.load(append("c.csv")).await.unwrap();
    assert_eq!(
        lake.all("n, code, f, d", "n").await,
        "[(1, x1, 0.5, 2020-01-01), (2, 007, 3.0, 2020-01-02), (3, NULL, NULL, NULL)]"
    );
    // What the type does not keep is listed, as ever.
    for (value, found) in [("1.5", "DOUBLE"), ("x", "VARCHAR")] {
        lake.write("d.csv", format!("n\n{value}\n"));
        let said = lake.refused(append("d.csv")).await;
        assert_eq!(
            said,
            format!("cannot append to `t`: the new rows have other columns\n  - n INTEGER\n  + n {found}")
        );
    }
    lake.write("d.csv", "else\n1\n");
    assert!(lake.refused(append("d.csv")).await.contains("\n  - n INTEGER\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_gets_wider_and_new_columns_with_rows_and_its_files_stay() {
    let lake = Lake::new().await;
    lake.parquet("a.parquet", "SELECT 1::INTEGER AS n, 0.1::FLOAT AS f, 1.5::DECIMAL(4,1) AS d, 'x' AS s");
    lake.load(request("a.parquet", "t")).await.unwrap();
    lake.write("b.csv", "n,more,s\n3000000000,2020-01-02,y\n");
    let loaded = lake.load(append("b.csv")).await.unwrap();
    assert_eq!(
        loaded.notes,
        ["`t` has the new column `more` DATE", "the column `n` of `t` is BIGINT now, and was INTEGER"]
    );
    lake.parquet("c.parquet", "SELECT 0.25::DOUBLE AS F, 12345.5::DECIMAL(9,1) AS d, 7 AS n");
    lake.load(append("c.parquet")).await.unwrap();
    let table = lake.table("t").await;
    let told = |column: &ColumnStats| format!("{} {} {:?}", column.name, column.sql_type, column.nulls);
    assert_eq!(
        table.columns.iter().map(told).collect::<Vec<_>>(),
        ["n BIGINT Some(0)", "f DOUBLE Some(1)", "d DECIMAL(9,1) Some(1)", "s VARCHAR Some(1)", "more DATE Some(2)"]
    );
    // Nothing was written anew: the first file has what it had.
    let shapes: Vec<_> = table.files.iter().map(|file| file.schema).collect();
    assert_eq!(shapes, [Some(0), Some(1), None]);
    assert_eq!((table.differs[&0].lacks.as_slice(), table.differs[&1].lacks.len()), (&["more".to_owned()][..], 0));
    assert_eq!(
        lake.all("n, f, d, s, more", "n").await,
        "[(1, 0.10000000149011612, 1.5, x, NULL), (7, 0.25, 12345.5, NULL, NULL), (3000000000, NULL, NULL, y, 2020-01-02)]"
    );
    let (f, n) = (&table.columns[1], &table.columns[0]);
    assert_eq!((n.min.as_deref(), n.max.as_deref()), (Some("1"), Some("3000000000")));
    assert!(f.max.as_deref().is_none_or(|max| max.parse::<f64>().unwrap() >= 0.25), "{f:?}");
    // What cannot be read as the new type is refused, as is a name that would be another column's in another case.
    for (rows, what) in [("n\nx\n", "  - n BIGINT\n  + n VARCHAR"), ("n,f\n1,2020-01-01\n", "  - f DOUBLE\n  + f DATE")]
    {
        lake.write("d.csv", rows);
        let said = lake.refused(append("d.csv")).await;
        assert!(said.ends_with(what), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_is_added_to_as_it_is_partitioned() {
    let lake = Lake::new().await;
    lake.write("a.csv", "ts,n,text\n2020-01-01 10:00:00,1,x\n");
    lake.load(partitioned(request("a.csv", "t"), &["day=CAST(ts AS DATE)", "n"])).await.unwrap();
    lake.write("b.csv", "N,TS\n2,2020-01-02 11:00:00\n");
    lake.load(append("b.csv")).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!(table.partition_by, ["day=CAST(ts AS DATE)", "n"]);
    assert!(table.files[1].key.contains("/day=2020-01-02/n=2/"), "{}", table.files[1].key);
    assert_eq!(lake.all("n, day, text", "n").await, "[(1, 2020-01-01, x), (2, 2020-01-02, NULL)]");
    // What it is partitioned by may be missing, too.
    lake.write("c.csv", "text\ny\n");
    lake.load(append("c.csv")).await.unwrap();
    assert_eq!(lake.all("n, day, text", "n").await, "[(1, 2020-01-01, x), (2, 2020-01-02, NULL), (NULL, NULL, y)]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_alone_makes_a_table_without_rows() {
    let lake = Lake::new().await;
    lake.write("a.csv", "a,b,p\n");
    let mut typed = request("a.csv", "t");
    typed.form.types = vec!["b=DECIMAL(9,2)".to_owned()];
    for by in [&[][..], &["p", "q=length(a)"]] {
        let mode = LoadRequest { mode: Mode::Replace, ..partitioned(typed.clone(), by) };
        assert_eq!(lake.load(mode).await.unwrap().loaded_rows, 0);
        let table = lake.table("t").await;
        assert_eq!((table.rows, table.files.len(), table.partitions.len()), (0, 1, by.len()), "{by:?}");
        assert_eq!(lake.select(&table, "SELECT count(a) || ' ' || count(p) FROM TABLE").await, "0 0");
        let b = table.columns.iter().find(|column| column.name == "b").unwrap();
        assert_eq!(b.sql_type, "DECIMAL(9,2)");
        // Rows that come later are all that there is.
        lake.write("b.csv", "a,b,p\nx,1.5,y\n");
        lake.load(append("b.csv")).await.unwrap();
        assert_eq!(lake.all("a, b, p", "a").await, "[(x, 1.50, y)]");
        lake.load(append("a.csv")).await.unwrap();
        assert_eq!(lake.all("a, b, p", "a").await, "[(x, 1.50, y)]");
    }
    lake.parquet("none.parquet", "SELECT 1 AS n WHERE false");
    lake.load(LoadRequest { mode: Mode::Replace, ..request("none.parquet", "t") }).await.unwrap();
    assert_eq!(lake.table("t").await.columns[0].sql_type, "INTEGER");
}
