//! The tokenizer on documents, good, cut and hostile.

use modelaudit_plugin::testing::Memory;

use crate::doctype::Doctype;
use crate::tokenizer::{Error, ErrorKind, Event, Tokenizer, root};

fn all(bytes: &[u8]) -> (Vec<Event>, Option<Error>) {
    let artifact = Memory::new("x", bytes);
    let mut tokenizer = Tokenizer::new(&artifact);
    let mut events = Vec::new();
    loop {
        match tokenizer.event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

fn doctype(text: &str) -> Doctype {
    let artifact = Memory::new("x", text.as_bytes());
    let mut tokenizer = Tokenizer::new(&artifact);
    while tokenizer.event().is_ok_and(|e| e.is_some()) {}
    tokenizer.doctype().cloned().unwrap_or_default()
}

#[test]
fn a_document_is_read() {
    let (events, error) = all(
        b"<?xml version='1.0'?>\n<!-- a -- > b --><a x=\"1 &lt; &#x32;\" y='z'>\n t&amp;u <b/><![CDATA[<c>]]]></a>\n",
    );
    assert_eq!(error, None);
    let Event::Start(a) = &events[0] else { panic!("{events:?}") };
    assert_eq!((a.name.as_str(), a.get("x"), a.get("y")), ("a", Some("1 < 2"), Some("z")));
    let Event::Text(t) = &events[1] else { panic!("{events:?}") };
    assert_eq!(t.text, "\n t&u ");
    let Event::Text(c) = &events[3] else { panic!("{events:?}") };
    assert_eq!(c.text, "<c>]");
    assert_eq!(events[4], Event::End);
}

#[test]
fn wide_characters_are_decoded() {
    let text = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///e\">]><a b='\u{1f600}ä'/>";
    for big in [true, false] {
        for mark in [true, false] {
            let mut bytes = Vec::new();
            let units = mark.then_some(0xfeffu16).into_iter().chain(text.encode_utf16());
            units.for_each(|u| bytes.extend(if big { u.to_be_bytes() } else { u.to_le_bytes() }));
            let artifact = Memory::new("x", &bytes);
            let mut tokenizer = Tokenizer::new(&artifact);
            let Ok(Some(Event::Start(element))) = tokenizer.event() else { panic!() };
            assert_eq!(element.get("b"), Some("\u{1f600}ä"));
            assert_eq!(tokenizer.doctype().unwrap().entities[0].external.as_deref(), Some("file:///e"));
            assert_eq!(root(&bytes).as_deref(), Some("a"));
        }
    }
}

#[test]
fn entities_are_measured_and_not_expanded() {
    let mut text = String::from("<!DOCTYPE p [<!ENTITY a \"aaaaaaaaaa\">");
    for pair in ["ab", "bc", "cd", "de", "ef"] {
        let (from, to) = pair.split_at(1);
        text.push_str(&format!("<!ENTITY {to} \"{}\">", format!("&{from};").repeat(10)));
    }
    text.push_str("]><p>&f;&f;</p>");
    assert_eq!(doctype(&text).largest(), Some(("f", 1_000_000)));
    let artifact = Memory::new("x", text.as_bytes());
    let mut tokenizer = Tokenizer::new(&artifact);
    while tokenizer.event().unwrap().is_some() {}
    assert_eq!(tokenizer.expansion(), 2_000_000);
    assert_eq!(doctype("<!DOCTYPE p [<!ENTITY a \"&b;\"><!ENTITY b \"x&a;\">]><p/>").largest().unwrap().1, u64::MAX);
    assert_eq!(doctype("<!DOCTYPE p [<!ENTITY a \"&a;\">]><p/>").largest(), Some(("a", u64::MAX)));
    let cut = doctype("<!DOCTYPE p PUBLIC '-//x' 'http://h/x.dtd' [<!ELEMENT a (b)> <!ENTITY % q SYSTEM 'u'");
    assert_eq!(
        (cut.external.as_deref(), cut.entities.len(), cut.entities[0].parameter),
        (Some("http://h/x.dtd"), 1, true)
    );
}

#[test]
fn what_is_no_xml_is_told_from_what_is_cut() {
    for text in
        ["<a></b>", "<a x=1/>", "<a x='1' x='2'/>", "<a/><b/>", "text", "<a>&b", "<a/>text", "<!FOO><a/>", "<a &/>"]
    {
        let error = all(text.as_bytes()).1.unwrap();
        assert!(matches!(error.kind, ErrorKind::Malformed(_)) || text == "<a>&b", "{text}: {error}");
    }
    for text in ["", "<", "<a", "<a x", "<a x='", "<a>", "<a><!-- ", "<a><![CDATA[", "<!DOCTYPE a [", "<?xml"] {
        assert_eq!(all(text.as_bytes()).1.unwrap().kind, ErrorKind::End, "{text}");
    }
}

#[test]
fn roots_are_seen_in_heads() {
    assert_eq!(root(b"<?xml version=\"1.0\"?>\n<PMML xmlns=\"http://www").as_deref(), Some("PMML"));
    assert_eq!(root(b"\xef\xbb\xbf<net name='x'>").as_deref(), Some("net"));
    assert_eq!(root(b"<html").as_deref(), None);
    assert_eq!(root(b"PK\x03\x04"), None);
}
