//! What is read of a Parquet file: all of it, or rows that follow each other.

use serde::{Deserialize, Serialize};

/// A file, or a part of one.
///
/// As JSON a whole file is its address, as it always was; a part is an object, which a function refuses that does not know of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FilePart {
    Whole(String),
    Rows {
        file: String,
        /// Counted from 0 in the file.
        first_row: u64,
        /// The last one that is read.
        last_row: u64,
    },
}

impl FilePart {
    /// The file's address, or what else it is called by.
    pub fn file(&self) -> &str {
        match self {
            Self::Whole(file) | Self::Rows { file, .. } => file,
        }
    }

    /// The same part of what `named` calls the file.
    #[must_use]
    pub fn called(&self, named: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Whole(file) => Self::Whole(named(file)),
            Self::Rows { file, first_row, last_row } => {
                Self::Rows { file: named(file), first_row: *first_row, last_row: *last_row }
            }
        }
    }
}

impl From<String> for FilePart {
    fn from(file: String) -> Self {
        Self::Whole(file)
    }
}

impl From<&str> for FilePart {
    fn from(file: &str) -> Self {
        Self::Whole(file.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_its_address_and_a_part_is_nothing_that_is_mistaken_for_one() {
        let parts = ["s3://b/1".into(), FilePart::Rows { file: "s3://b/2".into(), first_row: 3, last_row: 7 }];
        let json = serde_json::to_string(&parts).unwrap();
        assert_eq!(json, r#"["s3://b/1",{"file":"s3://b/2","first_row":3,"last_row":7}]"#);
        assert_eq!(serde_json::from_str::<[FilePart; 2]>(&json).unwrap(), parts);
        assert!(serde_json::from_str::<Vec<String>>(&json).is_err(), "a function from before refuses it");
        assert!(serde_json::from_str::<FilePart>(r#"{"file":"s3://b/2","first_row":-1,"last_row":7}"#).is_err());
    }
}
