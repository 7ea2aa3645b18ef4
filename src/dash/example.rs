//! A page to begin with.

use quack_function::names::is_table;
use quack_function::sql::qualified;

use crate::lake::catalog::Table;

/// Whether a column's name stands in a fence as it is.
fn is_plain(name: &str) -> bool {
    is_table(name) && !name.contains('.')
}

/// The text of a page: about a table, or about nothing in particular.
pub(crate) fn example(name: &str, table: Option<(&str, &Table)>) -> String {
    match table {
        Some((table, known)) => about(table, known),
        None => NOTHING.replace("{name}", name),
    }
}

fn about(table: &str, known: &Table) -> String {
    let columns: Vec<(&str, &str)> = known
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.sql_type.as_str()))
        .filter(|(name, _)| is_plain(name))
        .collect();
    let from = qualified(table);
    let from = if is_plain(table) && !crate::duck::words::is_reserved(table) { table.to_owned() } else { from };
    let find = |types: &[&str]| {
        let is_of = |sql_type: &str| types.iter().any(|of| sql_type.starts_with(of));
        columns.iter().find(|(_, sql_type)| is_of(sql_type) && !sql_type.contains('[')).map(|(name, _)| *name)
    };
    let own = |name: &str| {
        if crate::duck::words::is_reserved(name) { format!("\"{name}\"") } else { name.to_owned() }
    };
    // A query of the page that is called as the table would stand for it in the others.
    let called = |name: &str| if table.eq_ignore_ascii_case(name) { format!("{name}_") } else { name.to_owned() };
    let (in_all, by_day) = (called("in_all"), called("by_day"));
    let (largest, some) = (called("largest"), called("some"));
    let mut page = format!(
        "---\ntitle: {table}\nbudget: $0.01\n---\n# {table}\n\n\
         ```sql {in_all} value title=\"Rows\" format=compact\nSELECT count(*) AS rows FROM {from}\n```\n"
    );
    if let Some(day) = find(&["DATE", "TIMESTAMP"]) {
        page.push_str(&format!(
            "\n```sql {by_day} line x=day y=rows title=\"Rows by day\"\n\
             SELECT CAST({} AS DATE) AS day, count(*) AS rows FROM {from} GROUP BY ALL ORDER BY day\n```\n",
            own(day)
        ));
    }
    if let Some(text) = find(&["VARCHAR", "ENUM"]) {
        page.push_str(&format!(
            "\n```input top\ntype: number\nlabel: How many\ndefault: 10\nmin: 1\nmax: 100\n```\n\
             \n```sql {largest} bar x=name y=rows horizontal=true title=\"Rows by {text}\"\n\
             SELECT {} AS name, count(*) AS rows FROM {from} GROUP BY ALL ORDER BY rows DESC LIMIT $top\n```\n",
            own(text)
        ));
    }
    page.push_str(&format!("\n```sql {some} table title=\"Some of its rows\"\nFROM {from} LIMIT 100\n```\n"));
    page
}

const NOTHING: &str = "\
---
title: {name}
budget: $0.01            # most that one load of the page may cost
---
# {name}, in {{ steps }} steps

```input steps
type: number
default: 50
min: 2
max: 1000
```

```sql wave line x=x y=y title=\"A wave\"
SELECT i AS x, sin(i / 5.0) AS y FROM range($steps) r(i)
```

A fence begins with `sql`, a name and a chart: table, value, bar, line, area, scatter, pie, heatmap, histogram, map.
`quackctl dash new NAME --table TABLE` writes a page about a table.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::page::Page;
    use crate::lake::catalog::ColumnStats;

    #[test]
    fn what_is_written_is_a_page() {
        let page = Page::parse("x", &example("x", None)).unwrap();
        assert_eq!((page.queries.len(), page.budget_usd), (1, Some(0.01)));
        let column = |name: &str, sql_type: &str| ColumnStats {
            name: name.to_owned(),
            sql_type: sql_type.to_owned(),
            nulls: None,
            min: None,
            max: None,
        };
        let columns = vec![
            column("a \"b\n```", "DATE"),
            column("picked_at", "TIMESTAMP"),
            column("order", "VARCHAR"),
            column("n", "BIGINT"),
        ];
        let table = Table { columns, ..Table::default() };
        let text = example("x", Some(("sales.table", &table)));
        let page = Page::parse("x", &text).unwrap();
        let told: Vec<&str> = page.queries.iter().map(|query| query.name.as_str()).collect();
        assert_eq!(told, ["in_all", "by_day", "largest", "some"]);
        assert!(text.contains("CAST(picked_at AS DATE)") && text.contains("SELECT \"order\" AS name"), "{text}");
        assert!(text.contains("FROM \"sales\".\"table\""), "{text}");
        assert!(example("x", Some(("some", &table))).contains("```sql some_ table"));
    }
}
