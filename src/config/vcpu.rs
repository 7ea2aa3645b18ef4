//! What a function's memory has of cores.

/// MB of memory that one vCPU comes with.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
const VCPU_MB: f64 = 1_769.0;

/// The vCPUs that Lambda gives a function of so much memory: less than 1 is a share of one.
pub(crate) fn vcpus(memory_mb: u32) -> f64 {
    f64::from(memory_mb) / VCPU_MB
}

#[cfg(test)]
mod tests {
    use super::vcpus;

    #[test]
    fn a_vcpu_is_1769_mb() {
        assert!((vcpus(1_769) - 1.0).abs() < 1e-9 && (vcpus(2_048) - 1.157_7).abs() < 1e-3);
    }
}
