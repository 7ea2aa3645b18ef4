//! The shapes of maps that a page has itself: GeoJSON files beside it, read as what anybody may have written, and written anew. Of a
//! file nothing goes to a browser but the outlines, what rows name them by, and what they are called.

mod geojson;
mod ring;
mod source;
mod written;

pub(super) use written::{Shapes, Written, address, written};
