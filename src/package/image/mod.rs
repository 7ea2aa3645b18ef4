//! The function as an OCI image, assembled without Docker or any daemon: the layers of a base image, one for DuckDB and
//! its extensions, one for `bootstrap`. The same artifact on the same base is the same image, byte for byte.

mod base;
mod gzip;
mod layer;
mod parts;
mod push;
mod registry;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use oci_client::annotations::{ORG_OPENCONTAINERS_IMAGE_BASE_DIGEST, ORG_OPENCONTAINERS_IMAGE_BASE_NAME};
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE,
    IMAGE_LAYER_GZIP_MEDIA_TYPE, IMAGE_LAYER_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::base::Base;
use self::layer::{Content, Entry, Layer};
pub(crate) use self::parts::Image;
use self::parts::{Blob, Source};
pub(crate) use self::push::push;
pub(crate) use self::registry::Registry;
use super::Artifact;
use crate::arch::Arch;
use crate::console::context::Context;
use quack_pinned::duckdb;

/// Where Lambda expects the function in an image.
const ROOT: &str = "var/task";

/// When everything was made: never, so that time changes nothing.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The image of `artifact` on the base image that the configuration names. What the cache has is neither pulled nor
/// compressed again; with `refresh` the registry is asked what the base image's tag stands for by now. `login` is used
/// when the base image lies in that registry.
///
/// # Errors
/// The base image cannot be had or is for another processor; a file cannot be read or written.
pub(crate) async fn assemble(
    context: &Context,
    artifact: &Artifact,
    login: Option<&Registry>,
    refresh: bool,
) -> Result<Image> {
    let base = base::pull(context, &context.config.base_image, artifact.arch, login, refresh);
    let (base, own) = tokio::try_join!(base, own_layers(artifact))?;
    image(&base, &own, artifact.arch)
}

/// The layers for DuckDB and for `bootstrap`, made at the same time.
async fn own_layers(artifact: &Artifact) -> Result<[Layer; 2]> {
    let (engine, bootstrap) = (artifact.clone(), artifact.clone());
    let engine = tokio::task::spawn_blocking(move || engine_layer(&engine));
    let bootstrap = tokio::task::spawn_blocking(move || bootstrap_layer(&bootstrap));
    let (engine, bootstrap) = tokio::try_join!(engine, bootstrap)?;
    Ok([engine?, bootstrap?])
}

fn engine_layer(artifact: &Artifact) -> Result<Layer> {
    let folder = |path: &str| Entry { path: format!("{ROOT}/{path}"), content: Content::Folder };
    let extensions = artifact.dir.join("extensions");
    let read = fs::read_dir(&extensions).with_context(|| format!("cannot read {}", extensions.display()))?;
    let mut names =
        read.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<Vec<_>>>()?;
    names.sort();
    let mut entries = vec![folder(""), folder("extensions/")];
    for name in names {
        let path = format!("{ROOT}/extensions/{name}");
        entries.push(Entry { path, content: Content::File(extensions.join(name), false) });
    }
    let library = Content::File(artifact.dir.join("lib/libduckdb.so"), true);
    entries.extend([folder("lib/"), Entry { path: format!("{ROOT}/lib/libduckdb.so"), content: library }]);
    layer::layer("engine", &artifact.engine_digest, &entries)
}

fn bootstrap_layer(artifact: &Artifact) -> Result<Layer> {
    let content = Content::File(artifact.dir.join("bootstrap"), true);
    let entries = [Entry { path: format!("{ROOT}/bootstrap"), content }];
    layer::layer("bootstrap", &artifact.bootstrap_digest, &entries)
}

/// `own` layers upon `base`.
fn image(base: &Base, own: &[Layer; 2], arch: Arch) -> Result<Image> {
    let config = serde_json::to_vec(&config(base, own, arch)?)?;
    let config = Blob { digest: sha256(&config), bytes: config.len() as u64, source: Source::Memory(config) };
    let lower = base.layers.iter().map(|layer| descriptor(media_type(&layer.media_type), &layer.digest, layer.size));
    let upper = own.iter().map(|Layer { facts, .. }| {
        descriptor(IMAGE_LAYER_GZIP_MEDIA_TYPE, &facts.digest, i64::try_from(facts.bytes).unwrap_or(i64::MAX))
    });
    let annotations =
        [(ORG_OPENCONTAINERS_IMAGE_BASE_NAME, &base.name), (ORG_OPENCONTAINERS_IMAGE_BASE_DIGEST, &base.digest)];
    let manifest = serde_json::to_vec(&OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        config: descriptor(IMAGE_CONFIG_MEDIA_TYPE, &config.digest, i64::try_from(config.bytes)?),
        layers: lower.chain(upper).collect(),
        annotations: Some(BTreeMap::from(annotations.map(|(name, value)| (name.to_owned(), value.clone())))),
        ..OciImageManifest::default()
    })?;
    let mut blobs = vec![config];
    blobs.extend(base.layers.iter().map(|layer| Blob {
        digest: layer.digest.clone(),
        bytes: layer.size.unsigned_abs(),
        source: Source::File(base::blob(&layer.digest)),
    }));
    blobs.extend(own.iter().map(|Layer { path, facts }| Blob {
        digest: facts.digest.clone(),
        bytes: facts.bytes,
        source: Source::File(path.clone()),
    }));
    Ok(Image { digest: sha256(&manifest), manifest, blobs })
}

/// The image's configuration: the base's, with the function to run.
/// Source: <https://github.com/opencontainers/image-spec/blob/main/config.md>.
fn config(base: &Base, own: &[Layer; 2], arch: Arch) -> Result<Value> {
    let mut diff_ids = base.diff_ids(arch)?;
    diff_ids.extend(own.iter().map(|layer| layer.facts.diff_id.clone()));
    let mut run = match &base.config["config"] {
        Value::Object(run) => run.clone(),
        _ => serde_json::Map::new(),
    };
    run.insert("Entrypoint".to_owned(), json!([format!("/{ROOT}/bootstrap")]));
    run.insert("WorkingDir".to_owned(), json!(format!("/{ROOT}")));
    // Arguments for the base's own entry point.
    run.remove("Cmd");
    let mut history = base.config["history"].as_array().cloned().unwrap_or_default();
    for what in [format!("DuckDB {} and its extensions", duckdb::VERSION), "bootstrap".to_owned()] {
        history.push(json!({ "created": CREATED, "created_by": format!("quackctl: {what}") }));
    }
    let mut config = json!({
        "architecture": base::architecture(arch),
        "os": "linux",
        "created": CREATED,
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    });
    if let Some(variant) = base.config["variant"].as_str() {
        config["variant"] = json!(variant);
    }
    Ok(config)
}

/// OCI's name of what Docker calls a layer: the same bytes. An image is of one family, and Lambda takes both.
fn media_type(of_base: &str) -> &str {
    match of_base {
        IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE => IMAGE_LAYER_GZIP_MEDIA_TYPE,
        IMAGE_DOCKER_LAYER_TAR_MEDIA_TYPE => IMAGE_LAYER_MEDIA_TYPE,
        other => other,
    }
}

fn descriptor(media_type: &str, digest: &str, size: i64) -> OciDescriptor {
    OciDescriptor { media_type: media_type.to_owned(), digest: digest.to_owned(), size, ..OciDescriptor::default() }
}

fn sha256(content: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(content))
}
