//! `[local.network]`: how far away the local target's S3 is made to seem.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::values::Values;
use crate::error::{nearest, usage};

/// A network between S3 and those who ask it. 0 is no delay, no limit and no burst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Network {
    /// Milliseconds from a request to the first byte of its answer.
    pub first_byte_ms: u32,
    /// Megabytes (10^6 bytes) a second that one function instance sends and receives in the long run.
    pub instance_mb_s: u32,
    /// Megabytes that an instance has beyond that when it starts. Half of them is had once; the other half comes back, at the pace of
    /// `instance_mb_s`, while the instance takes less than that.
    pub burst_mb: u32,
    /// Megabytes a second while that lasts.
    pub burst_mb_s: u32,
    /// Requests a second to one folder of a bucket.
    pub requests_per_s: u32,
}

impl Network {
    /// That of a function with so many MB of memory, in AWS.
    pub(crate) fn of_lambda(memory_mb: u32) -> Self {
        aws(memory_mb)
    }
}

/// The network of a function with so many MB of memory.
type Profile = fn(u32) -> Network;

/// Networks with a name, the default first.
const PROFILES: &[(&str, Profile)] = &[("none", |_| Network::default()), ("aws", aws), ("aws-2024", |_| AWS_2024)];

/// A function in AWS Lambda, and a bucket of its region, as Lambda is since August 2026.
///
/// - First byte: "roughly 100-200 milliseconds", and requests: 5,500 GET a second for each prefix (writes have 3,500,
///   which is not told apart here).
///   Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.
/// - Bandwidth: 625 Mbit/s up to 2,048 MB of memory, "scales proportionally with memory" to 3,000 Mbit/s at 10,240 MB; outside a VPC, and
///   once the account's quota was raised: without that it is 625 whatever the memory. What lies between the two is interpolated here.
///   Sources: <https://aws.amazon.com/about-aws/whats-new/2026/08/aws-lambda-network-bandwidth/>,
///   <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>. It was the same, 0.6 Gbit/s, at each of seven sizes from 128
///   to 3,008 MB: <https://github.com/sjakthol/aws-network-benchmark>, of 2024-06-15.
/// - Burst: 305 MB within 160 ms, then 8 MB each 100 ms, of 7,076 MB:
///   <https://github.com/hpides/skyrise>, resources/benchmark/measurement/network_throughput/lambda/20250323_*_report_interval_ms=20.json.
///   That is 369 MB in the first second; sjakthol's functions have 334 to 359 MB in it from 256 MB on ("2.7 Gbps"), so that the burst is
///   taken not to depend on memory. How fast it goes is known of 7,076 MB alone (1.9 GB/s; 1.3 in 2024), and that it takes less than a
///   second from 256 MB on. Assumed here: in proportion to memory, as the cores that take it in are, within these two.
/// - What comes back: a second measurement on the same instances, 4 to 11 seconds after the burst was used up, has 160 to 220 MB, in all
///   three such traces of Skyrise's. So half comes back within that time, and half does not. Firecracker, which Lambda runs functions in,
///   limits so: a bucket that is filled at the lasting rate, and a "one time burst" beside it
///   (<https://github.com/firecracker-microvm/firecracker/blob/main/src/vmm/src/rate_limiter/mod.rs>). Which of its values Lambda sets is
///   not published: the halves, and the lasting rate as that of refilling, are assumed.
fn aws(memory_mb: u32) -> Network {
    const LEAST_MBIT: u32 = 625;
    const MOST_MBIT: u32 = 3_000;
    let scaled = memory_mb.clamp(2_048, 10_240) - 2_048;
    let mbit_s = LEAST_MBIT + scaled * (MOST_MBIT - LEAST_MBIT) / (10_240 - 2_048);
    Network {
        first_byte_ms: 100,
        instance_mb_s: mbit_s / 8,
        burst_mb: 300,
        burst_mb_s: (memory_mb.min(7_076) * 1_900 / 7_076).max(340),
        requests_per_s: 5_500,
    }
}

/// What `aws` was until Lambda's bandwidth came to depend on memory, without the burst: 600 Mbit/s, which goes on.
/// Sources: 400 to 700 Mbit/s, <https://medium.com/circuitpeople/serverless-large-file-downloads-to-s3-a11b4ef4788e>; "An Empirical
/// Evaluation of Serverless Cloud Infrastructure for Large-Scale Data Processing", <https://arxiv.org/abs/2501.07771>.
const AWS_2024: Network =
    Network { first_byte_ms: 100, instance_mb_s: 75, burst_mb: 0, burst_mb_s: 0, requests_per_s: 5_500 };

/// The most that a limit can be.
const MOST: u32 = 1_000_000;

impl Values {
    /// The profile, of functions of `memory_mb`, with the values that stand beside it in its place.
    pub(super) fn network(&mut self, memory_mb: u32) -> Result<Network> {
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
        let profile = profile(memory_mb);
        Ok(Network {
            first_byte_ms: self.number("local.network.first_byte_ms", profile.first_byte_ms, 0, 60_000)?,
            instance_mb_s: self.number("local.network.instance_mb_s", profile.instance_mb_s, 0, MOST)?,
            burst_mb: self.number("local.network.burst_mb", profile.burst_mb, 0, MOST)?,
            burst_mb_s: self.number("local.network.burst_mb_s", profile.burst_mb_s, 0, MOST)?,
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
        values.network(2_048)
    }

    #[test]
    fn single_values_win_over_the_profiles() {
        assert_eq!(network("").unwrap(), Network::default());
        assert_eq!(network("[local.network]\nprofile = \"aws\"").unwrap(), aws(2_048));
        assert_eq!(network("[local.network]\nprofile = \"aws-2024\"").unwrap(), AWS_2024);
        let slow =
            network("[local.network]\nprofile = \"aws\"\ninstance_mb_s = 10\nburst_mb = 0\nburst_mb_s = 7").unwrap();
        assert_eq!(slow, Network { instance_mb_s: 10, burst_mb: 0, burst_mb_s: 7, ..aws(2_048) });
        let late = network("[local]\nport = 0\nnetwork = { first_byte_ms = 7 }").unwrap();
        assert_eq!(late, Network { first_byte_ms: 7, ..Network::default() });
        for wrong in ["burst_mb = -1", "burst_mb_s = 1000001", "burst_mb = \"much\""] {
            let error = network(&format!("[local.network]\n{wrong}")).unwrap_err().to_string();
            assert!(error.contains("local.network.burst_mb"), "{wrong}: {error}");
        }
    }

    #[test]
    fn awss_bandwidth_is_what_is_published_for_the_memory() {
        let lasting = |memory_mb| aws(memory_mb).instance_mb_s;
        assert_eq!([128, 2_048, 6_144, 10_240].map(lasting), [78, 78, 226, 375]);
        let burst = |memory_mb| (aws(memory_mb).burst_mb, aws(memory_mb).burst_mb_s);
        assert_eq!([128, 2_048, 7_076, 10_240].map(burst), [(300, 340), (300, 549), (300, 1_900), (300, 1_900)]);
    }
}
