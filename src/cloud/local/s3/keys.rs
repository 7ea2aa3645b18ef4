//! Keys as paths. What a key has that means something to a filesystem is escaped, so that no key leaves its bucket.

use std::path::PathBuf;

use s3s::{S3Result, s3_error};

/// The longest name of a file that common filesystems take.
const NAME_MAX: usize = 255;

/// Where below a bucket's folder an object is. Parts of a key that mean something to a filesystem are escaped.
pub(super) fn key_to_path(key: &str) -> S3Result<PathBuf> {
    if key.contains('\0') {
        return Err(s3_error!(InvalidArgument, "a key cannot contain NUL"));
    }
    let mut path = PathBuf::new();
    for part in key.split('/') {
        let name = match part {
            "" => "%".to_owned(),
            "." => "%2E".to_owned(),
            ".." => "%2E%2E".to_owned(),
            part => part.replace('%', "%25"),
        };
        if name.len() > NAME_MAX {
            return Err(s3_error!(KeyTooLongError, "`{part}` is longer than a file's name can be"));
        }
        path.push(name);
    }
    Ok(path)
}

/// The part of a key that a file's name stands for: the other way of [`key_to_path`].
pub(super) fn name_to_part(name: &str) -> String {
    match name {
        "%" => String::new(),
        "%2E" => ".".to_owned(),
        "%2E%2E" => "..".to_owned(),
        name => name.replace("%25", "%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_inside_their_bucket_and_come_back() {
        for key in ["a", "a/b", "../../etc/passwd", "/abs", "a//b", "trailing/", "100%", "%2E", ".", "a/./b"] {
            let path = key_to_path(key).unwrap();
            assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{key}");
            let back: Vec<_> = path.iter().map(|name| name_to_part(name.to_str().unwrap())).collect();
            assert_eq!(back.join("/"), key);
        }
    }
}
