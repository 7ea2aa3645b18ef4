//! Multipart uploads: a folder each, a file each part, joined into one object when the upload completes.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use s3s::dto::{Checksum, CompletedPart};
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::checksums::{self, Summing, invalid_part};
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
    /// How its parts are added up; nothing when its maker asked for nothing.
    #[serde(default)]
    pub summing: Option<Summing>,
    pub initiated: SystemTime,
}

/// What a request to complete an upload says.
pub(super) struct Completion {
    pub parts: Vec<CompletedPart>,
    pub precondition: Precondition,
    /// What the whole object adds up to.
    pub checksum: Checksum,
    /// Bytes of the whole object.
    pub size: Option<i64>,
}

/// Name of the file that holds an [`Upload`], beside its parts.
const UPLOAD: &str = "upload.json";

impl Store {
    /// Starts an upload and returns its id.
    pub(super) fn create_upload(&self, upload: &Upload) -> S3Result<String> {
        self.bucket_path(&upload.bucket)?;
        let id = private::name();
        let folder = self.uploads.join(&id);
        let text = serde_json::to_vec(upload).map_err(S3Error::internal_error)?;
        private::dir(&folder).and_then(|()| private::write(&folder.join(UPLOAD), &text)).map_err(failed)?;
        Ok(id)
    }

    /// Makes `scratch` a part, in place of one with the same number. `sent` is what its sender said that it adds up to;
    /// nothing of a copy, which is added up here. Returns what it adds up to.
    ///
    /// # Errors
    /// `NoSuchUpload`, `InvalidArgument`; `InvalidRequest` for a sum that is not the upload's.
    pub(super) fn put_part(
        &self,
        id: &str,
        bucket: &str,
        key: &str,
        number: i32,
        mut scratch: Scratch,
        sent: Option<Checksum>,
    ) -> S3Result<(Stat, Checksum)> {
        if !(1..=10_000).contains(&number) {
            return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
        }
        let (folder, upload) = self.upload(id, bucket, key)?;
        let sums = match (upload.summing, sent) {
            (Some(summing), Some(sent)) => summing.admit(&sent).map(|()| sent)?,
            (Some(summing), None) => {
                scratch.file.rewind().and_then(|()| summing.of_part(&mut scratch.file)).map_err(failed)?
            }
            (None, sent) => sent.unwrap_or_default(),
        };
        let stat = self.finish(&scratch.file)?;
        scratch.keep_as(&folder.join(part_name(number))).map_err(failed)?;
        Ok((stat, sums))
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

    /// Joins the parts named into the object, if `completion`'s precondition holds. Returns what the object adds up to, too.
    ///
    /// # Errors
    /// `NoSuchUpload`, `MalformedXML`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `InvalidRequest`, `BadDigest`,
    /// `PreconditionFailed`. The upload is then as it was.
    pub(super) fn complete_upload(
        &self,
        id: &str,
        bucket: &str,
        key: &str,
        completion: &Completion,
    ) -> S3Result<(Stat, Checksum)> {
        let (folder, upload) = self.upload(id, bucket, key)?;
        let checksum = checked(&folder, upload.summing, completion)?;
        let mut scratch = self.scratch()?;
        for part in &completion.parts {
            io::copy(&mut open(&folder, part)?.0, &mut scratch.file).map_err(failed)?;
        }
        let stat = self.commit(scratch, bucket, key, &upload.headers, &completion.precondition)?;
        fs::remove_dir_all(folder).map_err(failed)?;
        Ok((stat, checksum))
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

/// What the object adds up to, if the parts in `folder` are as the request to complete says.
fn checked(folder: &Path, summing: Option<Summing>, completion: &Completion) -> S3Result<Checksum> {
    let Completion { parts, checksum: told, size, .. } = completion;
    if parts.is_empty() || parts.iter().any(|part| part.part_number.is_none() || part.e_tag.is_none()) {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let is_at = |(part, number): (&CompletedPart, i32)| part.part_number == Some(number);
    let consecutive = parts.iter().zip(1..).all(is_at);
    if !parts.is_sorted_by(|a, b| a.part_number < b.part_number) || summing.is_some() && !consecutive {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut total = summing.map(Summing::begin);
    let mut bytes = 0;
    for (index, part) in parts.iter().enumerate() {
        let (mut file, stat) = open(folder, part)?;
        bytes += stat.size;
        if part.e_tag.as_ref().is_none_or(|e_tag| e_tag.value() != stat.e_tag) {
            return Err(invalid_part());
        }
        if stat.size < PART_MIN && index + 1 < parts.len() {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size: part {} has {} bytes, and {PART_MIN} is the \
                 least of any but the last",
                index + 1,
                stat.size
            ));
        }
        match &mut total {
            Some(total) => total.add(&mut file, part)?,
            // Of an upload that was made without a word of sums, S3 keeps none of the parts to compare with.
            None if checksums::any(&checksums::sums_of(part)) => return Err(invalid_part()),
            None => {}
        }
    }
    if let Some(size) = size.filter(|size| u64::try_from(*size) != Ok(bytes)) {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {bytes}"
        ));
    }
    total.map_or_else(|| Ok(Checksum::default()), |total| total.finish(told))
}

/// A part that a request to complete names.
fn open(folder: &Path, part: &CompletedPart) -> S3Result<(File, Stat)> {
    let number = part.part_number.unwrap_or_default();
    let file = File::open(folder.join(part_name(number))).map_err(|_| invalid_part())?;
    let stat = Stat::of(&file.metadata().map_err(failed)?);
    Ok((file, stat))
}

fn read_upload(folder: &Path) -> io::Result<Upload> {
    let mut text = Vec::new();
    File::open(folder.join(UPLOAD))?.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn part_name(number: i32) -> String {
    format!("{number:05}")
}
