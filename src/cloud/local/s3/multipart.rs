//! Multipart uploads: a folder each, a file each part, joined into one object when the upload completes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use s3s::dto::CompletedPart;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::conditions::Precondition;
use super::failure::failed;
use super::headers::Headers;
use super::list;
use super::stat::Stat;
use super::store::{Scratch, Store};
use crate::private;

/// The smallest part, in bytes, but for the last.
const PART_MIN: u64 = 5 << 20;

/// What an upload will become.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    pub bucket: String,
    pub key: String,
    pub headers: Headers,
    pub initiated: SystemTime,
}

/// Name of the file that holds an [`Upload`], beside its parts.
const UPLOAD: &str = "upload.json";

impl Store {
    /// Starts an upload and returns its id.
    pub(super) fn create_upload(&self, upload: &Upload) -> S3Result<String> {
        self.bucket_path(&upload.bucket)?;
        let id = format!("{:032x}", rand::random::<u128>());
        let folder = self.uploads.join(&id);
        let text = serde_json::to_vec(upload).map_err(S3Error::internal_error)?;
        private::dir(&folder).and_then(|()| private::write(&folder.join(UPLOAD), &text)).map_err(failed)?;
        Ok(id)
    }

    /// Makes `scratch` a part, in place of one with the same number.
    pub(super) fn put_part(&self, id: &str, bucket: &str, key: &str, number: i32, scratch: Scratch) -> S3Result<Stat> {
        if !(1..=10_000).contains(&number) {
            return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
        }
        let (folder, _) = self.upload(id, bucket, key)?;
        let stat = self.finish(&scratch.file)?;
        scratch.keep_as(&folder.join(part_name(number))).map_err(failed)?;
        Ok(stat)
    }

    /// Parts that are there, by number.
    pub(super) fn list_parts(&self, id: &str, bucket: &str, key: &str) -> S3Result<Vec<(i32, Stat)>> {
        let (folder, _) = self.upload(id, bucket, key)?;
        let mut parts = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                parts.push((number, Stat::of(&entry.metadata().map_err(failed)?)));
            }
        }
        parts.sort_by_key(|(number, _)| *number);
        Ok(parts)
    }

    /// Uploads in progress in a bucket, by key.
    pub(super) fn list_uploads(&self, bucket: &str) -> S3Result<Vec<(String, Upload)>> {
        self.bucket_path(bucket)?;
        let mut uploads = Vec::new();
        for entry in fs::read_dir(&self.uploads).map_err(failed)? {
            // An upload that completed meanwhile is not an error.
            let Ok(id) = entry.map_err(failed)?.file_name().into_string() else { continue };
            let Ok(upload) = read_upload(&self.uploads.join(&id)) else { continue };
            if upload.bucket == bucket {
                uploads.push((id, upload));
            }
        }
        uploads.sort_by(|a, b| a.1.key.cmp(&b.1.key));
        Ok(uploads)
    }

    /// Joins the parts named into the object, if `precondition` holds.
    ///
    /// # Errors
    /// `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `PreconditionFailed`.
    pub(super) fn complete_upload(
        &self,
        id: &str,
        bucket: &str,
        key: &str,
        parts: &[CompletedPart],
        precondition: &Precondition,
    ) -> S3Result<Stat> {
        let (folder, upload) = self.upload(id, bucket, key)?;
        if !parts.is_sorted_by(|a, b| a.part_number < b.part_number) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let mut files = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            let number = part.part_number.unwrap_or_default();
            let file = File::open(folder.join(part_name(number))).map_err(|_| s3_error!(InvalidPart))?;
            let stat = Stat::of(&file.metadata().map_err(failed)?);
            if part.e_tag.as_ref().is_some_and(|e_tag| e_tag.value() != stat.e_tag) {
                return Err(s3_error!(InvalidPart));
            }
            if stat.size < PART_MIN && index + 1 < parts.len() {
                return Err(s3_error!(EntityTooSmall));
            }
            files.push(file);
        }
        if files.is_empty() {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        }
        let mut scratch = self.scratch()?;
        for mut file in files {
            io::copy(&mut file, &mut scratch.file).map_err(failed)?;
        }
        let stat = self.commit(scratch, bucket, key, &upload.headers, precondition)?;
        fs::remove_dir_all(folder).map_err(failed)?;
        Ok(stat)
    }

    /// Drops an upload with all its parts.
    pub(super) fn abort_upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<()> {
        let (folder, _) = self.upload(id, bucket, key)?;
        fs::remove_dir_all(folder).map_err(failed)
    }

    /// Deletes fleeting objects, and uploads, that are older than `age`; and versions that are older than their bucket
    /// keeps them.
    pub(super) fn expire(&self, age: Duration, now: SystemTime) -> S3Result<()> {
        let old = |time: SystemTime| now.duration_since(time).is_ok_and(|elapsed| elapsed > age);
        for (bucket, _) in self.list_buckets().map_err(failed)? {
            for prefix in &self.fleeting {
                let query = list::Query { prefix, delimiter: "", after: "", max: usize::MAX };
                let page = list::list(&self.bucket_path(&bucket)?, &query).map_err(failed)?;
                for (key, _) in page.objects.into_iter().filter(|(_, stat)| old(stat.modified)) {
                    self.delete(&bucket, &key, None)?;
                }
            }
            self.expire_versions(&bucket, now)?;
            for (id, upload) in self.list_uploads(&bucket)? {
                if old(upload.initiated) {
                    self.abort_upload(&id, &bucket, &upload.key)?;
                }
            }
        }
        Ok(())
    }

    /// An upload's folder, if the id is one of `bucket` and `key`.
    fn upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<(PathBuf, Upload)> {
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(s3_error!(NoSuchUpload));
        }
        let folder = self.uploads.join(id);
        match read_upload(&folder) {
            Ok(upload) if upload.bucket == bucket && upload.key == key => Ok((folder, upload)),
            _ => Err(s3_error!(NoSuchUpload)),
        }
    }
}

fn read_upload(folder: &std::path::Path) -> io::Result<Upload> {
    let mut text = Vec::new();
    File::open(folder.join(UPLOAD))?.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn part_name(number: i32) -> String {
    format!("{number:05}")
}
