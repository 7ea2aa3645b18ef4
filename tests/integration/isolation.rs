//! What many writers and readers at once may see of one another: writers append, move sums between tables in transactions and count by
//! MERGE, put small files together, some are killed in the middle, readers look on. All that was done and seen is written down and held against what
//! snapshot isolation promises. `QUACK_TEST_ROUNDS` is how many transactions each of eight writers makes.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;

use crate::support::{Place, Project, block_on, rounds, s3, text};

crate::on_every_target! {
    nobody_sees_what_a_snapshot_would_not_show,
}

/// Rows of an append.
const BATCH: u32 = 5;

/// Accounts of a table, and what is in each at first.
const ACCOUNTS: i64 = 4;
const FUNDS: i64 = 1000;

/// Of a writer's transactions, about one in so many is killed.
const KILLED: u32 = 8;

/// Numbers of transactions are below; with the writer's, it is one number for all.
const MANY: u32 = 100_000;

/// Everything that a session can see, of one moment.
const READ: &str = "SELECT (SELECT sum(n) FROM a)::BIGINT AS a, (SELECT sum(n) FROM b)::BIGINT AS b, \
    (SELECT coalesce(sum(x), 0) FROM moves)::BIGINT AS moved, \
    (SELECT coalesce(sum(n), 0) FROM counter WHERE id = 0)::BIGINT AS counted, \
    (SELECT coalesce(sum(n), 0) FROM counter WHERE id > 0)::BIGINT AS counted_each, \
    (SELECT count(*) FROM (SELECT who FROM log GROUP BY who, tx HAVING count(*) <> 5 OR count(DISTINCT part) <> 5))::BIGINT AS torn, \
    (SELECT coalesce(list(DISTINCT who * 100000 + tx), []) FROM log) AS appended, \
    (SELECT coalesce(list(who * 100000 + tx), []) FROM moves) AS transferred";

/// What was seen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct View {
    a: i64,
    b: i64,
    moved: i64,
    counted: i64,
    counted_each: i64,
    torn: i64,
    appended: BTreeSet<u32>,
    transferred: Vec<u32>,
}

impl View {
    /// The transactions that left something to see.
    fn seen(&self) -> BTreeSet<u32> {
        self.appended.iter().chain(&self.transferred).copied().collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Append,
    Transfer {
        sum: i64,
    },
    Count,
    /// Nobody sees anything of it.
    Compact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It was told to begin anew.
    Refused,
    /// It was killed: nobody knows.
    Killed,
}

/// A transaction that somebody made, or tried to.
#[derive(Debug)]
struct Deed {
    id: u32,
    kind: Kind,
    outcome: Outcome,
    began: Duration,
    ended: Duration,
}

/// A look at the tables.
#[derive(Debug)]
struct Look {
    /// Who looks again and again has a number.
    reader: Option<u32>,
    began: Duration,
    ended: Duration,
    view: View,
}

#[derive(Debug, Default)]
struct History {
    deeds: Vec<Deed>,
    looks: Vec<Look>,
    /// What was wrong at once.
    wrong: Vec<String>,
}

/// One run.
struct Run<'a> {
    project: &'a Project,
    started: Instant,
    history: Mutex<History>,
    /// Writers that are not done.
    writing: AtomicUsize,
}

fn nobody_sees_what_a_snapshot_would_not_show(place: Place) {
    let project = Project::up_at(place, "[function]\nconcurrency = 8\n");
    let accounts = format!("AS SELECT i AS id, {FUNDS}::BIGINT AS n FROM range({ACCOUNTS}) r(i)");
    let sql = format!(
        "CREATE TABLE a {accounts}; CREATE TABLE b {accounts}; CREATE TABLE moves (who INTEGER, tx INTEGER, x BIGINT); \
         CREATE TABLE log (who INTEGER, tx INTEGER, part INTEGER); CREATE TABLE counter (id INTEGER, n BIGINT)"
    );
    project.succeed(["query", &sql], "to begin with");
    let (writers, transactions) = rounds().map_or((4, 5), |count| (8, u32::try_from(count).unwrap()));
    let run = Run {
        project: &project,
        started: Instant::now(),
        history: Mutex::default(),
        writing: AtomicUsize::new(writers as usize),
    };
    std::thread::scope(|scope| {
        for who in 1..=writers {
            let run = &run;
            scope.spawn(move || run.write(who, transactions));
        }
        for reader in 0..2 {
            let run = &run;
            scope.spawn(move || run.read(reader));
        }
    });
    let last = run.look(None, READ).pop();
    let History { deeds, looks, mut wrong } = run.history.into_inner().unwrap();
    wrong.extend(looks.iter().flat_map(|look| strange(look, &deeds)));
    wrong.extend((0..2).flat_map(|reader| backwards(&looks, reader)));
    let count = |outcome: Outcome| deeds.iter().filter(|deed| deed.outcome == outcome).count();
    eprintln!(
        "{place:?}: {} transactions made, {} told to begin anew, {} killed; {} looks; {:.0} s",
        count(Outcome::Done),
        count(Outcome::Refused),
        count(Outcome::Killed),
        looks.len(),
        run.started.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{} things are wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
    assert!(looks.len() > 4 && count(Outcome::Done) > 0);
    what_is_left_is_swept(&project, &last.unwrap());
}

/// Of two transactions that each change what the other only reads, both are made: so it is documented.
#[test]
fn write_skew_is_not_refused() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE a AS SELECT 1 AS n; CREATE TABLE b AS SELECT 1 AS n"], "to begin with");
    let mut shell = project.process(["shell", "--quiet"]);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut typed = shell.stdin.take().unwrap();
    typed.write_all(b".mode csv\nBEGIN; UPDATE a SET n = 0 WHERE (SELECT n FROM b) = 1;\nSELECT n FROM a;\n").unwrap();
    let mut seen = [0; 4];
    shell.stdout.as_mut().unwrap().read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"n\n0\n");
    project.succeed(["query", "BEGIN; UPDATE b SET n = 0 WHERE (SELECT n FROM a) = 1; COMMIT"], "the other");
    typed.write_all(b"COMMIT;\n").unwrap();
    drop(typed);
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(project.rows("SELECT a.n AS a, b.n AS b FROM a, b"), serde_json::json!([{"a": 0, "b": 0}]));
}

impl Run<'_> {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn wrong(&self, what: String) {
        eprintln!("{what}");
        self.history.lock().unwrap().wrong.push(what);
    }

    /// Makes transactions, one after another.
    fn write(&self, who: u32, transactions: u32) {
        let mut random = StdRng::seed_from_u64(rand::random());
        let mut usual = Duration::from_millis(500);
        for tx in 0..transactions {
            let (kind, words) = draw(&mut random, who, tx);
            let began = self.now();
            let mut process = self.project.process(words.iter().map(String::as_str));
            let child = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let mut child = child.expect("quackctl starts");
            if random.random_range(0..KILLED) == 0 {
                std::thread::sleep(usual.mul_f64(random.random_range(0.0..1.2)));
                child.kill().expect("a child to kill");
            }
            let output = child.wait_with_output().expect("a child to wait for");
            let ended = self.now();
            let said = text(&output);
            let outcome = match output.status.code() {
                Some(0) => Outcome::Done,
                None => Outcome::Killed,
                Some(_) if said.contains("SQLSTATE 40001") || said.contains("others keep changing") => Outcome::Refused,
                Some(_) => {
                    self.wrong(format!("{words:?}: {said}"));
                    Outcome::Refused
                }
            };
            if outcome == Outcome::Done {
                usual = (usual + (ended - began)) / 2;
            }
            let id = who * MANY + tx;
            if let Kind::Transfer { sum } = kind
                && outcome != Outcome::Killed
            {
                self.within(id, sum, &output, began, ended);
            }
            self.history.lock().unwrap().deeds.push(Deed { id, kind, outcome, began, ended });
        }
        self.writing.fetch_sub(1, Ordering::Relaxed);
    }

    /// What a transfer saw at its beginning and at its end, within the transaction.
    fn within(&self, id: u32, sum: i64, output: &Output, began: Duration, ended: Duration) {
        let views = views(output);
        let [first, last] = views.as_slice() else {
            // It may have come to its end before.
            if output.status.success() {
                self.wrong(format!("transaction {id} saw {views:?}"));
            }
            return;
        };
        let mut own = first.clone();
        own.a -= sum;
        own.b += sum;
        own.moved += sum;
        own.transferred.push(id);
        own.transferred.sort_unstable();
        let mut last = last.clone();
        last.transferred.sort_unstable();
        if own != last {
            self.wrong(format!("non-repeatable read, or own changes not seen, in {id}: {own:?}, {last:?}"));
        }
        let look = Look { reader: None, began, ended, view: first.clone() };
        self.history.lock().unwrap().looks.push(look);
    }

    /// Looks at the tables as long as somebody writes: once, or in a long transaction.
    fn read(&self, reader: u32) {
        let long = format!("BEGIN; {READ}; SELECT max(hash(i)) > 0 AS long FROM range(5000000) r(i); {READ}; ROLLBACK");
        while self.writing.load(Ordering::Relaxed) > 0 {
            // Most of the machine is the writers'.
            std::thread::sleep(Duration::from_millis(100));
            let views = self.look(Some(reader), if reader == 0 { READ } else { &long });
            if views.windows(2).any(|two| two[0] != two[1]) {
                self.wrong(format!("non-repeatable read: {views:?}"));
            }
        }
    }

    fn look(&self, reader: Option<u32>, script: &str) -> Vec<View> {
        let began = self.now();
        let mut quackctl = self.project.quackctl(["query", "--quiet", "--all", "--format", "jsonl", script]);
        let output = quackctl.output().expect("quackctl runs");
        let ended = self.now();
        if !output.status.success() {
            self.wrong(format!("a read failed: {}", text(&output)));
        }
        let mut views = views(&output);
        // Who put nothing in saw everybody else's in no order.
        views.iter_mut().for_each(|view| view.transferred.sort_unstable());
        let look = |view: &View| Look { reader, began, ended, view: view.clone() };
        self.history.lock().unwrap().looks.extend(views.iter().map(look));
        views
    }
}

/// A transaction, and what quackctl is told to have it made.
fn draw(random: &mut StdRng, who: u32, tx: u32) -> (Kind, Vec<String>) {
    let chance = random.random_range(0..10);
    if chance == 0 {
        let table = ["log", "moves", "counter"][random.random_range(0..3)];
        return (Kind::Compact, ["compact", table, "--quiet"].map(str::to_owned).to_vec());
    }
    let (kind, sql) = match chance % 3 {
        0 => {
            let sql = format!("INSERT INTO log SELECT {who}, {tx}, i FROM range({BATCH}) r(i)");
            (Kind::Append, sql)
        }
        1 => {
            let sum = random.random_range(1..10);
            let [from, to] = [0, 1].map(|_| random.random_range(0..ACCOUNTS));
            let sql = format!(
                "BEGIN; {READ}; UPDATE a SET n = n - {sum} WHERE id = {from}; UPDATE b SET n = n + {sum} WHERE id = {to}; \
                 INSERT INTO moves VALUES ({who}, {tx}, {sum}); {READ}; COMMIT"
            );
            (Kind::Transfer { sum }, sql)
        }
        _ => {
            let sql = format!(
                "MERGE INTO counter USING (VALUES (0, 1), ({who}, 1)) AS one(id, more) ON counter.id = one.id \
                 WHEN MATCHED THEN UPDATE SET n = n + more WHEN NOT MATCHED THEN INSERT (id, n) VALUES (id, more)"
            );
            (Kind::Count, sql)
        }
    };
    (kind, ["query", "--quiet", "--all", "--format", "jsonl", &sql].map(str::to_owned).to_vec())
}

/// The views among the rows that a command gave.
fn views(output: &Output) -> Vec<View> {
    let lines = output.stdout.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// What is wrong with a look, by all that was done.
fn strange(look: &Look, deeds: &[Deed]) -> Vec<String> {
    let Look { view, began, ended, .. } = look;
    let mut wrong = Vec::new();
    let mut check = |is_right: bool, what: &str| {
        if !is_right {
            wrong.push(format!("{what}: {look:?}"));
        }
    };
    check(view.a + view.b == 2 * ACCOUNTS * FUNDS, "half of a transfer");
    check(view.a == ACCOUNTS * FUNDS - view.moved, "one table of a transaction without another");
    check(view.torn == 0, "half of an append");
    check(view.counted == view.counted_each, "half of a MERGE");
    let seen = view.seen();
    check(seen.len() == view.appended.len() + view.transferred.len(), "a transfer twice");
    let known: BTreeSet<u32> = deeds.iter().map(|deed| deed.id).collect();
    check(seen.is_subset(&known), "what nobody did");
    // What is seen shows that whatever was done before it began is there, too.
    let newest = deeds.iter().filter(|deed| seen.contains(&deed.id)).map(|deed| deed.began).max().unwrap_or_default();
    let sums = deeds.iter().filter_map(|deed| match deed.kind {
        Kind::Transfer { sum } if seen.contains(&deed.id) => Some(sum),
        _ => None,
    });
    check(sums.sum::<i64>() == view.moved, "another sum than that of the transfers");
    for deed in deeds.iter().filter(|deed| matches!(deed.kind, Kind::Append | Kind::Transfer { .. })) {
        let is_seen = seen.contains(&deed.id);
        check(!(is_seen && deed.outcome == Outcome::Refused), "what was refused (dirty read)");
        check(!(is_seen && deed.began > *ended), "what was not begun yet");
        let is_due = deed.outcome == Outcome::Done && (deed.ended < *began || deed.ended < newest);
        check(is_seen || !is_due, &format!("lost: {}", deed.id));
    }
    let counts = |is: &dyn Fn(&Deed) -> bool| deeds.iter().filter(|deed| deed.kind == Kind::Count && is(deed)).count();
    let least = counts(&|deed| deed.outcome == Outcome::Done && deed.ended < *began);
    let most = counts(&|deed| deed.outcome != Outcome::Refused && deed.began < *ended);
    let counted = usize::try_from(view.counted).unwrap_or(usize::MAX);
    check(counted >= least, &format!("lost update: {least} were counted before"));
    check(counted <= most, &format!("counted twice: no more than {most} were"));
    wrong
}

/// Where a reader saw less than it had seen before.
fn backwards(looks: &[Look], reader: u32) -> Vec<String> {
    let own: Vec<&Look> = looks.iter().filter(|look| look.reader == Some(reader)).collect();
    let is_back = |two: &&[&Look]| {
        let (before, after) = (&two[0].view, &two[1].view);
        !before.seen().is_subset(&after.seen()) || after.counted < before.counted
    };
    own.windows(2).filter(is_back).map(|two| format!("less than before: {two:?}")).collect()
}

/// What those who were killed left is swept by a change that comes a day later, and nothing else is: here, each file has a twin that
/// is as old.
fn what_is_left_is_swept(project: &Project, last: &View) {
    let status = project.json(["status", "--json"]);
    let (client, bucket) = (s3(&project.sdk(&status)), status["bucket"].as_str().unwrap());
    std::thread::sleep(Duration::from_millis(1100));
    for table in ["log", "moves"] {
        project.quackctl(["expire", table, "--older-than", "1s", "--force", "--yes"]).assert().success();
    }
    let keys = || -> Vec<String> {
        let list = client.list_objects_v2().bucket(bucket).prefix("tables/").into_paginator().send();
        let pages = block_on(list.try_collect()).unwrap();
        let objects = pages.iter().flat_map(|page| page.contents());
        objects.map(|object| object.key().unwrap().to_owned()).filter(|key| !key.contains("/metadata/")).collect()
    };
    let of_both = |key: &&String| key.starts_with("tables/log/") || key.starts_with("tables/moves/");
    let old = |key: &str| {
        let mut folders: Vec<&str> = key.splitn(4, '/').collect();
        let aged = folders[2].replacen(|_: char| true, "", 16);
        let aged = format!("20250101T000000Z{aged}");
        folders[2] = &aged;
        folders.join("/")
    };
    for key in keys().iter().filter(of_both) {
        let copy = client.copy_object().bucket(bucket).copy_source(format!("{bucket}/{key}")).key(old(key));
        block_on(copy.send()).unwrap();
    }
    let is_aged = |key: &String| key.contains("/20250101T000000Z");
    assert!(keys().iter().any(is_aged));
    project.succeed(
        ["query", "INSERT INTO log SELECT 0, 1, i FROM range(5) r(i); INSERT INTO moves VALUES (0, 2, 0)"],
        "a day later",
    );
    assert!(!keys().iter().any(is_aged), "{:?}", keys());
    let output = project.quackctl(["query", "--all", "--format", "jsonl", READ]).output().unwrap();
    let mut now = views(&output).pop().unwrap();
    now.appended.remove(&1);
    now.transferred.retain(|id| *id != 2);
    now.transferred.sort_unstable();
    assert_eq!(now, *last);
}
