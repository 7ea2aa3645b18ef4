//! The function as a zip file, for Lambda to take from the bucket. The same artifact is the same file, byte for byte.

use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::error::failure;
use quack_pinned::cache;

/// The most that Lambda unpacks: 250 MB, by which it means MiB.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MOST_BYTES: u64 = 250 * 1024 * 1024;

/// A tenth larger than what takes twice as long.
const LEVEL: i64 = 2;

/// Changes when zip files are made in another way, so that those in the cache are made anew.
const FORMAT: u32 = 1;

/// A packed artifact in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Zip {
    pub path: PathBuf,
    /// SHA-256 of the file, hexadecimal: what its key in the bucket is made of.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
}

/// Packs the artifact in the folder `dir`, unless the cache has that already, by its digest.
///
/// # Errors
/// The artifact is larger than what Lambda takes, or a file cannot be read or written.
pub(crate) fn pack(dir: &Path, digest: &str) -> Result<Zip> {
    let place = cache::root().join("zips").join(format!("{digest}-{FORMAT}"));
    cache::folder(&place, |draft| -> Result<()> {
        let files = files(dir)?;
        check_size(&files, MOST_BYTES)?;
        write(&files, &draft.join("function.zip"))?;
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(draft.join("function.zip"))?, &mut hasher)?;
        Ok(fs::write(draft.join("sha256"), format!("{:x}", hasher.finalize()))?)
    })?;
    let path = place.join("function.zip");
    let bytes = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
    Ok(Zip { sha256: fs::read_to_string(place.join("sha256"))?, path, bytes })
}

/// A file of the artifact.
struct Member {
    /// Relative to the artifact's folder.
    name: String,
    path: PathBuf,
    bytes: u64,
}

/// The artifact's files, by name.
fn files(dir: &Path) -> Result<Vec<Member>> {
    let mut files = Vec::new();
    for folder in ["", "extensions/", "lib/"] {
        let read = dir.join(folder);
        // The page function's is a program alone.
        if !folder.is_empty() && !read.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&read).with_context(|| format!("cannot read {}", read.display()))? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_file() {
                let name = format!("{folder}{}", entry.file_name().to_string_lossy());
                files.push(Member { name, path: entry.path(), bytes: meta.len() });
            }
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// Refuses what Lambda would refuse after the upload, with what takes the room.
fn check_size(files: &[Member], most: u64) -> Result<()> {
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    if total <= most {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes.div_ceil(1024 * 1024);
    let mut largest: Vec<&Member> = files.iter().collect();
    largest.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    let parts = largest.iter().map(|file| {
        let name = file.name.rsplit('/').next().unwrap_or(&file.name);
        format!("{} {} MB", name.trim_end_matches(".duckdb_extension"), megabytes(file.bytes))
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    Err(failure(
        format!(
            "the function has {} MB, and Lambda takes {} MB from a zip file: {parts}",
            megabytes(total),
            megabytes(most)
        ),
        "write package = \"image\" under [function] in quack.toml, or leave out extensions",
    ))
}

/// Writes `files` to `path`. Each is compressed by a thread of its own, into an archive that the whole then takes over
/// as it is.
fn write(files: &[Member], path: &Path) -> Result<()> {
    let packed: Vec<Result<Vec<u8>>> = thread::scope(|scope| {
        let threads: Vec<_> = files.iter().map(|file| scope.spawn(|| compress(file))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a thread that compresses panicked"))))
            .collect()
    });
    let mut whole = ZipWriter::new(BufWriter::new(File::create(path)?));
    for one in packed {
        whole.merge_archive(ZipArchive::new(Cursor::new(one?))?)?;
    }
    Ok(whole.finish()?.flush()?)
}

/// An archive of one file.
fn compress(file: &Member) -> Result<Vec<u8>> {
    let mode = if file.name.starts_with("extensions/") { 0o644 } else { 0o755 };
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(mode);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(&file.name, options)?;
    let mut content = File::open(&file.path).with_context(|| format!("cannot read {}", file.path.display()))?;
    io::copy(&mut content, &mut archive)?;
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::time::SystemTime;

    use super::*;

    /// An artifact's folder with small files, written at `time`.
    fn artifact(time: SystemTime) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["lib/libduckdb.so", "bootstrap", "extensions/icu.duckdb_extension", "extensions/avro.duckdb_extension"]
        {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name.repeat(1000)).unwrap();
            File::open(&path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
        }
        dir
    }

    #[test]
    fn a_zip_depends_on_nothing_but_names_and_contents() {
        let zips = [SystemTime::UNIX_EPOCH, SystemTime::now()].map(|time| {
            let dir = artifact(time);
            let path = dir.path().join("function.zip");
            write(&files(dir.path()).unwrap(), &path).unwrap();
            fs::read(path).unwrap()
        });
        assert!(zips[0] == zips[1]);
        let mut archive = ZipArchive::new(Cursor::new(&zips[0])).unwrap();
        let mut found = Vec::new();
        for index in 0..archive.len() {
            let file = archive.by_index(index).unwrap();
            assert_eq!(file.compression(), CompressionMethod::Deflated);
            found.push((file.name().to_owned(), file.unix_mode().unwrap() & 0o777));
            let name = file.name().to_owned();
            assert_eq!(io::read_to_string(file).unwrap(), name.repeat(1000));
        }
        let expected = [
            ("bootstrap", 0o755),
            ("extensions/avro.duckdb_extension", 0o644),
            ("extensions/icu.duckdb_extension", 0o644),
            ("lib/libduckdb.so", 0o755),
        ];
        assert_eq!(found, expected.map(|(name, mode)| (name.to_owned(), mode)));
    }

    #[test]
    fn what_lambda_would_not_unpack_is_refused_with_the_sizes() {
        let member = |name: &str, megabytes: u64| Member {
            name: name.to_owned(),
            path: PathBuf::new(),
            bytes: megabytes * 1024 * 1024,
        };
        let mut files = vec![
            member("bootstrap", 2),
            member("extensions/spatial.duckdb_extension", 180),
            member("lib/libduckdb.so", 68),
        ];
        check_size(&files, MOST_BYTES).unwrap();
        files[0].bytes += 1;
        assert_eq!(
            check_size(&files, MOST_BYTES).unwrap_err().to_string(),
            "the function has 251 MB, and Lambda takes 250 MB from a zip file: spatial 180 MB, libduckdb.so 68 MB, bootstrap 3 MB"
        );
    }
}
