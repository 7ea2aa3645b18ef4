//! Functions as the API knows them: their configuration, kept on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::host::request_id;
use crate::cloud::local::paths::Paths;
use crate::cloud::target::REGION;
use crate::private;

/// What stands before the folder in a local function's `ImageUri`.
const FOLDER_SCHEME: &str = "dir:";

/// The most bytes that a function's environment variables may have together.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const ENVIRONMENT_MAX: usize = 4096;

/// Lambda's own size of `/tmp`, MB.
fn ephemeral_mb() -> u32 {
    512
}

/// One function's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Function {
    pub name: String,
    pub role: String,
    /// `dir:` and the absolute path of an unpacked artifact, a folder with an executable `bootstrap`: the local
    /// target's own form of an image.
    pub image_uri: String,
    #[serde(default)]
    pub description: String,
    pub memory_mb: u32,
    pub timeout_s: u32,
    /// Size of an instance's temporary folder, MB.
    #[serde(default = "ephemeral_mb")]
    pub ephemeral_mb: u32,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Most instances at once.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// Whether it has a URL for whoever signs with the owner's keys.
    #[serde(default)]
    pub url: bool,
    /// The port of its URL that is open to all.
    #[serde(default)]
    pub public_port: Option<u16>,
    pub last_modified: String,
    pub revision_id: String,
}

/// A request's body, from which [`Function`]s are made and changed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Wish {
    pub function_name: Option<String>,
    pub role: Option<String>,
    pub description: Option<String>,
    pub memory_size: Option<u32>,
    pub timeout: Option<u32>,
    pub environment: Option<Variables>,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub package_type: Option<String>,
    /// In `CreateFunction`.
    pub code: Option<Code>,
    /// In `UpdateFunctionCode`.
    pub image_uri: Option<String>,
    /// In `PutFunctionConcurrency`.
    pub reserved_concurrent_executions: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Variables {
    pub variables: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EphemeralStorage {
    /// MB.
    pub size: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Code {
    pub image_uri: Option<String>,
}

impl Function {
    pub(super) fn create(wish: Wish) -> Result<Self, ApiError> {
        let name = wish.function_name.clone().unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            let message = format!("`{name}` is no function name: 1 to 64 letters, digits, `-` and `_`");
            return Err(ApiError::invalid_parameter(message));
        }
        if wish.package_type.as_deref() != Some("Image") {
            let message = "the local target takes PackageType Image, with ImageUri dir:<folder of the artifact>";
            return Err(ApiError::invalid_parameter(message));
        }
        let mut function = Self {
            name,
            role: String::new(),
            image_uri: String::new(),
            description: String::new(),
            memory_mb: 128,
            timeout_s: 3,
            ephemeral_mb: ephemeral_mb(),
            environment: BTreeMap::new(),
            concurrency: None,
            url: false,
            public_port: None,
            last_modified: String::new(),
            revision_id: String::new(),
        };
        let image = wish.code.as_ref().and_then(|code| code.image_uri.clone());
        function.update_code(image)?;
        function.update(wish)?;
        Ok(function)
    }

    /// Changes the configuration to what `wish` has.
    pub(super) fn update(&mut self, wish: Wish) -> Result<(), ApiError> {
        let in_range = |name: &str, value: Option<u32>, range: std::ops::RangeInclusive<u32>| match value {
            Some(value) if !range.contains(&value) => {
                let (least, most) = range.into_inner();
                Err(ApiError::invalid_parameter(format!("{name} {value} is not between {least} and {most}")))
            }
            _ => Ok(()),
        };
        in_range("MemorySize", wish.memory_size, 128..=10_240)?;
        in_range("Timeout", wish.timeout, 1..=900)?;
        let ephemeral_mb = wish.ephemeral_storage.and_then(|storage| storage.size);
        in_range("EphemeralStorage", ephemeral_mb, 512..=10_240)?;
        let variables = wish.environment.as_ref().map(|environment| &environment.variables);
        let bytes: usize = variables.into_iter().flatten().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > ENVIRONMENT_MAX {
            let message = format!("the environment variables take {bytes} bytes, over the limit of {ENVIRONMENT_MAX}");
            return Err(ApiError::invalid_parameter(message));
        }
        self.ephemeral_mb = ephemeral_mb.unwrap_or(self.ephemeral_mb);
        self.memory_mb = wish.memory_size.unwrap_or(self.memory_mb);
        self.timeout_s = wish.timeout.unwrap_or(self.timeout_s);
        if let Some(environment) = wish.environment {
            self.environment = environment.variables;
        }
        if let Some(role) = wish.role {
            self.role = role;
        }
        if let Some(description) = wish.description {
            self.description = description;
        }
        self.touch();
        Ok(())
    }

    pub(super) fn update_code(&mut self, image_uri: Option<String>) -> Result<(), ApiError> {
        let image_uri = image_uri.unwrap_or_default();
        let bootstrap = image_uri.strip_prefix(FOLDER_SCHEME).map(|dir| Path::new(dir).join("bootstrap"));
        if !bootstrap.is_some_and(|bootstrap| bootstrap.is_absolute() && bootstrap.is_file()) {
            let message = format!("ImageUri `{image_uri}` is not dir:<absolute path of a folder with a bootstrap>");
            return Err(ApiError::invalid_parameter(message));
        }
        self.image_uri = image_uri;
        self.touch();
        Ok(())
    }

    fn touch(&mut self) {
        self.last_modified = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
        self.revision_id = request_id();
    }

    /// The folder of the artifact.
    pub(super) fn folder(&self) -> PathBuf {
        PathBuf::from(self.image_uri.strip_prefix(FOLDER_SCHEME).unwrap_or_default())
    }

    pub(super) fn arn(&self) -> String {
        arn(&self.name)
    }

    /// AWS's `FunctionConfiguration`.
    pub(super) fn configuration(&self) -> Value {
        json!({
            "FunctionName": self.name,
            "FunctionArn": self.arn(),
            "Role": self.role,
            "CodeSize": 0,
            "Description": self.description,
            "Timeout": self.timeout_s,
            "MemorySize": self.memory_mb,
            "LastModified": self.last_modified,
            "Version": "$LATEST",
            "Environment": { "Variables": self.environment },
            "TracingConfig": { "Mode": "PassThrough" },
            "RevisionId": self.revision_id,
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Image",
            "Architectures": [if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }],
            "EphemeralStorage": { "Size": self.ephemeral_mb },
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": format!("/aws/lambda/{}", self.name) },
        })
    }

    /// AWS's answer to `GetFunction`.
    pub(super) fn description(&self) -> Value {
        let mut description = json!({
            "Configuration": self.configuration(),
            "Code": { "RepositoryType": "Local", "ImageUri": self.image_uri, "ResolvedImageUri": self.image_uri },
        });
        if let Some(concurrency) = self.concurrency {
            description["Concurrency"] = json!({ "ReservedConcurrentExecutions": concurrency });
        }
        description
    }

    /// All functions kept in `folder`.
    pub(super) fn load_all(folder: &Path) -> io::Result<Vec<Self>> {
        private::dir(folder)?;
        fs::read_dir(folder)?
            .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|e| e == "json")))
            .map(|entry| Ok(serde_json::from_slice(&fs::read(entry?.path())?)?))
            .collect()
    }

    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        private::dir(folder)?;
        private::write(&file(folder, &self.name), &serde_json::to_vec_pretty(self)?)
    }

    pub(super) fn remove(&self, folder: &Path) -> io::Result<()> {
        fs::remove_file(file(folder, &self.name))
    }
}

/// True if `paths` has the function `name`.
pub(crate) fn exists(paths: &Paths, name: &str) -> bool {
    file(&paths.functions(), name).exists()
}

/// The file in `folder` that keeps the function `name`.
pub(super) fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

/// The ARN of the function `name`, in the account that is nobody's.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:000000000000:function:{name}")
}
