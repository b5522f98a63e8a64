//! How does a platform have a call spoken? `TwiML` documents, one for each step.
//!
//! Only verbs that the platforms share: `Gather`, `Play`, `Say`, `Pause`, `Redirect`, `Dial` with
//! `Sip` or a number, `Hangup`. Nothing of a caller stands in an address.

use std::fmt::Write;

use crate::desk::Language;

use super::clip::{Clip, Keys, Step, Then};
use super::listing::Listing;
use super::settings::Phone;
use super::words::{Words, sound};

/// A step as a document. `next` is the address of the next one.
pub fn document(step: &Step, listing: &Listing, settings: &Phone, next: &str) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>");
    let speech =
        Speech { language: step.language, listing, sounds: settings.sounds_url.as_deref() };
    let (kept, cut) = step.say.split_at(step.keep.min(step.say.len()));
    // The way to us and back is quiet enough.
    let cut = cut.strip_prefix(&[Clip::Pause]).filter(|_| kept.is_empty()).unwrap_or(cut);
    speech.write(&mut text, kept);
    match &step.then {
        Then::Ask(keys) => {
            gather(&mut text, *keys, next);
            speech.write(&mut text, cut);
            text.push_str("</Gather>");
            // Whether a platform calls after no key at all is its own affair: this one does.
            redirect(&mut text, &format!("{next}&silent=1"));
        }
        Then::Wait => {
            speech.write(&mut text, cut);
            redirect(&mut text, &format!("{next}&wait=1"));
        }
        Then::Operator(token) => {
            speech.write(&mut text, cut);
            dial(&mut text, settings.operator.as_deref(), token.as_deref());
        }
        Then::Bye => {
            speech.write(&mut text, cut);
            text.push_str("<Hangup/>");
        }
    }
    text.push_str("</Response>");
    text
}

fn gather(text: &mut String, keys: Keys, next: &str) {
    let Keys { most, first, .. } = keys;
    // A menu takes every key, also the one that ends a number.
    let finish = if most == 1 { "" } else { "#" };
    let wait = first.as_secs().max(1);
    put(
        text,
        format_args!(
            "<Gather input=\"dtmf\" numDigits=\"{most}\" timeout=\"{wait}\" finishOnKey=\"{finish}\" \
         method=\"POST\" action=\"{}\">",
            Escaped(next)
        ),
    );
}

fn redirect(text: &mut String, to: &str) {
    put(text, format_args!("<Redirect method=\"POST\">{}</Redirect>", Escaped(to)));
}

fn dial(text: &mut String, operator: Option<&str>, token: Option<&str>) {
    let Some(operator) = operator else {
        text.push_str("<Hangup/>");
        return;
    };
    let Some(address) = operator.strip_prefix("sip:") else {
        put(text, format_args!("<Dial>{}</Dial>", Escaped(operator)));
        return;
    };
    // The token says nothing by itself; it is the only thing of ours that leaves.
    let header = token.map(|token| format!("?X-Cupo-Context={token}")).unwrap_or_default();
    put(text, format_args!("<Dial><Sip>sip:{}{header}</Sip></Dial>", Escaped(address)));
}

/// Writing into a text does not fail.
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// How clips are said.
struct Speech<'a> {
    language: Language,
    listing: &'a Listing,
    sounds: Option<&'a str>,
}

impl Speech<'_> {
    fn write(&self, text: &mut String, clips: &[Clip]) {
        let mut said = String::new();
        for clip in clips {
            if *clip == Clip::Pause {
                self.say(text, &mut said);
                text.push_str("<Pause length=\"1\"/>");
            } else if let Some(base) = self.sounds {
                let (base, tag) = (base.trim_end_matches('/'), self.language.tag());
                let name = sound(clip);
                put(text, format_args!("<Play>{}/{tag}/{name}.wav</Play>", Escaped(base)));
            } else {
                if !said.is_empty() {
                    said.push(' ');
                }
                said.push_str(self.words(clip));
            }
        }
        self.say(text, &mut said);
    }

    /// One `Say` for all that belongs together: platforms pause between two.
    fn say(&self, text: &mut String, said: &mut String) {
        if said.is_empty() {
            return;
        }
        let language = match self.language {
            Language::Es => "es-MX",
            Language::En => "en-US",
        };
        put(text, format_args!("<Say language=\"{language}\">{}</Say>", Escaped(said)));
        said.clear();
    }

    fn words<'b>(&'b self, clip: &'b Clip) -> &'b str {
        let named = match clip {
            Clip::Office(key) => self.listing.office(key),
            Clip::Service(key) => self.listing.service(key),
            _ => return Words::of(self.language).text(clip),
        };
        named.map_or("", |named| named.name(self.language))
    }
}

/// A text within XML, without characters that XML does not have.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                letter if letter.is_control() => f.write_char(' ')?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}
