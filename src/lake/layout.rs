//! Where things lie in the lake's bucket.

use crate::config::Config;

/// The keys of everything that quackctl writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The catalog's object.
    pub catalog: String,
    /// Folder of large results, until they are fetched.
    pub results: String,
    /// Folder of the tables' files.
    pub tables: String,
    /// Folder of the function's code, when it travels as zip.
    pub functions: String,
    /// Whatever the function writes lies under this; empty is the whole bucket.
    pub write: String,
}

impl Layout {
    /// The layout of the bucket that `config` names: in a bucket of somebody else's everything lies under one prefix.
    pub fn new(config: &Config) -> Self {
        let (own, tables, write) = match config.lake.manage {
            true => ("_quack/", "tables/".to_owned(), String::new()),
            false => {
                (config.lake.prefix.as_str(), format!("{}tables/", config.lake.prefix), config.lake.prefix.clone())
            }
        };
        Self {
            catalog: format!("{own}catalog.json"),
            results: format!("{own}results/"),
            functions: format!("{own}functions/"),
            tables,
            write,
        }
    }

    /// The prefixes of everything that quackctl itself writes, and of nothing else.
    pub fn owned(&self) -> Vec<String> {
        [&self.catalog, &self.results, &self.functions, &self.tables].map(Clone::clone).into()
    }
}
