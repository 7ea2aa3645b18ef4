//! What was measured in AWS and published, as distributions to draw from.

/// Points of a distribution: the part of all values that lies below, and the value, milliseconds. Both grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantiles(&'static [(f64, f64)]);

/// How much longer an invocation takes that has to start an instance first: 1,800 of them on instances of their own, ten at once, April
/// 2024. It is what passed on the caller's side less what was billed, less the 131 ms that a warm instance had beside what was billed for
/// the same caller. The start of that function (C++, 7,076 MB) is in it, and ours is not added.
/// Source: <https://github.com/hpides/skyrise>, resources/benchmark/measurement/storage_latency/s3/s3s_latency_1*.json (all but 1e, where
/// invocations hung), and for the warm ones network_throughput/lambda/20250323_*.json.
pub(super) const COLD_START: Quantiles = Quantiles(&[
    (0.0, 146.0),
    (0.01, 161.0),
    (0.05, 187.0),
    (0.1, 203.0),
    (0.25, 242.0),
    (0.5, 300.0),
    (0.75, 382.0),
    (0.9, 467.0),
    (0.95, 521.0),
    (0.99, 628.0),
    (1.0, 1_283.0),
]);

/// How long S3 takes for 1 KB: 998,000 GET of 100 instances, April 2024. Source: the same ten files.
pub(super) const S3_GET: Quantiles = Quantiles(&[
    (0.0, 10.1),
    (0.05, 14.8),
    (0.25, 17.6),
    (0.5, 26.9),
    (0.75, 41.2),
    (0.9, 59.2),
    (0.95, 74.3),
    (0.98, 92.0),
    (0.99, 105.5),
    (0.995, 121.1),
    (0.999, 178.1),
    (0.9995, 216.7),
    (0.9999, 283.3),
    (0.999_99, 898.3),
    (0.999_996, 1_290.5),
    (0.999_997, 4_979.3),
    (0.999_998, 9_917.9),
    (1.0, 10_050.3),
]);

impl Quantiles {
    /// The value that the part `below` of all lies below, between the points along a line.
    pub(super) fn at(&self, below: f64) -> f64 {
        let points = self.0.iter().zip(self.0.iter().skip(1));
        let between = points.map(|(low, high)| (*low, *high)).find(|(_, high)| below < high.0);
        match (between, self.0.last()) {
            (Some(((p, low), (q, high))), _) => low + (high - low) * ((below - p) / (q - p)).max(0.0),
            (None, last) => last.map_or(0.0, |(_, most)| *most),
        }
    }
}

/// Numbers by chance, the same for the same seed: SplitMix64.
/// Source: <https://prng.di.unimi.it/splitmix64.c>.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 up to 1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn of(&mut self, values: Quantiles) -> f64 {
        values.at(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_grow_and_what_lies_between_is_on_a_line() {
        for Quantiles(points) in [COLD_START, S3_GET] {
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
            assert_eq!((points[0].0, points[points.len() - 1].0), (0.0, 1.0));
        }
        assert_eq!((COLD_START.at(0.5), COLD_START.at(0.625), COLD_START.at(1.0)), (300.0, 341.0, 1_283.0));
        assert_eq!(COLD_START.at(-1.0), 146.0);
    }

    #[test]
    fn chance_is_the_same_for_a_seed_and_spread_over_all() {
        let drawn = |seed| {
            let mut chance = Chance::new(seed);
            (0..10_000).map(|_| chance.next()).collect::<Vec<f64>>()
        };
        let (one, two) = (drawn(1), drawn(2));
        assert!(one == drawn(1) && one != two);
        assert!(one.iter().all(|number| (0.0..1.0).contains(number)));
        assert!((one.iter().sum::<f64>() / 10_000.0 - 0.5).abs() < 0.02);
    }
}
