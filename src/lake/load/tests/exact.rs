//! What is in a file is in the table, all of it and as it was, or the load is refused.

use duckdb::Connection;

use super::request;
use crate::cloud::local::testing::Lake;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text).unwrap();
    encoder.finish().unwrap()
}

/// Text packed with zstd, as DuckDB writes it.
fn zstd(lake: &Lake, select: &str, options: &str) -> Vec<u8> {
    let path = lake.dir.path().join("made.zst");
    let copy = format!("COPY ({select}) TO '{}' ({options}, COMPRESSION zstd)", path.display());
    Connection::open_in_memory().unwrap().execute_batch(&copy).unwrap();
    let packed = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    packed
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_that_are_cut_off_are_refused() {
    let lake = Lake::new().await;
    let rows = "SELECT i AS id, hash(i) AS h FROM range(100_000) t(i)";
    let text = |row: fn(u64) -> String| (0..100_000).map(row).collect::<String>().into_bytes();
    let csv = [b"id,h\n".to_vec(), text(|i| format!("{i},{}\n", i * 7919 % 100_003))].concat();
    let json = text(|i| format!("{{\"id\":{i},\"h\":{}}}\n", i * 7919 % 100_003));
    for (name, whole) in [
        ("a.csv.gz", gzip(&csv)),
        ("a.jsonl.gz", gzip(&json)),
        ("several.csv.gz", [gzip(&csv), gzip(b"1,1\n")].concat()),
        ("a.csv.zst", zstd(&lake, rows, "FORMAT csv")),
        ("a.jsonl.zst", zstd(&lake, rows, "FORMAT json")),
    ] {
        for cut in [4, 15, whole.len() / 2] {
            lake.write(name, &whole[..whole.len() - cut]);
            let error = lake.refused(request(name, "t")).await;
            assert!(error.starts_with(&format!("`{name}` is cut off: ")), "{name} without {cut}: {error}");
        }
        lake.write(name, &whole);
        lake.load(request(name, &name.replace('.', "_"))).await.unwrap();
    }
    lake.write("b.csv.gz", &gzip(&csv)[..9999]);
    let error = lake.refused(request("?.csv.gz", "t")).await;
    assert!(error.starts_with("`b.csv.gz` is cut off: "), "{error}");
    // A record that does not end is not why.
    let quoted = gzip(format!("id,h\n1,\"{}\"\n", "x".repeat(5 << 20)).as_bytes());
    lake.write("long.csv.gz", &quoted[..quoted.len() / 2]);
    assert!(lake.refused(request("long.csv.gz", "t")).await.starts_with("`long.csv.gz` is cut off: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_that_are_damaged_are_refused() {
    let lake = Lake::new().await;
    let csv = (0..100_000).map(|i| format!("{i},{}\n", i * 7919 % 100_003)).collect::<String>();
    let whole = gzip(csv.as_bytes());
    // In the checksum, that DuckDB does not look at; and among the rows.
    for (at, flip) in [(whole.len() - 8, 1), (whole.len() / 2, 0x55)] {
        let mut damaged = whole.clone();
        damaged[at] ^= flip;
        lake.write("a.csv.gz", damaged);
        let error = lake.refused(request("a.csv.gz", "t")).await;
        assert!(error.starts_with("`a.csv.gz` is damaged: "), "{at}: {error}");
    }
    let mut damaged = zstd(&lake, "SELECT i FROM range(10) t(i)", "FORMAT csv");
    damaged.extend(b"more");
    lake.write("a.csv.zst", damaged);
    assert!(lake.refused(request("a.csv.zst", "t")).await.starts_with("`a.csv.zst` is damaged: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_may_end_otherwise_within_quotes() {
    let lake = Lake::new().await;
    for (row, inside) in [("\r\n", "\n"), ("\r\n", "\r"), ("\n", "\r\n"), ("\n", "\r"), ("\n", "\n"), ("\r\n", "\r\n")]
    {
        lake.write("a.csv", format!("id,t{row}1,\"a{inside}b\"{row}2,plain{row}"));
        lake.load(super::LoadRequest { mode: super::Mode::Replace, ..request("a.csv", "t") }).await.unwrap();
        let table = lake.table("t").await;
        let found = lake.select(&table, "SELECT list((id, t) ORDER BY id) FROM TABLE").await;
        assert_eq!(found.replace(inside, "|"), "[(1, a|b), (2, plain)]", "{row:?} {inside:?}");
    }
}

/// Rows of one column, the `late` ones where DuckDB has long made up its mind.
fn csv(early: &str, late: &[&str]) -> String {
    format!("v\n{}{}\n", format!("{early}\n").repeat(50_000), late.join("\n"))
}

fn json(early: &str, late: &[&str]) -> String {
    let row = |value: &str| format!("{{\"v\": {value}}}\n");
    format!("{}{}", row(early).repeat(50_000), late.iter().map(|value| row(value)).collect::<String>())
}

/// Loads `text`, and gives the column's type and its last `late` values.
async fn last(lake: &Lake, name: &str, text: &str, late: usize) -> (String, String) {
    lake.write(name, text);
    lake.load(super::LoadRequest { mode: super::Mode::Replace, ..request(name, "t") }).await.unwrap();
    let table = lake.table("t").await;
    let rows = "SELECT v, row_number() OVER () AS i FROM TABLE";
    let sql = format!("SELECT list(v::VARCHAR ORDER BY i) FROM (FROM ({rows}) ORDER BY i DESC LIMIT {late})");
    (table.columns[0].sql_type.clone(), lake.select(&table, &sql).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_come_late_are_as_they_were() {
    let lake = Lake::new().await;
    for (early, late, sql_type, found) in [
        ("1", ["1.5", "0.4", "-2.5"].as_slice(), "DOUBLE", "[1.5, 0.4, -2.5]"),
        ("1", &["5e-05"], "DOUBLE", "[5e-05]"),
        ("2020-01-01", &["2020-01-01 23:59:59"], "TIMESTAMP", "['2020-01-01 23:59:59']"),
        ("2020-01-01 10:00:00", &["2020-01-01 10:00:00+02"], "TIMESTAMP WITH TIME ZONE", "['2020-01-01 08:00:00+00']"),
        ("2020-01-01T10:00:00", &["2020-01-01T10:00:00Z"], "TIMESTAMP WITH TIME ZONE", "['2020-01-01 10:00:00+00']"),
        ("10:00:00", &["10:00:00+02"], "VARCHAR", "['10:00:00+02']"),
        // These lose nothing.
        ("1", &["-5", "", "7"], "BIGINT", "[-5, NULL, 7]"),
        ("2020-01-01", &["2020-12-31"], "DATE", "[2020-12-31]"),
        ("31/12/2020", &["30/12/2020"], "DATE", "[2020-12-30]"),
        ("2020-01-01T10:00:00.5", &["2020-01-01 10:00:00.25"], "TIMESTAMP", "['2020-01-01 10:00:00.25']"),
        ("12/31/2020 10:00:00 AM", &["12/30/2020 10:00:00 PM"], "TIMESTAMP", "['2020-12-30 22:00:00']"),
    ] {
        let told = last(&lake, "a.csv", &csv(early, late), late.len()).await;
        assert_eq!((told.0.as_str(), told.1.as_str()), (sql_type, found), "{early}, then {late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_json_that_come_late_are_as_they_were() {
    let lake = Lake::new().await;
    for (early, late, sql_type, found) in [
        ("1", ["1.5", "0.4"].as_slice(), "DOUBLE", "[1.5, 0.4]"),
        ("1", &["true"], "JSON", "[true]"),
        ("true", &["1"], "JSON", "[1]"),
        ("{\"a\": 1}", &["{\"a\": 1.5}"], "STRUCT(a DOUBLE)", "a\\': 1.5}"),
        ("[1]", &["[1.5]"], "DOUBLE[]", "['[1.5]']"),
        (
            "{\"a\": 1, \"at\": \"2020-01-01 10:00:00\"}",
            &["{\"a\": 1.5}"],
            "STRUCT(a DOUBLE, \"at\" TIMESTAMP)",
            "a\\': 1.5",
        ),
        // These lose nothing.
        ("-1", &["9007199254740993", "null"], "BIGINT", "[9007199254740993, NULL]"),
        ("{\"a\": [1]}", &["{\"a\": [null, -2]}", "{}"], "STRUCT(a BIGINT[])", "[NULL, -2]"),
        ("\"31-12-2020\"", &["\"30-12-2020\""], "DATE", "[2020-12-30]"),
    ] {
        let told = last(&lake, "a.jsonl", &json(early, late), late.len()).await;
        assert!(told.0 == sql_type && told.1.contains(found), "{early}, then {late:?}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_that_come_late_are_no_part_of_the_value() {
    let lake = Lake::new().await;
    for (late, found) in [
        ("\"he said \"\"hi\"\"\"", "he said \"hi\""),
        ("\"Smith, John\"", "Smith, John"),
        ("\"two\nlines\"", "two\nlines"),
        // These are no quotes.
        ("5\" pipe", "5\" pipe"),
        ("\"abc", "\"abc"),
        ("\"a\" b", "\"a\" b"),
    ] {
        let text = format!("v,id\n{}{late},7\n", "plain,1\n".repeat(50_000));
        for name in ["a.csv", "a.csv.gz"] {
            if name == "a.csv" {
                lake.write(name, &text)
            } else {
                lake.write(name, gzip(text.as_bytes()))
            }
            lake.load(super::LoadRequest { mode: super::Mode::Replace, ..request(name, "t") }).await.unwrap();
            let table = lake.table("t").await;
            assert_eq!(lake.select(&table, "SELECT v FROM TABLE WHERE id = 7").await, found, "{late}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_from_the_data_is_noted() {
    let lake = Lake::new().await;
    lake.write("a.csv", "id,n\n18446744073709551615,1.5\n18446744073709551614,2.5\n");
    let notes = lake.load(request("a.csv", "a")).await.unwrap().notes;
    assert!(notes.len() == 1 && notes[0].starts_with("column `id` has numbers beyond 9007199254740992"), "{notes:?}");
    lake.write("b.csv", "d,n\n04/05/2020,1\n01/02/2020,2\n");
    let notes = lake.load(request("b.csv", "b")).await.unwrap().notes;
    let told = |one: &str, other: &str| format!("column `d` was read as {one}, and all of it could be {other}: ");
    let (day_first, month_first) = (told("DD/MM/YYYY", "MM/DD/YYYY"), told("MM/DD/YYYY", "DD/MM/YYYY"));
    let is_told = |note: &String| note.starts_with(&day_first) || note.starts_with(&month_first);
    assert!(notes.len() == 1 && notes.iter().all(is_told), "{notes:?}");
    for clear in ["d,n\n04/05/2020,1\n31/12/2020,2\n", "d,n\n2020-04-05,1\n2020-05-04,1\n"] {
        lake.write("c.csv", clear);
        let loaded = lake.load(super::LoadRequest { mode: super::Mode::Replace, ..request("c.csv", "c") }).await;
        assert_eq!(loaded.unwrap().notes, [""; 0], "{clear}");
    }
}
