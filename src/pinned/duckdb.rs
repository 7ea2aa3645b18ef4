//! DuckDB's official library and extensions: pinned by version and SHA-256, in the packages that DuckDB Labs publish on npm
//! and PyPI, kept in the cache.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use sha2::{Digest, Sha256};

use crate::{bind, cache};

/// The release that everything here is pinned to.
pub const VERSION: &str = "1.5.5";

/// The packaging revision of the npm packages that carry `libduckdb.so`.
const NPM_REVISION: &str = "1.5.5-r.5";

/// What a file is fetched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    X86_64,
    Arm64,
}

impl Arch {
    /// The architecture called `name` by Rust, `None` when DuckDB publishes no Linux library for it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "x86_64" => Some(Self::X86_64),
            "aarch64" | "arm64" => Some(Self::Arm64),
            _ => None,
        }
    }

    fn pick(self, of: [&'static str; 2]) -> &'static str {
        match self {
            Self::X86_64 => of[0],
            Self::Arm64 => of[1],
        }
    }
}

/// The name that `quack.toml` and Lambda have for it.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pick(["x86_64", "arm64"]))
    }
}

/// SHA-256 of `libduckdb.so` for x86-64 and arm64, as published.
const PUBLISHED_LIBRARY: [&str; 2] = [
    "fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405",
    "d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e",
];

/// The same of what is made of it: its references to itself bound. Whoever pins another version finds them in the error that
/// says they are wrong.
const LIBRARY: [&str; 2] = [
    "dd98ee561ddd13457f41a887e1d813b3608833d5f613b80db6bf24594a43a7be",
    "1d84683a5266dea72a5ee3bf6a8cae87e6af19cd0291a461e39611143128c815",
];

/// An extension, for x86-64 and arm64.
struct Extension {
    name: &'static str,
    /// Of the file itself. DuckDB's own signature was checked when it was pinned, so that the function need not check it at
    /// every cold start.
    sha256: [&'static str; 2],
    /// Where PyPI's file host has the wheel that it is in: a digest of the wheel.
    folder: [&'static str; 2],
}

/// The extensions that `quack.toml` may name.
const EXTENSIONS: &[Extension] = &[
    Extension {
        name: "avro",
        sha256: [
            "f9c59d9735863896fb10c78f2d6e23132cc9ede4a4fb8c10a6f523b6d0793c77",
            "3b914e31ca60e6866090a14a9fd8198574eef4898a3840547e2d2b660f7666fe",
        ],
        folder: [
            "90/f4/bd71b368d62b711430b896be748967c9bf1b14f67f4a49e4fef16d26b943",
            "b5/6f/7860aa6836a5dd6bde96c63c338fedef866ac9b634da161bbad4b1d4693b",
        ],
    },
    Extension {
        name: "aws",
        sha256: [
            "1bbf923fb64efd33a6ae69fb96d74cbd474fd003cfd3d5127c06f9a9a6901156",
            "4c891b0833524e00db01269033dfafcbe6acea8c8fed7afd23874664ee7d1545",
        ],
        folder: [
            "13/ee/e1d8c3580b6f9d2d42410397774934bddb017397b2288e2f44b52da085d3",
            "d9/6d/f3d977bff216b7cd90ee2258919f06dddcbdcfb48bf3df4c784878b0c257",
        ],
    },
    Extension {
        name: "delta",
        sha256: [
            "24b10f221b799a82f2aec588102702540fb79b34ba4be7f47328333a02fd4e1e",
            "6264ebf0c219d3e8c22bd3b2c5f9eea684c37b5bd74b6a6670f331f94a281259",
        ],
        folder: [
            "e2/a1/947d0e7eb86a8a427cb9223c808bf9203af2ef66e7b1f781f0806bb5f2ff",
            "01/1e/de94d7bc7e12ea39fae5258582817a437f2f0348aa9f793ce38140af6d1d",
        ],
    },
    Extension {
        name: "ducklake",
        sha256: [
            "e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302",
            "d0b57c8e261b89a1ae367c7224f0857cfde72ab6cf2609f188e0de9b897b1088",
        ],
        folder: [
            "cb/12/d4dab9f3199b3475be36bc0a30a14ae784500396b14bcbb4a29b2e52ce6c",
            "e7/f0/84b4e1dd9297b43959bb80942609ca92d39dfb5a6b9fbc5740ee5dc9e298",
        ],
    },
    Extension {
        name: "httpfs",
        sha256: [
            "887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8",
            "eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9",
        ],
        folder: [
            "02/14/921faf933bb5cae7fb477c69f684fbea26bb4d76ff937d19d486af3a54cb",
            "ac/8f/6461e013a436f16f56ebc8909666c1c46538d86d0e2028359310761e6125",
        ],
    },
    Extension {
        name: "iceberg",
        sha256: [
            "ebc4993903de0d71d42fe3027b6691b8d5e5936ed366e98bdb9eab5aeedeb422",
            "84e53979bccccf99cb0ffb389a5d4396092660750e571d34dea8ed38ba58dc60",
        ],
        folder: [
            "5e/4c/d82d2887aa1c45e76b84d1c5c9f5bd84c7fc6235ef3e61f582f5f81b0a44",
            "d3/b8/7409bf3780276845bc329195eaf58d633f5fc281682857d351ec629b6f64",
        ],
    },
    Extension {
        name: "icu",
        sha256: [
            "fe6196ede9037cc01d43cad5e55a3d2503118de9169d2a25f1b787779b5d02e6",
            "8e754ef7d1a545cea9be2bb1f63374f2f7c96296d9342b5dc712994b7d3dd11c",
        ],
        folder: [
            "54/37/afa0b61237b347521145f5c6986e7b2058683a79a526d4fa7ec8a5651e6e",
            "79/bc/86af91bc14dc072489921627b3036ffcd8e5e171f5c67d39b9193b88c734",
        ],
    },
    Extension {
        name: "spatial",
        sha256: [
            "03cbb687fbb1583af6154266dc17b9c99e11fdcc1cd4a43cec19f38ef272d4de",
            "b9129a7da7fde8eb7fb951d99a115cbf2e6fa34c8d41671086169174a1f5725d",
        ],
        folder: [
            "ae/7d/0664d97db5666b175214e89644358c4ebdec8984e6a0ef0299e5b6db8f4b",
            "b8/32/60e31a783e4af3c08a3379d9b000a27fe33668007f9d24ccde1cdadaf801",
        ],
    },
    Extension {
        name: "tpcds",
        sha256: [
            "a0cff10440834544fc0691e868a908a148d6651194862c4f8e1338404bce6ff0",
            "a05fe8c49f591f31bc79f307ed256775719b335446e90c46ac67cd70d6f7ddd0",
        ],
        folder: [
            "9c/f0/4b468aff18d379293a767cd7a4f6b6e7d9560764cbccfb363f5b7575bbcf",
            "82/b8/c9984c58283779cfa8e9e0659f5f33c7df245c3594818ca0cd7b92c72a69",
        ],
    },
    Extension {
        name: "tpch",
        sha256: [
            "3da16edae72039b20afccf092f49b9e17ebbcf56c93f89a9fcb54a39a027e088",
            "a7a919c6e272442efccbb1cf9ce2724206d6355a6ecb95d499228913d292afc9",
        ],
        folder: [
            "99/fd/016fbd5ab83a8f2ad2cc48483355ebca696888ba0717c16442efe236b427",
            "ee/a4/3d528bed1d7a9a9a2243fd1fe995df7f276b9bf0d05063be03044b452fcf",
        ],
    },
];

/// One file, and the package on the web that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The file's name.
    pub file: String,
    /// What it must hash to, in hexadecimal.
    pub sha256: &'static str,
    /// What a library hashes to as published, before its references to itself are bound.
    unbound: Option<&'static str>,
    /// Address of the package, which ends in its file name: `.tgz` or `.whl`.
    pub url: String,
    /// The file's path in the package.
    pub member: String,
}

/// `libduckdb.so` for `arch`.
pub fn library(arch: Arch) -> Pinned {
    let package = format!("node-bindings-linux-{}", arch.pick(["x64", "arm64"]));
    Pinned {
        file: "libduckdb.so".to_owned(),
        sha256: arch.pick(LIBRARY),
        unbound: Some(arch.pick(PUBLISHED_LIBRARY)),
        url: format!("https://registry.npmjs.org/@duckdb/{package}/-/{package}-{NPM_REVISION}.tgz"),
        member: "package/libduckdb.so".to_owned(),
    }
}

/// The extension `name` for `arch`; `None` for a name that is not among [`extension_names`].
pub fn extension(name: &str, arch: Arch) -> Option<Pinned> {
    let extension = EXTENSIONS.iter().find(|known| known.name == name)?;
    let file = format!("{name}.duckdb_extension");
    let platform = arch.pick(["manylinux2014_x86_64", "manylinux2014_aarch64"]);
    let wheel = format!("duckdb_extension_{name}-{VERSION}-py3-none-{platform}.whl");
    Some(Pinned {
        sha256: arch.pick(extension.sha256),
        unbound: None,
        url: format!("https://files.pythonhosted.org/packages/{}/{wheel}", arch.pick(extension.folder)),
        member: format!("duckdb_extension_{name}/extensions/v{VERSION}/{file}"),
        file,
    })
}

/// The names that [`extension`] takes.
pub fn extension_names() -> impl Iterator<Item = &'static str> {
    EXTENSIONS.iter().map(|extension| extension.name)
}

/// A file that is not the one that was pinned.
#[derive(Debug)]
pub struct NotPinned(String);

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotPinned {}

impl Pinned {
    /// Whether the file at `path` is it.
    pub fn is_at(&self, path: &Path) -> bool {
        sha256(path).is_ok_and(|found| found == self.sha256)
    }

    /// Its path in the cache; when it is not there, `put` writes it to the path that it is given, as published or as it is to be.
    /// What the cache has is hashed again, so that a file that was changed there since is fetched anew rather than used.
    ///
    /// # Errors
    /// `put`'s, the disk's, and when what `put` wrote is another file.
    pub fn obtain<E: From<io::Error> + From<NotPinned>>(
        &self,
        put: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        self.obtain_in(&cache::root(), put)
    }

    fn obtain_in<E: From<io::Error> + From<NotPinned>>(
        &self,
        root: &Path,
        put: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let place = root.join("fetched").join(self.sha256);
        if place.is_dir() && !self.is_at(&place.join(&self.file)) {
            fs::remove_dir_all(&place)?;
        }
        cache::folder(&place, |draft| -> Result<(), E> {
            let draft = draft.join(&self.file);
            put(&draft)?;
            let found = sha256(&draft)?;
            if found == self.sha256 {
                return Ok(());
            }
            let Self { file, url, .. } = self;
            match self.unbound {
                Some(unbound) if found == unbound => {
                    let mut bytes = fs::read(&draft)?;
                    bind::bind(&mut bytes)
                        .map_err(|why| NotPinned(format!("{file} from {url} cannot be bound: {why}")))?;
                    fs::write(&draft, bytes)?;
                    self.expect(&sha256(&draft)?, self.sha256)?;
                }
                expected => self.expect(&found, expected.unwrap_or(self.sha256))?,
            }
            Ok(())
        })?;
        Ok(place.join(&self.file))
    }

    fn expect(&self, found: &str, expected: &str) -> Result<(), NotPinned> {
        if found == expected {
            return Ok(());
        }
        let Self { file, url, .. } = self;
        Err(NotPinned(format!(
            "{file} from {url} is not the file that was pinned: SHA-256 {found}, expected {expected}"
        )))
    }
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    type Error = Box<dyn std::error::Error>;

    #[test]
    fn what_was_changed_in_the_cache_is_fetched_anew_and_what_is_not_pinned_is_not_kept() {
        let root = env::temp_dir().join(format!("quack-pinned-{}", std::process::id()));
        let fetched = |text: &'static str, sha256: &'static str| {
            let pinned = Pinned { sha256, ..library(Arch::X86_64) };
            pinned.obtain_in(&root, |to| Ok::<_, Error>(fs::write(to, text)?))
        };
        let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let place = fetched("hello", hello).unwrap();
        assert!(fetched("never asked for", hello).is_ok(), "it is there already");
        fs::write(&place, "changed").unwrap();
        fetched("hello", hello).unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"hello");
        let other = "0000000000000000000000000000000000000000000000000000000000000000";
        let error = fetched("other", other).unwrap_err().to_string();
        assert!(error.contains("is not the file that was pinned"), "{error}");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn each_file_has_one_package_for_each_processor() {
        for arch in [Arch::X86_64, Arch::Arm64] {
            assert!(extension("no such", arch).is_none());
            for name in extension_names() {
                let pinned = extension(name, arch).unwrap();
                assert!(pinned.url.ends_with(".whl") && pinned.url.contains(name), "{pinned:?}");
                let sizes = (pinned.sha256.len(), pinned.url.split('/').rev().nth(1).map(str::len));
                assert_eq!(sizes, (64, Some(60)), "{pinned:?}");
            }
        }
        assert!(library(Arch::Arm64).url.ends_with("linux-arm64-1.5.5-r.5.tgz"));
    }
}
