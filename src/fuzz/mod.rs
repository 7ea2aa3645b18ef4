//! What reads hostile input, for the fuzzer (`tests/fuzz`): one method for each kind of it, which panics when what came
//! of the input is not as it should be. The corpora are run as a test, too.

mod answer;
mod catalog;

use crate::cloud::local::fuzz::Local;

/// The targets, and what they need to run: a temporary folder, and an S3 and a Lambda of this process.
pub struct Targets {
    local: Local,
}

impl Targets {
    /// Opens them.
    ///
    /// # Errors
    /// When there is no temporary folder to be had.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { local: Local::new()? })
    }

    /// A catalog, as somebody may have put it into the bucket. True if it was taken.
    ///
    /// # Panics
    /// When a catalog that was taken leads to what is not of it.
    pub fn catalog(&self, bytes: &[u8]) -> bool {
        catalog::take(bytes)
    }

    /// An answer of somebody in the function's place. One line is a response. More are an [`answer::Told`] in the first,
    /// and the bytes that came: an Arrow stream, or a Parquet file. True if they were taken.
    ///
    /// # Panics
    /// When rows come of it that were not told of.
    pub fn answer(&self, bytes: &[u8]) -> bool {
        answer::take(bytes)
    }

    /// A request's head and body, to S3 or Lambda by its path. True if it was let in once it was signed.
    ///
    /// # Panics
    /// When a signature is right that nobody made who has the keys, or wrong that was made with them.
    pub fn signature(&self, bytes: &[u8]) -> bool {
        self.local.signature(bytes)
    }

    /// A body in AWS's chunks; the first two bytes say how it is sent. True if it was taken.
    ///
    /// # Panics
    /// When the object that comes of it is not what was sent.
    pub fn chunked(&self, bytes: &[u8]) -> bool {
        self.local.chunked(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Some of a corpus is as it should be and is taken, some is refused.
    fn each_of(corpus: &str, take: impl Fn(&[u8]) -> bool) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(corpus);
        let (mut taken, mut refused) = (0, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Told only when it fails.
            println!("{}", path.display());
            let count = if take(&std::fs::read(path).unwrap()) { &mut taken } else { &mut refused };
            *count += 1;
        }
        assert!(taken >= 5 && refused >= 5, "of {corpus}, {taken} were taken and {refused} refused");
    }

    #[test]
    fn catalogs_of_the_corpus_are_taken_or_refused() {
        let targets = Targets::new().unwrap();
        each_of("catalog", |bytes| targets.catalog(bytes));
    }

    #[test]
    fn answers_of_the_corpus_are_taken_or_refused() {
        let targets = Targets::new().unwrap();
        each_of("answer", |bytes| targets.answer(bytes));
    }

    #[test]
    fn signatures_of_the_corpus_are_right_or_wrong() {
        let targets = Targets::new().unwrap();
        each_of("signature", |bytes| targets.signature(bytes));
    }

    #[test]
    fn chunked_bodies_of_the_corpus_are_taken_or_refused() {
        let targets = Targets::new().unwrap();
        each_of("chunked", |bytes| targets.chunked(bytes));
    }
}
