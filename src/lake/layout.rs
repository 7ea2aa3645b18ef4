//! Where quackctl keeps its objects in the lake's bucket.

use quack_function::wire::RESULTS_PREFIX;

use crate::config;

/// Keys, and key prefixes that end in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The catalog's key.
    pub catalog: String,
    /// Where results are that were too large for a response.
    pub results: String,
    /// Where tables are: a folder each, in it a folder for each load.
    pub tables: String,
}

impl Layout {
    /// In a bucket that is quackctl's own, tables lie where people look for them; in somebody else's bucket, everything
    /// keeps to the prefix that was named for it.
    pub fn new(lake: &config::Lake) -> Self {
        let prefix = lake.prefix.as_str();
        match lake.manage {
            true => Self {
                catalog: "_quack/catalog.json".to_owned(),
                results: RESULTS_PREFIX.to_owned(),
                tables: "tables/".to_owned(),
            },
            false => Self {
                catalog: format!("{prefix}catalog.json"),
                results: format!("{prefix}results/"),
                tables: format!("{prefix}tables/"),
            },
        }
    }

    /// The folder of a table's loads.
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}/", self.tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_bucket_is_written_to_under_the_prefix_only() {
        let layout = |manage, prefix: &str| {
            let lake = config::Lake { bucket: None, manage, prefix: prefix.to_owned(), read: Vec::new() };
            let Layout { catalog, results, tables } = Layout::new(&lake);
            [catalog, results, tables]
        };
        assert_eq!(layout(true, "team/"), ["_quack/catalog.json", "_quack/results/", "tables/"]);
        assert_eq!(layout(false, "_quack/"), ["_quack/catalog.json", "_quack/results/", "_quack/tables/"]);
        assert_eq!(layout(false, "team/q/"), ["team/q/catalog.json", "team/q/results/", "team/q/tables/"]);
    }
}
