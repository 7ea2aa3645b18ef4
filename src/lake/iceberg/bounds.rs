//! What partition values lie between, of all files of a manifest.

use quack_function::iceberg::manifest::Summary;
use quack_function::iceberg::scalar::{Kind, Scalar};

/// What partition values lie between.
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    contains_null: bool,
    range: Option<(Scalar, Scalar)>,
}

impl Bounds {
    pub(super) fn add(&mut self, value: Option<&Scalar>) {
        let Some(value) = value else {
            self.contains_null = true;
            return;
        };
        match &mut self.range {
            None => self.range = Some((value.clone(), value.clone())),
            Some((low, high)) => {
                if value < low {
                    *low = value.clone();
                }
                if value > high {
                    *high = value.clone();
                }
            }
        }
    }

    /// Has room for the values of another manifest, of the same field, whose values are of `kind`.
    pub(super) fn widen(&mut self, kind: Option<Kind>, summary: &Summary) {
        self.contains_null |= summary.contains_null;
        for bytes in [&summary.lower, &summary.upper].into_iter().flatten() {
            let value = kind.and_then(|kind| Scalar::of_binary(kind, bytes));
            if value.is_some() {
                self.add(value.as_ref());
            }
        }
    }

    pub(super) fn summary(self) -> Summary {
        let (lower, upper) = self.range.map(|(low, high)| (low.binary(), high.binary())).unzip();
        Summary { contains_null: self.contains_null, lower, upper }
    }
}
