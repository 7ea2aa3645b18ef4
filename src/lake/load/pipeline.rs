//! Loads data into a table: stage, upload, commit. Until the commit, one conditional write of the catalog, nobody sees
//! any of it; when it fails, or Ctrl-C is pressed, before, the table is as it was.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use aws_sdk_s3::Client;

use super::commit::{self, Arrival, Mode};
use super::convert::convert;
use super::evolve::{self, Goal};
use super::form::Form;
use super::partition::Partition;
use super::source::{self, Origin};
use super::stop;
use super::sweep;
use super::whole;
use super::workdir::Staging;
use super::written::Staged;
use crate::bucket::Bucket;
use crate::bucket::upload::{Item, Upload};
use crate::config::{DataSet, TextForm};
use crate::console::context::Context;
use crate::console::interrupt;
use crate::console::progress;
use crate::duck::words;
use crate::error::interrupted;
use crate::lake::catalog;
use crate::lake::check;
use crate::lake::describe::Loaded;

/// One load.
#[derive(Debug, Clone)]
pub(crate) struct LoadRequest {
    pub table: String,
    pub origin: Origin,
    /// `NAME=EXPR` each, outermost folder first.
    pub partition_by: Vec<String>,
    pub mode: Mode,
    /// How the text is written that is loaded.
    pub form: TextForm,
}

impl LoadRequest {
    /// Judges what is asked for, as far as that needs neither files nor a lake.
    ///
    /// # Errors
    /// Usage errors.
    pub(crate) fn judge(&self) -> Result<()> {
        self.partitions()?;
        self.form().map(drop)
    }

    fn partitions(&self) -> Result<Vec<Partition>> {
        self.partition_by.iter().map(|text| Partition::parse(text)).collect()
    }

    /// Looks at what is asked for, as far as it can be judged before any work: what is given of a text, and the files, as seen
    /// from `dir`.
    ///
    /// # Errors
    /// Those of a load.
    pub(crate) fn look(&self, dir: &Path) -> Result<()> {
        self.origin.look(dir, &self.form()?)
    }

    fn form(&self) -> Result<Form> {
        let form = Form::parse(&self.form)?;
        match self.origin {
            Origin::Source(_) => {}
            Origin::Sample { .. } | Origin::Dataset(_) => form.fits_no_file()?,
        }
        Ok(form)
    }
}

impl From<DataSet> for LoadRequest {
    fn from(set: DataSet) -> Self {
        let origin = Origin::of(set.source, set.sample, set.rows, set.dataset);
        Self { table: set.table, origin, partition_by: set.partition_by, mode: Mode::Create, form: set.form }
    }
}

/// Loads data into a table of `target`'s lake.
///
/// # Errors
/// For whatever is wrong with the request, the data, the disk or the bucket; exit code 130 for Ctrl-C.
/// The table is then as it was, and what was uploaded is removed.
pub(crate) async fn load(context: &Context, bucket: &Bucket, mut request: LoadRequest) -> Result<Loaded> {
    let started = Instant::now();
    check::name(&request.table)?;
    request.judge()?;
    // Before any work; and again at the commit, when others may have been quicker.
    let table = request.table.clone();
    let scope = request.mode.scope(&table);
    let catalog = catalog::read_in(bucket, scope).await?;
    commit::admit(&catalog, &request.table, request.mode)?;
    let onto = catalog.tables.get(&request.table).filter(|_| request.mode == Mode::Append);
    let mut partitions = request.partitions()?;
    if let Some(table) = onto.filter(|table| partitions.is_empty() || request.partition_by == table.partition_by) {
        request.partition_by.clone_from(&table.partition_by);
        partitions = request.partitions()?.into_iter().filter_map(|partition| partition.of(table)).collect();
    }
    let goal = onto.map(|table| Goal::new(&request.table, table, &partitions));
    let staged = stage_blocking(context, &bucket.s3, &request, partitions, goal).await?;
    let folder = commit::folder(bucket, &request.table);
    let data = staged.staging.data();
    let items: Vec<Item> = staged
        .files
        .iter()
        .map(|file| Item { path: data.join(&file.key), key: format!("{folder}{}", file.key), bytes: file.bytes })
        .collect();
    let arrival = Arrival {
        table: request.table.clone(),
        mode: request.mode,
        source: request.origin.label(),
        synthetic: request.origin.synthetic(),
        partition_by: request.partition_by.clone(),
        columns: staged.columns.clone(),
        partitions: staged.partitions.clone(),
        files: commit::in_folder(&staged.files, &folder),
        renamed: None,
    };
    let bar = progress::bytes(context, "upload", items.iter().map(|item| item.bytes).sum());
    let mut upload = Upload::new(bucket, items);
    let uploaded = tokio::select! {
        uploaded = upload.run(&bar) => uploaded,
        () = interrupt::requested() => Err(interrupted("interrupted: nothing was loaded")),
    };
    bar.finish_and_clear();
    let committed = match uploaded {
        Ok(()) => catalog::update(bucket, scope, |catalog| commit::commit(catalog, &arrival)).await,
        Err(error) => Err(error),
    };
    match committed {
        Ok(table) => {
            sweep::sweep(bucket, &request.table, &table).await;
            let news = onto.map(|before| evolve::told(&request.table, before, &table)).unwrap_or_default();
            let loaded = Loaded::new(request.table, table, &staged.files, started.elapsed());
            let mut notes = staged.notes;
            notes.extend(news);
            if words::is_reserved(&loaded.table.summary.name) {
                notes.push(format!(
                    "`{0}` is a word of SQL: queries name the table in double quotes, \"{0}\"",
                    loaded.table.summary.name
                ));
            }
            Ok(Loaded { notes, ..loaded })
        }
        Err(error) => {
            upload.undo().await;
            Err(error)
        }
    }
}

/// Fetches and stages on a thread that may block.
async fn stage_blocking(
    context: &Context,
    s3: &Client,
    request: &LoadRequest,
    partitions: Vec<Partition>,
    goal: Option<Goal>,
) -> Result<Staged> {
    let mut form = request.form()?;
    form.hints = goal.as_ref().map(|goal| evolve::hints(&goal.columns)).unwrap_or_default();
    let (context, s3, origin) = (context.clone(), s3.clone(), request.origin.clone());
    stop::run(move |stop| {
        let input = source::fetch(&context, &s3, &origin, &form, stop)?;
        let label = origin.label();
        let bar = progress::spinner(&context, &format!("read {label}"));
        let staged = whole::beside(input.files(), &label, stop, || {
            convert(&input, &label, &partitions, goal.as_ref(), Staging::new()?, &bar, stop)
        });
        bar.finish_and_clear();
        staged
    })
    .await
}
