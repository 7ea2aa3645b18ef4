//! Where the shell's history is kept: in the user's cache, for the user's eyes only.

use std::path::PathBuf;

use crate::console::context::Context;
use crate::private;
use quack_pinned::cache;

/// The history file, made if need be; `None`, and said so, where it cannot be.
pub(super) fn prepare(context: &Context) -> Option<PathBuf> {
    let folder = cache::root();
    let path = folder.join("history");
    match private::dir(&folder).and_then(|()| private::append(&path)) {
        Ok(_) => Some(path),
        Err(error) => {
            context.say(format_args!("no history: {} cannot be written: {error}", path.display()));
            None
        }
    }
}
