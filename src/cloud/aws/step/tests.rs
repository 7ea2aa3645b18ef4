//! A table of states and what comes next, and that every state comes to an end.

use super::*;
use Found::{AsWanted, Differs, Missing};
use PackageKind::{Image, Zip};

/// As it is before the first `up`.
fn nothing(package: PackageKind) -> Seen {
    let (main, registry) = (Missing, Missing);
    Seen { package, manage: true, main, registry, runs_from: None, is_sent: false, bucket: None }
}

/// As it is after an `up`.
fn everything(package: PackageKind) -> Seen {
    let registry = if package == Image { AsWanted } else { Missing };
    let (main, runs_from, bucket) = (AsWanted, Some(package), Some(true));
    Seen { main, registry, runs_from, is_sent: true, bucket, ..nothing(package) }
}

#[test]
fn each_state_has_its_next_step() {
    let of_image = |main, is_sent, bucket| Seen { main, is_sent, bucket, ..everything(Image) };
    let of_zip = |main, is_sent, bucket| Seen { main, is_sent, bucket, ..everything(Zip) };
    let table = [
        ("an image needs a repository first", nothing(Image), Step::ApplyRegistry),
        ("one with other settings, too", Seen { registry: Differs, ..everything(Image) }, Step::ApplyRegistry),
        ("then the image", Seen { registry: AsWanted, ..nothing(Image) }, Step::Send),
        ("an image that somebody deleted", of_image(AsWanted, false, None), Step::Send),
        ("nothing to do", everything(Image), Step::Finish),
        ("nor with a zip, whether it is there or not", of_zip(AsWanted, false, None), Step::Finish),
        (
            "the bucket is looked for only where something is to be made",
            of_image(Missing, true, None),
            Step::LookForBucket,
        ),
        ("a bucket that was kept", of_image(Missing, true, Some(true)), Step::AdoptBucket),
        ("nothing was kept", of_image(Missing, true, Some(false)), Step::Apply),
        ("a change of settings", of_image(Differs, true, Some(true)), Step::Apply),
        ("a bucket that somebody deleted", of_image(Differs, true, Some(false)), Step::Apply),
        ("a zip travels through the bucket", nothing(Zip), Step::LookForBucket),
        ("which comes first", of_zip(Missing, false, Some(false)), Step::ApplyWithoutFunction),
        ("or was kept", of_zip(Missing, false, Some(true)), Step::AdoptBucket),
        ("then the zip", of_zip(Differs, false, Some(true)), Step::Send),
        ("then the function", of_zip(Differs, true, Some(true)), Step::Apply),
    ];
    for (what, seen, step) in table {
        assert_eq!(next_step(&seen), step, "{what}: {seen:?}");
    }
}

#[test]
fn somebody_elses_bucket_is_neither_made_nor_adopted() {
    for package in [Image, Zip] {
        let theirs = |bucket| Seen { manage: false, main: Missing, bucket, ..everything(package) };
        assert_eq!(next_step(&theirs(None)), Step::LookForBucket);
        assert_eq!(next_step(&theirs(Some(false))), Step::RefuseBucket);
        assert_eq!(next_step(&theirs(Some(true))), Step::Apply);
    }
}

#[test]
fn a_function_that_changes_its_package_goes_first() {
    let to_image = Seen { runs_from: Some(Zip), main: Differs, ..everything(Image) };
    assert_eq!(next_step(&to_image), Step::ApplyWithoutFunction);
    let to_zip = Seen { runs_from: Some(Image), main: Differs, registry: AsWanted, ..everything(Zip) };
    assert_eq!(next_step(&to_zip), Step::ApplyWithoutFunction);
    // Without a function nobody needs the images any more.
    let without = Seen { runs_from: None, ..to_zip };
    assert_eq!(next_step(&without), Step::RemoveRegistry);
    assert_eq!(next_step(&Seen { registry: Missing, ..without }), Step::Apply);
}

#[test]
fn from_every_state_a_few_steps_lead_to_the_end_or_to_another_look() {
    let found = [Missing, Differs, AsWanted];
    let packages =
        [Image, Zip].into_iter().flat_map(|package| [None, Some(Image), Some(Zip)].map(|from| (package, from)));
    let stacks = found.into_iter().flat_map(|main| found.map(|registry| (main, registry)));
    let all = packages.flat_map(|packages| stacks.clone().map(move |stacks| (packages, stacks)));
    for (((package, runs_from), (main, registry)), bits) in
        all.flat_map(|state| (0..8u8).map(move |bits| (state, bits)))
    {
        let (manage, is_sent, there) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
        let start = Seen { package, manage, main, registry, runs_from, is_sent, bucket: None };
        let mut seen = Some(start);
        for steps in 1.. {
            let Some(now) = seen else { break };
            let step = next_step(&now);
            assert!(steps <= 5, "{start:?} does not end: {now:?}, {step:?}");
            if step == Step::Finish {
                break;
            }
            let looked = if step == Step::LookForBucket { Some(there) } else { now.bucket };
            seen = now.after(step).map(|after| Seen { bucket: looked, ..after });
        }
    }
}
