//! Rows on their way to a table that has columns already: each column of theirs becomes the table's of that name, where its
//! type keeps every value.

use anyhow::Result;
use quack_function::sql::identifier;
use quack_function::sql_type::SqlType;
use quack_function::wire::Column;

use super::given;
use super::partition::Partition;
use crate::error::failure;
use crate::lake::catalog::Table;
use crate::lake::reshape::Limits;

/// Most digits of a DECIMAL.
const MOST_DIGITS: u8 = 38;

/// Integers by how many digits their values have at most.
const INTEGERS: &[(&str, u8)] = &[
    ("TINYINT", 3),
    ("UTINYINT", 3),
    ("SMALLINT", 5),
    ("USMALLINT", 5),
    ("INTEGER", 10),
    ("UINTEGER", 10),
    ("BIGINT", 19),
    ("UBIGINT", 20),
];

/// Integers of 128 bits.
const HUGE: &[&str] = &["HUGEINT", "UHUGEINT"];

/// Those that a type of integers is part of.
const WIDER: &[(&str, &[&str])] = &[
    ("TINYINT", &["SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"]),
    (
        "UTINYINT",
        &[
            "SMALLINT",
            "USMALLINT",
            "INTEGER",
            "UINTEGER",
            "BIGINT",
            "UBIGINT",
            "HUGEINT",
            "UHUGEINT",
            "FLOAT",
            "DOUBLE",
        ],
    ),
    ("SMALLINT", &["INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"]),
    ("USMALLINT", &["INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE"]),
    ("INTEGER", &["BIGINT", "HUGEINT", "DOUBLE"]),
    ("UINTEGER", &["BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE"]),
    ("BIGINT", &["HUGEINT"]),
    ("UBIGINT", &["HUGEINT", "UHUGEINT"]),
    ("FLOAT", &["DOUBLE"]),
];

/// The table that rows are for.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    pub table: String,
    /// The columns that rows for it have: those in its files, and those of its partitions that are not computed.
    pub columns: Vec<Column>,
    /// What its columns may become while its files stay.
    limits: Option<Limits>,
    /// Its columns in their order, as a list for SELECT, where some in its files are computed.
    pub list: Option<String>,
}

impl Goal {
    /// The table `name`, whose rows are split by `partitions`.
    pub(super) fn new(name: &str, table: &Table, partitions: &[Partition]) -> Self {
        let is_plain = |by: &&Column| partitions.iter().any(|known| known.is_plain() && known.name == by.name);
        let is_computed = |column: &Column| {
            partitions.iter().any(|known| !known.is_folder && known.name.eq_ignore_ascii_case(&column.name))
        };
        let mut columns = table.own_columns();
        columns.retain(|column| !is_computed(column));
        columns.extend(table.partitions.iter().filter(is_plain).cloned());
        let list = || table.columns.iter().map(|column| identifier(&column.name)).collect::<Vec<_>>().join(", ");
        let list = partitions.iter().any(|known| !known.is_folder).then(list);
        // The list has no room for columns that are new.
        let limits = Limits::of(table).filter(|_| list.is_none());
        Self { table: name.to_owned(), columns, limits, list }
    }
}

/// What a table's columns are made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit<'a> {
    /// The table's columns with these rows among its own: those that it has, as wide as they have to be, and those that it lacks.
    pub columns: Vec<Column>,
    /// Of each, the same in order, the rows' column; `None` where they have none, and it is NULL.
    pub sources: Vec<Option<&'a Column>>,
}

/// How rows with the columns `new` go to those of a table with the columns `table`; names are the same whatever their case, and
/// a column that `is_empty`, of NULLs alone, is of every type.
///
/// # Errors
/// What does not fit, a line each: a column whose type keeps not all of the other's values; nothing in common.
pub(super) fn fit<'a>(
    table: &[Column],
    new: &'a [Column],
    is_empty: impl Fn(&Column) -> bool,
) -> Result<Fit<'a>, Vec<String>> {
    let mut fit = Fit { columns: Vec::new(), sources: Vec::new() };
    let (mut misfits, mut gained) = (Vec::new(), Vec::new());
    for (column, source) in table.iter().zip(by_name(table, new)) {
        let is_kept = |new: &Column| SqlType::parse(&column.sql_type).is_ok_and(|own| read_back(new, &own).is_some());
        let common = source.filter(|new| !is_kept(new));
        let common = common.map_or(Some(column.sql_type.clone()), |new| self::common(&column.sql_type, &new.sql_type));
        match (common, source) {
            (None, Some(new)) if !is_empty(new) => {
                misfits.push(format!("  - {} {}", column.name, column.sql_type));
                gained.push(format!("  + {} {}", new.name, new.sql_type));
            }
            (common, _) => {
                let sql_type = common.unwrap_or_else(|| column.sql_type.clone());
                fit.columns.push(Column { name: column.name.clone(), sql_type });
                fit.sources.push(source);
            }
        }
    }
    if !misfits.is_empty() {
        return Err([misfits, gained].concat());
    }
    if fit.sources.iter().all(Option::is_none) {
        let listed = |sign: &str, columns: &[Column]| -> Vec<String> {
            columns.iter().map(|column| format!("  {sign} {} {}", column.name, column.sql_type)).collect()
        };
        return Err([listed("-", table), listed("+", new)].concat());
    }
    let is_left = |column: &&Column| fit.sources.iter().flatten().all(|source| source.name != column.name);
    for column in new.iter().filter(is_left).collect::<Vec<_>>() {
        fit.columns.push(column.clone());
        fit.sources.push(Some(column));
    }
    Ok(fit)
}

/// Of each column of a table the one of `new` that is called so, in its own case before others; none of these is that of two.
fn by_name<'a>(table: &[Column], new: &'a [Column]) -> Vec<Option<&'a Column>> {
    let mut left: Vec<&Column> = new.iter().collect();
    let mut take = |is: &dyn Fn(&str) -> bool| left.iter().position(|new| is(&new.name)).map(|at| left.remove(at));
    let mut sources: Vec<_> = table.iter().map(|column| take(&|name| name == column.name)).collect();
    for (column, source) in table.iter().zip(&mut sources).filter(|(_, source)| source.is_none()) {
        *source = take(&|name| name.to_lowercase() == column.name.to_lowercase());
    }
    sources
}

/// The types of a table's columns that a text's values may be read as, by name: numbers, what files have as texts, and texts, which
/// keep everything.
pub(super) fn hints(table: &[Column]) -> Vec<(String, SqlType)> {
    let hint = |column: &Column| {
        let own = SqlType::parse(&column.sql_type).ok()?;
        let is_number =
            |name: &str| name == "DOUBLE" || WIDER.iter().any(|(own, _)| *own == name) || digits(&own).is_some();
        let is_hint = match &own {
            SqlType::Decimal { .. } | SqlType::Enum(_) | SqlType::Plain("VARCHAR") => true,
            SqlType::Plain(name) => is_number(name) || own.in_files() == Some(SqlType::Plain("VARCHAR")),
            _ => false,
        };
        is_hint.then(|| (column.name.clone(), own))
    };
    table.iter().filter_map(hint).collect()
}

/// What is said of a table's columns that are others than before, since the rows came.
pub(super) fn told(name: &str, before: &Table, now: &Table) -> Vec<String> {
    let was = |name: &str| before.columns.iter().find(|column| column.name == name);
    let news = now.columns.iter().filter_map(|column| match was(&column.name) {
        None => Some((1, format!("`{name}` has the new column `{}` {}", column.name, column.sql_type))),
        Some(was) if was.sql_type != column.sql_type => {
            let (column, is, was) = (&column.name, &column.sql_type, &was.sql_type);
            Some((2, format!("the column `{column}` of `{name}` is {is} now, and was {was}")))
        }
        Some(_) => None,
    });
    let mut news: Vec<_> = news.collect();
    news.sort_by_key(|(place, _)| *place);
    news.into_iter().map(|(_, said)| said).collect()
}

/// Rows that do not fit a table, and how.
pub(super) fn misfit(table: &str, differences: &[String]) -> anyhow::Error {
    refused(
        table,
        differences,
        "`-` is in the table, `+` in the new rows; load into another table, or use --replace".to_owned(),
    )
}

fn refused(table: &str, differences: &[String], help: String) -> anyhow::Error {
    failure(format!("cannot append to `{table}`: the new rows have other columns\n{}", differences.join("\n")), help)
}

impl Fit<'_> {
    /// What of the `table`'s own columns is not as it was.
    fn changes(&self, table: &[Column]) -> Vec<String> {
        let gone = table.iter().filter(|column| !self.columns.contains(column));
        let come = self.columns.iter().filter(|column| !table.contains(column));
        let gone = gone.map(|column| format!("  - {} {}", column.name, column.sql_type));
        gone.chain(come.map(|column| format!("  + {} {}", column.name, column.sql_type))).collect()
    }

    /// Whether the table has these columns, or gets them with the rows.
    ///
    /// # Errors
    /// It cannot get them while its files stay as they are: SQL that gives it such.
    pub(super) fn check(&self, goal: &Goal) -> Result<()> {
        let changes = self.changes(&goal.columns);
        if changes.is_empty() || goal.limits.as_ref().is_some_and(|limits| limits.allow(&goal.columns, &self.columns)) {
            return Ok(());
        }
        let table = identifier(&goal.table);
        let alter = |column: &Column| {
            let (name, own) = (identifier(&column.name), &column.sql_type);
            match goal.columns.iter().any(|known| known.name == column.name) {
                true => format!("ALTER TABLE {table} ALTER COLUMN {name} SET DATA TYPE {own}"),
                false => format!("ALTER TABLE {table} ADD COLUMN {name} {own}"),
            }
        };
        let others = self.columns.iter().filter(|column| !goal.columns.contains(column));
        let sql = others.map(alter).collect::<Vec<_>>().join("; ").replace('\'', "'\\''");
        Err(refused(
            &goal.table,
            &changes,
            format!("give the table such columns, and append again: quackctl query '{sql}'"),
        ))
    }

    /// The columns, as a list for SELECT.
    pub(super) fn select(&self) -> String {
        let of = |(column, source): (&Column, Option<&Column>)| {
            let (name, sql_type) = (identifier(&column.name), &column.sql_type);
            let kept = |source: &Column| read_back(source, &SqlType::parse(sql_type).ok()?);
            match source {
                Some(source) if source == column => name,
                Some(source) if kept(source).is_some() => format!("{} AS {name}", kept(source).unwrap_or_default()),
                Some(source) => format!("CAST({} AS {sql_type}) AS {name}", identifier(&source.name)),
                None => format!("CAST(NULL AS {sql_type}) AS {name}"),
            }
        };
        self.columns.iter().zip(self.sources.iter().copied()).map(of).collect::<Vec<_>>().join(", ")
    }
}

/// The narrowest type that keeps all values of both.
fn common(a: &str, b: &str) -> Option<String> {
    if a == b {
        return Some(a.to_owned());
    }
    let (a, b) = (SqlType::parse(a).ok()?, SqlType::parse(b).ok()?);
    let common = match (&a, &b) {
        (SqlType::Plain(a), SqlType::Plain(b)) => {
            let wider = |from: &str| WIDER.iter().find(|(own, _)| *own == from).map_or(&[][..], |(_, wider)| wider);
            let common = if wider(a).contains(b) { Some(*b) } else { None };
            let common = common.or_else(|| wider(b).contains(a).then_some(*a));
            let is_both = |both: &&str| wider(b).contains(both) && !HUGE.contains(both);
            SqlType::Plain(common.or_else(|| wider(a).iter().copied().find(is_both))?)
        }
        (SqlType::Plain(own), SqlType::Decimal { scale: 0, .. }) if HUGE.contains(own) => a,
        (SqlType::Decimal { .. }, _) | (_, SqlType::Decimal { .. }) => {
            let ((whole, scale), (other_whole, other_scale)) = (digits(&a)?, digits(&b)?);
            let (whole, scale) = (whole.max(other_whole), scale.max(other_scale));
            (whole + scale <= MOST_DIGITS).then_some(SqlType::Decimal { width: whole + scale, scale })?
        }
        _ => return None,
    };
    Some(common.to_string())
}

/// How many digits values of a type have at most, before the point and after it.
fn digits(own: &SqlType) -> Option<(u8, u8)> {
    match own {
        SqlType::Decimal { width, scale } => Some((width.checked_sub(*scale)?, *scale)),
        // As many as files have of them.
        SqlType::Plain(name) if HUGE.contains(name) => Some((MOST_DIGITS, 0)),
        SqlType::Plain(name) => INTEGERS.iter().find(|(own, _)| own == name).map(|(_, digits)| (*digits, 0)),
        _ => None,
    }
}

/// What a value of the `source`, of the type that files have for `own`, is as `own`, or ends the reading; nothing where that is no
/// such type.
fn read_back(source: &Column, own: &SqlType) -> Option<String> {
    let (kept, found) = (own.in_table()?, SqlType::parse(&source.sql_type).ok()?);
    let name = identifier(&source.name);
    // Files of others may have narrower integers.
    let is_narrow =
        matches!((own, &found), (SqlType::Plain("UINTEGER"), SqlType::Plain("TINYINT" | "SMALLINT" | "INTEGER")));
    if kept != found && !is_narrow {
        return None;
    }
    Some(match (own, &kept) {
        (SqlType::Plain(_) | SqlType::Enum(_), SqlType::Plain("VARCHAR")) => given::value(&source.name, own),
        // What it has less is cut off.
        (SqlType::Plain(_), SqlType::Plain("TIMESTAMP")) => format!(
            "CASE WHEN CAST(CAST({name} AS {own}) AS TIMESTAMP) IS DISTINCT FROM {name} THEN {} ELSE CAST({name} AS {own}) END",
            given::refused(&source.name, own)
        ),
        _ if own.has(&|own| matches!(own, SqlType::Plain("TIMESTAMP_S" | "TIMESTAMP_MS"))) => return None,
        _ => format!(
            "CASE WHEN {name} IS NOT NULL AND TRY_CAST({name} AS {own}) IS NULL THEN {} ELSE TRY_CAST({name} AS {own}) END",
            given::refused(&source.name, own)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{self, Sandbox};
    use crate::error;

    fn column(text: &str) -> Column {
        let (name, sql_type) = text.split_once(' ').unwrap();
        Column { name: name.to_owned(), sql_type: sql_type.to_owned() }
    }

    fn columns(texts: &[&str]) -> Vec<Column> {
        texts.iter().map(|text| column(text)).collect()
    }

    #[test]
    fn types_widen_where_nothing_is_lost() {
        for (a, b, both) in [
            ("INTEGER", "BIGINT", Some("BIGINT")),
            ("UTINYINT", "TINYINT", Some("SMALLINT")),
            ("UINTEGER", "INTEGER", Some("BIGINT")),
            ("UBIGINT", "BIGINT", None),
            ("FLOAT", "DOUBLE", Some("DOUBLE")),
            ("INTEGER", "FLOAT", Some("DOUBLE")),
            ("BIGINT", "DOUBLE", None),
            ("DECIMAL(9,2)", "DECIMAL(18,3)", Some("DECIMAL(18,3)")),
            ("DECIMAL(9,2)", "DECIMAL(9,4)", Some("DECIMAL(11,4)")),
            ("DECIMAL(9,2)", "BIGINT", Some("DECIMAL(21,2)")),
            ("DECIMAL(38,2)", "DECIMAL(38,0)", None),
            ("DECIMAL(9,2)", "DOUBLE", None),
            ("VARCHAR", "BIGINT", None),
            ("DATE", "TIMESTAMP", None),
            ("INTEGER[]", "BIGINT[]", None),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                assert_eq!(common(a, b).as_deref(), both, "{a} and {b}");
            }
        }
    }

    /// What is called wider keeps the ends of what is called narrower.
    #[test]
    fn the_ends_of_a_type_are_kept_by_those_that_are_wider() {
        let connection = duck::open(&Sandbox::default()).unwrap();
        for (own, digits) in INTEGERS {
            let bits = match own.trim_start_matches('U') {
                "TINYINT" => 8,
                "SMALLINT" => 16,
                "INTEGER" => 32,
                _ => 64,
            };
            let (low, high) = match own.starts_with('U') {
                true => (0, (1_i128 << bits) - 1),
                false => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
            };
            assert_eq!(high.to_string().len(), usize::from(*digits), "{own}");
            let wider = WIDER.iter().find(|(known, _)| known == own).map_or(&[][..], |(_, wider)| wider);
            for (end, wider) in [low, high].into_iter().flat_map(|end| wider.iter().map(move |wider| (end, wider))) {
                let sql =
                    format!("SELECT CAST(CAST(CAST('{end}' AS {own}) AS {wider}) AS {own}) = CAST('{end}' AS {own})");
                assert!(connection.query_row(&sql, [], |row| row.get::<_, bool>(0)).unwrap(), "{own} {wider} {end}");
            }
        }
    }

    #[test]
    fn columns_find_theirs_by_name() {
        let table = columns(&["a INTEGER", "B VARCHAR", "c DECIMAL(9,2)"]);
        let new = columns(&["b VARCHAR", "A SMALLINT"]);
        let fitted = fit(&table, &new, |_| false).unwrap();
        assert_eq!(fitted.columns, table);
        assert_eq!(fitted.changes(&table), [""; 0]);
        let select =
            "CAST(\"A\" AS INTEGER) AS \"a\", CAST(\"b\" AS VARCHAR) AS \"B\", CAST(NULL AS DECIMAL(9,2)) AS \"c\"";
        assert_eq!(fitted.select(), select);
        // The table gains what it lacks, and widens.
        let new = columns(&["d DATE", "a BIGINT"]);
        let fitted = fit(&table, &new, |_| false).unwrap();
        assert_eq!(fitted.columns, columns(&["a BIGINT", "B VARCHAR", "c DECIMAL(9,2)", "d DATE"]));
        assert_eq!(fitted.changes(&table), ["  - a INTEGER", "  + a BIGINT", "  + d DATE"]);
        let goal = Goal { table: "t".to_owned(), columns: table, limits: None, list: None };
        let error = fitted.check(&goal).unwrap_err();
        let sql = "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET DATA TYPE BIGINT; ALTER TABLE \"t\" ADD COLUMN \"d\" DATE";
        let help = error::help(&error).unwrap();
        assert_eq!(help, format!("give the table such columns, and append again: quackctl query '{sql}'"));
    }

    #[test]
    fn no_column_is_taken_for_two() {
        let (table, new) = (columns(&["ä DATE", "Ä DATE"]), columns(&["Ä DATE", "b DATE"]));
        let fitted = fit(&table, &new, |_| false).unwrap();
        assert_eq!(fitted.sources, [None, Some(&new[0]), Some(&new[1])]);
        let new = columns(&["Ä DATE", "ä DATE"]);
        let fitted = fit(&table[..1], &new, |_| false).unwrap();
        assert_eq!(fitted.sources, [Some(&new[1]), Some(&new[0])], "what is left is a column of its own");
    }

    #[test]
    fn what_does_not_fit_is_listed() {
        let table = columns(&["a INTEGER", "b VARCHAR"]);
        let listed = |new: &[&str], is_empty: bool| fit(&table, &columns(new), |_| is_empty).map(|_| ()).unwrap_err();
        let both = ["  - a INTEGER", "  - b VARCHAR", "  + A DATE", "  + b BLOB"];
        assert_eq!(listed(&["A DATE", "b BLOB", "c DATE"], false), both);
        assert_eq!(listed(&["x DATE"], true), ["  - a INTEGER", "  - b VARCHAR", "  + x DATE"]);
        assert_eq!(fit(&table, &columns(&["a DATE"]), |_| true).unwrap().columns, table);
    }
}
