//! Does a webhook come from the platform? The check of its signature, for three platforms.
//!
//! Every comparison takes the same time for any input. Never tells why one does not fit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// How old a signed request of a platform that says its time may be.
const AGE_MAX_S: u64 = 300;

/// A webhook as it came in, in the parts that are signed.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The address as the platform knows it, with its query.
    pub url: &'a str,
    /// The body as it was sent.
    pub body: &'a [u8],
    /// The body's fields, decoded.
    pub fields: &'a [(String, String)],
    /// The signature that the platform sent.
    pub signature: &'a str,
    /// The time that it sent with it, in seconds since 1970.
    pub timestamp: &'a str,
    /// Now, in the same.
    pub now: u64,
}

/// Whose webhooks are taken.
#[derive(Clone)]
pub enum Verifier {
    /// HMAC-SHA-1 over address and fields, with the account's token (Twilio) or the signing key
    /// (`SignalWire`).
    Hmac {
        /// The header that carries it.
        header: &'static str,
        /// Token or key.
        key: String,
    },
    /// Ed25519 over time and body (Telnyx).
    Ed25519(Box<VerifyingKey>),
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Verifier {
    /// Of a platform's name and its key; `None` if they are no pair.
    pub fn new(platform: &str, key: &str) -> Option<Self> {
        let hmac = |header| Some(Self::Hmac { header, key: key.trim().to_owned() });
        match platform {
            _ if key.trim().is_empty() => None,
            "twilio" => hmac("x-twilio-signature"),
            "signalwire" => hmac("x-signalwire-signature"),
            "telnyx" => {
                let key: [u8; 32] = STANDARD.decode(key.trim()).ok()?.try_into().ok()?;
                Some(Self::Ed25519(Box::new(VerifyingKey::from_bytes(&key).ok()?)))
            }
            _ => None,
        }
    }

    /// The names of the headers with the signature, and with the time if there is one.
    pub const fn headers(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Hmac { header, .. } => (header, None),
            Self::Ed25519(_) => ("telnyx-signature-ed25519", Some("telnyx-timestamp")),
        }
    }

    /// Whether the platform signed exactly this.
    pub fn admits(&self, webhook: &Webhook<'_>) -> bool {
        match self {
            Self::Hmac { key, .. } => {
                let Ok(tag) = STANDARD.decode(webhook.signature) else { return false };
                let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(key.as_bytes()) else {
                    return false;
                };
                mac.update(webhook.url.as_bytes());
                let mut fields: Vec<_> = webhook.fields.iter().collect();
                fields.sort();
                for (name, value) in fields {
                    mac.update(name.as_bytes());
                    mac.update(value.as_bytes());
                }
                mac.verify_slice(&tag).is_ok()
            }
            Self::Ed25519(key) => {
                let Ok(at) = webhook.timestamp.parse::<u64>() else { return false };
                if at.abs_diff(webhook.now) > AGE_MAX_S {
                    return false;
                }
                let signature = STANDARD.decode(webhook.signature).ok();
                let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
                let signed = [webhook.timestamp.as_bytes(), b"|", webhook.body].concat();
                signature.is_some_and(|signature| key.verify_strict(&signed, &signature).is_ok())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_published_example() {
        // Twilio's own: "Validating requests", token 12345.
        let fields = fields(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ]);
        let webhook = Webhook {
            url: "https://mycompany.com/myapp.php?foo=1&bar=2",
            body: b"",
            fields: &fields,
            signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            timestamp: "",
            now: 0,
        };
        let verifier = Verifier::new("twilio", "12345").unwrap();
        assert!(verifier.admits(&webhook));
        assert!(!Verifier::new("twilio", "12346").unwrap().admits(&webhook));
        let others = [
            Webhook { url: "https://mycompany.com/myapp.php?foo=1&bar=3", ..webhook },
            Webhook { fields: &fields[1..], ..webhook },
            Webhook { signature: "RSOYDt4T1cUTdK1PDd93/VVr8B4=", ..webhook },
            Webhook { signature: "", ..webhook },
            Webhook { signature: "?", ..webhook },
        ];
        assert!(others.iter().all(|other| !verifier.admits(other)));
        assert_eq!(verifier.headers().0, "x-twilio-signature");
        let other = Verifier::new("signalwire", "12345").unwrap();
        assert!(other.admits(&webhook) && other.headers().0 == "x-signalwire-signature");
    }

    #[test]
    fn a_signature_over_time_and_body() {
        let secret = SigningKey::from_bytes(&[9; 32]);
        let public = STANDARD.encode(secret.verifying_key().as_bytes());
        let verifier = Verifier::new("telnyx", &public).unwrap();
        let body = b"CallSid=1&Digits=2";
        let signed = [b"1767366000|".as_slice(), body].concat();
        let signature = STANDARD.encode(secret.sign(&signed).to_bytes());
        let webhook = Webhook {
            url: "https://citas.example/voice",
            body,
            fields: &[],
            signature: &signature,
            timestamp: "1767366000",
            now: 1_767_366_200,
        };
        assert!(verifier.admits(&webhook));
        let others = [
            Webhook { body: b"CallSid=1&Digits=3", ..webhook },
            Webhook { timestamp: "1767366001", ..webhook },
            Webhook { now: 1_767_366_301, ..webhook },
            Webhook { timestamp: "", ..webhook },
            Webhook { signature: "AAAA", ..webhook },
        ];
        assert!(others.iter().all(|other| !verifier.admits(other)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for (platform, key) in
            [("twilio", ""), ("twilio", " "), ("telnyx", "AAAA"), ("telnyx", "?"), ("x", "12345")]
        {
            assert!(Verifier::new(platform, key).is_none(), "{platform} {key:?}");
        }
    }
}
