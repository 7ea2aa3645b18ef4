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
