//! What a `COPY ... TO` leaves that fails or is ended midway: DuckDB completes the upload of what it has by then, under the
//! file's own name. It is taken back; what was there before comes back where the bucket keeps versions.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use quack_function::copy::CopyStatement;
use quack_function::sql::Tokens;

use super::statements;
use crate::bucket::Bucket;

/// Options of COPY that make folders of files rather than one.
const FOLDERS: &[&str] = &["PARTITION_BY", "PER_THREAD_OUTPUT", "FILE_SIZE_BYTES", "ROW_GROUPS_PER_FILE"];

/// The files of the lake's bucket that SQL is to write, as they were before.
pub(super) struct Written<'a> {
    bucket: &'a Bucket,
    /// Each key, and the tag of the object that was there.
    before: Vec<(String, Option<String>)>,
}

impl<'a> Written<'a> {
    /// Looks at what `sql` writes to.
    pub(super) async fn by(sql: &str, bucket: &'a Bucket) -> Self {
        let (mut pieces, rest) = statements::split(sql);
        pieces.push(rest);
        let ours = format!("s3://{}/", bucket.name);
        let mut before = Vec::new();
        for piece in pieces {
            if !Tokens::new(piece).next().is_some_and(|(token, _)| token.is("COPY")) {
                continue;
            }
            let Ok(copy) = CopyStatement::parse(piece.trim_end().trim_end_matches(';')) else { continue };
            let is_folder = |name: &String| FOLDERS.iter().any(|option| option.eq_ignore_ascii_case(name));
            if let Some(key) = copy.destination.uri.strip_prefix(&ours)
                && !copy.destination.options.keys().any(is_folder)
            {
                let tag = head(bucket, key).await.and_then(|head| head.e_tag);
                before.push((key.to_owned(), tag));
            }
        }
        Self { bucket, before }
    }

    /// Takes back what has been written since, as far as the bucket lets it.
    pub(super) async fn take_back(self) {
        let Self { bucket, before } = self;
        for (key, tag) in before {
            let Some(now) = head(bucket, &key).await else { continue };
            if now.e_tag == tag {
                continue;
            }
            // Of a bucket without versions, the object itself.
            let version = now.version_id.filter(|version| version != "null");
            _ = bucket.s3.delete_object().bucket(&bucket.name).key(key).set_version_id(version).send().await;
        }
    }
}

async fn head(bucket: &Bucket, key: &str) -> Option<HeadObjectOutput> {
    bucket.s3.head_object().bucket(&bucket.name).key(key).send().await.ok()
}
