//! The checksums that S3 knows: of a body, of a part, of an object in parts.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType, CompletedPart};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// How bytes are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64nvme, Self::Sha1, Self::Sha256];

    /// As `x-amz-checksum-algorithm` has it, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries its sums.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Its sum among `sums`.
    pub(super) fn of(self, sums: &Checksum) -> Option<&str> {
        let sum = match self {
            Self::Crc32 => &sums.checksum_crc32,
            Self::Crc32c => &sums.checksum_crc32c,
            Self::Crc64nvme => &sums.checksum_crc64nvme,
            Self::Sha1 => &sums.checksum_sha1,
            Self::Sha256 => &sums.checksum_sha256,
        };
        sum.as_deref()
    }

    /// Where its sum is among `sums`.
    pub(super) fn slot(self, sums: &mut Checksum) -> &mut Option<String> {
        match self {
            Self::Crc32 => &mut sums.checksum_crc32,
            Self::Crc32c => &mut sums.checksum_crc32c,
            Self::Crc64nvme => &mut sums.checksum_crc64nvme,
            Self::Sha1 => &mut sums.checksum_sha1,
            Self::Sha256 => &mut sums.checksum_sha256,
        }
    }

    /// Has `hasher` add up this way, too.
    pub(super) fn enable(self, hasher: &mut ChecksumHasher) {
        match self {
            Self::Crc32 => hasher.crc32 = Some(Default::default()),
            Self::Crc32c => hasher.crc32c = Some(Default::default()),
            Self::Crc64nvme => hasher.crc64nvme = Some(Default::default()),
            Self::Sha1 => hasher.sha1 = Some(Default::default()),
            Self::Sha256 => hasher.sha256 = Some(Default::default()),
        }
    }

    fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        self.enable(&mut hasher);
        hasher
    }

    /// What `bytes` add up to, in base64. With `also`, that goes on with them, too.
    fn sum(self, bytes: &mut impl Read, mut also: Option<&mut ChecksumHasher>) -> io::Result<String> {
        let mut hasher = self.hasher();
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = match bytes.read(&mut buffer) {
                Ok(0) => return Ok(self.of(&hasher.finalize()).unwrap_or_default().to_owned()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let read = &buffer[..read];
            hasher.update(read);
            also.iter_mut().for_each(|also| also.update(read));
        }
    }
}

/// How an upload in parts is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summing {
    pub algorithm: Algorithm,
    /// Over the whole object (`FULL_OBJECT`), not over the sums of its parts (`COMPOSITE`).
    pub whole: bool,
}

impl Summing {
    /// What a new upload asks for; nothing when it asks for nothing.
    ///
    /// # Errors
    /// `InvalidRequest` for what there is not, and for a type that the algorithm does not have.
    pub(super) fn asked(algorithm: Option<&ChecksumAlgorithm>, kind: Option<&ChecksumType>) -> S3Result<Option<Self>> {
        let Some(named) = algorithm else {
            return match kind {
                None => Ok(None),
                Some(_) => Err(s3_error!(
                    InvalidRequest,
                    "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
                )),
            };
        };
        let algorithm = Algorithm::named(named.as_str()).ok_or_else(|| {
            s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })?;
        let whole = match kind.map(|kind| kind.as_str().to_ascii_uppercase()).as_deref() {
            None => algorithm == Algorithm::Crc64nvme,
            Some("FULL_OBJECT") => true,
            Some("COMPOSITE") => false,
            Some(_) => return Err(s3_error!(InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
        };
        let possible = match algorithm {
            Algorithm::Crc64nvme => whole,
            Algorithm::Sha1 | Algorithm::Sha256 => !whole,
            Algorithm::Crc32 | Algorithm::Crc32c => true,
        };
        let summing = Self { algorithm, whole };
        if !possible {
            let (kind, name) = (summing.kind(), algorithm.name().to_ascii_lowercase());
            return Err(s3_error!(
                InvalidRequest,
                "The {kind} checksum type cannot be used with the {name} checksum algorithm."
            ));
        }
        Ok(Some(summing))
    }

    /// S3's word for its type.
    pub(super) fn kind(self) -> &'static str {
        if self.whole { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE }
    }

    /// Looks at what a part was sent with.
    ///
    /// # Errors
    /// `InvalidRequest` unless it is what the upload was made for. A part of an upload that is added up as a whole needs none.
    pub(super) fn admit(self, sent: &Checksum) -> S3Result<()> {
        let sent = Algorithm::ALL.into_iter().find(|algorithm| algorithm.of(sent).is_some());
        if sent == Some(self.algorithm) || sent.is_none() && self.whole {
            return Ok(());
        }
        let name = |algorithm: Algorithm| algorithm.name().to_ascii_lowercase();
        let (expected, actual) = (name(self.algorithm), sent.map_or_else(|| "null".to_owned(), name));
        Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        ))
    }

    /// The sum of `bytes`, which become a part.
    pub(super) fn of_part(self, bytes: &mut impl Read) -> io::Result<Checksum> {
        let mut sums = Checksum::default();
        *self.algorithm.slot(&mut sums) = Some(self.algorithm.sum(bytes, None)?);
        Ok(sums)
    }

    /// Begins to add up an object.
    pub(super) fn begin(self) -> Total {
        Total { summing: self, parts: 0, hasher: self.algorithm.hasher() }
    }
}

/// The sum of an object, part by part.
pub(super) struct Total {
    summing: Summing,
    parts: usize,
    hasher: ChecksumHasher,
}

impl Total {
    /// Goes on with a part, of which the request says `told`.
    ///
    /// # Errors
    /// `InvalidRequest` where the part's sum has to be told and is not; `InvalidPart` where it is another.
    pub(super) fn add(&mut self, bytes: &mut impl Read, told: &CompletedPart) -> S3Result<()> {
        let Self { summing: Summing { algorithm, whole }, parts, hasher } = self;
        *parts += 1;
        let told = sums_of(told);
        if algorithm.of(&told).is_none() && !*whole {
            let name = algorithm.name().to_ascii_lowercase();
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a {name} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {parts} in the request."
            ));
        }
        let sum = algorithm.sum(bytes, whole.then_some(&mut *hasher)).map_err(super::failure::failed)?;
        if Algorithm::ALL.into_iter().any(|other| {
            let told = other.of(&told);
            told.is_some() && (other != *algorithm || told != Some(&sum))
        }) {
            return Err(invalid_part());
        }
        if !*whole {
            hasher.update(&STANDARD.decode(sum).unwrap_or_default());
        }
        Ok(())
    }

    /// The object's sum.
    ///
    /// # Errors
    /// `BadDigest` when the request says that it is another, `InvalidRequest` when it says that it is of another type.
    pub(super) fn finish(self, told: &Checksum) -> S3Result<Checksum> {
        let Self { summing, parts, hasher } = self;
        let algorithm = summing.algorithm;
        if told.checksum_type.as_ref().is_some_and(|kind| kind.as_str() != summing.kind()) {
            let kind = summing.kind();
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."
            ));
        }
        let mut sums = hasher.finalize();
        if !summing.whole
            && let Some(sum) = algorithm.slot(&mut sums)
        {
            sum.push_str(&format!("-{parts}"));
        }
        let differs = |other: &Algorithm| other.of(told).is_some_and(|told| other.of(&sums) != Some(told));
        if let Some(wrong) = Algorithm::ALL.iter().find(|algorithm| differs(algorithm)) {
            let name = wrong.name();
            return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
        }
        sums.checksum_type = Some(ChecksumType::from_static(summing.kind()));
        Ok(sums)
    }
}

/// What a request to complete says of a part's sums.
pub(super) fn sums_of(part: &CompletedPart) -> Checksum {
    Checksum {
        checksum_crc32: part.checksum_crc32.clone(),
        checksum_crc32c: part.checksum_crc32c.clone(),
        checksum_crc64nvme: part.checksum_crc64nvme.clone(),
        checksum_sha1: part.checksum_sha1.clone(),
        checksum_sha256: part.checksum_sha256.clone(),
        ..Default::default()
    }
}

/// Whether a sum of any kind is told.
pub(super) fn any(sums: &Checksum) -> bool {
    Algorithm::ALL.into_iter().any(|algorithm| algorithm.of(sums).is_some())
}

/// S3's word for a part that is not there, or not as the request to complete says.
pub(super) fn invalid_part() -> s3s::S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified \
         entity tag may not match the part's entity tag."
    )
}
