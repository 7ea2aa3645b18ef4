//! The function's code on its way to AWS: an image in ECR, or a zip file in the bucket. Both are named after their
//! content, so what is there already is not sent again.

use anyhow::{Context as _, Result};
use aws_sdk_ecr::types::ImageIdentifier;
use base64::Engine as _;

use super::errors::{self, explain};
use super::session::Session;
use super::template::Code;
use crate::bucket::layout::Layout;
use crate::bucket::upload::{Item, Upload};
use crate::config::PackageKind;
use crate::console::context::Context;
use crate::console::progress;
use crate::package::image::{self, Image};
use crate::package::zip::{self, Zip};
use crate::package::{self, Artifact};

/// Zip files of earlier functions that stay in the bucket, for rollbacks.
const KEEP: usize = 3;

/// The function's code, ready to travel.
#[derive(Debug)]
pub(super) struct Built {
    pub artifact: Artifact,
    packed: Packed,
    /// Where zip files lie in the bucket.
    folder: String,
    /// The page function, which always travels as a zip file, and its key in the bucket.
    page: Option<(Zip, String)>,
}

#[derive(Debug)]
enum Packed {
    Image(Box<Image>),
    Zip(Zip),
}

/// Builds the function, or finds it in the cache.
///
/// # Errors
/// A build that fails.
pub(super) async fn build(context: &Context) -> Result<Artifact> {
    let arch = context.config.function_arch()?;
    let context = context.clone();
    tokio::task::spawn_blocking(move || package::assemble(&context, arch)).await?
}

/// Packs the function, or finds it packed in the cache. With `pull`, what the base image's tag stands for is asked anew.
///
/// # Errors
/// A base image that cannot be had, code that is too large.
pub(super) async fn pack(context: &Context, session: &Session, artifact: Artifact, pull: bool) -> Result<Built> {
    let config = &context.config;
    let packed = match config.package {
        PackageKind::Image => {
            // A base image may lie in a registry that wants a login: the account's own.
            let host = image::Registry::new(&address(context, session)).host;
            let login = match config.base_image.starts_with(&format!("{host}/")) {
                true => Some(registry(context, session).await?),
                false => None,
            };
            Packed::Image(Box::new(image::assemble(context, &artifact, login.as_ref(), pull).await?))
        }
        PackageKind::Zip => {
            let artifact = artifact.clone();
            Packed::Zip(tokio::task::spawn_blocking(move || zip::pack(&artifact.dir, &artifact.digest)).await??)
        }
    };
    let layout = Layout::new(&config.lake);
    let page = match &config.dash {
        None => None,
        Some(_) => {
            let (context, arch) = (context.clone(), artifact.arch);
            let zip = tokio::task::spawn_blocking(move || {
                let page = package::page(&context, arch)?;
                zip::pack(&page.dir, &page.bootstrap_digest)
            });
            let zip = zip.await??;
            let key = format!("{}function-{}.zip", layout.dash, zip.sha256);
            Some((zip, key))
        }
    };
    Ok(Built { artifact, packed, folder: layout.functions, page })
}

impl Built {
    /// Where the code will be.
    pub(super) fn code(&self, session: &Session) -> Code {
        match &self.packed {
            Packed::Image(image) => Code::Image(format!("{}@{}", session.repository_uri(), image.digest)),
            Packed::Zip(zip) => Code::Zip(self.zip_key(zip)),
        }
    }

    /// Where the page function's code will be, where there is one.
    pub(super) fn page_key(&self) -> Option<&str> {
        self.page.as_ref().map(|(_, key)| key.as_str())
    }

    /// Sends the page function's code to the bucket, unless it is there.
    ///
    /// # Errors
    /// What S3 says.
    pub(super) async fn send_page(&self, context: &Context, session: &Session) -> Result<()> {
        match &self.page {
            Some((zip, key)) => upload(context, session, zip, key).await,
            None => Ok(()),
        }
    }

    /// Whether the repository has the image; a zip file is looked for when it is sent.
    ///
    /// # Errors
    /// What ECR says.
    pub(super) async fn is_sent(&self, session: &Session) -> Result<bool> {
        let Packed::Image(image) = &self.packed else { return Ok(false) };
        let id = ImageIdentifier::builder().image_digest(&image.digest).build();
        let request = session.ecr.describe_images().repository_name(&session.names.repository).image_ids(id);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if errors::is_code(&error, &["ImageNotFoundException", "RepositoryNotFoundException"]) => {
                Ok(false)
            }
            Err(error) => Err(explain(error, "look for the image")),
        }
    }

    /// Sends the code: an image to the repository, nothing of it that is there already; a zip file to the bucket, unless it
    /// is there.
    ///
    /// # Errors
    /// What ECR or S3 says.
    pub(super) async fn send(&self, context: &Context, session: &Session) -> Result<()> {
        match &self.packed {
            Packed::Image(image) => push(context, session, image).await,
            Packed::Zip(zip) => upload(context, session, zip, &self.zip_key(zip)).await,
        }
    }

    /// Where a zip file lies in the bucket.
    fn zip_key(&self, zip: &Zip) -> String {
        format!("{}{}.zip", self.folder, zip.sha256)
    }

    /// Deletes the zip files of older functions, and of older page functions, but for the last few, as far as the bucket lets it: the next `up` tries
    /// again.
    pub(super) async fn remove_older(&self, session: &Session) {
        if let Code::Zip(current) = self.code(session) {
            remove_older(session, &self.folder, &current).await;
        }
        if let Some((_, current)) = &self.page
            && let Some(end) = current.rfind('-')
        {
            remove_older(session, &current[..=end], current).await;
        }
    }
}

/// Deletes what begins with `prefix` but for `current` and the last few.
async fn remove_older(session: &Session, prefix: &str, current: &str) {
    let bucket = &session.names.bucket;
    let Ok(listed) = session.s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await else { return };
    let mut old: Vec<_> = listed.contents().iter().filter(|object| object.key() != Some(current)).collect();
    old.sort_by_key(|object| std::cmp::Reverse(object.last_modified().map(|time| time.secs())));
    for object in old.into_iter().skip(KEEP) {
        let request = session.s3.delete_object().bucket(bucket).set_key(object.key.clone());
        _ = request.send().await;
    }
}

async fn push(context: &Context, session: &Session, image: &Image) -> Result<()> {
    let registry = registry(context, session).await?;
    let pushed = image::push(context, image, &registry, &session.names.repository).await?;
    context.detail(format_args!("image {}: {pushed}", image.digest));
    Ok(())
}

async fn upload(context: &Context, session: &Session, zip: &Zip, key: &str) -> Result<()> {
    let bucket = &session.names.bucket;
    match session.s3.head_object().bucket(bucket).key(key).send().await {
        Ok(_) => return Ok(()),
        Err(error) if errors::is_status(&error, 404) => {}
        Err(error) => return Err(explain(error, &format!("look for {key} in the bucket {bucket}"))),
    }
    let lake = session.bucket(&context.config);
    let bar = progress::bytes(context, "Uploading the function", zip.bytes);
    let item = Item { path: zip.path.clone(), key: key.to_owned(), bytes: zip.bytes };
    let mut upload = Upload::new(&lake, vec![item]);
    let sent = upload.run(&bar).await;
    bar.finish_and_clear();
    if let Err(error) = sent {
        upload.undo().await;
        return Err(error.context("cannot upload the function"));
    }
    Ok(())
}

/// The registry and how to log in: ECR's own token, at ECR's address or at the one that the configuration gives.
async fn registry(context: &Context, session: &Session) -> Result<image::Registry> {
    let token = session.ecr.get_authorization_token().send().await;
    let token = token.map_err(|error| explain(error, "log in to the image registry (ecr:GetAuthorizationToken)"))?;
    let data = token.authorization_data().first().context("ECR gave no token")?;
    let secret = data.authorization_token().context("ECR gave no token")?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(secret).context("ECR gave a broken token")?;
    let text = String::from_utf8(bytes).context("ECR gave a broken token")?;
    let (user, password) = text.split_once(':').context("ECR gave a broken token")?;
    Ok(image::Registry::new(&address(context, session)).with_login(user, password))
}

/// Where images are pushed to.
fn address(context: &Context, session: &Session) -> String {
    let emulated = session.ecr_endpoint.clone();
    context.config.aws.registry.clone().or(emulated).unwrap_or_else(|| session.registry_host())
}
