//! The project that a folder is in: as git and cargo find theirs, in the nearest folder above.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::keys::FILE;

/// Everybody may write there, as in `/tmp`.
const OPEN: u32 = 0o002;

/// The nearest folder, from `here` upwards, that has a `quack.toml`; `here` itself when none has. What somebody else put into
/// a folder above is nobody's project here: it would say where data go.
pub(super) fn project(here: &Path) -> PathBuf {
    let me = rustix::process::geteuid().as_raw();
    let is_trusted = |path: &Path| path.metadata().is_ok_and(|found| [me, 0].contains(&found.uid()));
    let is_open = |folder: &Path| folder.metadata().is_ok_and(|found| found.mode() & OPEN != 0);
    let is_project = |folder: &&Path| {
        let file = folder.join(FILE);
        file.exists() && (*folder == here || is_trusted(&file) && !is_open(folder))
    };
    here.ancestors().find(is_project).unwrap_or(here).to_path_buf()
}

/// The project that `dir` would be part of, if it were none of its own.
pub(crate) fn project_above(dir: &Path) -> Option<PathBuf> {
    let above = project(dir.parent()?);
    above.join(FILE).exists().then_some(above)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_nearest_folder_above_with_a_project_file_wins() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        let deep = root.join("lake/sub/deep");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(project(&deep), deep);
        fs::write(root.join(FILE), "").unwrap();
        assert_eq!(project(&deep), root);
        fs::write(root.join("lake").join(FILE), "").unwrap();
        assert_eq!(project(&deep), root.join("lake"));
        assert_eq!(project(root), root);
        fs::set_permissions(root.join("lake"), Permissions::from_mode(0o777)).unwrap();
        assert_eq!(project(&deep), root);
        assert_eq!(project(&root.join("lake")), root.join("lake"));
    }
}
