//! How is a line said and an answer heard? One connection to a PBX.
//!
//! Never reads a line without bound, never waits without limit, never mistakes `HANGUP` for an
//! answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The caller, or the PBX, is gone.
    HungUp,
    /// The peer does not speak as it should.
    Broken(&'static str),
}

/// What a peer may do at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one line.
    pub line: usize,
    /// Lines before a call begins.
    pub prelude_lines: usize,
    /// How long those may take to come.
    pub prelude: Duration,
    /// How long an answer may take beyond what the command itself takes.
    pub answer: Duration,
    /// How long one sound may take.
    pub sound: Duration,
    /// How long a call may take in all.
    pub call: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 2_048,
            prelude_lines: 64,
            prelude: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            sound: Duration::from_secs(30),
            call: Duration::from_mins(15),
        }
    }
}

/// An answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// `200`, `510`, `511`, `520`.
    pub(super) status: u16,
    /// What stands after `result=`: it may be empty, or begin with zeros.
    pub(super) result: String,
    /// What stands in brackets after it.
    pub(super) note: String,
}

impl Reply {
    /// The result as a small number; `None` for anything else.
    pub(super) fn number(&self) -> Option<i32> {
        self.result.parse().ok()
    }
}

/// A connection.
pub(super) struct Channel {
    stream: TcpStream,
    read: Vec<u8>,
    pub(super) limits: Limits,
    hung_up: bool,
}

impl Channel {
    pub(super) fn new(stream: TcpStream, limits: Limits) -> Self {
        Self { stream, read: Vec::with_capacity(512), limits, hung_up: false }
    }

    /// The next line, without its end. Can be dropped and called again: nothing is lost.
    pub(super) async fn line(&mut self) -> Result<String, Gone> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(end + 1);
                let line = std::mem::replace(&mut self.read, rest);
                let line = String::from_utf8_lossy(&line);
                return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.read.len() > self.limits.line {
                return Err(Gone::Broken("a line without end"));
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => return Err(Gone::HungUp),
                Ok(_) => {}
            }
        }
    }

    /// Resolves when the caller hangs up while nothing is asked of the PBX.
    pub(super) async fn hung_up(&mut self) -> Gone {
        loop {
            match self.line().await {
                Ok(line) if line == "HANGUP" => {
                    self.hung_up = true;
                    return Gone::HungUp;
                }
                // An answer that nobody waits for.
                Ok(_) => {}
                Err(gone) => return gone,
            }
        }
    }

    /// Sends a command and waits for its answer, for `extra` on top of the usual.
    pub(super) async fn command(&mut self, line: &str, extra: Duration) -> Result<Reply, Gone> {
        // Lines are made of our own words; this is the last gate.
        if line.bytes().any(|byte| byte < b' ') {
            return Err(Gone::Broken("a command with a control character"));
        }
        let sent = self.stream.write_all(format!("{line}\n").as_bytes()).await;
        if sent.is_err() {
            return Err(Gone::HungUp);
        }
        let answer = self.limits.answer + extra;
        match tokio::time::timeout(answer, self.reply()).await {
            Ok(reply) => reply,
            Err(_) => Err(Gone::Broken("an answer that did not come")),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Gone> {
        loop {
            let line = self.line().await?;
            if line == "HANGUP" {
                // The answer, or the end, is still to come.
                self.hung_up = true;
                continue;
            }
            // `520-` begins an explanation of many lines, which ends with `520 `.
            if line.starts_with("520-") {
                self.explanation().await?;
                return Ok(Reply { status: 520, result: String::new(), note: String::new() });
            }
            let reply = parse(&line).ok_or(Gone::Broken("an answer that is none"))?;
            if reply.status == 511 {
                return Err(Gone::HungUp);
            }
            return Ok(reply);
        }
    }

    async fn explanation(&mut self) -> Result<(), Gone> {
        for _ in 0..self.limits.prelude_lines {
            if self.line().await?.starts_with("520 ") {
                return Ok(());
            }
        }
        Err(Gone::Broken("an explanation without end"))
    }

    /// Whether the PBX has told that the caller is gone.
    pub(super) const fn is_hung_up(&self) -> bool {
        self.hung_up
    }
}

/// An answer: three digits, `result=`, perhaps something in brackets.
fn parse(line: &str) -> Option<Reply> {
    let (status, rest) = match line.split_at_checked(3)? {
        (status, rest) if status.bytes().all(|byte| byte.is_ascii_digit()) => (status, rest),
        _ => return None,
    };
    let rest = rest.strip_prefix([' ', '-']).unwrap_or_default();
    let status = status.parse().ok()?;
    let Some(after) = rest.strip_prefix("result=") else {
        return (status != 200).then(|| Reply {
            status,
            result: String::new(),
            note: rest.to_owned(),
        });
    };
    let (result, note) = after.split_once(' ').unwrap_or((after, ""));
    Some(Reply { status, result: result.to_owned(), note: note.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_keep_zeros_and_emptiness() {
        let reply = |line| parse(line).map(|reply| (reply.status, reply.result, reply.note));
        let is = |status, result: &str, note: &str| Some((status, result.into(), note.into()));
        assert_eq!(reply("200 result=0"), is(200, "0", ""));
        assert_eq!(reply("200 result=-1"), is(200, "-1", ""));
        assert_eq!(reply("200 result="), is(200, "", ""));
        assert_eq!(reply("200 result= (timeout)"), is(200, "", "(timeout)"));
        assert_eq!(reply("200 result=0123456789"), is(200, "0123456789", ""));
        assert_eq!(reply("200 result=5512345678 (timeout)"), is(200, "5512345678", "(timeout)"));
        assert_eq!(reply("200 result=1 (es con espacio)"), is(200, "1", "(es con espacio)"));
        assert_eq!(
            reply("510 Invalid or unknown command"),
            is(510, "", "Invalid or unknown command")
        );
        let dead = "511 Command Not Permitted on a dead channel or intercept routine";
        assert_eq!(reply(dead).map(|reply| reply.0), Some(511));
        for wrong in ["", "20", "HANGUP", "200", "200 ok", "abc result=1", "\u{e9}\u{e9}"] {
            assert_eq!(reply(wrong), None, "{wrong:?}");
        }
    }
}
