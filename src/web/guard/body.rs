//! Has the whole body arrived, soon enough and small enough?
//!
//! Never copies a body that comes in one piece.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::StatusCode;

use crate::web::problem::Problem;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    TooLarge(usize),
    TooSlow,
    Broken,
}

/// Reads a body of at most `most` bytes, within `within`.
pub(super) async fn read<B>(body: B, most: usize, within: Duration) -> Result<Bytes, Cut>
where
    B: HttpBody<Data = Bytes>,
{
    if body.size_hint().lower() > most as u64 {
        return Err(Cut::TooLarge(most));
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    tokio::time::timeout(within, pieces(body, most)).await.unwrap_or(Err(Cut::TooSlow))
}

async fn pieces<B>(body: B, most: usize) -> Result<Bytes, Cut>
where
    B: HttpBody<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut whole = Bytes::new();
    let mut joined = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|_| Cut::Broken)?.into_data() else { continue };
        if whole.len() + joined.len() + data.len() > most {
            return Err(Cut::TooLarge(most));
        }
        if whole.is_empty() && joined.is_empty() {
            whole = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if joined.is_empty() { whole } else { joined.into() })
}

impl From<Cut> for Problem {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::TooLarge(most) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                format!("the body may have {most} bytes at most"),
            )
            .with("bytes_max", most),
            Cut::TooSlow => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "the body did not arrive in time",
            ),
            Cut::Broken => {
                Self::new(StatusCode::BAD_REQUEST, "invalid", "the body ended before its length")
            }
        }
    }
}
