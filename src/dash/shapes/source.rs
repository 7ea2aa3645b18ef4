//! A file of shapes: one of its own, in the folder of pages or below it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use super::super::fence::is_below;
use super::super::file::FOLDER;

/// Largest file, bytes.
const LARGEST: u64 = 10 << 20;

/// What is in the file at this path below the folder of pages of the project in `dir`.
///
/// # Errors
/// A path that leads elsewhere; what is no file, or a link, or lies behind one; one that cannot be read, or is too large, in words.
pub(super) fn text(dir: &Path, file: &str) -> Result<String, String> {
    let told = format!("`{FOLDER}/{file}`");
    if !is_below(file) {
        return Err(format!("{told} is no GeoJSON file of {FOLDER}/"));
    }
    let cannot = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => format!("there is no {told}: put the file there, by its path below {FOLDER}/"),
        _ => format!("cannot read {told}: {error}; see to its rights"),
    };
    let (mut path, mut parts) = (dir.join(FOLDER), file.split('/').peekable());
    // A link may lead out of the project, and what is no file may have no end.
    while let Some(part) = parts.next() {
        path.push(part);
        let kind = fs::symlink_metadata(&path).map_err(cannot)?.file_type();
        let is_own = if parts.peek().is_some() { kind.is_dir() } else { kind.is_file() };
        if !is_own {
            return Err(format!("{told} is no file of its own, or lies behind a link: put the file itself there"));
        }
    }
    let mut bytes = Vec::new();
    File::open(&path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        let words =
            "make it coarser, e.g. `ogr2ogr -simplify 0.0005 -lco COORDINATE_PRECISION=5 SMALLER.geojson FILE.geojson`";
        return Err(format!("{told} is larger than {} MiB: {words}", LARGEST >> 20));
    }
    String::from_utf8(bytes).map_err(|_| format!("{told} is no UTF-8, as GeoJSON is: save it as that"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_of_the_folder_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        fs::create_dir_all(folder.join("geo/x.geojson")).unwrap();
        fs::write(dir.path().join("out.geojson"), "out").unwrap();
        fs::write(folder.join("geo/in.geojson"), "in").unwrap();
        fs::write(folder.join("bytes.geojson"), [0xff, b'{']).unwrap();
        fs::write(folder.join("large.geojson"), vec![b' '; LARGEST as usize + 1]).unwrap();
        symlink(dir.path().join("out.geojson"), folder.join("link.geojson")).unwrap();
        symlink(folder.join("geo/in.geojson"), folder.join("inner.geojson")).unwrap();
        symlink(dir.path(), folder.join("up")).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(folder.join("socket.geojson")).unwrap();
        assert_eq!(text(dir.path(), "geo/in.geojson").unwrap(), "in");
        for (file, said) in [
            ("../out.geojson", "no GeoJSON file of dashboards/"),
            ("geo/../../out.geojson", "no GeoJSON file of dashboards/"),
            ("/etc/passwd", "no GeoJSON file of dashboards/"),
            ("none.geojson", "there is no `dashboards/none.geojson`"),
            ("link.geojson", "`dashboards/link.geojson` is no file of its own"),
            ("inner.geojson", "no file of its own"),
            ("up/out.geojson", "behind a link"),
            ("geo/x.geojson", "no file of its own"),
            ("socket.geojson", "no file of its own"),
            ("bytes.geojson", "no UTF-8"),
            ("large.geojson", "larger than 10 MiB"),
        ] {
            let words = text(dir.path(), file).unwrap_err();
            assert!(words.contains(said), "{file}: {words}");
        }
        drop(socket);
    }
}
