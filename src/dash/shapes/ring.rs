//! A ring of a polygon: where its corners are, rounded, and wound as the browser's library has it.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

/// Parts of a degree that are told: some 1.1 m.
pub(super) const PARTS: i32 = 100_000;

/// A place: degrees east and north, in parts.
pub(super) type Corner = [i32; 2];

/// The corners of a ring, of which the last is not the first again.
pub(super) type Ring = Vec<Corner>;

/// A place in degrees as a corner; nothing of what is nowhere on earth.
pub(super) fn corner([east, north]: [f64; 2]) -> Option<Corner> {
    // As others compute it, 180 may be a little more.
    let within = |degrees: f64, most: f64| {
        let is_on_earth = degrees.abs() <= most + 1e-6;
        is_on_earth.then(|| (degrees.clamp(-most, most) * f64::from(PARTS)).round() as i32)
    };
    Some([within(east, 180.0)?, within(north, 90.0)?])
}

/// The same ring without corners that are there twice in a row, closed or not; nothing of one that has nothing in it.
pub(super) fn cleaned(mut ring: Ring) -> Option<Ring> {
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    let area = doubled_area(&ring);
    (ring.len() >= 3 && area != 0).then_some(ring)
}

/// The ring wound so that what it encloses, the smaller part of the globe, lies to the right of who walks along it (`is_outer`), as
/// d3-geo has it; or to the left, as that of a hole. RFC 7946 has both the other way round, and older files have either.
pub(super) fn wound(mut ring: Ring, is_outer: bool) -> Ring {
    if (share(&ring) <= PI) != is_outer {
        ring.reverse();
    }
    ring
}

/// Twice the area on a plane, in squares of parts: 0 only of what lies on one line.
fn doubled_area(ring: &[Corner]) -> i128 {
    let next = ring.iter().cycle().skip(1);
    let wide = |[east, north]: Corner| (i128::from(east), i128::from(north));
    ring.iter().zip(next).map(|(one, other)| (wide(*one), wide(*other))).map(|((a, b), (c, d))| a * d - c * b).sum()
}

/// Half of the part of the unit sphere that lies to the right, by the formula of d3-geo's `geoArea`: whether it fills a ring's inside or
/// all the rest is decided by this.
fn share(ring: &[Corner]) -> f64 {
    let radians = |[east, north]: Corner| {
        let degrees = |parts: i32| (f64::from(parts) / f64::from(PARTS)).to_radians();
        (degrees(east), degrees(north) / 2.0 + FRAC_PI_4)
    };
    let next = ring.iter().cycle().skip(1);
    let sum: f64 = ring
        .iter()
        .zip(next)
        .map(|(one, other)| {
            let ((east, north), (next_east, next_north)) = (radians(*one), radians(*other));
            let turn = next_east - east;
            let sines = north.sin() * next_north.sin();
            let across = north.cos() * next_north.cos() + sines * turn.abs().cos();
            (sines * turn.signum() * turn.abs().sin()).atan2(across)
        })
        .sum();
    if sum < 0.0 { TAU + sum } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(corners: &[(f64, f64)]) -> Ring {
        corners.iter().map(|(east, north)| corner([*east, *north]).unwrap()).collect()
    }

    #[test]
    fn either_winding_becomes_the_browsers() {
        // Clockwise as maps are seen, north above.
        let small = ring(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]);
        let over_the_date_line = ring(&[(179.0, -17.0), (179.0, -16.0), (-179.0, -16.0), (-179.0, -17.0)]);
        // Along a parallel: the long edge bends over the short ones.
        let sliver = ring(&[(-120.0, 49.0), (-90.0, 49.1), (-60.0, 49.0)]);
        let around_the_pole =
            ring(&[(-180.0, -70.0), (-180.0, -90.0), (180.0, -90.0), (180.0, -70.0), (90.0, -75.0), (-90.0, -75.0)]);
        for outer in [small, over_the_date_line, sliver, around_the_pole] {
            let reversed: Ring = outer.iter().copied().rev().collect();
            let wound_outer = wound(outer.clone(), true);
            assert_eq!(share(&wound_outer), share(&wound(reversed.clone(), true)), "{outer:?}");
            assert!(share(&wound_outer) <= PI && share(&wound(reversed, false)) > PI, "{outer:?}");
        }
        assert_eq!(
            wound(ring(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]), true),
            ring(&[(1.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
        );
    }

    #[test]
    fn a_ring_is_closed_once_and_has_something_in_it() {
        let open = ring(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]);
        let closed = ring(&[(0.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)]);
        assert_eq!((cleaned(open.clone()), cleaned(closed)), (Some(open.clone()), Some(open)));
        for nothing in
            [&[][..], &[(1.0, 1.0)], &[(0.0, 0.0), (1.0, 1.0), (0.0, 0.0)], &[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]]
        {
            assert_eq!(cleaned(ring(nothing)), None, "{nothing:?}");
        }
        assert_eq!(cleaned(ring(&[(0.0, 0.0), (0.000_001, 0.0), (0.0, 0.000_001)])), None, "a millimetre");
    }

    #[test]
    fn places_are_on_earth() {
        assert_eq!(corner([180.000_000_1, -90.0]), Some([18_000_000, -9_000_000]));
        assert_eq!(corner([-73.987_654_321, 40.5]), Some([-7_398_765, 4_050_000]));
        for nowhere in
            [[180.1, 0.0], [0.0, 90.1], [913_175.1, 120_121.9], [f64::NAN, 0.0], [0.0, f64::INFINITY], [-1e300, 0.0]]
        {
            assert_eq!(corner(nowhere), None, "{nowhere:?}");
        }
    }
}
