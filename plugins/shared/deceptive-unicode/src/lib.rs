//! Names and texts in which a person reads something else than the machine.
//!
//! [`name`] judges a name of a file, of a member or of a model: bidirectional controls (CVE-2021-42574), invisible characters, and
//! look-alike letters by the tables of Unicode Technical Standard 39 (confusables, mixed scripts). [`hidden`] finds runs of invisible
//! characters that carry a text. Both leave natural writing alone: names in one script, joiners where a script needs them, emoji and
//! flags, the marks of right-to-left names.

mod hidden;
mod invisible;
mod lookalike;

pub use hidden::{Carrier, Hidden, hidden};
pub use invisible::{is_bidi_control, is_bidi_override, is_right_to_left};
pub use lookalike::skeleton;

/// What deceives in a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deception {
    /// A control that reorders what stands behind it.
    Bidi(char),
    /// A character that shows nothing.
    Invisible(char),
    /// Letters that look like others: the part of the name, and what it looks like.
    LookAlike(String, String),
}

impl Deception {
    /// What it is, for a message.
    pub fn describe(&self) -> String {
        match self {
            Self::Bidi(c) => format!("a bidirectional control (U+{:04X}), which reorders what is shown", u32::from(*c)),
            Self::Invisible(c) => format!("an invisible character (U+{:04X})", u32::from(*c)),
            Self::LookAlike(_, seen) => format!("letters of another script that look like '{seen}'"),
        }
    }

    /// The word for it in details.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bidi(_) => "bidirectional-control",
            Self::Invisible(_) => "invisible-character",
            Self::LookAlike(..) => "look-alike",
        }
    }
}

/// Judges one component of a name. None for ASCII, and for names of any one script.
pub fn name(text: &str) -> Option<Deception> {
    if text.is_ascii() {
        return None;
    }
    invisible::in_name(text).or_else(|| lookalike::in_name(text))
}

/// A text with every character that is not to be seen as `\u{...}`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_bidi_control(c) || invisible::is_invisible(c) {
            out.push_str(&format!("\\u{{{:04x}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_names() {
        for (text, word) in [
            ("model\u{202e}gpj.exe", "bidirectional-control"),
            ("model\u{2066}.pt", "bidirectional-control"),
            ("model\u{200f}.pt", "bidirectional-control"),
            ("mod\u{200b}el.safetensors", "invisible-character"),
            ("mod\u{200d}el.safetensors", "invisible-character"),
            ("config\u{e0041}.json", "invisible-character"),
            ("config\u{fe0f}.json", "invisible-character"),
            ("con\u{ad}fig.json", "invisible-character"),
            ("\u{feff}config.json", "invisible-character"),
            ("m\u{43e}del.safetensors", "look-alike"),          // Cyrillic o
            ("\u{3bf}penai", "look-alike"),                     // Greek omicron
            ("config.\u{458}son", "look-alike"),                // Cyrillic je
            ("\u{441}\u{43e}\u{440}\u{435}.bin", "look-alike"), // Cyrillic letters only that read "cope"
            ("model.\u{440}\u{443}", "look-alike"),             // Cyrillic letters that read "py"
            ("\u{1d5c6}odel.pt", "look-alike"),                 // mathematical sans-serif m
            ("mode\u{ff4c}.pt", "look-alike"),                  // fullwidth l
            ("lan\u{261}uage.bin", "look-alike"),               // IPA g
        ] {
            let found = name(text).unwrap_or_else(|| panic!("{}", visible(text)));
            assert_eq!(found.word(), word, "{}", visible(text));
        }
    }

    #[test]
    fn natural_names() {
        for text in [
            "model.safetensors",
            "модель.safetensors",
            "модель_с_учителем.bin",
            "Обзор_GPT-4_и_BERT.pdf",
            "模型-v2.safetensors",
            "日本語モデル_ver2.gguf",
            "한국어-모델.bin",
            "نموذج_عربي.bin",
            "\u{200f}نموذج.bin",
            "می\u{200c}خواهم.txt",
            "हिन्दी.txt",
            "क\u{94d}\u{200d}ष.txt",
            "modèle_français.onnx",
            "größe.bin",
            "ısı.bin",
            "αGo.pt",
            "β-VAE.pt",
            "μTransfer.pt",
            "λ_max.npy",
            "ＡＢＣ.txt",
            "ＫＡＤＯＫＡＷＡABC.txt",
            "ǁAni.txt",
            "ﬁnnish.txt",
            "speed_3.8×",
            "𝐴.npy",
            "⠁⠂\u{2800}⠃.txt",
            "👩\u{200d}🚀_astronaut.png",
            "❤\u{fe0f}.png",
            "flag_🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}.png",
            "1\u{fe0f}\u{20e3}.png",
            "naïve–bayes.pkl",
            "x² + y².txt",
            "½.txt",
            "Ελληνικά.txt",
            "Հայերեն.txt",
            "ไทย.txt",
        ] {
            assert_eq!(name(text), None, "{}", visible(text));
        }
    }
}
