//! An instance of Sigstore: an authority that issues certificates, a log that certificates are in and
//! a log that signatures are in. Real cosign takes what it makes; see `cosign.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flux_operator_api::Digest;
use flux_operator_signature::{Material, SimpleSigning};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber, SigningKey as _, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(crate) const SUBJECT: &str = "https://github.com/fluxcd/flux2/.github/workflows/release.yaml@refs/tags/v2.9.0";
pub(crate) const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// Noon of 15 June 2025: when everything is signed. Certificates are of that day.
pub(crate) const SIGNED_AT: i64 = 1_749_988_800;
const DAY: i64 = 86_400;

pub(crate) struct Instance {
    authority: Issuer<'static, KeyPair>,
    /// From the issuing one to the root, in DER.
    chain: Vec<Vec<u8>>,
    certificate_log: KeyPair,
    signature_log: KeyPair,
}

/// Who signs, and with what.
pub(crate) struct Signer {
    key: KeyPair,
    certificate: Vec<u8>,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// It was logged the day after, when the certificate had expired.
    LoggedLate,
    /// Its entry in the log is that of another signature.
    BorrowedEntry,
    /// It is in no log.
    Unlogged,
    /// It is not over what it comes with.
    Changed,
}

impl Instance {
    pub(crate) fn new() -> Self {
        Self::valid_until(2035)
    }

    /// One whose authorities are valid until the beginning of a year.
    pub(crate) fn valid_until(year: i32) -> Self {
        let authority = |name: &str, serial: u8| {
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::OrganizationName, "sigstore.test");
            params.distinguished_name.push(DnType::CommonName, name);
            params.serial_number = Some(SerialNumber::from(vec![serial]));
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = date_time_ymd(year, 1, 1);
            (params, KeyPair::generate().unwrap())
        };
        let (root, root_key) = authority("root", 1);
        let root_certificate = root.self_signed(&root_key).unwrap().der().to_vec();
        let root = Issuer::new(root, root_key);
        let (mut issuing, issuing_key) = authority("issuing", 2);
        issuing.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        issuing.use_authority_key_identifier_extension = true;
        let issuing_certificate = issuing.signed_by(&issuing_key, &root).unwrap().der().to_vec();
        Self {
            authority: Issuer::new(issuing, issuing_key),
            chain: vec![issuing_certificate, root_certificate],
            certificate_log: KeyPair::generate().unwrap(),
            signature_log: KeyPair::generate().unwrap(),
        }
    }

    /// Its trust root, as a value to be changed.
    pub(crate) fn trust_root(&self) -> Value {
        let log = |url: &str, key: &KeyPair| {
            json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(key.subject_public_key_info()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": { "start": "2024-01-01T00:00:00Z" },
                },
                "logId": { "keyId": STANDARD.encode(key_id(key)) },
            })
        };
        let certificates: Vec<_> = self.chain.iter().map(|der| json!({ "rawBytes": STANDARD.encode(der) })).collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log("https://log.sigstore.test", &self.signature_log)],
            "certificateAuthorities": [{
                "subject": { "organization": "sigstore.test", "commonName": "root" },
                "uri": "https://authority.sigstore.test",
                "certChain": { "certificates": certificates },
                "validFor": { "start": "2024-01-01T00:00:00Z" },
            }],
            "ctlogs": [log("https://certificates.sigstore.test", &self.certificate_log)],
        })
    }

    pub(crate) fn signer(&self, issuer: &str, subject: &str) -> Signer {
        let key = KeyPair::generate().unwrap();
        let certificate = self.certificate(&key, issuer, subject, Some(&self.certificate_log));
        Signer { key, certificate }
    }

    /// A signer whose certificate is in no log, or in that of somebody else.
    pub(crate) fn signer_logged_by(&self, other: Option<&Self>) -> Signer {
        let key = KeyPair::generate().unwrap();
        let certificate = self.certificate(&key, ISSUER, SUBJECT, other.map(|other| &other.certificate_log));
        Signer { key, certificate }
    }

    fn certificate(&self, key: &KeyPair, issuer: &str, subject: &str, log: Option<&KeyPair>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(SerialNumber::from(vec![3]));
        params.subject_alt_names = vec![if subject.starts_with("https://") {
            SanType::URI(subject.try_into().unwrap())
        } else {
            SanType::Rfc822Name(subject.try_into().unwrap())
        }];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2025, 6, 15);
        params.not_after = date_time_ymd(2025, 6, 16);
        let issuer = tlv(0x0c, issuer.as_bytes()); // UTF8String
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], issuer)];
        let unlogged = params.signed_by(key, &self.authority).unwrap().der().to_vec();
        let Some(log) = log else { return unlogged };

        let scts = self.scts(log, first_inside(&unlogged));
        let scts = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], tlv(0x04, &scts));
        params.custom_extensions.push(scts);
        params.signed_by(key, &self.authority).unwrap().der().to_vec()
    }

    /// The list of promises by the certificate log, RFC 6962, section 3.3.
    fn scts(&self, log: &KeyPair, certificate: &[u8]) -> Vec<u8> {
        let time = u64::try_from(SIGNED_AT * 1000).unwrap().to_be_bytes();
        let mut signed = vec![0, 0]; // version 1, certificate timestamp
        signed.extend(time);
        signed.extend([0, 1]); // precertificate
        signed.extend(key_id(self.authority.key()));
        signed.extend(&u32::try_from(certificate.len()).unwrap().to_be_bytes()[1..]);
        signed.extend(certificate);
        signed.extend([0, 0]); // no extensions

        let mut sct = vec![0];
        sct.extend(key_id(log));
        sct.extend(time);
        sct.extend([0, 0]);
        sct.extend([4, 3]); // SHA-256, ECDSA
        sct.extend(with_length(&log.sign(&signed).unwrap()));
        with_length(&with_length(&sct))
    }

    pub(crate) fn bundle(&self, signer: &Signer, artifact: Digest) -> Material {
        self.flawed_bundle(signer, artifact, SIGN, Flaw::None)
    }

    pub(crate) fn flawed_bundle(&self, signer: &Signer, artifact: Digest, predicate: &str, flaw: Flaw) -> Material {
        let statement = statement(artifact, predicate);
        let signature = signer.key.sign(&pae(&statement)).unwrap();
        let logged = if flaw == Flaw::BorrowedEntry { self::statement(artifact, "other") } else { statement.clone() };
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": { "algorithm": "sha256", "value": hex(b"not verified") },
                "payloadHash": { "algorithm": "sha256", "value": hex(&logged) },
                "signatures": [{ "signature": STANDARD.encode(&signature), "verifier": STANDARD.encode(signer.pem()) }],
            },
        });
        let mut shown = statement;
        if flaw == Flaw::Changed {
            // The same in JSON, but other bytes than were signed.
            shown.push(b' ');
        }
        let entries = if flaw == Flaw::Unlogged { json!([]) } else { json!([self.entry(&body, "dsse", flaw)]) };
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": STANDARD.encode(&signer.certificate) },
                "tlogEntries": entries,
            },
            "dsseEnvelope": {
                "payload": STANDARD.encode(&shown),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{ "sig": STANDARD.encode(&signature) }],
            },
        });
        Material::Bundle(bundle.to_string().into_bytes())
    }

    pub(crate) fn layer(&self, signer: &Signer, artifact: Digest) -> Material {
        self.flawed_layer(signer, artifact, Flaw::None)
    }

    pub(crate) fn flawed_layer(&self, signer: &Signer, artifact: Digest, flaw: Flaw) -> Material {
        let mut payload = simple_signing(artifact);
        let signature = signer.key.sign(&payload).unwrap();
        let logged = if flaw == Flaw::BorrowedEntry { simple_signing(Digest::new([9; 32])) } else { payload.clone() };
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": hex(&logged) } },
                "signature": {
                    "content": STANDARD.encode(&signature),
                    "publicKey": { "content": STANDARD.encode(signer.pem()) },
                },
            },
        });
        let entry = self.entry(&body, "hashedrekord", flaw);
        let log_entry = json!({
            "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": entry["canonicalizedBody"],
                "integratedTime": logged_at(flaw),
                "logIndex": 0,
                "logID": plain_hex(&key_id(&self.signature_log)),
            },
        });
        if flaw == Flaw::Changed {
            payload.push(b' ');
        }
        Material::SimpleSigning(SimpleSigning {
            payload,
            signature: STANDARD.encode(&signature),
            certificate: Some(signer.pem()),
            log_entry: (flaw != Flaw::Unlogged).then(|| log_entry.to_string()),
        })
    }

    /// An entry of a log with two of them.
    fn entry(&self, body: &Value, kind: &str, flaw: Flaw) -> Value {
        let log = &self.signature_log;
        let body = STANDARD.encode(body.to_string());
        let id = plain_hex(&key_id(log));
        let time = logged_at(flaw);
        // Fields in the order of their names, as `serde_json` has them: the canonical form.
        let promise = json!({ "body": body, "integratedTime": time, "logID": id, "logIndex": 0 });
        let promise = log.sign(promise.to_string().as_bytes()).unwrap();

        let leaf = sha256(&[&[0], STANDARD.decode(&body).unwrap().as_slice()].concat());
        let sibling = sha256(b"another entry");
        let tree = sha256(&[&[1], leaf.as_slice(), &sibling].concat());
        let note = format!("log.sigstore.test - 1\n2\n{}\n", STANDARD.encode(&tree));
        let signature = [&key_id(log)[..4], &log.sign(note.as_bytes()).unwrap()].concat();
        let checkpoint = format!("{note}\n— log.sigstore.test {}\n", STANDARD.encode(signature));
        json!({
            "logIndex": "0",
            "logId": { "keyId": STANDARD.encode(key_id(log)) },
            "kindVersion": { "kind": kind, "version": "0.0.1" },
            "integratedTime": time.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": STANDARD.encode(promise) },
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": STANDARD.encode(&tree),
                "treeSize": "2",
                "hashes": [STANDARD.encode(sibling)],
                "checkpoint": { "envelope": checkpoint },
            },
            "canonicalizedBody": body,
        })
    }
}

impl Signer {
    fn pem(&self) -> String {
        let text = STANDARD.encode(&self.certificate);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}

pub(crate) fn statement(artifact: Digest, predicate: &str) -> Vec<u8> {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": artifact.hex() } }],
        "predicateType": predicate,
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

/// What an envelope is signed as.
pub(crate) fn pae(statement: &[u8]) -> Vec<u8> {
    let kind = "application/vnd.in-toto+json";
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), statement.len());
    [head.as_bytes(), statement].concat()
}

pub(crate) fn simple_signing(artifact: Digest) -> Vec<u8> {
    json!({
        "critical": {
            "identity": { "docker-reference": "registry.test/flux" },
            "image": { "docker-manifest-digest": artifact },
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
    .into_bytes()
}

fn logged_at(flaw: Flaw) -> i64 {
    if flaw == Flaw::LoggedLate { SIGNED_AT + DAY } else { SIGNED_AT }
}

fn key_id(key: &KeyPair) -> Vec<u8> {
    sha256(&key.subject_public_key_info())
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn plain_hex(sum: &[u8]) -> String {
    Digest::new(sum.try_into().unwrap()).hex()
}

fn hex(bytes: &[u8]) -> String {
    plain_hex(&sha256(bytes))
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A value in DER.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let length: &[u8] = match value.len() {
        0..128 => &length[1..],
        128..256 => &[0x81, length[1]],
        _ => &[0x82, length[0], length[1]],
    };
    [&[tag], length, value].concat()
}

/// The first value inside of a sequence, both in DER and longer than 255 bytes.
fn first_inside(der: &[u8]) -> &[u8] {
    assert_eq!((der[1], der[5]), (0x82, 0x82), "lengths of two bytes");
    let length = usize::from(u16::from_be_bytes([der[6], der[7]]));
    &der[4..8 + length]
}
