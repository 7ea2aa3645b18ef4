//! Streams with bytes changed by chance: whatever comes of them, it comes to an end, and no panic leaves.

use quack_function::wire::Column;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::made;
use crate::duck::{self, Sandbox, words};
use crate::invoke::response::Inline;

/// Streams of one run; `QUACK_FUZZ_COUNT` makes it longer or shorter.
const COUNT: u64 = 3000;

const QUERIES: [&str; 3] = [
    "SELECT i AS a, 'text ' || i AS b, [i, NULL] AS c, {'x': i, 'y': [i::VARCHAR]} AS d FROM range(50) r(i)",
    "FROM test_all_types()",
    "SELECT NULL AS a, MAP {i: i} AS b, (i % 3)::VARCHAR::ENUM('0', '1', '2') AS c, i::HUGEINT AS d FROM range(9) r(i)",
];

#[test]
fn streams_with_other_bytes_are_rows_or_errors() {
    let count = std::env::var("QUACK_FUZZ_COUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(COUNT);
    let connection = duck::open(&Sandbox::default()).unwrap();
    let mut made = Vec::new();
    for sql in QUERIES {
        let columns: Vec<Column> = words::columns(&connection, sql).unwrap();
        for packed in [false, true] {
            made.push((columns.clone(), made::stream(sql, packed, &[])));
        }
    }
    let mut read = 0;
    for seed in 0..count {
        let mut random = StdRng::seed_from_u64(seed);
        let (columns, stream) = &made[random.random_range(0..made.len())];
        let mut stream = stream.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..stream.len());
            stream[at] = match random.random_range(0..4) {
                0 => 0,
                1 => 0xff,
                2 => stream[at] ^ (1 << random.random_range(0..8)),
                _ => random.random(),
            };
        }
        let opened = Inline::of(stream, columns.clone(), 1000).open();
        read += opened.map_or(0, |rows| rows.batches.take_while(Result::is_ok).count());
    }
    assert!(read > 0, "none was read at all");
}
