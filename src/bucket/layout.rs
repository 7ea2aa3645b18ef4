//! Where quackctl keeps its objects in the lake's bucket.

use quack_function::wire::RESULTS_PREFIX;

use crate::config;

/// Keys, and key prefixes that end in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The catalog's key.
    pub catalog: String,
    /// Where results are that were too large for a response.
    pub results: String,
    /// Where tables are: a folder each, in it a folder for each load.
    pub tables: String,
    /// Where the function's code is, when it travels as zip.
    pub functions: String,
    /// Where SQL's own `COPY ... TO` writes.
    pub exports: String,
}

impl Layout {
    /// In a bucket that is quackctl's own, tables lie where people look for them; in somebody else's bucket, everything
    /// keeps to the prefix that was named for it.
    pub(crate) fn new(lake: &config::Lake) -> Self {
        let prefix = lake.prefix.as_str();
        match lake.manage {
            true => Self {
                catalog: "_quack/catalog.json".to_owned(),
                results: RESULTS_PREFIX.to_owned(),
                tables: "tables/".to_owned(),
                functions: "_quack/functions/".to_owned(),
                exports: "exports/".to_owned(),
            },
            false => Self {
                catalog: format!("{prefix}catalog.json"),
                results: format!("{prefix}results/"),
                tables: format!("{prefix}tables/"),
                functions: format!("{prefix}functions/"),
                exports: format!("{prefix}exports/"),
            },
        }
    }

    /// The folder of a table's loads.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}{name}/", self.tables)
    }

    /// The folders that the function may write to. Neither the catalog, nor a table, nor the function's own code lies in
    /// them: those change by the caller's rights only.
    pub(crate) fn writable(&self) -> [&str; 2] {
        [&self.results, &self.exports]
    }

    /// The key prefixes of everything that quackctl itself writes, and of nothing else.
    pub(crate) fn owned(&self) -> Vec<String> {
        [&self.catalog, &self.results, &self.functions, &self.tables].map(Clone::clone).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_bucket_is_written_to_under_the_prefix_only() {
        let layout = |manage, prefix: &str| {
            let lake = config::Lake { bucket: None, manage, prefix: prefix.to_owned(), read: Vec::new() };
            Layout::new(&lake)
        };
        assert_eq!(
            layout(true, "team/").owned(),
            ["_quack/catalog.json", "_quack/results/", "_quack/functions/", "tables/"]
        );
        let theirs = layout(false, "team/q/");
        assert_eq!(
            theirs.owned(),
            ["catalog.json", "results/", "functions/", "tables/"].map(|key| format!("team/q/{key}"))
        );
        assert_eq!(theirs.writable(), ["team/q/results/", "team/q/exports/"]);
    }

    #[test]
    fn what_the_function_may_write_to_holds_nothing_that_queries_are_led_by() {
        for manage in [true, false] {
            let lake = config::Lake { bucket: None, manage, prefix: "p/".to_owned(), read: Vec::new() };
            let layout = Layout::new(&lake);
            for folder in layout.writable() {
                assert!(folder.ends_with('/'));
                for key in [&layout.catalog, &layout.tables, &layout.functions] {
                    assert!(!key.starts_with(folder) && !folder.starts_with(key.as_str()), "{key} and {folder}");
                }
            }
        }
    }
}
