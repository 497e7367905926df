//! Whether a text is Python at all.

use ruff_python_ast::{Expr, Mod, Stmt};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

/// Beginnings of lines of which a module has one, and prose none that parses.
const STARTS: &[&str] = &["import ", "from ", "def ", "class ", "async def ", "@", "if __name__", "try:"];
/// Calls by which the shortest payloads are told.
const CALLS: &[&str] = &["__import__(", "exec(", "eval(", "getattr("];

/// Whether the first bytes of a file are Python: they parse, and hold an import, a definition or a call that payloads are made of.
/// `whole` if nothing follows. Documents that merely contain code do not parse.
pub fn looks_like_python(head: &[u8], whole: bool) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.contains(&0) || matches!(head.trim_ascii_start().first(), None | Some(b'{' | b'[' | b'<' | b'-')) {
        return false;
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if !whole && error.valid_up_to() + 4 > head.len() => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    if let Some(line) = text.lines().next().filter(|line| line.starts_with("#!")) {
        return line.split([' ', '/']).any(|word| word.starts_with("python") || word.starts_with("pypy"));
    }
    // Lines of imports alone may be a path configuration file (.pth), which Python reads line by line and which has a plugin of its own:
    // there the name decides.
    if text.lines().all(|line| line.trim().is_empty() || line.starts_with("import ") || line.starts_with("import\t")) {
        return false;
    }
    // What the last line of a cut text is, nobody knows.
    let text = if whole { text } else { text.rsplit_once('\n').map_or(text, |(lines, _)| lines) };
    let starts = text.lines().any(|line| STARTS.iter().any(|start| line.starts_with(start)));
    (starts || CALLS.iter().any(|call| text.contains(call))) && parses(text, whole)
}

/// Whether a text is a module with at least one import, definition or call among its statements. If it is not the whole text, its
/// last statement may be cut.
pub fn parses(text: &str, whole: bool) -> bool {
    if crate::depth::check(text, Mode::Module).is_err() {
        return false;
    }
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let Mod::Module(module) = parsed.syntax() else { return false };
    let last = module.body.last().map_or(0, |statement| statement.range().start().to_usize());
    let sound = match parsed.errors().first() {
        None => true,
        Some(error) => !whole && module.body.len() > 1 && error.range().start().to_usize() >= last,
    };
    sound
        && module.body.iter().any(|statement| match statement {
            Stmt::Import(_) | Stmt::ImportFrom(_) | Stmt::FunctionDef(_) | Stmt::ClassDef(_) => true,
            Stmt::Expr(node) => matches!(node.value.as_ref(), Expr::Call(_)),
            Stmt::Assign(node) => matches!(node.value.as_ref(), Expr::Call(_)),
            Stmt::If(_) | Stmt::Try(_) | Stmt::With(_) | Stmt::For(_) => true,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_from_documents() {
        for text in [
            "import os\nos.system('id')\n",
            "#!/usr/bin/env python3\nprint 'old'\n",
            "\"\"\"Docs.\n\n```python\nx\n```\n\"\"\"\nfrom a import b\n",
            "__import__('os').system('id')",
            "x = 1\ndef f(a):\n    return a\n",
            "torch==2.0\nexec('1')\n",
        ] {
            assert!(looks_like_python(text.as_bytes(), true), "{text}");
        }
        for text in [
            "",
            "import os; os.system('id')\n",
            "import duties rose by 3 percent\n",
            "from here on, nothing is certain\n",
            "# Title\n\n```python\nimport os\n```\n",
            "# Title\n\nSome text about exec( and eval( that goes on.\n",
            "{\"a\": \"exec(1)\"}",
            "key: exec(1)\nother: value\n",
            "class: dog\nname: exec(x)\n",
            "numpy==1.26\ntorch>=2.0\n",
            "@article{x, title={A}}\n",
        ] {
            assert!(!looks_like_python(text.as_bytes(), true), "{text}");
        }
        let long = "import os\nx = [1,\n 2,\n 3";
        assert!(looks_like_python(long.as_bytes(), false) && !looks_like_python(long.as_bytes(), true));
    }
}
