//! `ALTER TABLE`, taken apart: what is done to a column.

use super::reader::Reader;

/// What `ALTER TABLE` does to a column. Types are as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Alteration {
    Add { column: String, if_not_exists: bool, sql_type: String },
    Drop { column: String, if_exists: bool },
    Rename { column: String, to: String },
    Type { column: String, sql_type: String },
}

impl Reader<'_> {
    /// What is done to a column.
    pub(super) fn alteration(&mut self) -> Option<Alteration> {
        if self.takes(&["ADD"]) {
            self.takes(&["COLUMN"]);
            let if_not_exists = self.takes(&["IF", "NOT", "EXISTS"]);
            let column = self.name()?;
            return Some(Alteration::Add { column, if_not_exists, sql_type: self.written_type()? });
        }
        if self.takes(&["DROP"]) {
            self.takes(&["COLUMN"]);
            let if_exists = self.takes(&["IF", "EXISTS"]);
            return Some(Alteration::Drop { column: self.name()?, if_exists });
        }
        if self.takes(&["RENAME"]) {
            self.takes(&["COLUMN"]);
            let column = self.name()?;
            return self.takes(&["TO"]).then(|| Some(Alteration::Rename { column, to: self.name()? }))?;
        }
        if !self.takes(&["ALTER"]) {
            return None;
        }
        self.takes(&["COLUMN"]);
        let column = self.name()?;
        let sets = self.takes(&["SET", "DATA", "TYPE"]) || self.takes(&["SET", "TYPE"]) || self.takes(&["TYPE"]);
        sets.then(|| Some(Alteration::Type { column, sql_type: self.written_type()? }))?
    }

    /// All that is left, as the text of a type.
    fn written_type(&mut self) -> Option<String> {
        self.peek()?;
        Some(self.rest().text().trim().to_owned())
    }
}
