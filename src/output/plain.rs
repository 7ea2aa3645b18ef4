//! From the Arrow types that answers come in to those that every reader of Arrow knows.

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use quack_function::plain;
pub(super) use quack_function::plain::plain_schema;

use crate::error::failure;

/// The same rows with the types of `schema`, which [`plain_schema`] made.
///
/// # Errors
/// A number of more digits than a decimal has.
pub(super) fn plain_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    plain::plain_batch(batch, schema).map_err(|error| match error {
        ArrowError::InvalidArgumentError(words) => {
            failure(words, "write it as text, CAST(... AS VARCHAR), or to CSV or JSON")
        }
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use duckdb::Connection;

    fn batches(sql: &str, lossless: bool) -> Vec<RecordBatch> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("SET arrow_lossless_conversion = {lossless}")).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_arrow([]).unwrap().collect()
    }

    /// What DuckDB itself exports is the model, values and all.
    #[test]
    fn every_type_becomes_what_duckdb_exports() {
        // Of the largest numbers DuckDB exports others; they are refused here.
        let sql = "SELECT COLUMNS(* EXCLUDE (hugeint, uhugeint)), hugeint % 10::HUGEINT ** 38 AS hugeint, \
                   (uhugeint % 1000)::UHUGEINT AS uhugeint, [bool, NULL] AS bools, {'a': uuid, 'b': [hugeint % 7]} AS s, \
                   MAP {1: bool} AS m, array_value(bool, NULL) AS fixed, union_value(a := uuid) AS u, \
                   '{\"a\":1}'::JSON AS j FROM test_all_types()";
        let sql = &sql.replace("10::HUGEINT ** 38", "100000000000000000000000000000000000000::HUGEINT");
        let (lossless, expected) = (batches(sql, true), batches(sql, false));
        let schema = plain_schema(&lossless[0].schema());
        assert_ne!(schema, lossless[0].schema());
        let own: Vec<_> = lossless.iter().map(|batch| plain_batch(batch, &schema).unwrap()).collect();
        for (own, expected) in own.iter().zip(&expected) {
            for (index, field) in expected.schema().fields().iter().enumerate() {
                assert_eq!(own.schema().field(index), field.as_ref());
                assert_eq!(own.column(index), expected.column(index), "{}", field.name());
            }
        }
        assert_eq!(own.len(), expected.len());
    }

    #[test]
    fn numbers_of_too_many_digits_are_refused() {
        for sql in ["SELECT hugeint FROM test_all_types()", "SELECT [uhugeint] FROM test_all_types()"] {
            let lossless = batches(sql, true);
            let error = plain_batch(&lossless[0], &plain_schema(&lossless[0].schema())).unwrap_err();
            assert!(error.to_string().contains("more than the 38 digits"), "{error}");
        }
    }
}
