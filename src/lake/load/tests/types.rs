//! Loads of types that files do not have: the table has them all the same.

use super::request;
use crate::cloud::local::testing::Lake;
use crate::config::TextForm;
use crate::lake::load::{LoadRequest, Mode};

const TYPES: &str = "h=HUGEINT,e=ENUM('z', 'a'),i=INTERVAL,b=BIT,s=TIMESTAMP_S,z=TIMETZ,u=UINTEGER,bn=BIGNUM";

fn typed(source: &str) -> LoadRequest {
    let form = TextForm { types: vec![TYPES.to_owned()], ..TextForm::default() };
    LoadRequest { form, ..request(source, "t") }
}

fn append(source: &str) -> LoadRequest {
    LoadRequest { mode: Mode::Append, ..request(source, "t") }
}

impl Lake {
    async fn typed_rows(&self) -> String {
        let table = self.table("t").await;
        self.select(&table, "SELECT list((h, e, i, b, s, z, u, bn) ORDER BY e, h) FROM TABLE").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_becomes_what_files_do_not_have() {
    let lake = Lake::new().await;
    let header = "h,e,i,b,s,z,u,bn\n";
    let digits = "9".repeat(38);
    lake.write(
        "a.csv",
        format!("{header}{digits},a,1 month -3 microseconds,0010,2020-01-01 01:02:03,10:00:00+02,7,{digits}{digits}\n,,,,,,,\n"),
    );
    lake.load(typed("a.csv")).await.unwrap();
    let table = lake.table("t").await;
    let types: Vec<&str> = table.columns.iter().map(|column| column.sql_type.as_str()).collect();
    let wanted =
        ["HUGEINT", "ENUM('z', 'a')", "INTERVAL", "BIT", "TIMESTAMP_S", "TIME WITH TIME ZONE", "UINTEGER", "BIGNUM"];
    assert_eq!(types, wanted);
    assert_eq!((table.columns[0].max.as_deref(), table.columns[1].max.as_deref()), (Some(digits.as_str()), None));
    let sql = "SELECT list(DISTINCT (typeof(h), typeof(e), typeof(i), typeof(b), typeof(s), typeof(z), typeof(u), typeof(bn))) FROM TABLE";
    assert_eq!(lake.select(&table, sql).await, format!("[({})]", wanted.map(quoted).join(", ")));
    let first = format!(
        "({digits}, a, '1 month -00:00:00.000003', 0010, '2020-01-01 01:02:03', '10:00:00+02', 7, {digits}{digits})"
    );
    let nulls = "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";
    assert_eq!(lake.typed_rows().await, format!("[{first}, {nulls}]"));

    // More rows become the table's types, of whatever file.
    lake.write("b.csv", format!("{header}5,z,2 days,0001,2020-01-01 00:00:00,00:00:00-01:30,4294967295,1\n"));
    lake.load(append("b.csv")).await.unwrap();
    lake.parquet(
        "c.parquet",
        "SELECT 6 AS h, 'z' AS e, '3 days' AS i, '11' AS b, TIMESTAMP '2021-01-01' AS s, '01:00:00+00' AS z, 8::USMALLINT AS u",
    );
    lake.load(append("c.parquet")).await.unwrap();
    lake.write("d.json", r#"{"h": 4, "e": "z", "u": 9}"#);
    lake.load(append("d.json")).await.unwrap();
    let more = "(4, z, NULL, NULL, NULL, NULL, 9, NULL), \
                (5, z, 2 days, 0001, '2020-01-01 00:00:00', '00:00:00-01:30', 4294967295, 1), \
                (6, z, 3 days, 11, '2021-01-01 00:00:00', '01:00:00+00', 8, NULL)";
    assert_eq!(lake.typed_rows().await, format!("[{more}, {first}, {nulls}]"));

    // What would lose something is refused.
    for (column, value, told) in [
        ("e", "y", "`y` in column `e` is not kept by ENUM('z', 'a')"),
        ("h", &format!("1{}", "0".repeat(38)), "  - h HUGEINT"),
        ("s", "2020-01-01 00:00:00.5", "in column `s` is not kept by TIMESTAMP_S"),
        ("u", "-1", "`-1` in column `u` is not kept by UINTEGER"),
        ("b", "012", "`012` in column `b` is not kept by BIT"),
    ] {
        lake.write("x.csv", format!("{column}\n{value}\n"));
        let said = lake.refused(append("x.csv")).await;
        assert!(said.contains(told), "{said}");
        let said = lake.refused(LoadRequest { mode: Mode::Replace, ..typed_as("x.csv", column) }).await;
        assert!(said.contains(&format!("in column `{column}` is not kept by")), "{said}");
    }
}

/// Rows that are wide are written into pieces first, whose types are no others.
#[tokio::test(flavor = "multi_thread")]
async fn wide_rows_have_them_too() {
    let lake = Lake::new().await;
    let (digits, wide) = ("9".repeat(38), "x".repeat(20_000));
    let row = format!("{digits},a,-1 month,0010,2020-01-01 01:02:03,10:00:00+02,7,{digits}{digits},{wide}\n");
    lake.write("wide.csv", format!("h,e,i,b,s,z,u,bn,wide\n{}", row.repeat(20)));
    lake.load(typed("wide.csv")).await.unwrap();
    let table = lake.table("t").await;
    let types: Vec<&str> = table.columns.iter().map(|column| column.sql_type.as_str()).collect();
    assert_eq!(types[..2], ["HUGEINT", "ENUM('z', 'a')"]);
    let sql = "SELECT list(DISTINCT (h, e, i, b, s, z, u, bn, strlen(wide))) FROM TABLE";
    let wanted =
        format!("[({digits}, a, -1 month, 0010, '2020-01-01 01:02:03', '10:00:00+02', 7, {digits}{digits}, 20000)]");
    assert_eq!(lake.select(&table, sql).await, wanted);
}

fn typed_as(source: &str, column: &str) -> LoadRequest {
    let of = |entry: &str| entry.starts_with(&format!("{column}="));
    let all = ["h=HUGEINT", "e=ENUM('z', 'a')", "s=TIMESTAMP_S", "u=UINTEGER", "b=BIT"];
    let types = all.into_iter().filter(|entry| of(entry)).map(str::to_owned).collect();
    LoadRequest { form: TextForm { types, ..TextForm::default() }, ..request(source, "t") }
}

/// As DuckDB writes a text within a list.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ' ');
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "\\'")) }
}
