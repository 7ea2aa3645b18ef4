//! Clients of `quackctl serve` that send anything, many at once, and some that do not read.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::support::{Project, Server};

/// Messages that each run sends; 1,000,000 by `QUACK_TEST_MESSAGES`.
const MESSAGES: usize = 20_000;

/// Messages of one connection.
const EACH: usize = 40;

/// How long a client waits for an answer, or for the end: on a busy machine a function may fill its memory for half a minute first.
const PATIENCE: Duration = Duration::from_secs(120);

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

/// A connection that was let in.
fn connect(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"\0\0\0\x12\0\x03\0\0user\0ann\0\0").unwrap();
    until_ready(&mut socket);
    socket
}

/// Reads up to where the server is ready for more; what came before.
fn until_ready(socket: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let mut head = [0; 5];
        socket.read_exact(&mut head).unwrap();
        let mut body = vec![0; u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4];
        socket.read_exact(&mut body).unwrap();
        if head[0] == b'Z' {
            return all;
        }
        all.extend(head);
        all.extend(body);
    }
}

/// Asks one statement; whether its answer has `told`.
fn answers(socket: &mut TcpStream, sql: &str, told: &str) {
    socket.write_all(&message(b'Q', format!("{sql}\0").as_bytes())).unwrap();
    let answer = until_ready(socket);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains(told), "{sql}: {text}");
}

/// Every kind of message that a client has, as they should be.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        message(b'Q', b"SELECT 1\0"),
        message(b'Q', b"BEGIN\0"),
        message(b'Q', b"ROLLBACK\0"),
        message(b'Q', b"SELECT relname FROM pg_class\0"),
        message(b'Q', b"DECLARE c CURSOR WITH HOLD FOR SELECT 1; FETCH c; CLOSE c\0"),
        message(b'Q', b"COPY (SELECT 1) TO STDOUT (FORMAT binary)\0"),
        message(b'Q', b"COPY nothing FROM STDIN\0"),
        message(b'Q', b"SET application_name = 'x'; SHOW ALL; DISCARD ALL\0"),
        message(b'P', b"s\0SELECT $1::int + 1\0\0\x01\0\0\0\x17"),
        message(b'P', b"\0SELECT 1\0\0\0"),
        message(b'B', b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\x01"),
        message(b'B', b"\0\0\0\0\0\0\0\0"),
        message(b'D', b"Ss\0"),
        message(b'D', b"Pp\0"),
        message(b'E', b"p\0\0\0\0\x01"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'C', b"Pp\0"),
        message(b'C', b"Ss\0"),
        message(b'd', b"1\t2\n"),
        message(b'c', b""),
        message(b'f', b"no\0"),
        message(b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
        message(b'p', b"secret\0"),
        message(b'H', b""),
        message(b'S', b""),
        message(b'X', b""),
    ]
}

/// A message, whole, or with something wrong about it.
fn mutated(seed: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let at = |bytes: &[u8], random: &mut StdRng| random.random_range(0..bytes.len());
    match random.random_range(0..10) {
        0..4 => {}
        // What stands in it.
        4 | 5 => {
            for _ in 0..random.random_range(1..4) {
                let place = at(&bytes, random);
                bytes[place] = random.random();
            }
        }
        // Its length.
        6 => {
            let length: u32 = match random.random_range(0..4) {
                0 => random.random_range(0..8),
                1 => random.random(),
                2 => u32::MAX - random.random_range(0..8),
                _ => bytes.len() as u32 + random.random_range(0..64),
            };
            bytes[1..5].copy_from_slice(&length.to_be_bytes());
        }
        // Cut, with a length that is right or not.
        7 => bytes.truncate(at(&bytes, random)),
        8 => {
            bytes.truncate(at(&bytes, random).max(5));
            let length = bytes.len() as u32 - 1;
            bytes[1..5].copy_from_slice(&length.to_be_bytes());
        }
        _ => bytes[0] = random.random(),
    }
    bytes
}

/// Resident memory of a process, bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Says all of it, and reads until the server ends the connection.
fn attack(port: u16, random: &mut StdRng, seeds: &[Vec<u8>]) {
    let mut socket = connect(port);
    let said: Vec<u8> = (0..EACH).flat_map(|_| mutated(&seeds[random.random_range(0..seeds.len())], random)).collect();
    // The server may have ended it before all is said.
    let _ = socket.write_all(&said);
    if random.random_bool(0.2) {
        return;
    }
    let _ = socket.shutdown(Shutdown::Write);
    let ended = std::io::copy(&mut socket, &mut std::io::sink());
    assert!(!matches!(&ended, Err(error) if error.kind() == ErrorKind::WouldBlock), "it waits on: {said:?}");
}

#[test]
fn whatever_clients_send_the_server_goes_on() {
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let (port, pid) = (server.port, server.child.id());
    let messages = std::env::var("QUACK_TEST_MESSAGES").map_or(MESSAGES, |most| most.parse().unwrap());
    let seeds = seeds();
    let round = |seed: u64, count: usize| {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let seeds = &seeds;
                scope.spawn(move || {
                    let mut random = StdRng::seed_from_u64(seed * 4 + thread);
                    (0..count.div_ceil(4 * EACH)).for_each(|_| attack(port, &mut random, seeds));
                });
            }
        });
    };
    round(1, messages / 4);
    let warm = resident(pid);
    round(2, messages - messages / 4);
    let grown = resident(pid).saturating_sub(warm);
    assert!(grown < 64 << 20, "{grown} bytes more than after the first quarter of {messages} messages");
    answers(&mut connect(port), "SELECT 41 + 1", "42");
    let said = server.end();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn two_hundred_clients_ask_at_once() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE t AS SELECT i FROM range(1000) r(i)"], "a table");
    let server = Server::start(&project, &[]);
    let port = server.port;
    let mut clients: Vec<TcpStream> = (0..200).map(|_| connect(port)).collect();
    std::thread::scope(|scope| {
        for (at, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                client.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
                answers(client, "SELECT count(*) FROM pg_class WHERE relname = 't'", "1");
                let (sql, sum) = (format!("SELECT sum(i)::BIGINT + {at} AS s FROM t"), 499_500 + at);
                answers(client, &sql, &sum.to_string());
            });
        }
    });
    drop(clients);
    assert!(!server.end().contains("panicked"));
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE t AS SELECT i, repeat('x', 200) AS x FROM range(1000000) r(i)"], "a table");
    let server = Server::start(&project, &[]);
    let (port, pid) = (server.port, server.child.id());
    let slow: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut socket = connect(port);
            socket.write_all(&message(b'Q', b"SELECT * FROM t\0")).unwrap();
            socket
        })
        .collect();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        answers(&mut connect(port), "SELECT max(i) FROM t", "999999");
    }
    let most = resident(pid);
    assert!(most < 600 << 20, "{most} bytes, with three results of 200 MB waiting");
    // One reads on, and gets all of it; the others go away.
    let mut slow = slow.into_iter();
    let mut reader = slow.next().unwrap();
    drop(slow);
    let answer = until_ready(&mut reader);
    assert!(answer.len() > 200_000_000 && answer.ends_with(b"SELECT 1000000\0"), "{}", answer.len());
    drop(reader);
    let started = Instant::now();
    assert!(!server.end().contains("panicked"));
    assert!(started.elapsed() < Duration::from_secs(25), "it waited for clients that had gone");
}

#[test]
fn what_is_asked_of_the_server_itself_is_bounded() {
    let project = Project::up("");
    project.succeed(["query", "CREATE TABLE t AS SELECT 1 AS i"], "a table");
    let server = Server::start(&project, &[]);
    let (port, pid) = (server.port, server.child.id());
    let endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t";
    let crossed = "SELECT count(*) FROM pg_type a, pg_type b, pg_type c, pg_type d, pg_type e, pg_type f, pg_type g";
    let rows = "SELECT * FROM pg_type a, pg_type b, pg_type c, pg_type d";
    let mut client = connect(port);
    for (sql, told) in [(endless, "due to statement timeout"), (crossed, "due to statement timeout"), (rows, "ERROR")] {
        answers(&mut client, "SET statement_timeout = '2s'", "SET");
        answers(&mut client, sql, told);
    }
    // Of the function's memory, not of the server's.
    for sql in ["SELECT length(repeat('x', 2000000000))", "SELECT len(range(400000000))"] {
        answers(&mut client, "SET statement_timeout = 0", "SET");
        answers(&mut client, sql, "");
    }
    // What is prepared is not reckoned out.
    let parse = message(b'P', b"\0SELECT length(repeat('x', 1500000000)) + $1::int FROM t\0\0\0");
    client.write_all(&[parse, message(b'S', b"")].concat()).unwrap();
    assert!(!until_ready(&mut client).is_empty());
    answers(&mut connect(port), "SELECT 41 + 1", "42");
    let peak = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    let peak = peak.parse::<u64>().unwrap() * 1024;
    assert!(peak < 1 << 30, "{peak} bytes at most");
    assert!(!server.end().contains("panicked"));
}

#[test]
fn nothing_in_the_lake_stands_before_the_catalog() {
    let project = Project::up("");
    let server = Server::start(&project, &[]);
    let mut client = connect(server.port);
    for sql in [
        "CREATE SCHEMA quack_pg",
        "CREATE SCHEMA quack_is",
        "CREATE VIEW pg_class AS SELECT 1 AS x",
        "CREATE TABLE pg_type (x INT)",
    ] {
        answers(&mut client, sql, "CREATE");
    }
    let mut other = connect(server.port);
    answers(&mut other, "SELECT typname FROM pg_type WHERE oid = 23", "int4");
    answers(&mut other, "SELECT count(relname) + 40 FROM pg_class", "40");
    answers(&mut other, "SELECT count(*) + 40 FROM information_schema.tables", "40");
    server.end();
}
