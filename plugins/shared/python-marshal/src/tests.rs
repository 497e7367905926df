use super::*;

/// `marshal.dumps` of `lambda x: __import__('os').system(x)`'s code object, written by hand in each layout.
fn code(layout: Layout, nested: Option<&[u8]>) -> Vec<u8> {
    let text = |t: &str| [&[b'z', t.len() as u8], t.as_bytes()].concat();
    let bytes = |b: &[u8]| [b"s", &(b.len() as u32).to_le_bytes()[..], b].concat();
    let tuple = |items: &[Vec<u8>]| [vec![b')', items.len() as u8], items.concat()].concat();
    let mut constants = vec![b"N".to_vec(), text("os"), tuple(&[text("inner"), bytes(b"\x80\x04")])];
    constants.extend(nested.map(<[u8]>::to_vec));
    let mut out = vec![b'c' | 0x80];
    for field in layout.fields() {
        out.extend(match field {
            layout::Field::Number => 1u32.to_le_bytes().to_vec(),
            layout::Field::Code | layout::Field::Bytes => bytes(b"\x97\x00S\x00"),
            layout::Field::Constants => tuple(&constants),
            layout::Field::Names => tuple(&[text("__import__"), text("system")]),
            layout::Field::Variables => tuple(&[text("x")]),
            layout::Field::FileName => text("<ipython-input-1>"),
            layout::Field::Name | layout::Field::QualifiedName => text("<lambda>"),
        });
    }
    out
}

#[test]
fn every_layout_is_told_by_its_data() {
    for layout in Layout::ALL {
        let data = code(layout, Some(&code(layout, None)));
        let marshal = read(&data).unwrap();
        assert_eq!((marshal.layout(), marshal.consumed()), (layout, data.len()));
        assert!(marshal.is_code());
        let codes: Vec<_> = marshal.codes().collect();
        assert_eq!(codes.len(), 2);
        assert_eq!(codes[0].names(), ["__import__", "system"]);
        assert_eq!((codes[0].name(), codes[0].file_name()), ("<lambda>", "<ipython-input-1>"));
        assert!(codes[0].constants().contains(&Constant::Text("inner")));
        assert!(codes[0].constants().contains(&Constant::Bytes(b"\x80\x04")));
        assert_eq!(codes[0].instructions(), b"\x97\x00S\x00");
    }
}

#[test]
fn references_lead_to_the_object() {
    // ("os", same)
    let marshal = read(b"\xa9\x02\xda\x02osr\x01\0\0\0").unwrap();
    let Object::Items(items) = &marshal.objects()[0] else { panic!() };
    assert_eq!(marshal.get(items[1]), Some(&Object::Text("os".to_owned())));
    assert!(read(b")\x01r\0\0\0\0").is_err());
    // A tuple that holds itself.
    assert!(read(b"\xa9\x01r\0\0\0\0").unwrap().get(1).is_some());
    // Python 2's interned strings.
    assert!(read(b"(\x02\0\0\0t\x02\0\0\0osR\0\0\0\0").is_ok());
}

#[test]
fn no_length_is_believed() {
    for data in
        [&b"s\xff\xff\xff\xff"[..], b"(\xff\xff\xff\x7f", b"l\x00\x00\x00\x80", b"<\x05\0\0\0N", b"", b"0", b"?"]
    {
        assert!(read(data).is_err(), "{data:?}");
    }
    assert!(read(&b")\x01".repeat(1000)).unwrap_err().reason.contains("deep"));
    let whole = code(Layout::Python311, None);
    for end in 0..whole.len() {
        // A prefix may be whole in an older layout; what matters is that nothing beyond the end is used.
        assert!(match read(&whole[..end]) {
            Ok(marshal) => marshal.consumed() <= end,
            Err(error) => error.offset <= end,
        });
    }
}

#[test]
fn numbers_dictionaries_and_slices() {
    let marshal = read(b"{i\x01\0\0\0Ng\0\0\0\0\0\0\0\0T0").unwrap();
    assert_eq!(marshal.objects()[1], Object::Integer(1));
    assert!(read(b":NNN").is_ok());
    assert!(read(b"l\x02\0\0\0\x01\0\x02\0").is_ok());
    assert!(read(b"x\x011\x012").is_ok());
}
