//! Whole loads, into real object storage.

mod appends;
mod bad_input;
mod exact;
mod loads;
mod objects;
mod told;
mod types;
mod wide;

use anyhow::Result;

use super::source::Origin;
use super::{LoadRequest, Mode, load};
use crate::cloud::local::testing::Lake;
use crate::config::TextForm;
use crate::lake::describe::Loaded;

fn request(source: &str, table: &str) -> LoadRequest {
    let origin = Origin::Source(vec![source.to_owned()]);
    LoadRequest {
        table: table.to_owned(),
        origin,
        partition_by: Vec::new(),
        mode: Mode::Create,
        form: TextForm::default(),
    }
}

fn sample(name: &str, rows: u64, table: &str) -> LoadRequest {
    LoadRequest { origin: Origin::Sample { name: name.to_owned(), rows: Some(rows) }, ..request("", table) }
}

fn partitioned(request: LoadRequest, by: &[&str]) -> LoadRequest {
    LoadRequest { partition_by: by.iter().map(|text| (*text).to_owned()).collect(), ..request }
}

impl Lake {
    async fn load(&self, request: LoadRequest) -> Result<Loaded> {
        load(&self.context, &self.target.bucket, request).await
    }

    /// What a load is refused with: the error's text, which must leave nothing in the bucket.
    pub(in crate::lake) async fn refused(&self, request: LoadRequest) -> String {
        let before = self.keys("").await;
        let error = self.load(request).await.expect_err("the load should have failed");
        assert_eq!(self.keys("").await, before, "a failed load changed the bucket");
        let text = format!("{error:#}");
        let staging = std::env::temp_dir().join("quackctl-load-");
        assert!(!text.contains(&*staging.to_string_lossy()), "the staging folder is shown: {text}");
        text
    }
}
