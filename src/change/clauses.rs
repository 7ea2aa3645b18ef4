//! `MERGE INTO`, taken apart: what its rows are held against, and what is to be done with those that match and those that do not.

use anyhow::Result;

use super::parts::Part;
use super::reader::{Reader, Value, unsupported};
use crate::error::usage;

/// `MERGE INTO table USING source ON condition WHEN ... THEN ...`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merge {
    pub table: String,
    /// What the statement calls it.
    pub alias: String,
    /// Queries that the source and the clauses may name, behind the word WITH.
    pub with: Option<Part>,
    /// A table, a query in brackets or a function, with its alias.
    pub source: Part,
    pub on: On,
    pub clauses: Vec<Clause>,
    /// What is to come back of each row; nothing without.
    pub returning: Vec<Part>,
}

/// Which rows match.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum On {
    Condition(Part),
    /// Those with the same values in these columns.
    Columns(Vec<String>),
}

/// `WHEN ... [AND condition] THEN ...`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clause {
    pub when: When,
    pub condition: Option<Part>,
    pub then: Then,
}

/// The rows that a clause is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Rows of the table with a row of the source.
    Matched,
    /// Rows of the source that match none of the table's.
    ByTarget,
    /// Rows of the table that match none of the source's.
    BySource,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Then {
    Update(Update),
    Delete,
    Insert { columns: Option<Vec<String>>, values: Values },
    Nothing,
    Error(Option<Part>),
}

/// New values of a row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    Set(Vec<(String, Value)>),
    /// The source's columns, one after another.
    All,
    /// The source's columns, where their names say.
    ByName,
}

/// The values of a new row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Listed(Vec<Value>),
    /// The source's columns, one after another.
    All,
    /// The source's columns, where their names say.
    ByName,
    Defaults,
}

/// The form of a MERGE, for people.
pub(super) const MERGE: &str = "write MERGE INTO name [AS alias] USING table or (query) [AS alias] ON condition or USING (column, ...) \
                                WHEN [NOT] MATCHED [BY SOURCE] [AND condition] THEN UPDATE SET ..., DELETE, INSERT ..., DO NOTHING \
                                or ERROR [RETURNING ...]";

impl When {
    fn words(self) -> &'static str {
        match self {
            Self::Matched => "WHEN MATCHED",
            Self::ByTarget => "WHEN NOT MATCHED",
            Self::BySource => "WHEN NOT MATCHED BY SOURCE",
        }
    }
}

impl Merge {
    /// Reads what follows the word MERGE.
    ///
    /// # Errors
    /// A form that is not supported, and what to do instead.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let wrong = || unsupported("MERGE in this form", MERGE);
        if !reader.takes(&["INTO"]) {
            return Err(wrong());
        }
        let table = reader.table(MERGE)?;
        let alias = reader.alias(&table, &["USING"]);
        if !reader.takes(&["USING"]) {
            return Err(wrong());
        }
        let end = reader.find_word(&["ON", "USING"]);
        let source = reader.until(end);
        let on = if reader.takes(&["USING"]) {
            On::Columns(reader.names().ok_or_else(wrong)?)
        } else {
            reader.takes(&["ON"]);
            let end = reader.find_word(&["WHEN", "RETURNING"]);
            On::Condition(reader.until(end))
        };
        let mut clauses = Vec::new();
        while reader.takes(&["WHEN"]) {
            clauses.push(Clause::read(reader)?);
        }
        if clauses.is_empty() || reader.peek().is_some_and(|token| !token.is("RETURNING")) {
            return Err(wrong());
        }
        let returning = reader.returning(MERGE)?;
        let mut merge = Self { table, alias, with: None, source, on, clauses, returning };
        merge.sort()?;
        Ok(merge)
    }

    /// Puts the clauses without a condition last, as DuckDB does: else none behind them would ever count.
    fn sort(&mut self) -> Result<()> {
        let unconditional = |when| {
            let of = move |clause: &&Clause| clause.when == when && clause.condition.is_none();
            self.clauses.iter().filter(of).count()
        };
        for when in [When::Matched, When::ByTarget, When::BySource] {
            if unconditional(when) > 1 {
                let words = when.words();
                return Err(usage(
                    format!("there are two {words} without a condition"),
                    format!("write {words} AND condition THEN ... for all but one"),
                ));
            }
        }
        self.clauses.sort_by_key(|clause| clause.condition.is_none());
        Ok(())
    }

    /// The clauses for one kind of rows, in the order in which they count.
    pub(super) fn of(&self, when: When) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(move |clause| clause.when == when)
    }

    /// Every piece that is to be one expression.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &Part> {
        let on = match &self.on {
            On::Condition(condition) => Some(condition),
            On::Columns(_) => None,
        };
        on.into_iter().chain(self.clauses.iter().flat_map(Clause::expressions))
    }
}

impl Clause {
    /// Reads what follows the word WHEN, up to the next one.
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let wrong = || unsupported("WHEN in this form", MERGE);
        let not = reader.takes(&["NOT"]);
        if !reader.takes(&["MATCHED"]) {
            return Err(wrong());
        }
        let when = match not {
            false => When::Matched,
            true if reader.takes(&["BY", "SOURCE"]) => When::BySource,
            true => {
                reader.takes(&["BY", "TARGET"]);
                When::ByTarget
            }
        };
        let condition = reader.takes(&["AND"]).then(|| {
            let end = reader.find_word(&["THEN"]);
            reader.until(end)
        });
        if !reader.takes(&["THEN"]) {
            return Err(wrong());
        }
        let end = reader.find_word(&["WHEN", "RETURNING"]);
        let then = Then::read(reader, end)?;
        if reader.at != end {
            return Err(unsupported(&format!("what follows {} ... THEN in this form", when.words()), MERGE));
        }
        if when == When::ByTarget && matches!(then, Then::Update(_) | Then::Delete) {
            return Err(usage(
                "WHEN NOT MATCHED has no row of the table to update or delete",
                "WHEN MATCHED and WHEN NOT MATCHED BY SOURCE have one",
            ));
        }
        Ok(Self { when, condition, then })
    }

    fn expressions(&self) -> Vec<&Part> {
        let mut parts: Vec<&Part> = self.condition.iter().collect();
        match &self.then {
            Then::Update(Update::Set(set)) => parts.extend(set.iter().filter_map(|(_, value)| value.part())),
            Then::Insert { values: Values::Listed(values), .. } => parts.extend(values.iter().filter_map(Value::part)),
            Then::Error(message) => parts.extend(message),
            _ => {}
        }
        parts
    }
}

impl Then {
    fn read(reader: &mut Reader<'_>, end: usize) -> Result<Self> {
        match reader.word().to_ascii_uppercase().as_str() {
            "DELETE" => Ok(Self::Delete),
            "DO" if reader.takes(&["NOTHING"]) => Ok(Self::Nothing),
            "ERROR" => Ok(Self::Error((reader.at < end).then(|| reader.until(end)))),
            "UPDATE" if reader.takes(&["SET"]) => match reader.symbol('*') {
                true => Ok(Self::Update(Update::All)),
                false => Ok(Self::Update(Update::Set(reader.set(end, MERGE)?))),
            },
            "UPDATE" if reader.takes(&["BY", "NAME"]) => Ok(Self::Update(Update::ByName)),
            "UPDATE" => {
                reader.takes(&["BY", "POSITION"]);
                Ok(Self::Update(Update::All))
            }
            "INSERT" => Self::insert(reader, end),
            _ => Err(unsupported("what follows THEN in this form", MERGE)),
        }
    }

    fn insert(reader: &mut Reader<'_>, end: usize) -> Result<Self> {
        if reader.takes(&["DEFAULT", "VALUES"]) {
            return Ok(Self::Insert { columns: None, values: Values::Defaults });
        }
        let columns = reader.names();
        if reader.takes(&["VALUES"]) && reader.symbol('(') {
            let close = reader.closing(end);
            let mut values = Vec::new();
            while reader.at < close {
                values.push(reader.value(close));
                reader.symbol(',');
            }
            reader.symbol(')');
            return Ok(Self::Insert { columns, values: Values::Listed(values) });
        }
        let by_name = reader.takes(&["BY", "NAME"]);
        if !by_name {
            reader.takes(&["BY", "POSITION"]);
        }
        reader.symbol('*');
        // A list of columns says nothing without the values for them.
        match (columns, by_name) {
            (Some(_), _) => Err(unsupported("INSERT (column, ...) without VALUES", MERGE)),
            (None, true) => Ok(Self::Insert { columns: None, values: Values::ByName }),
            (None, false) => Ok(Self::Insert { columns: None, values: Values::All }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Merge> {
        let mut reader = Reader::of_last(sql);
        assert_eq!(reader.word().to_ascii_uppercase(), "MERGE");
        Merge::read(&mut reader)
    }

    fn text(value: &Value) -> &str {
        value.part().map_or("DEFAULT", |part| part.text().trim())
    }

    #[test]
    fn a_merge_is_taken_apart() {
        let sql = "MERGE INTO main.t AS x USING (SELECT 1 AS a WHERE true) AS s(a) ON x.a = CASE WHEN s.a > 1 THEN 2 ELSE s.a END \
                   WHEN MATCHED THEN UPDATE SET b = CASE WHEN s.a = 1 THEN f(1, 2) END, c = DEFAULT \
                   WHEN MATCHED AND CASE WHEN s.a = 1 THEN true END THEN DELETE \
                   WHEN NOT MATCHED BY TARGET AND s.a IN (1, 2) THEN INSERT (a, \"b\") VALUES (s.a, DEFAULT) \
                   WHEN NOT MATCHED BY SOURCE THEN DO NOTHING;";
        let merge = read(sql).unwrap();
        assert_eq!((merge.table.as_str(), merge.alias.as_str()), ("t", "x"));
        assert_eq!(merge.source.text().trim(), "(SELECT 1 AS a WHERE true) AS s(a)");
        assert!(matches!(&merge.on, On::Condition(part) if part.text().ends_with("END")));
        let matched: Vec<&Clause> = merge.of(When::Matched).collect();
        assert_eq!(matched[0].then, Then::Delete, "what has a condition comes first");
        let Then::Update(Update::Set(set)) = &matched[1].then else { panic!() };
        assert_eq!((text(&set[0].1), text(&set[1].1)), ("CASE WHEN s.a = 1 THEN f(1, 2) END", "DEFAULT"));
        let Then::Insert { columns, values: Values::Listed(values) } = &merge.of(When::ByTarget).next().unwrap().then
        else {
            panic!()
        };
        assert_eq!(columns.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(values.iter().map(text).collect::<Vec<_>>(), ["s.a", "DEFAULT"]);
        assert_eq!(merge.of(When::BySource).count(), 1);
    }

    #[test]
    fn short_forms_are_known() {
        let merge = read(
            "MERGE INTO t USING s USING (a, b) WHEN MATCHED AND a = 1 THEN UPDATE BY NAME WHEN MATCHED AND a = 2 THEN UPDATE SET * \
             WHEN MATCHED THEN UPDATE WHEN NOT MATCHED AND a = 1 THEN INSERT BY NAME WHEN NOT MATCHED AND a = 2 THEN INSERT * \
             WHEN NOT MATCHED AND a = 3 THEN INSERT DEFAULT VALUES WHEN NOT MATCHED AND a = 4 THEN ERROR 'x' || a \
             WHEN NOT MATCHED THEN INSERT",
        )
        .unwrap();
        assert_eq!(merge.on, On::Columns(vec!["a".to_owned(), "b".to_owned()]));
        let then: Vec<&Then> = merge.of(When::Matched).map(|clause| &clause.then).collect();
        assert_eq!(then, [&Then::Update(Update::ByName), &Then::Update(Update::All), &Then::Update(Update::All)]);
        let then: Vec<&Then> = merge.of(When::ByTarget).map(|clause| &clause.then).collect();
        let insert = |values| Then::Insert { columns: None, values };
        assert_eq!(then[..3], [&insert(Values::ByName), &insert(Values::All), &insert(Values::Defaults)]);
        assert!(matches!(then[3], Then::Error(Some(_))) && *then[4] == insert(Values::All));
    }

    #[test]
    fn what_is_no_merge_is_refused() {
        for (sql, told) in [
            ("MERGE INTO t USING s ON true", "MERGE in this form"),
            ("MERGE INTO t WHEN MATCHED THEN DELETE", "MERGE in this form"),
            ("MERGE INTO t USING s ON true WHEN MATCHED DELETE", "WHEN in this form"),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE FROM t", "in this form"),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET *, a = 1", "in this form"),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET t.a = 1", "what follows `t`"),
            ("MERGE INTO t USING s ON true WHEN NOT MATCHED THEN UPDATE SET a = 1", "has no row of the table"),
            ("MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT (a)", "without VALUES"),
            ("MERGE INTO t USING s ON true WHEN NOT MATCHED THEN INSERT VALUES (1), (2)", "in this form"),
            ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE WHEN MATCHED THEN UPDATE", "there are two"),
        ] {
            let error = read(sql).expect_err(sql).to_string();
            assert!(error.contains(told), "{sql}: {error}");
        }
    }
}
