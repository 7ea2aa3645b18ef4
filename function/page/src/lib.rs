//! Dashboards in the cloud: what a [`site`] is, which `quackctl up` makes of a project's pages, and what both it and `quackctl dash`
//! share with the function that shows it: [`input`]s and their values, [`form`]s of rows, [`field`]s, [`html`], [`password`]s,
//! [`signed`] texts, sign-in by [`oidc`], and what is [`shared`] among a page's queries.
//!
//! The function itself (feature `function`, binary `page`) is in `main.rs` and the modules it lists.

pub mod escape;
pub mod field;
pub mod form;
pub mod html;
pub mod input;
pub mod oidc;
pub mod password;
pub mod shared;
pub mod signed;
pub mod site;
#[cfg(feature = "testing")]
pub mod testing;
pub mod volatile;
