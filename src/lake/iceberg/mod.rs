//! Tables in their own form: Apache Iceberg's, version 2. Metadata, manifest lists and manifests lie in the `metadata` folder of the
//! table's own, beside its Parquet files; none of them is changed once it is written, and the catalog names the newest.

mod avro;
mod bounds;
mod folder;
pub(crate) mod foreign;
mod forms;
pub(crate) mod history;
pub(crate) mod kept;
mod manifest;
mod schema;
pub(crate) mod shapes;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod store;
#[cfg(test)]
mod tests;

pub(crate) use folder::{NULL_FOLDER, folder_value};
