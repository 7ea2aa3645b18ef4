//! `[local.network]`: how far away the local target's S3 is made to seem.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::values::Values;
use crate::error::{nearest, usage};

/// A network between S3 and those who ask it. 0 is no delay and no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Network {
    /// Milliseconds from a request to the first byte of its answer.
    pub first_byte_ms: u32,
    /// Megabytes (10^6 bytes) a second that one function instance sends and receives.
    pub instance_mb_s: u32,
    /// Requests a second to one folder of a bucket.
    pub requests_per_s: u32,
}

/// Networks with a name, the default first.
const PROFILES: &[(&str, Network)] =
    &[("none", Network { first_byte_ms: 0, instance_mb_s: 0, requests_per_s: 0 }), ("aws", AWS)];

/// A function in AWS Lambda and a bucket of its region.
///
/// - First byte: "roughly 100-200 milliseconds", and requests: 5,500 GET a second for each prefix (writes have 3,500,
///   which is not told apart here).
///   Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.
/// - Bandwidth: 600 Mbit/s, which goes on; what a fresh instance may take beyond that in its first moments is left out.
///   Sources: 400 to 700 Mbit/s,
///   <https://medium.com/circuitpeople/serverless-large-file-downloads-to-s3-a11b4ef4788e>; the bursts,
///   "An Empirical Evaluation of Serverless Cloud Infrastructure for Large-Scale Data Processing",
///   <https://arxiv.org/abs/2501.07771>.
const AWS: Network = Network { first_byte_ms: 100, instance_mb_s: 75, requests_per_s: 5_500 };

/// The most that a limit can be.
const MOST: u32 = 1_000_000;

impl Values {
    /// The profile, with the values that stand beside it in its place.
    pub(super) fn network(&mut self) -> Result<Network> {
        let name = self.text("local.network.profile", "none")?;
        let Some((_, profile)) = PROFILES.iter().find(|(known, _)| *known == name) else {
            let names = || PROFILES.iter().map(|(name, _)| *name);
            let help = match nearest(&name, names()) {
                Some(near) => format!("the nearest profile is `{near}`"),
                None => format!("profiles: {}", names().collect::<Vec<_>>().join(", ")),
            };
            let origin = self.origin("local.network.profile");
            return Err(usage(format!("there is no network `{name}` (`local.network.profile`, {origin})"), help));
        };
        Ok(Network {
            first_byte_ms: self.number("local.network.first_byte_ms", profile.first_byte_ms, 0, 60_000)?,
            instance_mb_s: self.number("local.network.instance_mb_s", profile.instance_mb_s, 0, MOST)?,
            requests_per_s: self.number("local.network.requests_per_s", profile.requests_per_s, 0, MOST)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(toml: &str) -> Result<Network> {
        let mut values = Values::default();
        values.read_file(toml)?;
        values.network()
    }

    #[test]
    fn single_values_win_over_the_profiles() {
        assert_eq!(network("").unwrap(), Network::default());
        assert_eq!(network("[local.network]\nprofile = \"aws\"").unwrap(), AWS);
        let slow = network("[local.network]\nprofile = \"aws\"\ninstance_mb_s = 10\nrequests_per_s = 0").unwrap();
        assert_eq!(slow, Network { instance_mb_s: 10, requests_per_s: 0, ..AWS });
        let late = network("[local]\nport = 0\nnetwork = { first_byte_ms = 7 }").unwrap();
        assert_eq!(late, Network { first_byte_ms: 7, ..Network::default() });
    }
}
