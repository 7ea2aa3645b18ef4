//! What a CSV's header says, and what DuckDB made of it: two columns of one name cannot be, nor one without a name.

/// Most columns that are told one by one.
const MOST_TOLD: usize = 5;

/// The fields of a line, without the quotes around them.
pub(super) fn fields(line: &str, delimiter: char) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// What of a header's `fields` is called otherwise in the table, whose columns are `found`; nothing where the line turned out
/// to be no header.
pub(super) fn renamed<'a>(fields: &[String], found: impl Iterator<Item = &'a str>) -> Vec<String> {
    let bare = |text: &str| text.trim_start_matches('\u{feff}').trim().to_owned();
    let pairs: Vec<_> = fields.iter().map(|field| bare(field)).zip(found.map(bare)).collect();
    if pairs.iter().all(|(field, name)| field != name) {
        return Vec::new();
    }
    let others: Vec<_> = pairs.iter().enumerate().filter(|(_, (field, name))| field != name).collect();
    let mut notes: Vec<_> = others
        .iter()
        .take(MOST_TOLD)
        .map(|(index, (field, name))| {
            let why = match field.as_str() {
                "" => "has no name in the header".to_owned(),
                field => format!("is called `{field}` in the header, as another is"),
            };
            format!("column {} {why}: it is `{name}` in the table", index + 1)
        })
        .collect();
    if others.len() > MOST_TOLD {
        notes.push(format!("{} more columns are called otherwise than in the header", others.len() - MOST_TOLD));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_it_is_not_quoted() {
        assert_eq!(fields("a,\"b,\"\"c\"\"\",,d", ','), ["a", "b,\"c\"", "", "d"]);
        assert_eq!(fields("", ','), [""]);
    }

    #[test]
    fn columns_that_are_called_otherwise_are_told() {
        let told = |line: &str, found: &[&str]| renamed(&fields(line, ','), found.iter().copied());
        assert_eq!(told("\u{feff}a, b", &["a", "b"]), [""; 0]);
        assert_eq!(told("1,2", &["column0", "column1"]), [""; 0], "it is no header");
        assert_eq!(
            told("a,A,,b", &["a", "A_1", "column2", "b"]),
            [
                "column 2 is called `A` in the header, as another is: it is `A_1` in the table",
                "column 3 has no name in the header: it is `column2` in the table",
            ]
        );
        let (line, found): (Vec<_>, Vec<_>) = (0..9).map(|n| ("a", format!("a_{n}"))).unzip();
        let mut found: Vec<_> = found.iter().map(String::as_str).collect();
        found[0] = "a";
        assert_eq!(
            told(&line.join(","), &found).last().unwrap(),
            "3 more columns are called otherwise than in the header"
        );
    }
}
