//! Files to the bucket: large ones in parts, several requests at once, memory bounded by their number.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use tokio::sync::Semaphore;

use crate::bucket::Bucket;

/// Files above this size go up in parts, so that one lost connection costs one part.
const PART_BYTES: u64 = 8 * 1024 * 1024;

/// S3 takes no more parts than this for one object.
/// Source: Amazon S3 multipart upload limits.
const MOST_PARTS: u64 = 10_000;

/// Most requests under way at once: a small file is little more than the way there and back.
const WINDOW: usize = 64;

/// What all requests under way may hold in memory, bytes.
const WINDOW_BYTES: u64 = 8 * PART_BYTES;

/// A file and where it goes.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub path: PathBuf,
    pub key: String,
    pub bytes: u64,
}

/// An upload of many files, that can be taken back.
pub(crate) struct Upload<'a> {
    bucket: &'a Bucket,
    items: Vec<Item>,
    /// `(key, upload id)` of the objects that go up in parts and are not complete.
    open: Vec<(String, String)>,
}

/// A piece of a file: what one request carries.
struct Piece<'a> {
    item: &'a Item,
    /// `(upload id, part number, offset)`, for an object in parts.
    part: Option<(&'a str, i32, u64)>,
    bytes: u64,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(bucket: &'a Bucket, items: Vec<Item>) -> Self {
        Self { bucket, items, open: Vec::new() }
    }

    /// Uploads everything. The objects are complete when it returns.
    ///
    /// # Errors
    /// The bucket's, or a file's; call [`Self::undo`] then.
    pub(crate) async fn run(&mut self, bar: &ProgressBar) -> Result<()> {
        for item in self.items.iter().filter(|item| in_parts(item)) {
            let request = self.bucket.s3.create_multipart_upload().bucket(&self.bucket.name).key(&item.key);
            // S3 compares the parts' sums at the end only if it was told of them at the beginning, and refuses them otherwise.
            let created = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send();
            let created = created.await.with_context(|| format!("cannot begin to upload {}", item.key))?;
            let id = created.upload_id.with_context(|| format!("the bucket gave no upload id for {}", item.key))?;
            self.open.push((item.key.clone(), id));
        }
        let pieces = self.items.iter().flat_map(|item| {
            let id = self.open.iter().find(|(key, _)| *key == item.key).map(|(_, id)| id.as_str());
            pieces(item, id)
        });
        let bucket = self.bucket;
        let room = &Semaphore::new(WINDOW);
        let done: Vec<(&str, Option<CompletedPart>)> = stream::iter(pieces)
            .map(|piece| async move {
                let _room = room.acquire_many(share(piece.bytes)).await?;
                let part = send(bucket, &piece).await.with_context(|| format!("cannot upload {}", piece.item.key))?;
                bar.inc(piece.bytes);
                anyhow::Ok((piece.item.key.as_str(), part))
            })
            .buffer_unordered(WINDOW)
            .try_collect()
            .await?;
        for (key, id) in &self.open {
            let mut parts: Vec<CompletedPart> =
                done.iter().filter(|(of, _)| of == key).filter_map(|(_, part)| part.clone()).collect();
            parts.sort_by_key(CompletedPart::part_number);
            let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
            let request = self.bucket.s3.complete_multipart_upload().bucket(&self.bucket.name).key(key);
            let sent = request.upload_id(id).multipart_upload(all).send().await;
            sent.with_context(|| format!("cannot complete the upload of {key}"))?;
        }
        self.open.clear();
        Ok(())
    }

    /// Takes back what went up, as far as the bucket lets it.
    pub(crate) async fn undo(self) {
        for (key, id) in &self.open {
            let request = self.bucket.s3.abort_multipart_upload().bucket(&self.bucket.name).key(key);
            _ = request.upload_id(id).send().await;
        }
        delete(self.bucket, self.items.into_iter().map(|item| item.key)).await;
    }
}

/// Deletes objects, as far as the bucket lets it; those that are not there are no trouble.
pub(crate) async fn delete(bucket: &Bucket, keys: impl IntoIterator<Item = String>) {
    stream::iter(keys)
        .for_each_concurrent(WINDOW, |key| async move {
            _ = bucket.s3.delete_object().bucket(&bucket.name).key(key).send().await;
        })
        .await;
}

/// Deletes all objects whose keys begin so, as far as the bucket lets it.
pub(crate) async fn delete_below(bucket: &Bucket, prefix: &str) {
    let list = bucket.s3.list_objects_v2().bucket(&bucket.name).prefix(prefix);
    let mut listed = list.into_paginator().send();
    while let Some(Ok(page)) = listed.next().await {
        delete(bucket, page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key)).await;
    }
}

async fn send(bucket: &Bucket, piece: &Piece<'_>) -> Result<Option<CompletedPart>> {
    let Bucket { s3, name, .. } = bucket;
    let key = &piece.item.key;
    let body = body(&piece.item.path, piece.part.map_or(0, |(_, _, offset)| offset), piece.bytes).await?;
    let Some((id, number, _)) = piece.part else {
        s3.put_object().bucket(name).key(key).body(body).send().await?;
        return Ok(None);
    };
    let request = s3.upload_part().bucket(name).key(key).upload_id(id).part_number(number);
    let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32);
    let sent = request.body(body).send().await?;
    let part = CompletedPart::builder()
        .part_number(number)
        .set_e_tag(sent.e_tag)
        .set_checksum_crc32(sent.checksum_crc32)
        .build();
    Ok(Some(part))
}

/// How much of the window a request takes that carries so many bytes.
fn share(bytes: u64) -> u32 {
    let share = bytes.div_ceil(WINDOW_BYTES / WINDOW as u64).clamp(1, WINDOW as u64);
    u32::try_from(share).unwrap_or(1)
}

fn in_parts(item: &Item) -> bool {
    item.bytes > 2 * PART_BYTES
}

fn pieces<'a>(item: &'a Item, id: Option<&'a str>) -> Vec<Piece<'a>> {
    let Some(id) = id else { return vec![Piece { item, part: None, bytes: item.bytes }] };
    let size = PART_BYTES.max(item.bytes.div_ceil(MOST_PARTS));
    (0..item.bytes.div_ceil(size))
        .zip(1..)
        .map(|(index, number)| {
            let offset = index * size;
            Piece { item, part: Some((id, number, offset)), bytes: size.min(item.bytes - offset) }
        })
        .collect()
}

async fn body(path: &Path, offset: u64, bytes: u64) -> Result<ByteStream> {
    let body = ByteStream::read_from().path(path).offset(offset).length(Length::Exact(bytes)).build().await;
    body.with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_go_side_by_side_and_large_ones_fill_no_memory() {
        for (bytes, at_once) in [(0, 64), (100_000, 64), (PART_BYTES, 8), (2 * PART_BYTES, 4), (u64::MAX, 1)] {
            assert_eq!(WINDOW as u32 / share(bytes), at_once, "of {bytes} bytes");
            assert!(u64::from(at_once).saturating_mul(bytes) <= WINDOW_BYTES || at_once == 1);
        }
    }

    #[test]
    fn parts_cover_a_file_exactly() {
        for bytes in [2 * PART_BYTES + 1, 3 * PART_BYTES, 200 * 1024 * 1024 * 1024] {
            let item = Item { path: PathBuf::new(), key: "k".to_owned(), bytes };
            let pieces = pieces(&item, Some("id"));
            assert!(pieces.len() as u64 <= MOST_PARTS);
            let mut end = 0;
            for (piece, number) in pieces.iter().zip(1..) {
                assert_eq!(piece.part, Some(("id", number, end)));
                end += piece.bytes;
            }
            assert_eq!(end, bytes);
        }
    }
}
