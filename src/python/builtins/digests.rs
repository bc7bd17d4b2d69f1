//! Digests and UUIDs that are computed from what is known.

use sha2::Digest;

use super::exceptions::class;
use crate::python::interpreter::instance;
use crate::python::value::Value;

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest as bytes; `None`: an algorithm that is not modelled.
pub(crate) fn digest(algorithm: &str, data: &[u8]) -> Option<Vec<u8>> {
    Some(match algorithm {
        "md5" => md5::compute(data).0.to_vec(),
        "sha1" => sha1::Sha1::digest(data).to_vec(),
        "sha256" => sha2::Sha256::digest(data).to_vec(),
        "sha512" => sha2::Sha512::digest(data).to_vec(),
        _ => return None,
    })
}

/// A hash object: `hashlib.md5(data)`.
pub(crate) fn hash_object(algorithm: &str, data: Value) -> Value {
    instance(
        &class("_Hash"),
        vec![("name", Value::str(algorithm)), ("data", data)],
    )
}

/// A UUID from its text in any form; `None`: not one.
pub(crate) fn parse_uuid(text: &str) -> Option<String> {
    let text = text
        .trim_start_matches("urn:uuid:")
        .trim_matches(['{', '}']);
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    if digits.len() != 32 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    Some(format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    ))
}

/// A `UUID` of a known text.
pub(crate) fn uuid_value(text: &str) -> Value {
    instance(
        &class("UUID"),
        vec![
            ("text", Value::str(text)),
            ("hex", Value::str(text.replace('-', ""))),
            ("urn", Value::str(format!("urn:uuid:{text}"))),
        ],
    )
}

/// `uuid3` (md5) and `uuid5` (sha1) of a namespace and a name (RFC 9562, sections 5.3 and 5.5).
pub(crate) fn named_uuid(namespace: &str, name: &[u8], version: u8) -> Option<String> {
    let digits: Vec<char> = namespace.chars().filter(|digit| *digit != '-').collect();
    let mut data = Vec::with_capacity(16 + name.len());
    for pair in digits.chunks(2) {
        let text: String = pair.iter().collect();
        data.push(u8::from_str_radix(&text, 16).ok()?);
    }
    data.extend_from_slice(name);
    let algorithm = if version == 3 { "md5" } else { "sha1" };
    let mut bytes = digest(algorithm, &data)?;
    bytes.truncate(16);
    *bytes.get_mut(6)? = (bytes.get(6)? & 0x0f) | (version << 4);
    *bytes.get_mut(8)? = (bytes.get(8)? & 0x3f) | 0x80;
    parse_uuid(&hex(&bytes))
}
