//! The page function as Lambda runs it: the real process, an S3 server, and a server in the place of Lambda that records what it was
//! asked to run.

mod attacks;
mod cache;
mod door;
mod large;
mod oidc;
mod support;
mod together;
mod turns;
