//! Lists as DuckDB reads them from text.

pub(crate) use quack_function::sql::list_item as item;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duck::{Sandbox, open};

    #[test]
    fn items_come_back_as_they_were() {
        let connection = open(&Sandbox::default()).unwrap();
        let texts = ["a", "b, c", "it's", "\"", "\\", "\\\"]", "", " ", "NULL", "é\n"];
        let list = format!("[{}]", texts.map(item).join(", "));
        let mut statement = connection.prepare("SELECT unnest(CAST(? AS VARCHAR[]))").unwrap();
        let back: Vec<String> = statement.query_map([list], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(back, texts);
    }
}
