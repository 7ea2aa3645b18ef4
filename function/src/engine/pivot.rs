//! PIVOT without values: DuckDB finds them in a statement of its own that makes a type, so the engine finds them with a
//! SELECT, and writes them into the query. All of it is judged.

use crate::sql::{Token, Tokens, literal};

/// Most values of one column.
pub(crate) const MAX_VALUES: usize = 10_000;

/// A `PIVOT ... ON` some of whose columns have no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pivot {
    sql: String,
    /// For each column without values: where in the text they belong, and the SELECT that finds them.
    columns: Vec<(usize, String)>,
}

impl Pivot {
    /// Reads a `PIVOT source ON column, ... [USING ...]`; `None` for anything else.
    pub(crate) fn parse(sql: &str) -> Option<Self> {
        let tokens: Vec<_> = Tokens::new(sql).collect();
        let (first, source_start) = tokens.first()?;
        if !first.is("PIVOT") && !first.is("PIVOT_WIDER") {
            return None;
        }
        let mut depth = 0_usize;
        // Tokens outside of any bracket, by index.
        let mut outside = Vec::new();
        for (index, (token, _)) in tokens.iter().enumerate() {
            match token {
                Token::Symbol('(' | '[' | '{') => depth += 1,
                Token::Symbol(')' | ']' | '}') => depth = depth.checked_sub(1)?,
                _ if depth == 0 => outside.push(index),
                _ => {}
            }
        }
        let on = outside.iter().copied().find(|index| tokens[*index].0.is("ON"))?;
        if outside.iter().any(|index| *index < on && tokens[*index].0.is("JOIN")) {
            return None;
        }
        let source = sql[*source_start..start_of(&tokens[on])].to_owned();
        let closes = |index: &usize| {
            let token = &tokens[*index].0;
            ["USING", "GROUP", "ORDER", "LIMIT", "OFFSET"].iter().any(|word| token.is(word))
        };
        let end = outside.iter().copied().find(|index| *index > on && closes(index)).unwrap_or(tokens.len());
        let commas =
            outside.iter().copied().filter(|index| (on..end).contains(index) && tokens[*index].0 == Token::Symbol(','));
        let (mut columns, mut start) = (Vec::new(), on + 1);
        for stop in commas.chain([end]) {
            let has_values = outside.iter().any(|index| (start..stop).contains(index) && tokens[*index].0.is("IN"));
            let (first, last) = (tokens.get(start)?, tokens.get(stop.checked_sub(1)?)?);
            if !has_values && start < stop {
                let column = &sql[start_of(first)..last.1];
                // Several columns at once have no one text as their value.
                if first.0 == Token::Symbol('(') && column.contains(',') {
                    return None;
                }
                let values = format!(
                    "SELECT DISTINCT CAST(({column}\n) AS VARCHAR) FROM {source}\nWHERE ({column}\n) IS NOT NULL ORDER BY ALL"
                );
                columns.push((last.1, values));
            }
            start = stop + 1;
        }
        (!columns.is_empty()).then(|| Self { sql: sql.to_owned(), columns })
    }

    /// The SELECTs that find the values, one a column.
    pub(crate) fn queries(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(_, query)| query.as_str())
    }

    /// The whole query, with the values of each column.
    pub(crate) fn with_values(&self, values: &[Vec<String>]) -> String {
        let (mut sql, mut at) = (String::new(), 0);
        for ((end, _), values) in self.columns.iter().zip(values) {
            let values: Vec<_> = values.iter().map(|value| literal(value)).collect();
            sql += &format!("{} IN ({})", &self.sql[at..*end], values.join(", "));
            at = *end;
        }
        sql + &self.sql[at..]
    }

    /// The whole query with one value a column: of the same form as the one that is run in the end.
    pub(crate) fn sketch(&self) -> String {
        self.with_values(&vec![vec![String::new()]; self.columns.len()])
    }
}

/// Where a token begins.
fn start_of((token, end): &(Token, usize)) -> usize {
    end - match token {
        Token::Word(text) | Token::Quoted(text) | Token::Text(text) => text.len(),
        Token::Symbol(c) => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_written_in() {
        let pivot = Pivot::parse("  PIVOT (SELECT 1 AS a, 'ON' AS b) ON b || ',', c IN (1), d USING sum(a) GROUP BY e")
            .unwrap();
        let queries: Vec<_> = pivot.queries().collect();
        assert!(
            queries[0].starts_with("SELECT DISTINCT CAST((b || ','\n) AS VARCHAR) FROM  (SELECT 1 AS a, 'ON' AS b) \n")
        );
        assert_eq!(queries.len(), 2);
        assert_eq!(
            pivot.with_values(&[vec!["it's".to_owned()], vec!["x".to_owned(), "y".to_owned()]]),
            "  PIVOT (SELECT 1 AS a, 'ON' AS b) ON b || ',' IN ('it''s'), c IN (1), d IN ('x', 'y') USING sum(a) GROUP BY e"
        );
        assert_eq!(Pivot::parse("PIVOT t ON b").unwrap().sketch(), "PIVOT t ON b IN ('')");
    }

    #[test]
    fn anything_else_is_left_alone() {
        for sql in [
            "SELECT 1",
            "PIVOT t ON b IN (1)",
            "PIVOT t",
            "PIVOT t ON",
            "PIVOT t ON (a, b)",
            "PIVOT a JOIN b ON a.x = b.x ON c",
            "PIVOT t ON b)",
            "",
        ] {
            assert_eq!(Pivot::parse(sql), None, "{sql}");
        }
    }
}
