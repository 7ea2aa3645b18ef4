//! Dashboards: a page is a Markdown file whose fences say what it asks and how that is drawn.

mod ask;
mod bind;
mod blocks;
mod bound;
mod check;
mod compile;
mod compose;
mod deploy;
mod example;
mod export;
mod fence;
mod file;
mod front;
mod group;
mod hint;
mod html;
mod input;
mod live;
mod out;
mod page;
mod shapes;
mod sharing;
mod small;
mod together;
mod values;
mod web;
mod written;

pub(crate) use bind::bind;
pub(crate) use check::check;
pub(crate) use compile::compile;
pub(crate) use deploy::{Invited, deploy, invite, plan, retract, revoke};
pub(crate) use example::example;
pub(crate) use export::{Export, export};
pub(crate) use file::NAMING;
pub(crate) use live::serve;
pub(crate) use page::{FOLDER, is_name, path};
