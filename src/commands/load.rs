//! `quackctl load`

use anyhow::Result;

use crate::cli::{LoadArgs, TextArgs};
use crate::cloud::Target;
use crate::config::TextForm;
use crate::console::context::Context;
use crate::lake::load::{LoadRequest, Mode, Origin, load};

/// Loads data into a table and shows what is in it now.
pub(crate) async fn run(context: &Context, args: LoadArgs) -> Result<()> {
    let request = request(args);
    request.judge()?;
    let target = Target::open(context).await?;
    let loaded = load(context, &target.bucket, request).await?;
    // Without a word, unless a program asked for it.
    if context.quiet && !context.json { Ok(()) } else { context.print(&loaded) }
}

fn request(args: LoadArgs) -> LoadRequest {
    let mode = match (args.replace, args.append) {
        (true, _) => Mode::Replace,
        (false, true) => Mode::Append,
        (false, false) => Mode::Create,
    };
    let origin = Origin::of(args.source, args.sample, args.rows, args.dataset);
    let TextArgs { delimiter, encoding, null, decimal, header, types } = args.text;
    let form = TextForm { delimiter, encoding, null, decimal, header, types };
    LoadRequest { table: args.table, origin, partition_by: args.partition_by, mode, form }
}
