//! How is a person made unreadable? XChaCha20-Poly1305 with a key of our own and a random nonce.
//!
//! Bound to the key the person is kept under: a text that is moved to another place is refused.
//! Never tells why something cannot be read.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::super::random;
use super::PersonKey;

const NONCE_LENGTH: usize = 24;

/// Nonce, text and tag, sealed under `key`.
pub(in crate::desk) fn seal(secret: &[u8; 32], key: PersonKey, text: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LENGTH] = random::bytes();
    let payload = Payload { msg: text, aad: &place(key) };
    let sealed = XChaCha20Poly1305::new(secret.into()).encrypt(&XNonce::from(nonce), payload);
    let sealed = sealed.expect("a person is far below the cipher's 256 GiB");
    [nonce.as_slice(), &sealed].concat()
}

/// The text, if it was sealed with this secret under this key.
pub(in crate::desk) fn open(secret: &[u8; 32], key: PersonKey, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
    let payload = Payload { msg: sealed, aad: &place(key) };
    XChaCha20Poly1305::new(secret.into()).decrypt(&XNonce::from(*nonce), payload).ok()
}

fn place(key: PersonKey) -> Vec<u8> {
    [key.party.0.to_be_bytes(), key.request.0.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PartyId, RequestId};

    const KEY: PersonKey = PersonKey { party: PartyId(7), request: RequestId(1) };

    #[test]
    fn it_opens_under_its_own_key_and_secret_only() {
        let sealed = seal(&[1; 32], KEY, b"Ana Ruiz");
        assert_eq!(open(&[1; 32], KEY, &sealed).as_deref(), Some(b"Ana Ruiz".as_slice()));
        assert_eq!(open(&[2; 32], KEY, &sealed), None);
        let others = [
            PersonKey { party: PartyId(8), ..KEY },
            PersonKey { request: RequestId(2), ..KEY },
            PersonKey { party: PartyId(1), request: RequestId(7) },
        ];
        for other in others {
            assert_eq!(open(&[1; 32], other, &sealed), None);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealed = seal(&[1; 32], KEY, b"Ana Ruiz");
        for at in 0..sealed.len() {
            assert_eq!(open(&[1; 32], KEY, &sealed[..at]), None);
            for bit in 0..8 {
                let mut wrong = sealed.clone();
                wrong[at] ^= 1 << bit;
                assert_eq!(open(&[1; 32], KEY, &wrong), None);
            }
        }
    }

    #[test]
    fn the_same_person_never_looks_the_same() {
        assert_ne!(seal(&[1; 32], KEY, b"Ana Ruiz"), seal(&[1; 32], KEY, b"Ana Ruiz"));
    }
}
