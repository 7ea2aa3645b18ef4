//! Plans that are carried out here, over Parquet files of this test's own: each answer has to be DuckDB's.

mod aggregates;
mod fuzz;
mod gathers;
mod joins;
mod mixed;
mod projections;
mod prunes;
mod reserved;
mod support;
mod tpcds;
mod tpch;
mod views;
