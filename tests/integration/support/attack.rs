//! Raw HTTP requests as `tests/attacks/http.txt` has them: read, signed, spoilt and sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// A request, and what must come of it.
pub(crate) struct Attack {
    pub name: String,
    /// Statuses, one of which must come.
    pub statuses: Vec<u16>,
    /// Text that the answer must have.
    pub says: String,
    pub runtime: bool,
    lines: Vec<String>,
    body: String,
}

/// What a request is filled in with.
pub(crate) struct World {
    /// `127.0.0.1:port` of the daemon and of an instance's Runtime API.
    pub host: String,
    pub runtime: String,
    /// Key id and secret.
    pub owner: (String, String),
    pub function: (String, String),
}

/// All of a file's attacks.
pub(crate) fn attacks(text: &str) -> Vec<Attack> {
    let parts = text.split("\n=== ").skip(1);
    parts.map(|part| part.trim_start_matches('\n')).map(Attack::read).collect()
}

impl Attack {
    fn read(text: &str) -> Self {
        let (title, rest) = text.split_once('\n').expect("a title");
        let (name, expected) = title.split_once(" | ").expect("a title's expectation");
        let (statuses, says) = expected.split_once(' ').unwrap_or((expected, ""));
        // Titles of what follows are not of this one.
        let rest = rest.split("\n# ").next().unwrap_or_default().trim_end();
        let (head, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let lines: Vec<String> = head.lines().map(str::to_owned).collect();
        Self {
            name: name.to_owned(),
            statuses: statuses.split(',').map(|status| status.parse().expect("a status")).collect(),
            says: says.to_owned(),
            runtime: lines.iter().any(|line| line == "@runtime"),
            lines,
            body: body.to_owned(),
        }
    }

    /// Sends it, and returns all that comes back.
    pub(crate) fn send(&self, world: &World) -> String {
        let address = if self.runtime { &world.runtime } else { &world.host };
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        // Who is refused early is not read to the end.
        let _ = stream.write_all(&self.bytes(world));
        if self.lines.iter().any(|line| line == "@close") {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
            // Once something has come, what else there is follows at once.
            stream.set_read_timeout(Some(Duration::from_millis(60))).expect("a time-out");
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn bytes(&self, world: &World) -> Vec<u8> {
        let mut request = Request::default();
        let mut spoilt = Vec::new();
        let fill = |text: &str| world.fill(text);
        let chunked = self.body.contains("@chunk");
        request.body = if chunked { chunks(&self.body, None) } else { unescape(&fill(&self.body)) };
        let mut seed = None;
        for line in &self.lines {
            let line = fill(line);
            match line.split_once(' ').unwrap_or((&line, "")) {
                ("@runtime" | "@close", _) => {}
                ("@add", header) => spoilt.push((b"\r\n\r\n".to_vec(), format!("\r\n{header}\r\n\r\n").into_bytes())),
                ("@replace", change) => {
                    let (from, to) = change.split_once(" => ").expect("what to replace with");
                    spoilt.push((unescape(from), unescape(to)));
                }
                ("@sign", options) => seed = Some(request.sign(world, options)),
                ("@presign", what) => request.presign(world, what),
                _ if request.start.is_empty() => request.start = line,
                _ => request.headers.push(line),
            }
        }
        if let Some(seed) = seed.filter(|_| chunked) {
            request.body = chunks(&self.body, Some(&seed));
        }
        let mut bytes = request.bytes();
        for (from, to) in spoilt {
            bytes = replace(&bytes, &from, &to).unwrap_or_else(|| panic!("{}: nothing to replace", self.name));
        }
        bytes
    }
}

impl World {
    fn fill(&self, text: &str) -> String {
        let now = Utc::now();
        let mut text = text.to_owned();
        for (name, value) in [
            ("{host}", self.host.as_str()),
            ("{runtime}", &self.runtime),
            ("{port}", self.host.rsplit(':').next().unwrap_or_default()),
            ("{key}", &self.owner.0),
            ("{now}", &now.format("%Y%m%dT%H%M%SZ").to_string()),
            ("{today}", &now.format("%Y%m%d").to_string()),
        ] {
            text = text.replace(name, value);
        }
        // `@{50000:x}` is x 50,000 times.
        while let Some((before, rest)) = text.split_once("@{") {
            let (count, rest) = rest.split_once(':').expect("what to repeat");
            let (what, after) = rest.split_once('}').expect("an end of what to repeat");
            text = format!("{before}{}{after}", what.repeat(count.parse().expect("how often")));
        }
        text
    }

    fn keys(&self, name: &str) -> (String, String) {
        match name {
            "function" => self.function.clone(),
            "stranger" => ("QUAKSTRANGERSTRANGER".to_owned(), "a secret".to_owned()),
            "wrong" => (self.owner.0.clone(), "another secret".to_owned()),
            _ => self.owner.clone(),
        }
    }
}

#[derive(Default)]
struct Request {
    start: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

/// What signatures of chunks go on from.
struct Seed {
    key: Vec<u8>,
    date: String,
    scope: String,
    signature: String,
}

impl Request {
    fn bytes(self) -> Vec<u8> {
        let mut headers = self.headers;
        let has = |name: &str| headers.iter().any(|header| header.to_ascii_lowercase().starts_with(name));
        if !self.body.is_empty() && !has("content-length") && !has("transfer-encoding") {
            headers.push(format!("content-length: {}", self.body.len()));
        }
        let head = [vec![self.start], headers].concat().join("\\r\\n") + "\\r\\n\\r\\n";
        [unescape(&head), self.body].concat()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Signs what is there of the request with `SERVICE`, `key=`, `date=`, `day=`, `service=`, `hash=`, `headers=`, `path=`.
    fn sign(&mut self, world: &World, options: &str) -> Seed {
        let mut words = options.split(' ');
        let service = words.next().unwrap_or_default();
        let words: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let option = |name: &str| words.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let (key_id, secret) = world.keys(option("key").unwrap_or_default());
        let time = at(option("date").unwrap_or_default());
        let date = time.format("%Y%m%dT%H%M%SZ").to_string();
        let day = option("day").map_or_else(|| time.format("%Y%m%d").to_string(), str::to_owned);
        let hash = match option("hash") {
            None => hex(&self.body),
            Some("wrong") => hex(b"wrong"),
            Some(hash) => hash.to_owned(),
        };
        self.headers.push(format!("x-amz-date: {date}"));
        let mut signed = vec!["host", "x-amz-date"];
        if service == "s3" || option("headers").is_some_and(|headers| headers.contains("x-amz-content-sha256")) {
            self.headers.push(format!("x-amz-content-sha256: {hash}"));
            signed.push("x-amz-content-sha256");
        }
        signed.extend(option("headers").into_iter().flat_map(|headers| headers.split(';')));
        signed.sort_unstable();
        signed.dedup();
        let mut start = self.start.split(' ');
        let (method, target) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers: String =
            signed.iter().map(|name| format!("{name}:{}\n", self.header(name).unwrap_or_default())).collect();
        let signed = signed.join(";");
        let path = option("path").unwrap_or(path);
        let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{hash}");
        let service = option("service").unwrap_or(service);
        let scope = format!("{day}/us-east-1/{service}/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(canonical.as_bytes()));
        let key = generate_signing_key(&secret, SystemTime::from(time), "us-east-1", service);
        let signature = calculate_signature(&key, to_sign.as_bytes());
        self.headers.push(format!(
            "authorization: AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"
        ));
        Seed { key: key.as_ref().to_vec(), date, scope, signature }
    }

    /// `METHOD PATH expires=SECONDS`, and `key=` and `date=` as for [`Request::sign`].
    fn presign(&mut self, world: &World, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let (key_id, secret) = world.keys(option("key").unwrap_or_default());
        let time = at(option("date").unwrap_or_default());
        let (date, day) = (time.format("%Y%m%dT%H%M%SZ"), time.format("%Y%m%d"));
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key_id}%2F{}&X-Amz-Date={date}&X-Amz-Expires={}\
             &X-Amz-SignedHeaders=host",
            scope.replace('/', "%2F"),
            option("expires").expect("when it expires"),
        );
        let (method, path) = (words[0], words[1]);
        let canonical = format!("{method}\n{path}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", world.host);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(canonical.as_bytes()));
        let key = generate_signing_key(&secret, SystemTime::from(time), "us-east-1", "s3");
        let signature = calculate_signature(key, to_sign.as_bytes());
        self.start = format!("{method} {path}?{query}&X-Amz-Signature={signature} HTTP/1.1");
        self.headers.push(format!("host: {}", world.host));
    }
}

/// The lines `@chunk TEXT` of a body as AWS's chunks, signed on from `seed`.
fn chunks(body: &str, seed: Option<&Seed>) -> Vec<u8> {
    let mut previous = seed.map_or_else(|| "0".repeat(64), |seed| seed.signature.clone());
    let mut bytes = Vec::new();
    for line in body.lines() {
        let text = line.strip_prefix("@chunk").expect("a chunk");
        let text = text.strip_prefix(' ').unwrap_or(text);
        if let Some(Seed { key, date, scope, .. }) = seed {
            let to_sign = format!(
                "AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{previous}\n{}\n{}",
                hex(b""),
                hex(text.as_bytes())
            );
            previous = calculate_signature(key, to_sign.as_bytes());
        }
        bytes.extend(format!("{:x};chunk-signature={previous}\r\n{text}\r\n", text.len()).into_bytes());
    }
    bytes
}

fn at(when: &str) -> DateTime<Utc> {
    Utc::now()
        + match when {
            "old" => chrono::Duration::minutes(-20),
            "future" => chrono::Duration::hours(24),
            _ => chrono::Duration::zero(),
        }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text with `\r`, `\n` and `\xNN` in it as the bytes that it stands for.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        rest = &after[1..];
        match after.as_bytes()[0] {
            b'r' => bytes.push(b'\r'),
            b'n' => bytes.push(b'\n'),
            b'x' => {
                bytes.push(u8::from_str_radix(&rest[..2], 16).expect("two digits"));
                rest = &rest[2..];
            }
            other => panic!("an escape of {other}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// `bytes` with the first `from` in them replaced.
fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let at = bytes.windows(from.len()).position(|window| window == from)?;
    Some([&bytes[..at], to, &bytes[at + from.len()..]].concat())
}
