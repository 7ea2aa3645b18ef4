//! Uploads in parts to the local target's S3, which refuses what S3 refuses: what goes through here goes through there.
//! Rules: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>.

use crate::support::{Daemon, KEY_ID, SECRET, sdk};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BUCKET: &str = "test-bucket";
const KEY: &str = "big";
const PART: usize = 5 << 20;

/// Bytes that differ from place to place.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + n / 251) as u8).collect()
}

/// What AWS's own client adds up of bytes that it sends as one object.
async fn crc32(s3: &Client, bytes: Vec<u8>) -> String {
    s3.put_object().bucket(BUCKET).key("whole").body(bytes.into()).send().await.unwrap().checksum_crc32.unwrap()
}

/// An upload of two parts, the second of one byte.
struct Upload {
    s3: Client,
    id: String,
    /// As S3 told of them.
    parts: Vec<CompletedPart>,
}

impl Upload {
    async fn of(s3: &Client, algorithm: Option<ChecksumAlgorithm>, kind: Option<ChecksumType>) -> Self {
        let request = s3.create_multipart_upload().bucket(BUCKET).key(KEY);
        let request = request.set_checksum_algorithm(algorithm.clone()).set_checksum_type(kind);
        let id = request.send().await.unwrap().upload_id.unwrap();
        let mut upload = Self { s3: s3.clone(), id, parts: Vec::new() };
        let data = bytes(PART + 1);
        for (number, part) in (1..).zip([&data[..PART], &data[PART..]]) {
            let sent = upload.part(number, part).set_checksum_algorithm(algorithm.clone()).send().await.unwrap();
            let part = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
            let part = part.set_checksum_crc32(sent.checksum_crc32).set_checksum_sha256(sent.checksum_sha256);
            upload.parts.push(part.build());
        }
        upload
    }

    fn part(&self, number: i32, bytes: &[u8]) -> aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder {
        let request = self.s3.upload_part().bucket(BUCKET).key(KEY).upload_id(&self.id).part_number(number);
        request.body(bytes.to_vec().into())
    }

    /// A request to complete it with its parts, as `change` has each.
    fn complete(&self, change: impl Fn(&CompletedPart) -> CompletedPart) -> CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts.iter().map(change).collect()));
        let request = self.s3.complete_multipart_upload().bucket(BUCKET).key(KEY).upload_id(&self.id);
        request.multipart_upload(parts.build())
    }
}

/// A part as it is, and one of which nothing but number and ETag is told.
fn as_it_is(part: &CompletedPart) -> CompletedPart {
    part.clone()
}

fn without_sum(part: &CompletedPart) -> CompletedPart {
    let plain = CompletedPart::builder().set_part_number(part.part_number).set_e_tag(part.e_tag.clone());
    plain.build()
}

/// Parts with something else in them.
fn changed(change: impl Fn(&mut CompletedPart)) -> impl Fn(&CompletedPart) -> CompletedPart {
    move |part| {
        let mut part = part.clone();
        change(&mut part);
        part
    }
}

async fn refused(request: CompleteMultipartUploadFluentBuilder) -> String {
    match request.send().await {
        Ok(_) => "done".to_owned(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

async fn done(request: CompleteMultipartUploadFluentBuilder) -> CompleteMultipartUploadOutput {
    request.send().await.unwrap_or_else(|error| panic!("{error:?}"))
}

async fn start(daemon: &Daemon) -> Client {
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    s3
}

#[tokio::test]
async fn multipart_uploads_join_their_parts_or_leave_nothing() {
    let daemon = Daemon::start();
    let s3 = daemon.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let data = bytes(11 << 20);
    let upload = s3.create_multipart_upload().bucket(BUCKET).key("big").send().await.unwrap().upload_id.unwrap();
    let mut parts = Vec::new();
    for (number, part) in (1..).zip(data.chunks(5 << 20)) {
        let sent = s3.upload_part().bucket(BUCKET).key("big").upload_id(&upload).part_number(number);
        let sent = sent.body(part.to_vec().into()).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build());
    }
    let complete = |upload: &str, parts: Vec<CompletedPart>| {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        s3.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(upload).multipart_upload(parts).send()
    };
    let backwards = parts.iter().rev().cloned().collect();
    assert_eq!(complete(&upload, backwards).await.unwrap_err().code(), Some("InvalidPartOrder"));
    complete(&upload, parts.clone()).await.unwrap();
    let object = s3.get_object().bucket(BUCKET).key("big").send().await.unwrap();
    assert!(object.body.collect().await.unwrap().into_bytes() == data);
    assert_eq!(complete(&upload, parts).await.unwrap_err().code(), Some("NoSuchUpload"));

    let upload = s3.create_multipart_upload().bucket(BUCKET).key("gone").send().await.unwrap().upload_id.unwrap();
    let part = s3.upload_part().bucket(BUCKET).key("gone").upload_id(&upload).part_number(1);
    part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    s3.abort_multipart_upload().bucket(BUCKET).key("gone").upload_id(&upload).send().await.unwrap();
    assert!(s3.get_object().bucket(BUCKET).key("gone").send().await.is_err());
    let uploads = daemon.dir.path().join("s3/uploads");
    assert_eq!(uploads.read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_that_was_made_without_sums_takes_none_at_its_end() {
    let daemon = Daemon::start();
    let s3 = start(&daemon).await;
    let upload = Upload::of(&s3, None, None).await;
    assert!(upload.parts[0].checksum_crc32.is_some(), "AWS's client adds up by itself");
    assert_eq!(refused(upload.complete(as_it_is)).await, "InvalidPart");
    done(upload.complete(without_sum)).await;
}

#[tokio::test]
async fn an_upload_of_sums_over_its_parts_is_held_to_them() {
    let daemon = Daemon::start();
    let s3 = start(&daemon).await;
    let upload = Upload::of(&s3, Some(ChecksumAlgorithm::Crc32), None).await;
    let sums = upload.parts.iter().map(|part| STANDARD.decode(part.checksum_crc32().unwrap()).unwrap());
    let composite = format!("{}-2", crc32(&s3, sums.collect::<Vec<_>>().concat()).await);

    assert_eq!(refused(upload.complete(without_sum)).await, "InvalidRequest");
    let wrong = changed(|part| part.checksum_crc32 = Some("AAAAAA==".to_owned()));
    assert_eq!(refused(upload.complete(wrong)).await, "InvalidPart");
    let other = changed(|part| part.checksum_sha1 = Some("AAAAAA==".to_owned()));
    assert_eq!(refused(upload.complete(other)).await, "InvalidPart");
    assert_eq!(refused(upload.complete(as_it_is).checksum_crc32("AAAAAA==-2")).await, "BadDigest");
    assert_eq!(refused(upload.complete(as_it_is).checksum_type(ChecksumType::FullObject)).await, "InvalidRequest");

    let tag = changed(|part| part.e_tag = Some("\"0\"".to_owned()));
    assert_eq!(refused(upload.complete(tag)).await, "InvalidPart");
    let no_tag = changed(|part| part.e_tag = None);
    assert_eq!(refused(upload.complete(no_tag)).await, "MalformedXML");
    let second = changed(|part| part.part_number = part.part_number.map(|n| n + 1));
    assert_eq!(refused(upload.complete(second)).await, "InvalidPartOrder");
    assert_eq!(refused(upload.complete(as_it_is).mpu_object_size(7)).await, "InvalidRequest");
    assert_eq!(refused(upload.complete(as_it_is).if_match("\"0\"")).await, "NoSuchKey");
    s3.put_object().bucket(BUCKET).key(KEY).body(ByteStream::from_static(b"old")).send().await.unwrap();
    assert_eq!(refused(upload.complete(as_it_is).if_match("\"0\"")).await, "PreconditionFailed");
    assert_eq!(refused(upload.complete(as_it_is).if_none_match("*")).await, "PreconditionFailed");
    assert_eq!(refused(upload.complete(as_it_is).if_none_match("\"0\"")).await, "NotImplemented");
    let head = s3.head_object().bucket(BUCKET).key(KEY).send().await.unwrap();
    assert_eq!(head.content_length, Some(3), "what was refused replaces nothing");

    let right = upload.complete(as_it_is).if_match(head.e_tag.unwrap()).checksum_crc32(&composite);
    let made = done(right.mpu_object_size(PART as i64 + 1)).await;
    assert_eq!((made.checksum_crc32, made.checksum_type), (Some(composite), Some(ChecksumType::Composite)));
    let object = s3.get_object().bucket(BUCKET).key(KEY).send().await.unwrap();
    assert!(object.body.collect().await.unwrap().into_bytes() == bytes(PART + 1));
}

#[tokio::test]
async fn an_upload_of_one_sum_over_all_is_held_to_it() {
    let daemon = Daemon::start();
    let s3 = start(&daemon).await;
    let upload = Upload::of(&s3, Some(ChecksumAlgorithm::Crc32), Some(ChecksumType::FullObject)).await;
    let whole = crc32(&s3, bytes(PART + 1)).await;
    assert_eq!(refused(upload.complete(without_sum).checksum_crc32("AAAAAA==")).await, "BadDigest");
    let wrong = changed(|part| part.checksum_crc32 = Some("AAAAAA==".to_owned()));
    assert_eq!(refused(upload.complete(wrong)).await, "InvalidPart");
    let made = done(upload.complete(without_sum).checksum_crc32(&whole)).await;
    assert_eq!((made.checksum_crc32, made.checksum_type), (Some(whole), Some(ChecksumType::FullObject)));
}

#[tokio::test]
async fn a_part_comes_with_the_sum_that_its_upload_was_made_for() {
    let daemon = Daemon::start();
    let s3 = start(&daemon).await;
    let upload = Upload::of(&s3, Some(ChecksumAlgorithm::Sha256), None).await;
    let other = upload.part(3, b"x").checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
    assert_eq!(other.unwrap_err().code(), Some("InvalidRequest"));
    let sdk = sdk(&daemon.endpoint, KEY_ID, SECRET);
    let silent = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true);
    let silent = silent.request_checksum_calculation(RequestChecksumCalculation::WhenRequired).build();
    let none = Upload { s3: Client::from_conf(silent), id: upload.id.clone(), parts: Vec::new() };
    assert_eq!(none.part(3, b"x").send().await.unwrap_err().code(), Some("InvalidRequest"));
    done(upload.complete(as_it_is)).await;

    for (algorithm, kind) in [
        (Some(ChecksumAlgorithm::Sha256), Some(ChecksumType::FullObject)),
        (Some(ChecksumAlgorithm::Crc64Nvme), Some(ChecksumType::Composite)),
        (None, Some(ChecksumType::Composite)),
        (Some(ChecksumAlgorithm::from("CRC7")), None),
    ] {
        let request = s3.create_multipart_upload().bucket(BUCKET).key(KEY);
        let refused = request.set_checksum_algorithm(algorithm).set_checksum_type(kind).send().await;
        assert_eq!(refused.unwrap_err().code(), Some("InvalidRequest"));
    }
}

#[tokio::test]
async fn a_part_that_is_copied_is_added_up_here() {
    let daemon = Daemon::start();
    let s3 = start(&daemon).await;
    let mut upload = Upload::of(&s3, Some(ChecksumAlgorithm::Crc32), None).await;
    let whole = crc32(&s3, bytes(3000)).await;
    let copy = s3.upload_part_copy().bucket(BUCKET).key(KEY).upload_id(&upload.id).part_number(2);
    let copied = copy.copy_source(format!("{BUCKET}/whole")).send().await.unwrap().copy_part_result.unwrap();
    assert_eq!(copied.checksum_crc32, Some(whole));
    let part = CompletedPart::builder().part_number(2).set_e_tag(copied.e_tag);
    upload.parts[1] = part.set_checksum_crc32(copied.checksum_crc32).build();
    done(upload.complete(as_it_is)).await;
    let head = s3.head_object().bucket(BUCKET).key(KEY).send().await.unwrap();
    assert_eq!(head.content_length, Some(PART as i64 + 3000));
}
