//! Signature Version 4, for the one kind of request that we sign: a POST to `/`.
//!
//! The crate of the AWS SDK for it pulls in a dozen others. This is what is left without query,
//! path and streaming, and it passes the test vectors that AWS publishes.

use flux_operator_api::Digest;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::keys::Keys;
use crate::credentials::Secret;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Bytes that SHA-256 takes at a time.
const BLOCK: usize = 64;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post<'a> {
    /// The value of the header `Host`.
    pub(super) host: &'a str,
    /// Headers, with names in lower case.
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) body: &'a [u8],
}

/// What a signature is good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// The headers that make a request a signed one.
pub(super) fn sign(post: &Post<'_>, keys: &Keys, scope: &Scope<'_>, now: Timestamp) -> Vec<(&'static str, Secret)> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = now.strftime("%Y%m%d").to_string();
    let session = keys.session.as_ref().map(|session| ("x-amz-security-token", session.expose()));

    let mut headers = vec![("host", post.host), ("x-amz-date", time.as_str())];
    headers.extend(post.headers);
    headers.extend(session);
    headers.sort_unstable();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let lines = lines.concat();
    let canonical = format!("POST\n/\n\n{lines}\n{names}\n{}", hex(Sha256::digest(post.body).into()));

    let Scope { region, service } = scope;
    let credential = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("{ALGORITHM}\n{time}\n{credential}\n{}", hex(Sha256::digest(canonical).into()));
    let key = format!("AWS4{}", keys.secret.expose()).into_bytes();
    let key = [day.as_str(), region, service, "aws4_request"]
        .into_iter()
        .fold(key, |key, part| hmac(&key, part.as_bytes()).to_vec());
    let signature = hex(hmac(&key, text.as_bytes()));

    let id = &keys.id;
    let authorization =
        format!("{ALGORITHM} Credential={id}/{credential}, SignedHeaders={names}, Signature={signature}");
    let mut signed = vec![("authorization", Secret::new(authorization))];
    signed.extend(session.map(|(name, session)| (name, Secret::new(session))));
    signed.push(("x-amz-date", Secret::new(time)));
    signed
}

/// RFC 2104 with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let key = if key.len() > BLOCK { Sha256::digest(key).to_vec() } else { key.to_vec() };
    let pad = |with: u8| -> [u8; BLOCK] {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(&key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

fn hex(sum: [u8; 32]) -> String {
    Digest::new(sum).hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the signature test suite of AWS: `post-vanilla`, `post-x-www-form-urlencoded` and
    /// `post-sts-token/post-sts-header-before`.
    #[test]
    fn signs_as_the_vectors_of_aws_do() {
        let session = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeo\
                       IYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5V\
                       SXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yj\
                       c8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        let scope = Scope { region: "us-east-1", service: "service" };
        for (headers, body, session, expected) in [
            (
                &[][..],
                "",
                None,
                "SignedHeaders=host;x-amz-date, \
                 Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                &form[..],
                "Param1=value1",
                None,
                "SignedHeaders=content-type;host;x-amz-date, \
                 Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                &[][..],
                "",
                Some(Secret::new(session)),
                "SignedHeaders=host;x-amz-date;x-amz-security-token, \
                 Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ] {
            let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
            let keys = Keys { id: "AKIDEXAMPLE".to_owned(), secret, session };
            let post = Post { host: "example.amazonaws.com", headers, body: body.as_bytes() };
            let signed = sign(&post, &keys, &scope, now);
            let expected =
                format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, {expected}");
            assert_eq!(signed[0].1.expose(), expected);
        }
    }

    #[test]
    fn hashes_long_keys_first() {
        // RFC 4231, test case 6.
        let mac = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
