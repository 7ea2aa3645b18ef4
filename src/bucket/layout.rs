//! Where quackctl keeps its objects in the lake's bucket.

use quack_function::names;
use quack_function::wire::RESULTS_PREFIX;

use crate::config::{self, S3Folder};

/// Keys, and key prefixes that end in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The key of the catalog that is read and changed: the lake's, or a branch's.
    pub catalog: String,
    /// The key of the lake's catalog.
    pub lake: String,
    /// Where branches are: a catalog each.
    pub branches: String,
    /// The branch that the catalog is of.
    pub branch: Option<String>,
    /// Where results are that were too large for a response.
    pub results: String,
    /// Where tables are: a folder each, in it a folder for each load.
    pub tables: String,
    /// Where the function's code is, when it travels as zip.
    pub functions: String,
    /// Where SQL's own `COPY ... TO` writes.
    pub exports: String,
    /// Where deployed pages are, and what is kept of their answers.
    pub dash: String,
    /// The key of the mark that says whose the lake is.
    pub mark: String,
    /// Folders of other buckets that the function may read.
    pub read: Vec<S3Folder>,
}

impl Layout {
    /// In a bucket that is quackctl's own, tables lie where people look for them; in somebody else's bucket, everything
    /// keeps to the prefix that was named for it.
    pub(crate) fn new(lake: &config::Lake) -> Self {
        let prefix = lake.prefix.as_str();
        match lake.manage {
            true => Self { read: lake.read.clone(), ..Self::managed() },
            false => Self {
                catalog: format!("{prefix}catalog.json"),
                lake: format!("{prefix}catalog.json"),
                branches: format!("{prefix}branches/"),
                branch: None,
                results: format!("{prefix}results/"),
                tables: format!("{prefix}tables/"),
                functions: format!("{prefix}functions/"),
                exports: format!("{prefix}exports/"),
                dash: format!("{prefix}dash/"),
                mark: format!("{prefix}stage.json"),
                read: lake.read.clone(),
            },
        }
    }

    /// The layout of a bucket that is quackctl's own.
    pub(crate) fn managed() -> Self {
        Self {
            catalog: "_quack/catalog.json".to_owned(),
            lake: "_quack/catalog.json".to_owned(),
            branches: "_quack/branches/".to_owned(),
            branch: None,
            results: RESULTS_PREFIX.to_owned(),
            tables: "tables/".to_owned(),
            functions: "_quack/functions/".to_owned(),
            exports: "exports/".to_owned(),
            dash: "_quack/dash/".to_owned(),
            mark: "_quack/stage.json".to_owned(),
            read: Vec::new(),
        }
    }

    /// The same with the catalog of the branch `name`, which is one that branches may have.
    pub(crate) fn on_branch(&self, name: &str) -> Self {
        Self { catalog: format!("{}{name}.json", self.branches), branch: Some(name.to_owned()), ..self.clone() }
    }

    /// The folder of a table's loads.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}{name}/", self.tables)
    }

    /// Whether `key` is that of a file of the table `name`: in its folder, and as plain as those that loads make.
    pub(crate) fn is_of_table(&self, name: &str, key: &str) -> bool {
        names::is_plain_key(&self.table(name), key)
    }

    /// Whether `key` is that of a file of some table.
    pub(crate) fn is_of_tables(&self, key: &str) -> bool {
        let folder = key.strip_prefix(&self.tables).and_then(|rest| rest.split_once('/'));
        folder.is_some_and(|(name, _)| names::is_table(name) && self.is_of_table(name, key))
    }

    /// Whether a file at this `address` may be a table's that is not in the table's folder: in the lake's own `bucket`, where
    /// nothing lies that quackctl or the function writes, or in a folder that the function may read; and as plain as those that
    /// loads make.
    pub(crate) fn is_elsewhere(&self, bucket: &str, address: &str) -> bool {
        let Some((of, key)) = address.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else { return false };
        let is_own = |prefix: &str| key.starts_with(prefix);
        match of == bucket {
            true => {
                let theirs = !self.writable().into_iter().any(is_own) && !self.owned().iter().any(|own| is_own(own));
                theirs && names::is_plain_key("", key)
            }
            false => (self.read.iter()).any(|folder| folder.bucket == of && names::is_plain_key(&folder.prefix, key)),
        }
    }

    /// Whether `key` is that of a result: among the results, and as plain as those that the function makes.
    pub(crate) fn is_result(&self, key: &str) -> bool {
        names::is_plain_key(&self.results, key)
    }

    /// The folders that the function may write to. Neither the catalog, nor a table, nor the function's own code lies in
    /// them: those change by the caller's rights only.
    pub(crate) fn writable(&self) -> [&str; 2] {
        [&self.results, &self.exports]
    }

    /// The key prefixes of everything that quackctl itself writes, and of nothing else.
    pub(crate) fn owned(&self) -> Vec<String> {
        let own = [&self.lake, &self.branches, &self.results, &self.functions, &self.tables, &self.dash, &self.mark];
        own.map(Clone::clone).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_others_are_told_from_those_of_a_table() {
        let lake = config::Lake { bucket: None, manage: true, prefix: String::new(), read: Vec::new() };
        let layout = Layout::new(&lake);
        for key in ["tables/t/20260301T000000Z-0badcafe/data.parquet", "tables/t/1/p=..%2F..%2Fx/a~b.parquet"] {
            assert!(layout.is_of_table("t", key), "{key}");
        }
        for key in [
            "tables/u/1/data.parquet",
            "tables/tt/1.parquet",
            "tables/t/",
            "tables/t",
            "tables/t//x",
            "tables/t/../u/x",
            "tables/t/./x",
            "tables/t/x/",
            "tables/t/*.parquet",
            "tables/t/a?b",
            "tables/t/[a]",
            "tables/t/a\nb",
            "tables/t/a b",
            "tables/t/\u{e4}",
            "_quack/catalog.json",
            "",
            &format!("tables/t/{}", "x".repeat(1024)),
        ] {
            assert!(!layout.is_of_table("t", key), "{key}");
            assert_eq!(
                layout.is_of_tables(key),
                key == "tables/u/1/data.parquet" || key == "tables/tt/1.parquet",
                "{key}"
            );
        }
        assert!(layout.is_result("_quack/results/a-1.parquet") && !layout.is_result("_quack/catalog.json"));
    }

    #[test]
    fn tables_files_lie_elsewhere_where_nobody_else_writes() {
        let read = vec![S3Folder { bucket: "others".to_owned(), prefix: "open/".to_owned() }];
        let lake = |manage| config::Lake { bucket: None, manage, prefix: "q/".to_owned(), read: read.clone() };
        for (manage, kept) in
            [(true, ["tables/", "_quack/results/", "exports/"]), (false, ["q/tables/", "q/results/", "q/exports/"])]
        {
            let layout = Layout::new(&lake(manage));
            for address in ["s3://b/x.parquet", "s3://b/day=1/x%20y.parquet", "s3://others/open/x.parquet"] {
                assert!(layout.is_elsewhere("b", address), "{address}");
            }
            for prefix in kept {
                assert!(!layout.is_elsewhere("b", &format!("s3://b/{prefix}x.parquet")), "{prefix}");
            }
            for address in
                ["", "x.parquet", "s3://b", "s3://b/", "s3://others/x.parquet", "s3://others/open/", "s3://c/open/x"]
            {
                assert!(!layout.is_elsewhere("b", address), "{address}");
            }
        }
    }

    #[test]
    fn somebody_elses_bucket_is_written_to_under_the_prefix_only() {
        let layout = |manage, prefix: &str| {
            let lake = config::Lake { bucket: None, manage, prefix: prefix.to_owned(), read: Vec::new() };
            Layout::new(&lake)
        };
        assert_eq!(
            layout(true, "team/").owned(),
            [
                "_quack/catalog.json",
                "_quack/branches/",
                "_quack/results/",
                "_quack/functions/",
                "tables/",
                "_quack/dash/",
                "_quack/stage.json"
            ]
        );
        let theirs = layout(false, "team/q/");
        assert_eq!(
            theirs.owned(),
            ["catalog.json", "branches/", "results/", "functions/", "tables/", "dash/", "stage.json"]
                .map(|key| format!("team/q/{key}"))
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
                let layout = layout.on_branch("preview");
                let Layout { catalog, lake, branches, tables, functions, dash, mark, .. } = &layout;
                for key in [catalog, lake, branches, tables, functions, dash, mark] {
                    assert!(!key.starts_with(folder) && !folder.starts_with(key.as_str()), "{key} and {folder}");
                }
            }
        }
    }
}
