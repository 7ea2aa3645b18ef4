//! Of tables of very many files, those that a query may need: which manifests have them is known by what their partitions lie
//! between, and the others are not read.

use anyhow::Result;

use super::coordinator::Coordinator;
use crate::lake::catalog::{Catalog, Table};
use crate::lake::iceberg::state::Unread;
use crate::lake::iceberg::store;
use crate::lake::named;
use crate::planner::Planner;

/// The catalog with all files that the query `sql` may need; nothing, if it has them.
///
/// # Errors
/// What the bucket says; manifests that are none.
pub(crate) async fn by_query(coordinator: &Coordinator<'_>, sql: &str) -> Result<Option<Catalog>> {
    let named = unread(coordinator.catalog, sql);
    if named.is_empty() {
        return Ok(None);
    }
    let mut outlined = coordinator.catalog.clone();
    for name in &named {
        if let Some(table) = outlined.tables.get_mut(name) {
            table.files = store::outlines(table);
            table.partitions.clear();
            table.unread = Unread::default();
        }
    }
    let kept = Planner::default().keep(sql, &outlined, 0);
    let wanted = |name: &str, table: &Table| match kept.iter().find(|(known, _)| *known == name) {
        Some((_, kept)) => kept.clone(),
        None => (0..table.unread.manifests.len()).collect(),
    };
    with(coordinator, &named, wanted).await.map(Some)
}

/// The catalog with all files of all tables that `sql` names, but for the one that is called `without`; nothing, if it has them.
///
/// # Errors
/// As for [`by_query`].
pub(crate) async fn all(coordinator: &Coordinator<'_>, sql: &str, without: Option<&str>) -> Result<Option<Catalog>> {
    let mut named = unread(coordinator.catalog, sql);
    named.retain(|name| without.is_none_or(|without| !without.eq_ignore_ascii_case(name)));
    match named.is_empty() {
        true => Ok(None),
        false => with(coordinator, &named, |_, table| (0..table.unread.manifests.len()).collect()).await.map(Some),
    }
}

/// Whether `sql` names tables that have files which were not read.
pub(super) fn is_unread(catalog: &Catalog, sql: &str) -> bool {
    !unread(catalog, sql).is_empty()
}

/// The tables that `sql` names and that have files which were not read.
fn unread(catalog: &Catalog, sql: &str) -> Vec<String> {
    let has_unread = |(_, table): &(&String, &Table)| !table.unread.is_empty();
    if !catalog.tables.iter().any(|table| has_unread(&table)) {
        return Vec::new();
    }
    let named = named::names(sql, &catalog.views);
    let is_named = |name: &String| named.contains(&name.to_ascii_lowercase());
    catalog.tables.iter().filter(has_unread).map(|(name, _)| name.clone()).filter(is_named).collect()
}

async fn with(
    coordinator: &Coordinator<'_>,
    named: &[String],
    wanted: impl Fn(&str, &Table) -> Vec<usize>,
) -> Result<Catalog> {
    let mut catalog = coordinator.catalog.clone();
    for name in named {
        let Some(table) = catalog.tables.get_mut(name) else { continue };
        let wanted = wanted(name, table);
        let all = table.unread.manifests.len();
        coordinator.context.detail(format_args!("of `{name}`, {} of {all} lists of files", wanted.len()));
        *table = store::narrowed(&coordinator.target.bucket, table, &wanted).await?;
    }
    Ok(catalog)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use quack_function::wire::Column;

    use super::*;
    use crate::cloud::local::testing::Lake;
    use crate::lake::catalog::{self, ColumnStats, DataFile, FileColumn, Scope};
    use crate::lake::iceberg::kept;
    use crate::lake::load::Mode;
    use crate::lake::load::commit::{self, Arrival};

    /// Files of a day, one an hour and place.
    const DAY: usize = 24 * 10;

    fn column(name: &str, sql_type: &str) -> Column {
        Column { name: name.to_owned(), sql_type: sql_type.to_owned() }
    }

    fn partitions() -> Vec<Column> {
        vec![column("day", "DATE"), column("hour", "INTEGER")]
    }

    fn file(number: usize) -> DataFile {
        let day = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new((number / DAY) as u64);
        let (hour, id) = (number % DAY / 10, number * 10);
        let bounds =
            FileColumn { nulls: Some(0), min: Some(id.to_string()), max: Some((id + 9).to_string()), bytes: Some(100) };
        DataFile {
            key: format!("tables/t/20260301T000000Z-00000000/day={day}/hour={hour}/{number}.parquet"),
            rows: 10,
            bytes: 1000,
            partition: vec![Some(day.to_string()), Some(hour.to_string())],
            columns: BTreeMap::from([("id".to_owned(), bounds)]),
            schema: None,
        }
    }

    fn table(files: usize) -> Table {
        let bounds = |name: &str| match name {
            "id" => (Some("0".to_owned()), Some((files * 10 - 1).to_string())),
            _ => (None, None),
        };
        let stats = |Column { name, sql_type }| {
            let (min, max) = bounds(&name);
            ColumnStats { name, sql_type, nulls: Some(0), min, max }
        };
        Table {
            columns: std::iter::once(column("id", "BIGINT")).chain(partitions()).map(stats).collect(),
            partitions: partitions(),
            rows: files as u64 * 10,
            bytes: files as u64 * 1000,
            ..Table::of((0..files).map(file).collect())
        }
    }

    /// What a query of the lake needs of the table `t`, once its SQL was seen.
    async fn needed(lake: &Lake, sql: &str) -> Table {
        let started = Instant::now();
        let catalog = catalog::read_for(&lake.target.bucket, sql).await.unwrap();
        eprintln!("the catalog, the metadata and its list of manifests: {:?}", started.elapsed());
        let coordinator = Coordinator::new(&lake.context, &lake.target, &catalog);
        let needed = by_query(&coordinator, sql).await.unwrap().unwrap();
        needed.table("t").unwrap().1.clone()
    }

    /// How fast: `QUACK_TEST_ROUNDS=50 cargo test --release of_very_many_files -- --nocapture` has a million files.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_very_many_files_only_those_are_listed_that_a_query_may_need() {
        let rounds: usize = std::env::var("QUACK_TEST_ROUNDS").ok().map_or(1, |text| text.parse().unwrap());
        let (all, lake) = (20_000 * rounds, Lake::new().await);
        let bucket = &lake.target.bucket;
        let made = table(all);
        catalog::update(bucket, Scope::All, |catalog| {
            catalog.tables.insert("t".to_owned(), made.clone());
            catalog.tables.insert(
                "small".to_owned(),
                Table {
                    files: vec![DataFile { key: "tables/small/1".to_owned(), ..file(0) }],
                    rows: 10,
                    bytes: 1000,
                    ..made.clone()
                },
            );
            Ok(())
        })
        .await
        .unwrap();
        let sql = "SELECT sum(id) FROM t WHERE day = '2020-01-31' AND hour = 7";
        kept::forget(&bucket.name);
        for is_warm in [false, true] {
            lake.requests();
            let started = Instant::now();
            let found = needed(&lake, sql).await;
            eprintln!("one partition of {all} files, warm: {is_warm}: {:?}", started.elapsed());
            let requests = lake.requests();
            assert_eq!(requests.len(), if is_warm { 1 } else { 4 }, "{requests:#?}");
            let of_it = found.files.iter().filter(|file| file.key.contains("/day=2020-01-31/hour=7/")).count();
            assert!(of_it == 10 && found.files.len() <= 8_000, "{of_it} of {}", found.files.len());
            assert!(found.unread.is_empty());
        }
        // What conditions on partitions do not tell apart is read: of joins, too, and of tables that are read twice.
        for (sql, most) in [
            (
                "SELECT count(*) FROM t JOIN small USING (id) WHERE t.day > '2020-02-20' AND t.day <= '2020-02-22'",
                8_000,
            ),
            ("SELECT id FROM t WHERE id < 5 AND day < '2020-01-09' LIMIT 3", 8_000),
            ("SELECT id FROM t WHERE id < 5", all),
            ("SELECT id FROM t WHERE day = '2020-01-01' UNION ALL SELECT id FROM t", all),
            ("SELECT id FROM t WHERE day = '2020-01-01' OR id = 3", all),
        ]
        .into_iter()
        .take(if rounds > 1 { 2 } else { 5 })
        {
            let found = needed(&lake, sql).await.files.len();
            assert!(found > 0 && if most == all { found == all } else { found <= most }, "{found}: {sql}");
        }
        let arrival = Arrival {
            table: "t".to_owned(),
            mode: Mode::Append,
            source: "SQL".to_owned(),
            synthetic: false,
            partition_by: Vec::new(),
            columns: vec![column("id", "BIGINT")],
            partitions: partitions(),
            files: vec![file(all + 5)],
            renamed: None,
        };
        lake.requests();
        let started = Instant::now();
        catalog::update(bucket, Scope::Open("t"), |catalog| commit::commit(catalog, &arrival)).await.unwrap();
        eprintln!("a commit of one more file: {:?}", started.elapsed());
        let requests = lake.requests();
        // The catalog asked for and stored, a manifest, a list, metadata, the hint.
        assert_eq!(requests.len(), 6, "{requests:#?}");
        let now = catalog::read_in(bucket, Scope::Open("T")).await.unwrap();
        let table = now.table("t").unwrap().1;
        assert_eq!((table.file_count(), table.rows), (all as u64 + 1, (all as u64 + 1) * 10));
        assert!(!table.unread.is_empty() && table.definition("t", "b").files.is_empty());
        let told: Vec<_> = table.columns.iter().map(|column| column.max.clone()).collect();
        assert_eq!(told, [Some((all * 10 + 59).to_string()), None, None], "of the partitions nothing was known before");
        if rounds == 1 {
            let whole = catalog::read(bucket).await.unwrap();
            let whole = whole.table("t").unwrap().1;
            assert_eq!((whole.files.len(), whole.rows), (all + 1, table.rows));
            assert!(
                whole.unread.is_empty() && whole.files[..all] == made.files[..] && whole.files[all] == file(all + 5)
            );
        }
    }
}
