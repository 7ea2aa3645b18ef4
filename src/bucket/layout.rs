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
    /// Whatever the function writes lies under this; empty is the whole bucket.
    pub write: String,
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
                write: String::new(),
            },
            false => Self {
                catalog: format!("{prefix}catalog.json"),
                results: format!("{prefix}results/"),
                tables: format!("{prefix}tables/"),
                functions: format!("{prefix}functions/"),
                write: prefix.to_owned(),
            },
        }
    }

    /// The folder of a table's loads.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}{name}/", self.tables)
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
        assert_eq!(theirs.write, "team/q/");
    }
}
