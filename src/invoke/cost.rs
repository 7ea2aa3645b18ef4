//! What an invocation cost: Lambda's REPORT line, and its public price.

use crate::arch::Arch;
use crate::config::TargetKind;

/// Lambda's own account of one invocation: the REPORT line at the end of its log.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub duration_ms: f64,
    pub billed_ms: u64,
    pub memory_mb: u64,
    pub max_memory_used_mb: u64,
    /// Only on a cold start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_ms: Option<f64>,
    /// Only of a local instance that is held to its share of a core: CPU time, and what it asked S3 for, in
    /// thousands of bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_received_kb: Option<u64>,
}

/// US dollars for a GB-second, US East (N. Virginia), first tier, without the free tier; and for one request.
/// Source: <https://aws.amazon.com/lambda/pricing/>.
const X86_GB_SECOND_USD: f64 = 0.000_016_666_7;
const ARM_GB_SECOND_USD: f64 = 0.000_013_333_4;
pub(crate) const REQUEST_USD: f64 = 0.20 / 1_000_000.0;

/// US dollars for a GB-second on that processor.
pub(crate) fn gb_second_usd(arch: Arch) -> f64 {
    match arch {
        Arch::Arm64 => ARM_GB_SECOND_USD,
        Arch::X86_64 => X86_GB_SECOND_USD,
    }
}

/// US dollars for so many seconds on functions of so much memory, and for so many requests.
pub(crate) fn price_usd(seconds: f64, memory_mb: u64, requests: usize, arch: Arch) -> f64 {
    seconds * memory_mb as f64 / 1024.0 * gb_second_usd(arch) + requests as f64 * REQUEST_USD
}

/// No number of a REPORT line comes near: a Lambda function runs for a quarter of an hour at most.
const MOST: f64 = 1e9;

impl Report {
    /// The last REPORT line in a log.
    pub(crate) fn find_in(log: &str) -> Option<Self> {
        let line = log.lines().rev().find(|line| line.starts_with("REPORT "))?;
        let field = |name: &str| {
            let rest = line.split('\t').find_map(|part| part.trim().strip_prefix(name))?;
            let number = rest.strip_prefix(':')?.split_whitespace().next()?.parse::<f64>().ok()?;
            // What runs in the function can write such a line, too.
            (0.0..MOST).contains(&number).then_some(number)
        };
        let whole = |name: &str| field(name).map(|number| number.round() as u64);
        Some(Self {
            duration_ms: field("Duration")?,
            billed_ms: whole("Billed Duration")?,
            memory_mb: whole("Memory Size")?,
            max_memory_used_mb: whole("Max Memory Used")?,
            init_ms: field("Init Duration"),
            cpu_ms: field("CPU"),
            s3_requests: whole("S3 Requests"),
            s3_received_kb: whole("S3 Received"),
        })
    }

    /// One that tells nothing but what every REPORT line does.
    #[cfg(test)]
    pub(crate) fn plain(duration_ms: f64, billed_ms: u64, memory_mb: u64, max_memory_used_mb: u64) -> Self {
        let (init_ms, cpu_ms, s3_requests, s3_received_kb) = (None, None, None, None);
        Self { duration_ms, billed_ms, memory_mb, max_memory_used_mb, init_ms, cpu_ms, s3_requests, s3_received_kb }
    }

    /// Estimated price in US dollars.
    pub(crate) fn cost_usd(&self, arch: Arch) -> f64 {
        price_usd(self.billed_ms as f64 / 1000.0, self.memory_mb, 1, arch)
    }
}

/// Which request a line reports on, if it is a REPORT line.
pub(crate) fn reported(line: &str) -> Option<&str> {
    line.strip_prefix("REPORT RequestId: ")?.split_whitespace().next()
}

/// How an invocation ended that did not end well, by its REPORT line: `timeout`, or the type of the error.
pub(crate) fn end_of(line: &str) -> Option<&str> {
    let field = |name: &str| line.split('\t').find_map(|part| part.trim().strip_prefix(name));
    field("Error Type: ").or_else(|| field("Status: "))
}

/// Billed time and its price, as a line tells of them. Nothing is billed on this machine: there it is what Lambda asks.
pub(crate) fn billed(ms: u64, usd: f64, target: TargetKind) -> String {
    match target {
        TargetKind::Aws => format!("billed {ms} ms · {}", dollars(usd)),
        TargetKind::Local => format!("{ms} ms would cost {} on Lambda", dollars(usd)),
    }
}

/// An amount in dollars with two significant digits, however small.
pub(crate) fn dollars(amount: f64) -> String {
    let decimals = if amount > 0.0 { (1.0 - amount.log10().floor()).clamp(2.0, 12.0) as usize } else { 2 };
    format!("${amount:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLD: &str = "START RequestId: 1 Version: $LATEST\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: 12.34 ms\t\
                        Billed Duration: 13 ms\tMemory Size: 2048 MB\tMax Memory Used: 80 MB\tInit Duration: 120.50 ms\t\n";

    #[test]
    fn numbers_that_cannot_be_are_no_report() {
        for number in ["1e300", "-1", "inf", "nan", "18446744073709551615"] {
            let line = format!(
                "REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: {number} ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB"
            );
            assert_eq!(Report::find_in(&line), None, "{number}");
        }
    }

    #[test]
    fn reads_the_report_line() {
        let report = Report::find_in(COLD).unwrap();
        assert_eq!(report, Report { init_ms: Some(120.5), ..Report::plain(12.34, 13, 2048, 80) });
        let warm = Report::find_in(&COLD.replace("\tInit Duration: 120.50 ms", "")).unwrap();
        assert_eq!(warm.init_ms, None);
    }

    #[test]
    fn a_held_instance_tells_what_it_took() {
        let line =
            format!("{}CPU: 80.25 ms\tS3 Requests: 7\tS3 Received: 12345678 KB\t\n", COLD.trim_end_matches('\n'));
        let report = Report::find_in(&line).unwrap();
        assert_eq!((report.cpu_ms, report.s3_requests), (Some(80.25), Some(7)));
        assert_eq!(report.s3_received_kb, Some(12_345_678));
    }

    #[test]
    fn a_report_names_its_request_and_its_end() {
        let line = "REPORT RequestId: 1-a\tDuration: 1 ms\tStatus: error\tError Type: Runtime.ExitError\n";
        assert_eq!((reported(line), end_of(line)), (Some("1-a"), Some("Runtime.ExitError")));
        let timeout = "REPORT RequestId: 2\tDuration: 3000 ms\tStatus: timeout\n";
        assert_eq!((reported(timeout), end_of(timeout)), (Some("2"), Some("timeout")));
        assert_eq!((reported("END RequestId: 2"), end_of("REPORT RequestId: 3\t")), (None, None));
    }

    #[test]
    fn a_log_without_report_has_none() {
        assert_eq!(Report::find_in("START RequestId: 1\nEND RequestId: 1\n"), None);
        assert_eq!(Report::find_in("REPORT RequestId: 1\tDuration: many ms\n"), None);
    }

    #[test]
    fn costs_what_lambda_says() {
        // 1 GB for one second, a million times, is $16.67 plus $0.20 for the requests on x86.
        let report = Report::plain(999.5, 1000, 1024, 1);
        assert!((report.cost_usd(Arch::X86_64) * 1e6 - 16.8667).abs() < 1e-6);
        assert!((report.cost_usd(Arch::Arm64) * 1e6 - 13.5334).abs() < 1e-6);
    }

    #[test]
    fn small_amounts_keep_two_digits() {
        assert_eq!(dollars(0.000_000_366), "$0.00000037");
        assert_eq!(dollars(0.012_3), "$0.012");
        assert_eq!(dollars(3.456), "$3.46");
        assert_eq!(dollars(0.0), "$0.00");
    }
}
