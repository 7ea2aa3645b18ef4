//! More rows than one function sorts, cut into ranges of what they are sorted by: each function sorts one.

use anyhow::Result;
use quack_function::sql::{identifier, literal};
use quack_function::wire::Column;
use serde::Deserialize;

use super::batches::SORTED_BYTES;
use super::write::Work;
use crate::lake::load::partition::can_be_folder;

/// Rows that are looked at to find ranges of about the same size.
const SAMPLE: u32 = 100_000;

/// Conditions on `column`, exactly one of which holds for each row of `read`, in the column's order; none where `bytes` are few.
///
/// # Errors
/// What the function says.
pub(super) async fn of(work: &mut Work<'_>, read: &str, column: &Column, bytes: u64) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Bound {
        bound: String,
    }
    let count = bytes.div_ceil(SORTED_BYTES);
    // Values without a text that is read back as they were are sorted at once.
    if count < 2 || can_be_folder(column).is_err() {
        return Ok(Vec::new());
    }
    let shares: Vec<String> = (1..count).map(|at| (at as f64 / count as f64).to_string()).collect();
    let own = identifier(&column.name);
    let sql = format!(
        "SELECT DISTINCT CAST(unnest(quantile_disc({own}, [{}])) AS VARCHAR) AS bound \
         FROM (SELECT {own} FROM {read} WHERE {own} IS NOT NULL USING SAMPLE reservoir({SAMPLE} ROWS))",
        shares.join(", ")
    );
    let bounds: Vec<Bound> = work.rows(&sql).await?;
    let bounds: Vec<String> = bounds.into_iter().map(|bound| bound.bound).collect();
    let sorted: Vec<Bound> = match bounds.is_empty() {
        true => Vec::new(),
        // As the column's type has it, not as texts.
        false => {
            let list: Vec<String> = bounds.iter().map(|bound| literal(bound)).collect();
            let sql_type = &column.sql_type;
            let sql =
                format!("SELECT bound FROM unnest([{}]) t(bound) ORDER BY CAST(bound AS {sql_type})", list.join(", "));
            work.rows(&sql).await?
        }
    };
    Ok(conditions(column, &sorted.into_iter().map(|bound| bound.bound).collect::<Vec<_>>()))
}

/// Conditions that cut a column at `bounds`, which are in order; NULLs come last.
fn conditions(column: &Column, bounds: &[String]) -> Vec<String> {
    let own = identifier(&column.name);
    let value = |bound: &String| format!("CAST({} AS {})", literal(bound), column.sql_type);
    let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else { return Vec::new() };
    let between = bounds.windows(2).map(|two| format!("{own} >= {} AND {own} < {}", value(&two[0]), value(&two[1])));
    std::iter::once(format!("{own} < {}", value(first)))
        .chain(between)
        .chain([format!("({own} >= {} OR {own} IS NULL)", value(last))])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};

    #[test]
    fn each_row_is_in_one_range() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        for (sql_type, values, bounds) in [
            ("DOUBLE", "'-inf', '-1.5', '0', '2', '2.5', 'inf', 'nan', NULL", vec!["-1.5", "2", "inf"]),
            ("VARCHAR", "'', 'a', 'a''b', 'é', 'z', NULL", vec!["a'b"]),
            ("DATE", "'0044-03-15 (BC)', '2026-01-01', 'infinity', NULL", vec!["2026-01-01", "infinity"]),
            ("BOOLEAN", "'false', 'true', NULL", vec!["true"]),
        ] {
            let column = Column { name: "a \"b".to_owned(), sql_type: sql_type.to_owned() };
            let bounds: Vec<String> = bounds.into_iter().map(str::to_owned).collect();
            let conditions = conditions(&column, &bounds);
            assert_eq!(conditions.len(), bounds.len() + 1);
            let held: Vec<String> = conditions.iter().map(|is| format!("coalesce(({is})::INT, 0)")).collect();
            let sql = format!(
                "SELECT bool_and({} = 1) FROM (SELECT unnest(CAST([{values}] AS {sql_type}[])) AS \"a \"\"b\")",
                held.join(" + ")
            );
            assert!(connection.query_row(&sql, [], |row| row.get::<_, bool>(0)).unwrap(), "{sql}");
        }
        assert!(super::conditions(&Column { name: "a".to_owned(), sql_type: "DATE".to_owned() }, &[]).is_empty());
    }
}
