//! What the user says of a text, rather than DuckDB finding it out.

use super::request;
use crate::cloud::local::testing::Lake;
use crate::config::TextForm;
use crate::lake::load::source::Origin;
use crate::lake::load::{LoadRequest, Mode};

fn told(source: &str, table: &str, say: impl FnOnce(&mut TextForm)) -> LoadRequest {
    let mut request = LoadRequest { mode: Mode::Replace, ..request(source, table) };
    say(&mut request.form);
    request
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn several(sources: &[&str], table: &str) -> LoadRequest {
    LoadRequest { origin: Origin::Source(texts(sources)), ..request("", table) }
}

impl Lake {
    /// The columns of a table and their types.
    async fn columns(&self, table: &str) -> String {
        let table = self.table(table).await;
        let columns = table.columns.iter().map(|column| format!("{} {}", column.name, column.sql_type));
        columns.collect::<Vec<_>>().join(", ")
    }

    async fn rows(&self, table: &str) -> String {
        let table = self.table(table).await;
        self.select(&table, "SELECT list(t) FROM TABLE t").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_is_read_as_it_is_said_to_be_written() {
    let lake = Lake::new().await;
    lake.write("a.csv", "plz~preis~am\n01067~1,50~k.A.\n80331~-~31.12.2020\n");
    let german = |form: &mut TextForm| {
        form.delimiter = text("~");
        form.decimal = text(",");
        form.null = texts(&["-", "k.A."]);
        form.types = texts(&["PLZ=VARCHAR"]);
    };
    lake.load(told("a.csv", "t", german)).await.unwrap();
    assert_eq!(lake.columns("t").await, "plz VARCHAR, preis DOUBLE, am DATE");
    assert_eq!(
        lake.rows("t").await,
        "[{'plz': 01067, 'preis': 1.5, 'am': NULL}, {'plz': 80331, 'preis': NULL, 'am': 2020-12-31}]"
    );
    // The comma of decimals is not taken for what is between values.
    lake.write("b.csv", "a,b,c;d\n1,5;2\n");
    lake.load(told("b.csv", "t", |form| form.decimal = text(","))).await.unwrap();
    assert_eq!(lake.columns("t").await, "a,b,c DOUBLE, d BIGINT");
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_there_is_a_header_is_said() {
    let lake = Lake::new().await;
    lake.write("a.csv", "city,land\nBern,CH\n");
    lake.load(told("a.csv", "t", |form| form.header = text("no"))).await.unwrap();
    assert_eq!(lake.rows("t").await, "[{'column0': city, 'column1': land}, {'column0': Bern, 'column1': CH}]");
    lake.write("b.csv", "1,2\n3,4\n");
    let both = |form: &mut TextForm| {
        form.header = text("yes");
        form.types = texts(&["1=VARCHAR"]);
    };
    lake.load(told("b.csv", "t", both)).await.unwrap();
    assert_eq!(lake.rows("t").await, "[{'1': 3, '2': 4}]");
    // The line that DuckDB complains of is not one of those names that there are not.
    lake.write("c.csv", "1,2\n3,4,5\n");
    let error = lake.refused(told("c.csv", "u", |form| form.header = text("no"))).await;
    assert!(error.contains("Line: 2") && error.contains("Expected Number of Columns: 2 Found: 3"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_those_that_are_given_or_the_load_is_refused() {
    let lake = Lake::new().await;
    // Late ones, that DuckDB does not look at when it finds the types; packed, and in lines that are cut into pieces.
    let rows = format!("id,zip,price\n{}2,007,1.25\n", "1,1,1\n".repeat(30_000));
    let types = |form: &mut TextForm| form.types = texts(&["zip=TEXT, price=DECIMAL(9,2)", "id=int"]);
    lake.write("a.csv", &rows);
    lake.write("long.csv", format!("{rows}3,{},1.5\n", "x".repeat(5 << 20)));
    for (source, count) in [("a.csv", 30_001), ("long.csv", 30_002)] {
        lake.load(told(source, "t", types)).await.unwrap();
        assert_eq!(lake.columns("t").await, "id INTEGER, zip VARCHAR, price DECIMAL(9,2)", "{source}");
        let table = lake.table("t").await;
        let sum = "SELECT (count(*), sum(price), any_value(zip) FILTER (id = 2)) FROM TABLE";
        assert!(lake.select(&table, sum).await.starts_with(&format!("({count}, 3000")), "{source}");
        assert_eq!(lake.select(&table, "SELECT any_value(zip) FILTER (id = 2) FROM TABLE").await, "007", "{source}");
    }
    for (types, value, own) in [
        ("price=INTEGER", "1.25", "INTEGER"),
        ("price=DECIMAL(9,1)", "1.25", "DECIMAL(9,1)"),
        ("zip=BOOLEAN,price=VARCHAR", "007", "BOOLEAN"),
    ] {
        let error = lake.refused(told("a.csv", "u", |form| form.types = texts(&[types]))).await;
        let column = types.split('=').next().unwrap_or_default();
        let said = format!("`{value}` in column `{column}` is not kept by {own}, the type that it is given");
        assert_eq!(error, format!("cannot load `a.csv`: {said}"));
    }
    let error = lake.refused(told("a.csv", "u", |form| form.types = texts(&["pice=DOUBLE"]))).await;
    assert_eq!(error, "there is no column `pice`, that --types gives a type");
}

/// The columns that no type is given are looked at as ever.
#[tokio::test(flavor = "multi_thread")]
async fn given_types_leave_the_other_columns_as_exact_as_they_are_without() {
    let lake = Lake::new().await;
    let first = "1,1,2020-01-01,2020-01-01 10:00:00\n".repeat(30_000);
    lake.write("a.csv", format!("a,b,d,t\n{first}2,1.5,2020-01-01 11:00,2020-01-01 10:00:00+02\n"));
    lake.load(told("a.csv", "t", |form| form.types = texts(&["a=VARCHAR"]))).await.unwrap();
    assert_eq!(lake.columns("t").await, "a VARCHAR, b DOUBLE, d TIMESTAMP, t TIMESTAMP WITH TIME ZONE",);
    let table = lake.table("t").await;
    assert_eq!(lake.select(&table, "SELECT (max(b), hour(max(d)), hour(min(t))) FROM TABLE").await, "(1.5, 11, 8)");
    // The same by nulls and decimals.
    let first = "1;1;NA\n".repeat(30_000);
    lake.write("b.csv", format!("a;b;c\n{first}1,5;NA;2,5\n"));
    let said = |form: &mut TextForm| {
        form.decimal = text(",");
        form.null = texts(&["NA"]);
    };
    lake.load(told("b.csv", "t", said)).await.unwrap();
    assert_eq!(lake.columns("t").await, "a DOUBLE, b BIGINT, c DOUBLE");
    let table = lake.table("t").await;
    assert_eq!(lake.select(&table, "SELECT (sum(a), sum(b), max(c)) FROM TABLE").await, "(30001.5, 30000, 2.5)");
    // What is a number by neither sign stays what it is.
    lake.write("c.csv", format!("a;b\n{}1.234,5;1.5\n", "1,5;1\n".repeat(30_000)));
    lake.load(told("c.csv", "t", |form| form.decimal = text(","))).await.unwrap();
    assert_eq!(lake.columns("t").await, "a VARCHAR, b VARCHAR");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_other_encodings_is_the_same_text() {
    let lake = Lake::new().await;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let csv = "name,n\nMüller,1\nŸ€,2\n";
    let utf_16 = |text: &str| format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    lake.write("a.csv", utf_16(csv));
    lake.write("a.csv.gz", gzip(&utf_16(csv)));
    lake.write("a.jsonl", utf_16("{\"name\": \"Müller\", \"n\": 1}\n{\"name\": \"Ÿ€\", \"n\": 2}\n"));
    lake.write("windows.csv", b"name,n\nM\xfcller,1\n\x9f\x80,2\n");
    for (source, encoding) in
        [("a.csv", "utf-16"), ("a.csv.gz", "UTF16"), ("a.jsonl", "utf-16"), ("windows.csv", "windows-1252")]
    {
        lake.load(told(source, "t", |form| form.encoding = text(encoding))).await.unwrap();
        assert_eq!(lake.rows("t").await, "[{'name': Müller, 'n': 1}, {'name': Ÿ€, 'n': 2}]", "{source}");
    }
    let refused =
        |source: &'static str, encoding| lake.refused(told(source, "u", |form| form.encoding = text(encoding)));
    assert_eq!(refused("windows.csv", "latin-1").await, "`windows.csv` is not in latin-1: byte 17 is of no character");
    assert_eq!(refused("windows.csv", "ebcdic").await, "`ebcdic` is no encoding that load reads");
    lake.write("cut.csv.gz", &gzip(&utf_16(csv))[..30]);
    assert!(refused("cut.csv.gz", "utf-16").await.starts_with("`cut.csv.gz` is cut off: "));
    lake.load(told("a.csv", "t", |form| form.encoding = text("utf-16"))).await.unwrap();
    assert!(lake.refused(told("a.csv", "u", |_| {})).await.starts_with("`a.csv` is text in UTF-16"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_meaning_is_refused_before_anything_is_read() {
    let lake = Lake::new().await;
    lake.write("a.json", "[{\"a\": 1}]");
    lake.write("a.parquet", "PAR1 and so on");
    let name = "`--null` has no meaning for";
    let null = |form: &mut TextForm| form.null = texts(&["NA"]);
    assert!(lake.refused(told("a.json", "t", null)).await.starts_with(&format!("{name} `a.json`: it is JSON")));
    assert!(
        lake.refused(told("a.parquet", "t", null)).await.starts_with(&format!("{name} `a.parquet`: it is Parquet"))
    );
    let latin = |form: &mut TextForm| form.encoding = text("latin-1");
    assert!(lake.refused(told("a.parquet", "t", latin)).await.starts_with("`--encoding` has no meaning for"));
    let sample = LoadRequest { form: told("", "", null).form, ..super::sample("taxi", 10, "t") };
    assert!(lake.refused(sample).await.starts_with("`--null` says how a text is written"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sources_make_one_table() {
    let lake = Lake::new().await;
    std::fs::create_dir(lake.dir.path().join("c")).unwrap();
    for (name, n) in [("a.csv", 1), ("b.csv", 2), ("c/1.csv", 3), ("c/2.csv", 4)] {
        lake.write(name, format!("n,text\n{n},x\n"));
    }
    lake.load(several(&["a.csv", "b.csv", "c/*.csv"], "t")).await.unwrap();
    let table = lake.table("t").await;
    assert_eq!((table.rows, table.source.as_str()), (4, "a.csv, b.csv, c/*.csv"));
    assert_eq!(lake.select(&table, "SELECT list(n ORDER BY n) FROM TABLE").await, "[1, 2, 3, 4]");
    let error = lake.refused(several(&["a.csv", "?.csv"], "u")).await;
    assert_eq!(error, "`a.csv` is named twice, and would be loaded twice");
    lake.write("d.json", "[{\"n\": 1}]");
    let error = lake.refused(several(&["a.csv", "d.json"], "u")).await;
    assert_eq!(error, "`d.json` is of another kind than `a.csv`");
    assert_eq!(lake.refused(several(&["a.csv", "e.csv"], "u")).await, "there is no file `e.csv`");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_delimiters_are_told_and_not_padded() {
    let lake = Lake::new().await;
    lake.write("a.csv", "a,b\n1,2\n");
    lake.write("b.csv", "a,b\n3,4\n");
    lake.write("c.csv", "a;b\n5;6\n");
    let said = "`c.csv` has `;` between its values, and `a.csv` has `,`";
    assert_eq!(lake.refused(request("?.csv", "t")).await, said);
    let comma = told("?.csv", "t", |form| form.delimiter = text(","));
    assert_eq!(lake.refused(comma).await, said);
    // One column has nothing between its values; and a name may have anything in it.
    lake.write("c.csv", "a\n5\n");
    lake.load(request("?.csv", "t")).await.unwrap();
    lake.write("c.csv", "a,\"b;c;d\"\n5,6\n");
    lake.load(told("?.csv", "t", |_| {})).await.unwrap();
}
