//! Questions that a person answers, before something is lost.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Result;

use crate::cloud::change::Planned;
use crate::console::context::Context;
use crate::error::{failure, say_as_is};

/// Asks on the terminal; anything but a yes is an error, and so is nobody there to ask. `what` says what would happen,
/// `otherwise` what to do instead.
pub(crate) fn ask(question: &str, what: &str, otherwise: &str) -> Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(failure(format!("{what}, and there is nobody to ask"), otherwise));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(failure("nothing was changed", format!("answer `y` to go on; {otherwise}"))),
    }
}

/// Shows changes that replace or remove something, and asks whether they may be made.
///
/// # Errors
/// When the answer is not yes.
pub(crate) fn changes(context: &Context, changes: &[Planned]) -> Result<()> {
    let mut text = String::new();
    for change in changes {
        change.write(&mut text, context.interactive())?;
    }
    say_as_is(text.trim_end());
    let lost: Vec<String> = changes.iter().filter(|change| change.is_destructive()).map(Planned::title).collect();
    ask(
        "Make these changes?",
        &format!("this would replace or remove {}", lost.join(", ")),
        "add --yes to have it done",
    )
}
