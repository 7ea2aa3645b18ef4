//! A page's Markdown, as far as it is more than text: its fences, and the paragraphs that are about groups.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::fence;

/// A fenced block of a page, or a paragraph that may be about groups.
pub(super) struct Block {
    pub is_paragraph: bool,
    /// Another fence ends it.
    pub is_closed: bool,
    pub info: String,
    pub text: String,
    pub line: usize,
}

/// How pages are read as Markdown.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS
}

/// The fenced blocks of `text` from byte `from` on, and the paragraphs that begin as groups do; those in lists and quotes are text.
pub(super) fn blocks(text: &str, from: usize) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    // The line of the byte that was counted up to.
    let (mut line, mut counted, mut depth) = (1, 0, 0_usize);
    for (event, range) in Parser::new_ext(&text[from..], options()).into_offset_iter() {
        if let Event::Start(tag @ (Tag::CodeBlock(_) | Tag::Paragraph)) = &event {
            line += text[counted..from + range.start].matches('\n').count();
            counted = from + range.start;
            let source = &text[counted..from + range.end];
            let begun = |info: String, is_paragraph, text: &str| Block {
                is_paragraph,
                is_closed: false,
                info,
                text: text.to_owned(),
                line,
            };
            match tag {
                Tag::CodeBlock(CodeBlockKind::Fenced(info)) => open = Some(begun(info.to_string(), false, "")),
                Tag::Paragraph if depth == 0 && source.starts_with(":::") => {
                    blocks.push(begun(String::new(), true, source));
                }
                _ => {}
            }
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                if end == TagEnd::CodeBlock {
                    let whole = text[from + range.start..from + range.end].trim_end();
                    let is_closed = whole.ends_with("```") || whole.ends_with("~~~");
                    blocks.extend(open.take().map(|block| Block { is_closed, ..block }));
                }
            }
            _ => {}
        }
    }
    blocks
}

/// The names in `{{ name }}` of a text, each with its line.
pub(super) fn placeholders(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let behind = line.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
        found.extend(behind.map(|(name, _)| (number + 1, name.trim())).filter(|(_, name)| fence::is_variable(name)));
    }
    found
}
