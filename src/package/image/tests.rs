//! What an image says of itself; that its layers are what they should be is tested beside them.

use serde_json::{Value, json};

use std::path::PathBuf;

use super::base::Base;
use super::layer::{Facts, Layer};
use super::*;
use crate::error::exit_code;

fn base(config: Value) -> Base {
    let lower = |media_type, digest: &str| descriptor(media_type, digest, 7);
    Base {
        name: "example.com/base:1".to_owned(),
        digest: "sha256:base".to_owned(),
        config,
        layers: vec![
            lower(IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE, "sha256:one"),
            lower(IMAGE_LAYER_GZIP_MEDIA_TYPE, "sha256:two"),
        ],
    }
}

fn base_config() -> Value {
    json!({
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "created": "2024-01-02T03:04:05Z",
        "container": "of Docker's own",
        "config": { "Env": ["LANG=en_US.UTF-8"], "Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": ["x"] },
        "rootfs": { "type": "layers", "diff_ids": ["sha256:d1", "sha256:d2"] },
        "history": [{ "created_by": "base" }],
    })
}

fn own() -> [Layer; 2] {
    ["engine", "bootstrap"].map(|name| Layer {
        path: PathBuf::from(name),
        facts: Facts { digest: format!("sha256:{name}"), diff_id: format!("sha256:{name}-tar"), bytes: 5 },
    })
}

fn parse(content: &[u8]) -> Value {
    serde_json::from_slice(content).unwrap()
}

#[test]
fn the_image_is_the_base_with_the_function_to_run() {
    let image = image(&base(base_config()), &own(), Arch::Arm64).unwrap();
    let Source::Memory(config) = &image.blobs[0].source else { panic!("the configuration is the first blob") };
    let config = parse(config);
    assert_eq!(config["architecture"], "arm64");
    assert_eq!(config["variant"], "v8");
    assert_eq!(config["created"], CREATED);
    assert_eq!(
        config["config"],
        json!({ "Env": ["LANG=en_US.UTF-8"], "Entrypoint": ["/var/task/bootstrap"], "WorkingDir": "/var/task" })
    );
    let diff_ids = ["sha256:d1", "sha256:d2", "sha256:engine-tar", "sha256:bootstrap-tar"];
    assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids));
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
    assert!(config.get("container").is_none());

    let manifest = parse(&image.manifest);
    assert_eq!(manifest["config"]["digest"], image.blobs[0].digest.as_str());
    let layers = manifest["layers"].as_array().unwrap();
    let digests: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    assert_eq!(digests, ["sha256:one", "sha256:two", "sha256:engine", "sha256:bootstrap"]);
    assert!(layers.iter().all(|layer| layer["mediaType"] == IMAGE_LAYER_GZIP_MEDIA_TYPE), "{layers:?}");
    assert_eq!(
        manifest["annotations"],
        json!({
            "org.opencontainers.image.base.name": "example.com/base:1",
            "org.opencontainers.image.base.digest": "sha256:base",
        })
    );
    assert_eq!(image.digest, sha256(&image.manifest));
    let named: Vec<&str> = image.blobs.iter().skip(1).map(|blob| blob.digest.as_str()).collect();
    assert_eq!(named, digests);
}

#[test]
fn the_same_parts_are_the_same_image() {
    let digest = |config: Value| image(&base(config), &own(), Arch::Arm64).unwrap().digest;
    let mut later = base_config();
    later["created"] = json!("2025-01-02T03:04:05Z");
    assert_eq!(digest(base_config()), digest(later));
    let mut other = base_config();
    other["config"]["Env"] = json!([]);
    assert_ne!(digest(base_config()), digest(other));
}

#[test]
fn a_base_for_another_processor_is_refused() {
    let error = image(&base(base_config()), &own(), Arch::X86_64).unwrap_err();
    let message = "the base image `example.com/base:1` is made for arm64, and the function is built for x86_64";
    assert_eq!((error.to_string().as_str(), exit_code(&error)), (message, 1));
    let mut torn = base_config();
    torn["rootfs"]["diff_ids"] = json!(["sha256:d1"]);
    assert!(image(&base(torn), &own(), Arch::Arm64).unwrap_err().to_string().contains("not that of its layers"));
}

#[test]
fn a_registry_on_this_machine_is_spoken_to_without_tls() {
    for (address, host, plain) in [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", false),
        ("http://registry.test:5000/", "registry.test:5000", true),
        ("https://127.0.0.1:5000", "127.0.0.1:5000", false),
        ("127.0.0.1:5000", "127.0.0.1:5000", true),
        ("localhost", "localhost", true),
        ("[::1]:5000", "[::1]:5000", true),
    ] {
        let registry = Registry::new(address);
        assert_eq!((registry.host.as_str(), registry.is_plain()), (host, plain), "{address}");
    }
}
