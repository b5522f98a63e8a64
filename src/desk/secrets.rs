//! Which keys are in use, and for what? One master key, a derived one for each purpose.
//!
//! Never stored and never shown. Every comparison takes the same time for any input.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::PartyId;

use super::{Identity, Telephone};

/// 32 random bytes from the configuration.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// What is derived from the master key (HMAC-SHA-256 of the purpose's name).
#[derive(Clone)]
pub struct Secrets {
    master: [u8; 32],
}

impl MasterKey {
    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut key = [0; 32];
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(Self(key))
    }

    /// From bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// One purpose, made ready: each tag costs half.
#[derive(Clone)]
pub(super) struct Signer(Hmac<Sha256>);

impl Signer {
    /// The tag of some data: that of [`Secrets::sign`].
    pub(super) fn sign(&self, data: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(data);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Secrets {
    /// Everything else follows from the master key.
    pub const fn new(master: &MasterKey) -> Self {
        Self { master: master.0 }
    }

    /// The tag of some data for a purpose.
    pub fn sign(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let key = mac(&self.master, purpose.as_bytes());
        mac(&key, data)
    }

    /// A purpose made ready for many tags.
    pub(super) fn signer(&self, purpose: &str) -> Signer {
        let key = self.key(purpose);
        Signer(<Hmac<Sha256> as KeyInit>::new_from_slice(&key).expect("HMAC takes any key"))
    }

    /// Whether a tag is right, in constant time.
    pub fn verify(&self, purpose: &str, data: &[u8], tag: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        self.sign(purpose, data).ct_eq(tag).into()
    }

    /// The key of a purpose, for ciphers.
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        mac(&self.master, purpose.as_bytes())
    }

    /// The party of an identity: 128 bits of a keyed hash, so that nobody without the key can go
    /// through all telephone numbers.
    pub fn party(&self, identity: &Identity) -> PartyId {
        let text = format!("{} {}", identity.telephone.as_str(), identity.birth);
        PartyId(half(self.sign("party", text.as_bytes())))
    }

    /// The place of a telephone number in an index that does not show it.
    pub fn telephone(&self, telephone: &Telephone) -> [u8; 32] {
        self.sign("telephone", telephone.as_str().as_bytes())
    }
}

/// The first 128 bits of a tag, where that is enough.
pub(super) fn half(tag: [u8; 32]) -> u128 {
    let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = tag;
    u128::from_be_bytes(head)
}

fn mac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_made_ready_signs_the_same() {
        let secrets = Secrets::new(&MasterKey::new([7; 32]));
        let signer = secrets.signer("claim");
        for data in [&b""[..], b"a", &[0; 200]] {
            assert_eq!(signer.sign(data), secrets.sign("claim", data));
        }
        assert_ne!(signer.sign(b""), secrets.sign("request", b""));
    }
}
