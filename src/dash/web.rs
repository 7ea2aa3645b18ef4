//! What pages are shown with, as `web/` makes it, built into the program.

pub(super) static SCRIPT: &[u8] = include_bytes!("web/dist/dash.js");

/// What pages with maps load besides.
pub(super) static MAPS: &[u8] = include_bytes!("web/dist/map.js");

pub(super) static STYLE: &[u8] = include_bytes!("web/dist/dash.css");

pub(super) static EDITOR_SCRIPT: &[u8] = include_bytes!("web/dist/edit.js");

pub(super) static EDITOR_STYLE: &[u8] = include_bytes!("web/dist/edit.css");
