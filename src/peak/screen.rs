//! What do people see while it runs? Lines that stay, and a few that are drawn again and again.
//!
//! Never draws where nobody looks: without a terminal it says one line every few seconds.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines where nothing can be redrawn.
const EVERY: Duration = Duration::from_secs(5);

/// Where people look: standard output, or standard error when the other is for a program.
#[derive(Debug)]
pub(crate) struct Screen {
    to_stderr: bool,
    is_terminal: bool,
}

/// What is shown at a moment.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// How much of the run is over, of 1,000.
    pub(crate) done: u64,
    pub(crate) clock: String,
    pub(crate) sold: String,
    pub(crate) refused: String,
    pub(crate) latency: String,
    pub(crate) disk: String,
}

/// The lines that are drawn again.
#[derive(Debug)]
pub(crate) struct Panel<'a> {
    screen: &'a Screen,
    bars: Vec<ProgressBar>,
    said: Duration,
}

impl Screen {
    pub(crate) fn new(to_stderr: bool) -> Self {
        let is_terminal =
            if to_stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        Self { to_stderr, is_terminal }
    }

    pub(crate) fn line(&self, text: &str) {
        // A screen that is gone is no reason to stop the run or its audit.
        let _ = if self.to_stderr {
            writeln!(io::stderr().lock(), "{text}")
        } else {
            writeln!(io::stdout().lock(), "{text}")
        };
    }

    pub(crate) fn panel(&self) -> Panel<'_> {
        let mut bars = Vec::new();
        if self.is_terminal {
            let target = if self.to_stderr {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::stdout()
            };
            let all = MultiProgress::with_draw_target(target);
            for row in 0..5 {
                let template = if row == 0 { "  [{bar:50}] {msg}" } else { "  {msg}" };
                let style = ProgressStyle::with_template(template);
                let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
                let bar = all.add(ProgressBar::new(1_000));
                bar.set_style(style.progress_chars("=> "));
                bars.push(bar);
            }
        }
        Panel { screen: self, bars, said: Duration::ZERO }
    }
}

impl Panel<'_> {
    pub(crate) const fn is_live(&self) -> bool {
        !self.bars.is_empty()
    }

    /// Draws it, or says it if it is time to.
    pub(crate) fn show(&mut self, view: &View, now: Duration, last: bool) {
        if self.is_live() {
            let rows = [&view.clock, &view.sold, &view.refused, &view.latency, &view.disk];
            for (bar, text) in self.bars.iter().zip(rows) {
                bar.set_position(view.done);
                bar.set_message(text.clone());
            }
            if last {
                self.bars.iter().for_each(ProgressBar::abandon);
            }
        } else if last || now.saturating_sub(self.said) >= EVERY {
            self.said = now;
            let View { clock, sold, refused, latency, disk, .. } = view;
            self.screen.line(&format!("  {clock}  {sold}  {refused}  {latency}  {disk}"));
        }
    }
}
