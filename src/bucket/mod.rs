//! The lake's bucket: where things lie in it, small objects read whole, files uploaded.

pub mod layout;
pub mod object;
pub mod upload;
